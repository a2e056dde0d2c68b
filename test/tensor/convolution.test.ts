/** Convolution against the plain loop over its definition; gradients are swept by ops.test.ts. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  array,
  compile,
  constant,
  conv,
  convTranspose,
  mul,
  placeholder,
  spec,
  sum,
  vjp,
  type ConvolutionOptions,
  type NDArray,
  type Tensor,
} from '../../src/tensor/index.ts';
import { relativeError } from './examples.ts';
import { runReference } from './sweep.ts';
import { normals as random } from './values.ts';

interface Case2d {
  readonly batch: number;
  readonly groups: number;
  readonly inPerGroup: number;
  readonly outPerGroup: number;
  readonly size: [number, number];
  readonly kernel: [number, number];
  readonly strides: [number, number];
  readonly dilations: [number, number];
  readonly padding: [[number, number], [number, number]];
}

/** y[n, o, p, q] = Σ x[n, c, p·s + i·d − low, …] w[o, c, i, j], written out. */
function plainLoop(x: NDArray, w: NDArray, c: Case2d): NDArray {
  const [n, , h, wide] = x.shape;
  const [o, perGroup, kh, kw] = w.shape;
  const count = (axis: 0 | 1): number =>
    Math.floor(
      (c.size[axis] +
        c.padding[axis][0] +
        c.padding[axis][1] -
        c.dilations[axis] * (c.kernel[axis] - 1) -
        1) /
        c.strides[axis],
    ) + 1;
  const [rows, columns] = [count(0), count(1)];
  const out = new Float64Array(n * o * rows * columns);
  let at = 0;
  for (let b = 0; b < n; b++)
    for (let oc = 0; oc < o; oc++)
      for (let p = 0; p < rows; p++)
        for (let q = 0; q < columns; q++, at++)
          for (let ic = 0; ic < perGroup; ic++)
            for (let i = 0; i < kh; i++)
              for (let j = 0; j < kw; j++) {
                const r = p * c.strides[0] + i * c.dilations[0] - c.padding[0][0];
                const s = q * c.strides[1] + j * c.dilations[1] - c.padding[1][0];
                if (r < 0 || r >= h || s < 0 || s >= wide) continue;
                const channel = Math.floor(oc / c.outPerGroup) * perGroup + ic;
                out[at] +=
                  x.data[((b * x.shape[1] + channel) * h + r) * wide + s] *
                  w.data[((oc * perGroup + ic) * kh + i) * kw + j];
              }
  return array(out, [n, o, rows, columns]);
}

const whole = (min: number, max: number): fc.Arbitrary<number> => fc.integer({ min, max });
const pair = (min: number, max: number): fc.Arbitrary<[number, number]> =>
  fc.tuple(whole(min, max), whole(min, max));

const cases: fc.Arbitrary<Case2d> = fc
  .record({
    batch: whole(1, 2),
    groups: whole(1, 3),
    inPerGroup: whole(1, 3),
    outPerGroup: whole(1, 3),
    size: pair(3, 8),
    kernel: pair(1, 3),
    strides: pair(1, 3),
    dilations: pair(1, 2),
    padding: fc.tuple(pair(0, 3), pair(0, 3)),
  })
  .filter((c) =>
    [0, 1].every((i) => c.size[i] + c.padding[i][0] + c.padding[i][1] > c.dilations[i] * (c.kernel[i] - 1)),
  );

const optionsOf = ({ groups, strides, dilations, padding }: Case2d): ConvolutionOptions => ({
  groups,
  strides,
  dilations,
  padding,
});

function operands(c: Case2d): [NDArray, NDArray] {
  const { batch, groups, inPerGroup, outPerGroup, size, kernel } = c;
  return [
    random(1, [batch, groups * inPerGroup, ...size]),
    random(2, [groups * outPerGroup, inPerGroup, ...kernel]),
  ];
}

describe('conv', () => {
  test('the reference equals the plain loop for any geometry', () => {
    fc.assert(
      fc.property(cases, (c) => {
        const [x, w] = operands(c);
        const { y } = runReference((a, b) => ({ y: conv(a, b, optionsOf(c)) }), [x, w]);
        const expected = plainLoop(x, w, c);
        expect(y.shape).toEqual(expected.shape);
        expect(relativeError(y, expected)).toBeLessThan(1e-13);
      }),
      { numRuns: 60 },
    );
  });

  test.each(['float32', 'float64'] as const)(
    'value and both gradients of ONNX Runtime in %s equal the reference for any geometry',
    async (dtype) => {
      await fc.assert(
        fc.asyncProperty(cases, async (c) => {
          const [x, w] = operands(c);
          const g = random(3, plainLoop(x, w, c).shape);
          const f = (a: Tensor, b: Tensor, u: Tensor): Record<'y' | 'dx' | 'dw', Tensor> => {
            const [y, pull] = vjp((p: Tensor, q: Tensor) => conv(p, q, optionsOf(c)), a, b);
            const [dx, dw] = pull(u);
            return { y, dx, dw };
          };
          const expected = runReference(f, [x, w, g]);
          const program = await compile(
            f,
            [x, w, g].map(({ shape }) => spec(shape)) as [
              ReturnType<typeof spec>,
              ReturnType<typeof spec>,
              ReturnType<typeof spec>,
            ],
            { dtype, threads: 1 },
          );
          const actual = await program.run([x, w, g]);
          await program.dispose();
          for (const name of ['y', 'dx', 'dw'] as const)
            expect(relativeError(actual[name], expected[name]), name).toBeLessThan(
              dtype === 'float32' ? 1e-5 : 1e-13,
            );
        }),
        { numRuns: 25 },
      );
    },
  );

  test('an axis of one point and one tap changes nothing, wherever it stands', () => {
    const [x, w] = [random(4, [2, 3, 5, 4]), random(5, [4, 3, 3, 2])];
    const options = { strides: [2, 1], padding: 'same' } as const;
    const { plain } = runReference((a, b) => ({ plain: conv(a, b, options) }), [x, w]);
    for (const axis of [2, 3, 4]) {
      const wide = ({ data, shape }: NDArray): NDArray =>
        array(data, [...shape.slice(0, axis), 1, ...shape.slice(axis)]);
      const strides = [...options.strides.slice(0, axis - 2), 3, ...options.strides.slice(axis - 2)];
      const inputs = [wide(x), wide(w)];
      const { found } = runReference((a, b) => ({ found: conv(a, b, { ...options, strides }) }), inputs);
      expect(found.shape).toEqual(wide(plain).shape);
      expect([...found.data]).toEqual([...plain.data]);
    }
    // Nothing but such axes: a product over the channels.
    const y = conv(placeholder([2, 3, 1, 1]), placeholder([4, 3, 1, 1]));
    expect(y.shape).toEqual([2, 4, 1, 1]);
  });

  test('three spatial axes: a box of ones sums the box', () => {
    const x = random(4, [1, 1, 3, 4, 5]);
    const ones = array(new Float64Array(24).fill(1), [1, 1, 2, 3, 4]);
    const { y } = runReference((a, b) => ({ y: conv(a, b) }), [x, ones]);
    expect(y.shape).toEqual([1, 1, 2, 2, 2]);
    let expected = 0;
    for (let i = 1; i < 3; i++)
      for (let j = 0; j < 3; j++) for (let k = 1; k < 5; k++) expected += x.data[(i * 4 + j) * 5 + k];
    expect(y.data[5]).toBeCloseTo(expected, 12);
  });

  test.each([
    [7, 3, 2],
    [8, 4, 1],
    [5, 2, 3],
  ])("padding 'same' gives ⌈n / stride⌉ values: n = %d, kernel %d, stride %d", (n, k, stride) => {
    const y = conv(placeholder([1, 2, n]), placeholder([3, 2, k]), { strides: stride, padding: 'same' });
    expect(y.shape).toEqual([1, 3, Math.ceil(n / stride)]);
  });
});

describe('constant weights', () => {
  // Few output channels are computed for several rows at once; the rows here are and are not a multiple of them.
  const cases: [string, x: number[], w: number[], options: ConvolutionOptions][] = [
    ['4 rows of 4 channels', [2, 3, 8, 5], [4, 3, 3, 3], { padding: 'same' }],
    [
      '5 rows of 3 channels',
      [1, 2, 10, 6],
      [3, 2, 2, 3],
      {
        padding: [
          [1, 1],
          [2, 0],
        ],
        strides: [1, 2],
      },
    ],
    [
      'no more than 3 of 9 rows',
      [2, 2, 9, 4],
      [4, 2, 3, 1],
      {
        padding: [
          [2, 0],
          [0, 0],
        ],
        dilations: [1, 2],
      },
    ],
    ['rows of a dilated kernel', [1, 2, 8, 6], [4, 2, 3, 2], { dilations: [2, 1] }],
    [
      'a prime number of rows',
      [1, 2, 19, 4],
      [2, 2, 3, 3],
      {
        padding: [
          [1, 1],
          [0, 2],
        ],
      },
    ],
    ['planes of a volume', [2, 2, 6, 4, 5], [3, 2, 3, 2, 3], { padding: 'same' }],
    ['a sequence', [2, 3, 16], [4, 3, 3], { padding: 'same' }],
    ['groups', [2, 4, 8, 4], [4, 2, 3, 3], { padding: 'same', groups: 2 }],
    ['one tap', [2, 5, 4, 6], [3, 5, 1, 1], {}],
    ['one tap of no images', [0, 5, 4, 6], [3, 5, 1, 1], {}],
    [
      'one tap in a border of zeros',
      [2, 5, 4, 6],
      [3, 5, 1, 1],
      {
        padding: [
          [1, 1],
          [1, 1],
        ],
      },
    ],
    ['sixteen channels', [2, 3, 4, 5], [16, 3, 3, 3], { padding: 'same' }],
  ];

  test.each(cases)('%s: the convolution and its derivative', async (_, shape, kernel, options) => {
    const [x, w] = [random(1, shape), random(2, kernel)];
    const square = (z: Tensor): Tensor => {
      const [y, pull] = vjp((given: Tensor) => conv(given, constant(w), options), z);
      return pull(mul(y, y))[0];
    };
    const value = (z: Tensor): Tensor => conv(z, constant(w), options);
    for (const f of [value, square]) {
      const program = await compile(f, [spec(shape)], { threads: 1 });
      const got = await program.run([array(Float32Array.from(x.data), shape, 'float32')]);
      await program.dispose();
      const { y } = runReference((z) => ({ y: f(z) }), [x]);
      expect(got.shape).toEqual(y.shape);
      expect(relativeError(got, y)).toBeLessThan(1e-5);
    }
  });
});

describe('convTranspose', () => {
  test('is the adjoint of conv: ⟨conv(x, w), y⟩ = ⟨x, convTranspose(y, w)⟩', () => {
    fc.assert(
      fc.property(cases, (c) => {
        const [x, w] = operands(c);
        const y = random(5, plainLoop(x, w, c).shape);
        // outputPadding picks the size of x among those that conv shrinks alike.
        const outputPadding = [0, 1].map((i) => {
          const least =
            (y.shape[i + 2] - 1) * c.strides[i] +
            c.dilations[i] * (c.kernel[i] - 1) +
            1 -
            c.padding[i][0] -
            c.padding[i][1];
          return { extra: x.shape[i + 2] - least, least };
        });
        fc.pre(outputPadding.every(({ least }) => least >= 1));
        const options = { ...optionsOf(c), outputPadding: outputPadding.map(({ extra }) => extra) };
        const out = runReference(
          (a, b, u) => ({
            left: sum(mul(conv(a, b, optionsOf(c)), u)),
            right: sum(mul(a, convTranspose(u, b, options))),
          }),
          [x, w, y],
        );
        expect(Math.abs(out.left.data[0] - out.right.data[0])).toBeLessThan(1e-11);
      }),
      { numRuns: 60 },
    );
  });

  test('sizes: (n − 1)·stride + (k − 1)·dilation + 1 − padding + outputPadding, and n·stride for same', () => {
    const [x, w] = [placeholder([2, 4, 5]), placeholder([4, 3, 3])];
    const shape = (options: Parameters<typeof convTranspose>[2]): readonly number[] =>
      convTranspose(x, w, options).shape;
    expect(shape({ strides: 2 })).toEqual([2, 3, 11]);
    expect(shape({ strides: 2, padding: [[1, 1]], outputPadding: 1 })).toEqual([2, 3, 10]);
    expect(shape({ dilations: 2 })).toEqual([2, 3, 9]);
    expect(shape({ strides: 2, padding: 'same' })).toEqual([2, 3, 10]);
    expect(shape({ groups: 2 })).toEqual([2, 6, 7]);
  });
});

describe('refusals name what came and what was expected', () => {
  const x = (): Tensor => placeholder([2, 4, 6, 6]);
  const w = (shape: readonly number[]): Tensor => placeholder(shape);
  test.each([
    ['channels', [3, 3, 2, 2], {}, /has 4 channels.*take 3/],
    ['rank', [3, 4, 2], {}, /weights of the same rank/],
    ['groups', [4, 2, 2, 2], { groups: 3 }, /groups 3.*must divide/],
    ['kernel too large', [3, 4, 7, 7], {}, /window over 7 values does not fit into 6/],
    ['strides', [3, 4, 2, 2], { strides: 0 }, /strides: got \[0, 0\], expected 2 whole numbers ≥ 1/],
    ['padding', [3, 4, 2, 2], { padding: [[1, 1]] as [number, number][] }, /1 pairs, expected 2/],
  ])('%s', (_, shape, options, message) => {
    expect(() => conv(x(), w(shape), options)).toThrow(message);
  });

  test('outputPadding of a stride or more, and padding that leaves nothing', () => {
    expect(() => convTranspose(x(), w([4, 1, 2, 2]), { outputPadding: 1 })).toThrow(/less than the stride 1/);
    expect(() => convTranspose(placeholder([1, 1, 1]), w([1, 1, 1]), { padding: [[1, 0]] })).toThrow(
      /leaves nothing/,
    );
  });
});

/** Pooling against plain loops over windows; upsampling against its defining weights. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  array,
  averagePool,
  compile,
  grad,
  maxPool,
  placeholder,
  spec,
  sum,
  upsampleLinear,
  upsampleNearest,
  vmap,
  type NDArray,
  type Tensor,
} from '../../src/tensor/index.ts';
import { relativeError } from './examples.ts';
import { runReference } from './sweep.ts';
import { normals as random } from './values.ts';

/** Applies `combine` to the values of x [1, 1, h, w] in every window, padding left out. */
function plainWindows(
  x: NDArray,
  window: readonly number[],
  strides: readonly number[],
  padding: readonly (readonly [number, number])[],
  combine: (values: number[]) => number,
): number[] {
  const [h, w] = x.shape.slice(2);
  const count = (n: number, axis: number): number =>
    Math.floor((n + padding[axis][0] + padding[axis][1] - window[axis]) / strides[axis]) + 1;
  const out: number[] = [];
  for (let p = 0; p < count(h, 0); p++) {
    for (let q = 0; q < count(w, 1); q++) {
      const values: number[] = [];
      for (let i = 0; i < window[0]; i++) {
        for (let j = 0; j < window[1]; j++) {
          const r = p * strides[0] + i - padding[0][0];
          const s = q * strides[1] + j - padding[1][0];
          if (r >= 0 && r < h && s >= 0 && s < w) values.push(x.data[r * w + s]);
        }
      }
      out.push(combine(values));
    }
  }
  return out;
}

const whole = (min: number, max: number): fc.Arbitrary<number> => fc.integer({ min, max });
const pair = (min: number, max: number): fc.Arbitrary<[number, number]> =>
  fc.tuple(whole(min, max), whole(min, max));
const geometry = fc
  .record({
    size: pair(4, 8),
    window: pair(1, 3),
    strides: pair(1, 3),
    padding: fc.tuple(pair(0, 2), pair(0, 2)),
  })
  .filter(({ window, padding }) => window.every((n, i) => Math.max(...padding[i]) < n));

test('maxPool and averagePool equal plain loops for any window, stride and padding', () => {
  fc.assert(
    fc.property(geometry, ({ size, window, strides, padding }) => {
      const x = random(1, [1, 1, ...size]);
      const out = runReference(
        (a) => ({
          max: maxPool(a, window, { strides, padding }),
          mean: averagePool(a, window, { strides, padding }),
        }),
        [x],
      );
      const max = plainWindows(x, window, strides, padding, (values) => Math.max(...values));
      const mean = plainWindows(
        x,
        window,
        strides,
        padding,
        (values) => values.reduce((a, b) => a + b, 0) / values.length,
      );
      expect(relativeError(out.max, array(max, out.max.shape))).toBe(0);
      expect(relativeError(out.mean, array(mean, out.mean.shape))).toBeLessThan(1e-14);
    }),
    { numRuns: 60 },
  );
});

test('one axis, window as step by default, under vmap and on ONNX Runtime', async () => {
  const x = array(Float64Array.of(3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8), [2, 1, 1, 6]);
  const program = await compile(
    (a: Tensor) => ({
      max: vmap((row: Tensor) => maxPool(row, 2))(a),
      mean: averagePool(a, [1, 3]),
      padded: maxPool(a, 2, { strides: 1, padding: 'same' }),
    }),
    [spec([2, 1, 1, 6])],
    { dtype: 'float64' },
  );
  const rows = { data: x.data, shape: [2, 1, 1, 6], dtype: x.dtype } as const;
  const out = await program.run([rows]);
  await program.dispose();
  expect([...out.max.data]).toEqual([3, 4, 9, 6, 5, 8]);
  expect([...out.mean.data].map((value) => value * 3)).toEqual(
    [8, 15, 13, 16].map((value): unknown => expect.closeTo(value, 12)),
  );
  expect([...out.padded.data]).toEqual([3, 4, 4, 5, 9, 9, 6, 6, 5, 5, 8, 8]);
});

test('the gradient of maxPool goes to the maxima, that of averagePool is shared', () => {
  const x = array(Float64Array.of(1, 5, 2, 7, 3, 4), [1, 1, 6]);
  const out = runReference(
    (a) => ({
      max: grad((y: Tensor) => sum(maxPool(y, 3)))(a),
      mean: grad((y: Tensor) => sum(averagePool(y, 3)))(a),
    }),
    [x],
  );
  expect([...out.max.data]).toEqual([0, 1, 0, 1, 0, 0]);
  expect([...out.mean.data]).toEqual(new Array<number>(6).fill(1 / 3));
});

describe('upsampling', () => {
  test('nearest repeats every value along each axis', () => {
    const x = array(Float64Array.of(1, 2, 3, 4), [1, 1, 2, 2]);
    const { y } = runReference((a) => ({ y: upsampleNearest(a) }), [x]);
    expect(y.shape).toEqual([1, 1, 4, 4]);
    expect([...y.data]).toEqual([1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4]);
  });

  test('linear keeps a plane exact away from the edges and repeats the edge values', () => {
    const [h, w] = [3, 4];
    const plane = (r: number, s: number): number => 2 * r - 3 * s + 1;
    const x = array(
      Float64Array.from({ length: h * w }, (_, i) => plane(Math.floor(i / w), i % w)),
      [1, 1, h, w],
    );
    const { y } = runReference((a) => ({ y: upsampleLinear(a) }), [x]);
    expect(y.shape).toEqual([1, 1, 2 * h, 2 * w]);
    const inside = (t: number, n: number): number => Math.min(n - 1, Math.max(0, (t + 0.5) / 2 - 0.5));
    for (let r = 0; r < 2 * h; r++)
      for (let s = 0; s < 2 * w; s++)
        expect(y.data[r * 2 * w + s]).toBeCloseTo(plane(inside(r, h), inside(s, w)), 12);
  });

  test('one value stays itself', () => {
    const { y } = runReference((a) => ({ y: upsampleLinear(a) }), [array([5], [1, 1, 1])]);
    expect([...y.data]).toEqual([5, 5]);
  });
});

describe('refusals', () => {
  test('windows that do not fit, padding that fills a window, missing axes', () => {
    expect(() => maxPool(placeholder([1, 1, 3]), 4)).toThrow(/window over 4 values does not fit into 3/);
    expect(() => maxPool(placeholder([1, 1, 3]), 2, { padding: [[2, 0]] })).toThrow(/at least one value/);
    expect(() => averagePool(placeholder([1, 3]), 2)).toThrow(/expected \[batch, channels, …spatial\]/);
    expect(() => upsampleNearest(placeholder([3, 3]))).toThrow(/…spatial/);
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  compile,
  flatten,
  reshape,
  sizeOf,
  spec,
  type NDArray,
  type Shape,
  type Tensor,
} from '../../src/tensor/index.ts';
import { key } from '../../src/tensor/random.ts';
import {
  convolutionFans,
  countParameters,
  fanInUniform,
  kaimingNormal,
  kaimingUniform,
  layoutOf,
  linear,
  normalInitialiser,
  orthogonal,
  packTree,
  unpackTensors,
  unpackTree,
  xavierNormal,
  xavierUniform,
  type ParameterTree,
} from '../../src/nn/index.ts';
import { blockLengths, cut, join, regroup } from '../../src/nn/blocks.ts';
import { bits } from './support.ts';

const shapes = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 3 });
const leaf = shapes.chain((shape): fc.Arbitrary<NDArray> =>
  fc
    .array(fc.float({ noNaN: true }), { minLength: sizeOf(shape), maxLength: sizeOf(shape) })
    .map((values) => ({ data: Float32Array.from(values), shape, dtype: 'float32' })),
);
const name = fc.stringMatching(/^[a-z]{1,5}$/);
const tree: fc.Arbitrary<ParameterTree> = fc.letrec<{ node: ParameterTree }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    leaf,
    fc.array(tie('node'), { minLength: 1, maxLength: 3 }),
    fc.dictionary(name, tie('node'), { minKeys: 1, maxKeys: 3, noNullPrototype: true }),
  ),
})).node;

describe('packing', () => {
  test('unpack ∘ pack is the identity on any tree', () => {
    fc.assert(
      fc.property(tree, (t) => {
        const layout = layoutOf(t);
        expect(layout.size).toBe(countParameters(t));
        expect(unpackTree(packTree(t, layout), layout)).toEqual(t);
      }),
    );
  });

  test('a vector in blocks, wherever it is cut, unpacks as the array does', async () => {
    await fc.assert(
      fc.asyncProperty(tree, fc.integer({ min: 1, max: 9 }), async (t, limit) => {
        const layout = layoutOf<unknown>(t);
        const flat = packTree(t, layout);
        const lengths = blockLengths(layout, limit);
        const blocks = [...cut(flat, lengths)];
        expect(Math.max(...lengths)).toBeLessThanOrEqual(limit);
        expect(join(blocks)).toEqual(flat);
        const program = await compile(
          (vectors: readonly Tensor[]) => {
            const leaves = flatten<Tensor>(unpackTensors<unknown>(vectors, layout)).leaves;
            const rows = leaves.map((leaf) => reshape(leaf, [-1]));
            return [leaves, regroup(rows, lengths)] as const;
          },
          [lengths.map((length) => spec([length]))],
          { engine: 'reference' },
        );
        const [leaves, again] = await program.run([blocks]);
        expect(bits(again)).toEqual(bits(blocks));
        const expected = flatten<NDArray>(t).leaves;
        expect(leaves.map(({ shape }) => shape)).toEqual(expected.map(({ shape }) => shape));
        expect(bits(leaves)).toEqual(bits(expected));
      }),
      { numRuns: 20 },
    );
  });

  const f32 = (shape: Shape): NDArray => ({ data: new Float32Array(sizeOf(shape)), shape, dtype: 'float32' });
  test.each([
    [() => layoutOf({}), /no leaves/],
    [() => layoutOf({ a: { b: f32([1]) }, 'a.b': f32([1]) }), /two leaves have the path 'a\.b'/],
    [() => layoutOf({ w: { data: new Float64Array(1), shape: [1], dtype: 'float64' } }), /'w' is float64/],
    [() => packTree({ w: f32([2]) }, layoutOf({ w: f32([3]) })), /'w' has shape \[2\], expected \[3\]/],
    [() => unpackTree(f32([2]), layoutOf({ w: f32([3]) })), /shape \[2\], expected \[3\]/],
  ])('a tree that does not fit is named (%#)', (run, message) => {
    expect(run).toThrow(message);
  });
});

describe('initialisers', () => {
  const statistics = ({ data }: NDArray) => {
    const values = Array.from(data);
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
    return { mean, variance, largest: values.reduce((a, b) => Math.max(a, Math.abs(b)), 0) };
  };
  const shape = [200, 300];
  test.each([
    ['xavierUniform', xavierUniform({ gain: 2 }), 4 * (2 / 500), 2 * Math.sqrt(6 / 500)],
    ['xavierNormal', xavierNormal(), 2 / 500, Infinity],
    ['kaimingUniform', kaimingUniform(), 2 / 200, Math.sqrt(6 / 200)],
    ['kaimingNormal', kaimingNormal({ gain: 1 }), 1 / 200, Infinity],
    ['fanInUniform', fanInUniform(200), 1 / 600, 1 / Math.sqrt(200)],
    ['normal', normalInitialiser(0, 3), 9, Infinity],
  ] as const)('%s: mean 0, the variance and bound of its definition', (_, initialiser, variance, bound) => {
    const got = statistics(initialiser(key(3), shape));
    // 60,000 draws: five standard errors of mean and variance.
    expect(Math.abs(got.mean)).toBeLessThan(5 * Math.sqrt(variance / 60_000));
    expect(Math.abs(got.variance / variance - 1)).toBeLessThan(5 * Math.sqrt(2 / 60_000));
    expect(got.largest).toBeLessThanOrEqual(Math.fround(bound));
  });

  test.each([
    [7, 4],
    [4, 7],
    [5, 5],
  ])('orthogonal [%i, %i]: the shorter side is orthonormal', (rows, columns) => {
    const { data } = orthogonal(2)(key(5), [rows, columns]);
    const at = (i: number, k: number): number =>
      rows >= columns ? data[k * columns + i] : data[i * columns + k];
    const [thin, tall] = [Math.min(rows, columns), Math.max(rows, columns)];
    for (let i = 0; i < thin; i++) {
      for (let j = 0; j <= i; j++) {
        let product = 0;
        for (let k = 0; k < tall; k++) product += at(i, k) * at(j, k);
        expect(product).toBeCloseTo(i === j ? 4 : 0, 5);
      }
    }
  });

  test('the same key gives the same values, another key others', () => {
    const draw = (seed: number) => linear.init(key(seed), { inputs: 3, outputs: 2 });
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
  });

  test('fans of a convolution count the kernel', () => {
    expect(convolutionFans([8, 3, 5, 2])).toEqual({ fanIn: 30, fanOut: 80 });
    expect(() => xavierNormal()(key(0), [2, 3, 4])).toThrow(/expected \[inputs, outputs\]/);
  });
});

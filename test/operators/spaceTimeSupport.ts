/** What tests of operators over space and time share: random fields, float64 evaluation, comparison with the reference. */
import { expect } from 'vitest';
import { array, compile, mapTree, specsOf, type NDArray, type Tensor } from '../../src/tensor/index.ts';
import { key, normal } from '../../src/tensor/random.ts';
import type { Field } from './spaceTimeReference.ts';

export const random = (seed: number, shape: readonly number[]): NDArray =>
  array(
    normal(
      key(seed),
      shape.reduce((total, n) => total * n, 1),
    ),
    shape,
  );

/** float64 parameters, large enough that a wrong power, a lost part or a swapped axis would show. */
export const enlarge = <P>(parameters: P, by: number): P =>
  mapTree(parameters, (leaf: NDArray) =>
    array(
      Float64Array.from(leaf.data, (v) => v * by),
      leaf.shape,
    ),
  ) as unknown as P;

export async function evaluate(f: (...x: never[]) => Tensor, ...inputs: unknown[]): Promise<Float64Array> {
  const program = await compile(f as never, inputs.map((x) => specsOf(x)) as never, {
    engine: 'reference',
    dtype: 'float64',
  });
  const result = (await program.run(inputs as never)) as NDArray;
  await program.dispose();
  return result.data as Float64Array;
}

export function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  const scale = Math.max(...Array.from(expected, Math.abs));
  expect(scale).toBeGreaterThan(0);
  const worst = Math.max(...Array.from(expected, (v, i) => Math.abs(actual[i] - v)));
  expect(worst / scale).toBeLessThan(tolerance);
}

/** The samples of a batch as fields of the reference, and back. */
export const samples = ({ data, shape }: NDArray): Field[] => {
  const [batch, ...rest] = shape;
  const grid = rest.slice(0, -1);
  const size = data.length / batch;
  return Array.from({ length: batch }, (_, b) => ({
    grid,
    channels: rest[rest.length - 1],
    data: Float64Array.from(data.slice(b * size, (b + 1) * size)),
  }));
};
export const batchOf = (fields: readonly Field[]): number[] => fields.flatMap(({ data }) => Array.from(data));

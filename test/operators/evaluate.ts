/** Running an operator in float64 and comparing numbers. */
import { expect } from 'vitest';
import { array, compile, mapTree, specsOf, type NDArray, type Tensor } from '../../src/tensor/index.ts';
import { key, normal } from '../../src/tensor/random.ts';

export const field = (seed: number, batch: number, s: number): NDArray =>
  array(normal(key(seed), batch * s), [batch, s, 1]);

/** Weights large enough that a wrong power, a lost block or a swapped filter would show. */
export const enlarge = <P>(parameters: P, by: number): P =>
  mapTree(parameters, (leaf: NDArray) => ({
    ...leaf,
    data: Float32Array.from(leaf.data, (v) => v * by),
  })) as unknown as P;

export async function evaluate(
  f: (p: never, u: Tensor) => Tensor,
  parameters: unknown,
  u: NDArray,
): Promise<Float64Array> {
  const program = await compile(
    f as (p: unknown, u: Tensor) => Tensor,
    [specsOf(parameters), specsOf(u)] as never,
    {
      dtype: 'float64',
    },
  );
  const result = await program.run([parameters, u] as never);
  await program.dispose();
  return result.data as Float64Array;
}

export function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  const scale = Math.max(...Array.from(expected, Math.abs), 1e-300);
  let worst = 0;
  for (let i = 0; i < expected.length; i++) worst = Math.max(worst, Math.abs(actual[i] - expected[i]));
  expect(actual.length).toBe(expected.length);
  expect(worst / scale).toBeLessThan(tolerance);
}

/** Shorthands of the tensor tests: float64 arrays in, plain numbers out, through the reference evaluator. */
import { array, type NDArray } from '../../src/tensor/array.ts';
import { key, normal } from '../../src/tensor/random.ts';
import { sizeOf, type Shape } from '../../src/tensor/shape.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import { runReference } from './sweep.ts';

export const floats = (values: readonly number[], shape: Shape = [values.length]): NDArray =>
  array(Float64Array.from(values), shape);
export const scalar = (value: number): NDArray => floats([value], []);
export const integers = (values: readonly number[], shape: Shape = [values.length]): NDArray =>
  array(Int32Array.from(values), shape);

/** Standard normal numbers of a seed. */
export const normals = (seed: number, shape: Shape): NDArray =>
  array(normal(key(seed), sizeOf(shape)), shape);

/** f of the arguments, in float64. */
export const evaluateAt = (f: (...args: Tensor[]) => Tensor, ...args: readonly NDArray[]): NDArray =>
  runReference((...tensors) => ({ value: f(...tensors) }), args).value;

export const numbersAt = (f: (...args: Tensor[]) => Tensor, ...args: readonly NDArray[]): number[] => [
  ...evaluateAt(f, ...args).data,
];

export const numberAt = (f: (...args: Tensor[]) => Tensor, ...args: readonly NDArray[]): number =>
  numbersAt(f, ...args)[0];

export function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 1e-12): void {
  const worst = Array.from(
    expected,
    (value, i) => Math.abs(actual[i] - value) / Math.max(1, Math.abs(value)),
  );
  if (actual.length === expected.length && worst.every((error) => error <= tolerance)) return;
  throw new Error(
    `expected ${Array.from(expected).join(', ')}, got ${Array.from(actual).join(', ')} (tolerance ${tolerance})`,
  );
}

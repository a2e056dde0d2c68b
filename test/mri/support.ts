/** Random complex arrays, and one run of a traced function in float64. */
import {
  array,
  compile,
  complexArray,
  specsOf,
  type ComplexArray,
  type NDArray,
  type Tensor,
} from '../../src/tensor/index.ts';
import type { MapLeaves } from '../../src/tensor/index.ts';
import { key, normal, split } from '../../src/tensor/random.ts';

export function randomComplex(seed: number, shape: readonly number[]): ComplexArray {
  const n = shape.reduce((a, b) => a * b, 1);
  const [re, im] = split(key(seed), 2).map((k) => normal(k, n));
  return complexArray(re, im, shape);
}

/** f of trees of arrays, in float64 on ONNX Runtime unless said otherwise. */
export async function evaluate<const A extends readonly unknown[], R>(
  f: (...args: { [K in keyof A]: MapLeaves<A[K], NDArray, Tensor> }) => R,
  args: A,
  dtype: 'float32' | 'float64' = 'float64',
): Promise<MapLeaves<R, Tensor, NDArray>> {
  const program = await compile(f as never, args.map((arg) => specsOf(arg)) as never, { dtype });
  try {
    return (await program.run(args as never)) as MapLeaves<R, Tensor, NDArray>;
  } finally {
    await program.dispose();
  }
}

export const numbers = ({ data }: NDArray): Float64Array => Float64Array.from(data);

export const total = (a: NDArray): number => numbers(a).reduce((sum, value) => sum + value, 0);

/** ‖a − b‖ / ‖b‖. */
export function relativeError(a: ComplexArray, b: ComplexArray): number {
  const difference = (x: NDArray, y: NDArray) =>
    array(
      numbers(x).map((v, i) => v - y.data[i]),
      x.shape,
    );
  return norm({ re: difference(a.re, b.re), im: difference(a.im, b.im) }) / norm(b);
}

/** ⟨a, b⟩ = Σ a* b. */
export function innerProduct(a: ComplexArray, b: ComplexArray): { re: number; im: number } {
  let [re, im] = [0, 0];
  for (let i = 0; i < a.re.data.length; i++) {
    re += a.re.data[i] * b.re.data[i] + a.im.data[i] * b.im.data[i];
    im += a.re.data[i] * b.im.data[i] - a.im.data[i] * b.re.data[i];
  }
  return { re, im };
}

export const norm = (a: ComplexArray): number => Math.sqrt(innerProduct(a, a).re);

/** Largest |a_i − b_i|. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`${a.length} values against ${b.length}`);
  let largest = 0;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i] - b[i]));
  return largest;
}

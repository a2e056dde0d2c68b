/** Coordinates brought to mean 0 and variance 1, and what that does to densities. */
import { array, type NDArray } from '../../src/tensor/index.ts';

export interface Standardiser {
  readonly mean: Float64Array;
  readonly deviation: Float64Array;
  /** `[n, d]` → `[n, d]` */
  apply(x: NDArray): NDArray;
  undo(x: NDArray): NDArray;
  /** log |det| of `apply`: what is added to a log density of standardised points for the density of the points themselves. */
  readonly logDet: number;
}

/**
 * By mean and standard deviation of the columns of x `[n, d]`. A column that does not vary is left at its scale: nothing can
 * bring it to variance 1.
 *
 * @throws if x is not a matrix of at least two rows.
 */
export function standardiser({ data, shape }: NDArray): Standardiser {
  const [n, d] = shape;
  if (shape.length !== 2 || n < 2) {
    throw new Error(`standardiser: samples are [${shape.join(', ')}], expected [n, d] with n ≥ 2`);
  }
  const column = (of: (v: number, j: number) => number): Float64Array => {
    const total = new Float64Array(d);
    for (let i = 0; i < n * d; i++) total[i % d] += of(data[i], i % d) / n;
    return total;
  };
  const mean = column((v) => v);
  const deviation = column((v, j) => (v - mean[j]) ** 2).map((v) => (v > 0 ? Math.sqrt(v) : 1));
  const map = (x: NDArray, f: (v: number, j: number) => number): NDArray =>
    array(
      Float64Array.from(x.data, (v, i) => f(v, i % d)),
      x.shape,
    );
  return {
    mean,
    deviation,
    apply: (x) => map(x, (v, j) => (v - mean[j]) / deviation[j]),
    undo: (x) => map(x, (v, j) => v * deviation[j] + mean[j]),
    logDet: -deviation.reduce((total, s) => total + Math.log(s), 0),
  };
}

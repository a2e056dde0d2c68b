/** Mean, variance and covariance of the entries of samples. */
import { Matrix } from 'ml-matrix';
import type { NDArray } from '../tensor/index.ts';

export interface Moments {
  readonly mean: Float64Array;
  readonly variance: Float64Array;
}

/**
 * Of n samples of `size` entries each, one after the other. Deviations are taken from the first sample, so that an entry that never
 * changes has a variance of exactly 0, whatever its value.
 */
export const entryMoments = (values: ArrayLike<number>, size: number): Moments =>
  groupMoments(values, size, 1);

/** Moments of every channel of `[n, c, ...]`. */
export const channelMoments = ({ data, shape: [n, c] }: NDArray): Moments =>
  groupMoments(data, c, data.length / (n * c));

/** Groups take turns, with `run` values one after the other. Measured from the first value of each: one that never changes has variance 0. */
function groupMoments(values: ArrayLike<number>, groups: number, run: number): Moments {
  const n = values.length / groups;
  const average = (of: (value: number, group: number) => number): Float64Array => {
    const total = new Float64Array(groups);
    for (let i = 0; i < values.length; i++) {
      const group = Math.floor(i / run) % groups;
      total[group] += of(values[i], group);
    }
    return total.map((sum) => sum / n);
  };
  const first = (group: number): number => values[group * run];
  const offset = average((v, j) => v - first(j));
  const mean = offset.map((by, j) => first(j) + by);
  return { mean, variance: average((v, j) => (v - first(j) - offset[j]) ** 2) };
}

/** Mean `[d]` and covariance `[d, d]` (sums of products over n) of samples x `[n, ...]` of d entries, in float64. */
export function covarianceOf({ data, shape: [n] }: NDArray): {
  readonly mean: Float64Array;
  readonly covariance: Matrix;
} {
  const d = data.length / n;
  const { mean } = entryMoments(data, d);
  const sums = new Float64Array(d * d);
  const centred = new Float64Array(d);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < d; j++) centred[j] = data[i * d + j] - mean[j];
    for (let j = 0; j < d; j++) {
      const factor = centred[j] / n;
      if (factor === 0) continue;
      for (let k = j; k < d; k++) sums[j * d + k] += factor * centred[k];
    }
  }
  for (let j = 0; j < d; j++) for (let k = 0; k < j; k++) sums[j * d + k] = sums[k * d + j];
  return { mean, covariance: Matrix.from1DArray(d, d, sums) };
}

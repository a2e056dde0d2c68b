/** Mean and variance of every entry of samples. */

export interface Moments {
  readonly mean: Float64Array;
  readonly variance: Float64Array;
}

/**
 * Of n samples of `size` entries each, one after the other. Deviations are taken from the first sample, so that an entry that never
 * changes has a variance of exactly 0, whatever its value.
 */
export function entryMoments(values: ArrayLike<number>, size: number): Moments {
  const n = values.length / size;
  const average = (of: (value: number, entry: number) => number): Float64Array => {
    const total = new Float64Array(size);
    for (let i = 0; i < values.length; i++) total[i % size] += of(values[i], i % size);
    return total.map((sum) => sum / n);
  };
  const offset = average((v, j) => v - values[j]);
  const mean = offset.map((by, j) => values[j] + by);
  return { mean, variance: average((v, j) => (v - values[j] - offset[j]) ** 2) };
}

/** Numbers of several seeds as one. */
import type { JobResult } from '../runs/index.ts';

/** NaN for no value. */
export function mean(values: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i];
  return total / values.length;
}

/** Mean and sample standard deviation; `std` is null for fewer than two values, `mean` for none. */
export function meanAndDeviation(values: readonly number[]): {
  mean: number | null;
  std: number | null;
  n: number;
} {
  const n = values.length;
  if (n === 0) return { mean: null, std: null, n };
  const centre = mean(values);
  if (n === 1) return { mean: centre, std: null, n };
  const square = values.reduce((total, value) => total + (value - centre) ** 2, 0);
  return { mean: centre, std: Math.sqrt(square / (n - 1)), n };
}

/** Mean over finished jobs of a number that each has; NaN for no job. */
export const meanOf = (results: readonly JobResult[], of: (result: JobResult) => number): number =>
  mean(results.map(of));

/** Standard error of the mean of independent values: what another draw of them would move it by; null for fewer than two. */
export function standardError(values: ArrayLike<number>): number | null {
  const { std, n } = meanAndDeviation(Array.from(values));
  return std === null ? null : std / Math.sqrt(n);
}

/** Values in groups of equal key, in order of first appearance. */
export function groupBy<T>(values: readonly T[], keyOf: (value: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const value of values) {
    const key = keyOf(value);
    groups.set(key, [...(groups.get(key) ?? []), value]);
  }
  return [...groups.values()];
}

/**
 * Relative L2 error ‖prediction − truth‖₂/‖truth‖₂ of each of n fields of s points, float64.
 *
 * @throws where a true field is zero everywhere: it has no relative error.
 */
export function relativeL2Errors(
  prediction: ArrayLike<number>,
  truth: ArrayLike<number>,
  s: number,
): Float64Array {
  if (prediction.length !== truth.length || truth.length % s !== 0) {
    throw new Error(
      `relativeL2Errors: ${prediction.length} predicted and ${truth.length} true values, expected n fields of ${s} points each`,
    );
  }
  return Float64Array.from({ length: truth.length / s }, (_, i) => {
    let difference = 0;
    let norm = 0;
    for (let j = i * s; j < (i + 1) * s; j++) {
      difference += (prediction[j] - truth[j]) ** 2;
      norm += truth[j] ** 2;
    }
    if (norm === 0) {
      throw new Error(
        `relativeL2Errors: the true field of sample ${i} is zero everywhere, so that it has no relative error; leave the sample out`,
      );
    }
    return Math.sqrt(difference / norm);
  });
}

/** Positions of the median (the lower one of an even number) and of the largest value. */
export function medianAndWorst(values: ArrayLike<number>): [number, number] {
  const order = Array.from({ length: values.length }, (_, i) => i).sort((a, b) => values[a] - values[b]);
  return [order[Math.floor((order.length - 1) / 2)], order[order.length - 1]];
}

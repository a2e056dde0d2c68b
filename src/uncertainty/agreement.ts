/** How well two maps of standard deviations agree, and how well they could. */

export interface Agreement {
  /** Least-squares slope through the origin of the estimate over the reference. */
  readonly slope: number;
  /** ‖estimate − reference‖₂ / ‖reference‖₂ */
  readonly relativeError: number;
  /** Pearson's correlation; NaN where one of the two is constant. */
  readonly correlation: number;
  /** ‖standard error of the reference‖₂ / ‖reference‖₂: the relative error that its sampling alone leaves. */
  readonly resolution: number | null;
}

/** @throws when the arrays differ in length, are empty, or the reference is zero everywhere. */
export function agreement(
  estimate: ArrayLike<number>,
  reference: ArrayLike<number>,
  standardError?: ArrayLike<number>,
): Agreement {
  const n = reference.length;
  for (const [name, { length }] of Object.entries({ estimate, ...(standardError && { standardError }) })) {
    if (length !== n || n === 0)
      throw new Error(
        `agreement: ${name} has ${length} values and the reference ${n}, expected as many, ≥ 1`,
      );
  }
  let [cross, square, difference, error, meanA, meanB] = [0, 0, 0, 0, 0, 0];
  for (let i = 0; i < n; i++) {
    const [a, b] = [estimate[i], reference[i]];
    cross += a * b;
    square += b * b;
    difference += (a - b) ** 2;
    error += (standardError?.[i] ?? 0) ** 2;
    meanA += a / n;
    meanB += b / n;
  }
  if (square === 0)
    throw new Error('agreement: the reference is zero everywhere, expected a positive deviation');
  let [covariance, varianceA, varianceB] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    const [a, b] = [estimate[i] - meanA, reference[i] - meanB];
    covariance += a * b;
    varianceA += a * a;
    varianceB += b * b;
  }
  return {
    slope: cross / square,
    relativeError: Math.sqrt(difference / square),
    correlation: covariance / Math.sqrt(varianceA * varianceB),
    resolution: standardError ? Math.sqrt(error / square) : null,
  };
}

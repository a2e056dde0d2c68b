/** Split conformal prediction: intervals from the errors of a fitted model on data it was not fitted to. */

/**
 * The ⌈(n + 1) · level⌉-th smallest of n calibration scores: with probability at least `level` the score of one more exchangeable
 * sample is no larger (Vovk, Gammerman & Shafer 2005; Lei, G'Sell, Rinaldo, Tibshirani & Wasserman 2018). Infinity where n is too
 * small for the level, which is n < level / (1 − level).
 *
 * @throws unless 0 < level < 1 and no score is NaN.
 */
export function conformalQuantile(scores: ArrayLike<number>, level: number): number {
  if (!(level > 0 && level < 1))
    throw new Error(`conformalQuantile: level is ${level}, expected a number between 0 and 1`);
  const sorted = Float64Array.from(scores).sort();
  if (sorted.some(Number.isNaN)) throw new Error('conformalQuantile: a score is NaN, expected numbers');
  // Without the small term, (9 + 1) · 0.9 could round to above 9.
  const rank = Math.ceil((sorted.length + 1) * level - 1e-9);
  return rank > sorted.length ? Infinity : sorted[rank - 1];
}

/** Half-widths of symmetric intervals, one for each of the outputs. */
export interface ConformalBand {
  readonly halfWidth: Float64Array;
}

/**
 * Symmetric intervals prediction ± half-width for each of `outputs` numbers, from absolute errors on calibration samples [n, outputs]:
 * each output by its own quantile, so that coverage holds output by output.
 */
export function conformalBand(
  prediction: ArrayLike<number>,
  truth: ArrayLike<number>,
  { outputs, level }: { readonly outputs: number; readonly level: number },
): ConformalBand {
  const n = truth.length / outputs;
  if (prediction.length !== truth.length || !Number.isInteger(n)) {
    throw new Error(
      `conformalBand: ${prediction.length} predicted and ${truth.length} true values, expected n samples of ${outputs} outputs each`,
    );
  }
  return {
    halfWidth: Float64Array.from({ length: outputs }, (_, j) =>
      conformalQuantile(
        Float64Array.from({ length: n }, (_, i) =>
          Math.abs(prediction[i * outputs + j] - truth[i * outputs + j]),
        ),
        level,
      ),
    ),
  };
}

/** Share of the true values [n, outputs] that lie in prediction ± half-width, ends included. */
export function coverage(
  prediction: ArrayLike<number>,
  truth: ArrayLike<number>,
  { halfWidth }: ConformalBand,
): number {
  let inside = 0;
  for (let i = 0; i < truth.length; i++)
    if (Math.abs(prediction[i] - truth[i]) <= halfWidth[i % halfWidth.length]) inside++;
  return inside / truth.length;
}

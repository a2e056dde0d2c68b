/**
 * Conformal bands for fields (Ma, Pitt, Azizzadenesheli & Anandkumar 2024, "Calibrated uncertainty quantification for operator
 * learning via conformal prediction", arXiv 2402.01960): prediction ± factor · heuristic, where one factor is calibrated so that at
 * least a share 1 − δ of the points of a field lie in its band, for at least 1 − α of the fields. The heuristic says where the band
 * is wide: the deviation of an ensemble, or a constant. What is guaranteed is a statement on the points of the grid; the source adds
 * a term for points between them.
 */
import { conformalQuantile } from './conformal.ts';

/** Fields of `points` numbers each, row by row: `[n · points]`. */
export interface PredictedFields {
  readonly points: number;
  readonly prediction: ArrayLike<number>;
  readonly truth: ArrayLike<number>;
  /** Half-width of the band before calibration, ≥ 0. */
  readonly heuristic: ArrayLike<number>;
}

/** |error| / heuristic of every point; infinite where the heuristic is zero and the error is not. */
function pointScores({ points, prediction, truth, heuristic }: PredictedFields): Float64Array {
  const n = truth.length;
  if (!(n > 0 && n % points === 0 && prediction.length === n && heuristic.length === n)) {
    throw new Error(
      `field bands: ${prediction.length} predicted values, ${n} true ones and ${heuristic.length} of the heuristic, expected n fields of ${points} points each`,
    );
  }
  return Float64Array.from({ length: n }, (_, i) => {
    const error = Math.abs(prediction[i] - truth[i]);
    if (!(heuristic[i] >= 0) || Number.isNaN(error))
      throw new Error(
        `field bands: point ${i} has error ${error} and heuristic ${heuristic[i]}, expected numbers ≥ 0`,
      );
    return error === 0 ? 0 : error / heuristic[i];
  });
}

/**
 * Score of each field, `[n]`: the smallest factor with which at least a share (1 − δ) of its points lie in the band.
 *
 * @throws unless 0 < share ≤ 1, and the arrays fit and hold numbers.
 */
export function fieldScores(fields: PredictedFields, share: number): Float64Array {
  if (!(share > 0 && share <= 1))
    throw new Error(`field bands: share is ${share}, expected a number in (0, 1]`);
  const { points } = fields;
  const scores = pointScores(fields);
  // Without the small term, 0.9 · 10 could round to above 9.
  const rank = Math.ceil(share * points - 1e-9);
  return Float64Array.from(
    { length: scores.length / points },
    (_, i) => scores.slice(i * points, (i + 1) * points).sort()[rank - 1],
  );
}

/**
 * The factor of the bands, from fields that the model was not fitted to: a new exchangeable field has at least a share 1 − δ of its
 * points in prediction ± factor · heuristic with probability at least `level` = 1 − α. Infinity where there are too few fields for the
 * level, which is n < level / (1 − level).
 */
export const calibrateFieldBands = (
  fields: PredictedFields,
  { share, level }: { readonly share: number; readonly level: number },
): number => conformalQuantile(fieldScores(fields, share), level);

export interface FieldCoverage {
  /** Share of the fields with at least a share 1 − δ of their points in the band. */
  readonly fields: number;
  /** Share of all points in the band. */
  readonly points: number;
  /** Sharpness: mean width of the bands, in units of the field. */
  readonly width: number;
}

/** Coverage in both senses, ends included, and sharpness of prediction ± factor · heuristic. */
export function fieldCoverage(fields: PredictedFields, factor: number, share: number): FieldCoverage {
  const covered = (scores: Float64Array): number =>
    scores.filter((score) => score <= factor).length / scores.length;
  let total = 0;
  for (let i = 0; i < fields.heuristic.length; i++) total += fields.heuristic[i];
  return {
    fields: covered(fieldScores(fields, share)),
    points: covered(pointScores(fields)),
    width: (2 * factor * total) / fields.heuristic.length,
  };
}

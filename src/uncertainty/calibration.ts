/** Nominal against measured coverage, and sharpness. */
import { erfReference } from '../tensor/ops/erf.ts';
import {
  calibrateFieldBands,
  fieldCoverage,
  type FieldCoverage,
  type PredictedFields,
} from './fieldBands.ts';

export interface CalibrationPoint extends FieldCoverage {
  /** Nominal share of the fields, 1 − α. */
  readonly level: number;
  /** Of the bands: prediction ± factor · heuristic. */
  readonly factor: number;
}

/** Bands calibrated on one set of fields and measured on another, level by level. */
export const calibrationCurve = (
  calibration: PredictedFields,
  test: PredictedFields,
  { share, levels }: { readonly share: number; readonly levels: readonly number[] },
): CalibrationPoint[] =>
  levels.map((level) => {
    const factor = calibrateFieldBands(calibration, { share, level });
    return { level, factor, ...fieldCoverage(test, factor, share) };
  });

/**
 * What the coverage measured on `test` fields of a band calibrated on `calibration` exchangeable ones is expected to be, and its
 * standard deviation. With rank r = ⌈(n + 1) level⌉ the coverage of a calibration is distributed as Beta(r, n + 1 − r) (Vovk 2012), and
 * the number of covered test fields is beta-binomial. Scores without ties; n large enough for the level.
 */
export function expectedCoverage(
  level: number,
  { calibration, test }: { readonly calibration: number; readonly test: number },
): { readonly mean: number; readonly deviation: number } {
  const total = calibration + 1;
  const rank = Math.ceil(total * level - 1e-9);
  if (rank > calibration) return { mean: 1, deviation: 0 };
  const mean = rank / total;
  const variance = (mean * (1 - mean) * (total + test)) / (test * (total + 1));
  return { mean, deviation: Math.sqrt(variance) };
}

/**
 * Share of the points within the central interval of probability `level` of N(prediction, heuristic²), for every level: what an
 * ensemble's deviation is worth without calibration.
 */
export function gaussianCoverage(
  { prediction, truth, heuristic }: Omit<PredictedFields, 'points'>,
  levels: readonly number[],
): number[] {
  const probability = Float64Array.from({ length: truth.length }, (_, i) =>
    erfReference(Math.abs(prediction[i] - truth[i]) / (heuristic[i] * Math.SQRT2)),
  );
  return levels.map((level) => probability.filter((p) => p <= level).length / truth.length);
}

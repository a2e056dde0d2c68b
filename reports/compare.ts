/** Which differences between models exceed the noise between seeds, or what they stand for. */
import { NOISE_LEVEL, noiseOfDifference, type Sample } from '../src/runs/noise.ts';
import type { Row } from './input.ts';

/** The rule as the report states it, for values repeated over seeds or folds. */
export const noiseRule = (repetition: string): string =>
  `the difference of the means > t·√(s₁²/n₁ + s₂²/n₂), s the sample standard deviation over n ${repetition}s, t of Student’s distribution at ${100 * NOISE_LEVEL} %`;

/** The better values of a metric; `neither` where a value is a fact that makes no model better. */
export type Direction = 'lower' | 'higher' | 'neither';

/** What a metric says of itself in its text: "higher is better", "neither is better", or nothing, when lower is better. */
export function directionOf(metric: string): Direction {
  if (/higher is better/i.test(metric)) return 'higher';
  return /neither is better/i.test(metric) ? 'neither' : 'lower';
}

/** What a row that nobody trained is called: a limit is a floor or a ceiling, by what is better. */
export const kindOf = (
  { baseline, limit, reference }: Pick<Row, 'baseline' | 'limit' | 'reference'>,
  direction: Direction,
): 'baseline' | 'reference' | 'floor' | 'ceiling' | 'limit' | null => {
  if (reference) return 'reference';
  if (!limit) return baseline ? 'baseline' : null;
  return ({ lower: 'floor', higher: 'ceiling', neither: 'limit' } as const)[direction];
};

/** Whether a row is a baseline that models are compared with: limits and references are not. */
export const isRival = ({
  baseline,
  limit,
  reference,
}: Pick<Row, 'baseline' | 'limit' | 'reference'>): boolean => baseline && !limit && !reference;

/** Whether the spread over seeds is known. */
export const hasSpread = ({ mean, std, n }: Sample): boolean => mean !== null && std !== null && n >= 2;

/**
 * `apart`: the means differ by more than the noise. `tie`: they do not. `unknown`: one of the two has a single seed, or
 * no known deviation, so nothing is claimed.
 */
export function separation(a: Sample, b: Sample): 'apart' | 'tie' | 'unknown' {
  const noise = noiseOfDifference(a, b);
  if (a.mean === null || b.mean === null || Number.isNaN(noise)) return 'unknown';
  return Math.abs(a.mean - b.mean) > noise ? 'apart' : 'tie';
}

export type Mark = 'best' | 'second' | 'tie' | null;

export interface Ranking {
  /** Trained models with a value, best first. */
  trained: Row[];
  /** Baselines with a value, best first; limits and references are none. */
  baselines: Row[];
  marks: Map<Row, Mark>;
  /** How the first and the second trained model stand; `alone` when there is only one. */
  lead: 'apart' | 'tie' | 'unknown' | 'alone' | 'none';
}

const better = (direction: Direction, a: number, b: number): boolean =>
  direction !== 'neither' && (direction === 'lower' ? a < b : a > b);

const sorted = (rows: readonly Row[], direction: Direction): Row[] =>
  rows
    .filter(({ mean }) => mean !== null && Number.isFinite(mean))
    .sort((a, b) => (direction === 'higher' ? -1 : 1) * ((a.mean ?? 0) - (b.mean ?? 0)));

/**
 * Ranks the rows of one condition. The best trained model is marked only when it is apart from the second; the second
 * only when the best is marked and the third, if there is one, is apart from the second. Models within the noise of the
 * first are marked as a tie. Baselines are ranked among themselves: they need no seeds. Where neither direction is better nobody
 * leads; rows stand from low to high.
 */
export function rank(rows: readonly Row[], direction: Direction): Ranking {
  const trained = sorted(
    rows.filter((row) => !row.baseline),
    direction,
  );
  const baselines = sorted(rows.filter(isRival), direction);
  const marks = new Map<Row, Mark>();
  const [first, second, third] = trained;
  if (!first || direction === 'neither') return { trained, baselines, marks, lead: 'none' };
  if (!second) return { trained, baselines, marks, lead: 'alone' };
  const lead = separation(first, second);
  if (lead === 'apart') {
    marks.set(first, 'best');
    if (!third || separation(second, third) === 'apart') marks.set(second, 'second');
  } else if (lead === 'tie') {
    for (const row of trained) if (row === first || separation(first, row) === 'tie') marks.set(row, 'tie');
  }
  return { trained, baselines, marks, lead };
}

/** Whether a baseline is better than the best trained model of its condition. */
export function beatsEveryTrained(baseline: Row, { trained }: Ranking, direction: Direction): boolean {
  const best = trained[0]?.mean;
  return (
    best !== null && best !== undefined && baseline.mean !== null && better(direction, baseline.mean, best)
  );
}

/** Mean and sample standard deviation; the deviation is null for a single value. */
export function meanStd(values: readonly number[]): { mean: number | null; std: number | null; n: number } {
  const n = values.length;
  if (n === 0) return { mean: null, std: null, n };
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  if (n === 1) return { mean, std: null, n };
  return { mean, std: Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1)), n };
}

/**
 * Repair of cumulative counts. A cumulative count can neither be missing nor fall; where reports say otherwise, a named rule puts it
 * right, and what it did is counted and listed.
 */
import type { EpidemicTable } from './table.ts';

/**
 * What happens to a fall:
 *   `none`                it stays.
 *   `cumulative-maximum`  the count keeps its highest value until the reports pass it; uses the past only.
 *   `isotonic`            the nearest non-decreasing series in least squares (pool adjacent violators); spreads a correction over the
 *                         days before it, so that it uses the future.
 */
export const repairRules = ['none', 'cumulative-maximum', 'isotonic'] as const;
export type RepairRule = (typeof repairRules)[number];

/** The running maximum of a series. */
export function cumulativeMaximum(values: Float64Array): Float64Array {
  let highest = -Infinity;
  return values.map((value) => (highest = Math.max(highest, value)));
}

/**
 * The non-decreasing series nearest in least squares, by pooling adjacent violators (Ayer, Brunk, Ewing, Reid & Silverman 1955).
 */
export function isotonic(values: Float64Array): Float64Array {
  const blocks: { sum: number; count: number }[] = [];
  for (const value of values) {
    let block = { sum: value, count: 1 };
    for (
      let last = blocks.at(-1);
      last && last.sum * block.count > block.sum * last.count;
      last = blocks.at(-1)
    ) {
      blocks.pop();
      block = { sum: last.sum + block.sum, count: last.count + block.count };
    }
    blocks.push(block);
  }
  return Float64Array.from(
    blocks.flatMap(({ sum, count }) => Array.from({ length: count }, () => sum / count)),
  );
}

const rules: Readonly<Record<RepairRule, (values: Float64Array) => Float64Array>> = {
  none: (values) => values,
  'cumulative-maximum': cumulativeMaximum,
  isotonic,
};

/** A fall of a cumulative count from one day to the next. */
export interface Fall {
  /** The day of the lower count. */
  readonly day: string;
  readonly state: string;
  readonly before: number;
  readonly after: number;
}

export interface Repaired {
  /** [days, states] without gaps. */
  readonly values: Float64Array;
  /** Values that were missing and took the last one before them. */
  readonly filled: number;
  /** Every fall after filling, whatever the rule does to it, the largest first. */
  readonly falls: readonly Fall[];
  /** Values that the rule changed. */
  readonly changed: number;
}

/**
 * Fills gaps of cumulative counts [days, states] with the last value before them (`first` where there is none) and applies the rule to
 * every state.
 *
 * @throws when a state begins with a gap and `first` is not given, with the command that begins later, where there is a day to begin on.
 */
export function repair(
  where: Pick<EpidemicTable, 'days' | 'states' | 'file'>,
  counts: Float64Array,
  { rule, name, first }: { readonly rule: RepairRule; readonly name: string; readonly first?: number },
): Repaired {
  const { days, states } = where;
  const values = new Float64Array(counts.length);
  const falls: Fall[] = [];
  let filled = 0;
  let changed = 0;
  for (const [s, state] of states.entries()) {
    const series = Float64Array.from(days, (_, t) => counts[t * states.length + s]);
    if (Number.isNaN(series[0]) && first === undefined) {
      throw new Error(
        `${where.file === undefined ? '' : `${where.file}: `}${name} of ${state} is missing on ${days[0]}, the first day, and nothing before it can stand for it; ${laterStart(where, counts)}`,
      );
    }
    for (const [t, value] of series.entries()) {
      if (!Number.isNaN(value)) continue;
      series[t] = t === 0 ? (first ?? NaN) : series[t - 1];
      filled++;
    }
    for (let t = 1; t < days.length; t++) {
      const [before, after] = [series[t - 1], series[t]];
      if (after < before) falls.push({ day: days[t], state, before, after });
    }
    const repaired = rules[rule](series);
    for (const [t, value] of repaired.entries()) {
      values[t * states.length + s] = value;
      if (value !== series[t]) changed++;
    }
  }
  return { values, filled, changed, falls: falls.sort((a, b) => b.before - b.after - (a.before - a.after)) };
}

/** What to do about counts [days, states] that begin with gaps. */
function laterStart(
  { days, states, file = 'FILE' }: Pick<EpidemicTable, 'days' | 'states' | 'file'>,
  counts: Float64Array,
): string {
  const day = days.find((_, t) => states.every((__, s) => !Number.isNaN(counts[t * states.length + s])));
  return day === undefined
    ? 'on no day have all states a value: write the first value of each into the file, or leave its state out'
    : `begin on ${day}, the first day on which all states have a value: sextant data covid --from ${file} --first-day ${day} --output later.csv`;
}

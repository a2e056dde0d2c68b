/**
 * The forecasting task made of a table of counts: which quantities, what stands for what is missing, how falls are repaired; and
 * the facts about it that every report prints.
 *
 * Recovered counts are missing for many states and end on 2021-03-06, so `cd` (confirmed and deaths) is the default. `crd` adds them
 *   `complete`  of the states that have a value on every day up to the last day on which any state has one (16 states, 329 days), or
 *   `ffill`     with the last value carried forward, 0 before the first, or
 *   `model`     with R(t) = C(t − 21) − D(t) where they are missing: who was confirmed three weeks ago and has not died. 21 days is the
 *               lag of least median error on the values that were reported.
 */
import { createHash } from 'node:crypto';
import { csvField } from './csv.ts';
import { repair, type Fall, type Repaired, type RepairRule } from './repair.ts';
import { betweenDays, daysBetween, ofStates, type EpidemicTable, type Quantity } from './table.ts';

export const taskNames = ['cd', 'crd'] as const;
export type TaskName = (typeof taskNames)[number];

export const recoveredRules = ['complete', 'ffill', 'model'] as const;
export type RecoveredRule = (typeof recoveredRules)[number];

/** The days of the published benchmark: 504, of which 484 windows of 14 + 7 can be cut. */
export const PUBLISHED_DAYS = { first: '2020-04-12', last: '2021-08-28' } as const;
const PUBLISHED_STATES = 50;

export interface TaskOptions {
  readonly task: TaskName;
  /** Of task `crd` only. */
  readonly recovered: RecoveredRule;
  readonly repair: RepairRule;
  /** Default: all days there are. */
  readonly first?: string | undefined;
  readonly last?: string | undefined;
}

export type Facts = Readonly<Record<string, string | number>>;

export type SeriesFall = Fall & { readonly quantity: Quantity };

/** Cumulative counts without gaps [days, states, quantities], persons. */
export interface EpidemicSeries {
  readonly days: readonly string[];
  readonly states: readonly string[];
  readonly quantities: readonly Quantity[];
  readonly population: Float64Array;
  readonly counts: Float64Array;
  /** Every fall of a cumulative count before its repair, by quantity, the largest first. */
  readonly falls: readonly SeriesFall[];
  /** What was missing, what was repaired, by which rule. */
  readonly facts: Facts;
  /** SHA-256 of counts and populations. */
  readonly hash: string;
}

const RECOVERY_DAYS = 21;

/** `2020-04-12 … 2021-08-28 (504)` */
const showDays = (days: readonly string[]): string =>
  `${days[0]} … ${days[days.length - 1]} (${days.length})`;

/** Whether the facts of a series say the states and days of the published benchmark. */
export const isPublishedExtent = ({
  states,
  days,
}: {
  readonly states?: unknown;
  readonly days?: unknown;
}): boolean =>
  states === PUBLISHED_STATES && days === showDays(daysBetween(PUBLISHED_DAYS.first, PUBLISHED_DAYS.last));

/** Makes the series of a task. Throws when days are not there, or when no state has the recovered counts that are asked for. */
export function epidemicSeries(table: EpidemicTable, options: TaskOptions): EpidemicSeries {
  const { task, recovered: recoveredRule, repair: rule } = options;
  const ranged = betweenDays(table, options.first, options.last);
  const chosen = task === 'crd' && recoveredRule === 'complete' ? completeStates(ranged) : ranged;
  const confirmed = repair(chosen, chosen.confirmed, { rule, name: 'confirmed' });
  const deaths = repair(chosen, chosen.deaths, { rule, name: 'deaths' });
  const parts: [Quantity, Repaired][] = [['confirmed', confirmed]];
  let doubts: Facts = {};
  if (task === 'crd') {
    const guess =
      recoveredRule === 'model' ? modelled(chosen, confirmed.values, deaths.values) : chosen.recovered;
    const recovered = repair(chosen, guess, { rule, name: 'recovered', first: 0 });
    parts.push(['recovered', recovered]);
    doubts = doubtFacts(chosen, confirmed.values, recovered.values, deaths.values);
  }
  parts.push(['deaths', deaths]);

  const width = parts.length;
  const counts = new Float64Array(confirmed.values.length * width);
  for (const [q, [, { values }]] of parts.entries())
    for (let i = 0; i < values.length; i++) counts[i * width + q] = values[i];
  const hash = createHash('sha256');
  for (const { buffer, byteOffset, byteLength } of [counts, chosen.population])
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  const { days, states, population } = chosen;
  return {
    days,
    states,
    quantities: parts.map(([quantity]) => quantity),
    population,
    counts,
    falls: parts.flatMap(([quantity, { falls }]) => falls.map((fall) => ({ quantity, ...fall }))),
    facts: {
      task,
      days: showDays(days),
      'days of the source': showDays(table.days),
      vintage: table.vintage ?? 'not recorded in the file',
      states: states.length,
      ...(task === 'crd' ? recoveredFacts(chosen, recoveredRule) : {}),
      repair: rule,
      ...Object.fromEntries(
        parts.flatMap(([quantity, part]) => Object.entries(repairFacts(quantity, part, recoveredRule))),
      ),
      ...doubts,
    },
    hash: hash.digest('hex'),
  };
}

/** States that reported recoveries on every day up to the last one on which any did, and those days. */
function completeStates(table: EpidemicTable): EpidemicTable {
  const { days, states, recovered } = table;
  const reported = (t: number, s: number): boolean => !Number.isNaN(recovered[t * states.length + s]);
  const last = days.findLastIndex((_, t) => states.some((_, s) => reported(t, s)));
  const complete = states.filter(
    (_, s) => last >= 0 && days.slice(0, last + 1).every((_, t) => reported(t, s)),
  );
  if (!complete.length) {
    throw new Error(
      'no state has recovered counts on all days; choose --recovered ffill or model, or --task cd',
    );
  }
  return ofStates(betweenDays(table, days[0], days[last]), complete);
}

/** Recovered counts with R(t) = max(0, C(t − 21) − D(t)) where they are missing. */
function modelled(
  { states, recovered }: EpidemicTable,
  confirmed: Float64Array,
  deaths: Float64Array,
): Float64Array {
  const lag = RECOVERY_DAYS * states.length;
  return recovered.map((value, i) =>
    Number.isNaN(value) ? Math.max(0, (i < lag ? 0 : confirmed[i - lag]) - deaths[i]) : value,
  );
}

function recoveredFacts({ recovered, days, states }: EpidemicTable, rule: RecoveredRule): Facts {
  const missing = recovered.filter(Number.isNaN).length;
  const last = days.findLast((_, t) =>
    states.some((_, s) => !Number.isNaN(recovered[t * states.length + s])),
  );
  return {
    'recovered: rule for missing values': rule,
    'recovered: missing state-days': `${missing} of ${recovered.length}`,
    'recovered: last day with a report': last ?? 'none',
  };
}

/** Falls that stand among the facts; all are counted, and in the list of the series. */
const LISTED = 3;

function repairFacts(quantity: Quantity, { filled, falls, changed }: Repaired, rule: RecoveredRule): Facts {
  const list = falls
    .slice(0, LISTED)
    .map(({ state, day, before, after }) => `${state} ${day} −${Math.round(before - after)}`);
  const carried =
    quantity === 'recovered' && rule !== 'ffill'
      ? {}
      : { [`${quantity}: gaps filled with the last value`]: filled };
  return {
    ...carried,
    [`${quantity}: falls of the cumulative count`]: falls.length,
    ...(list.length ? { [`${quantity}: largest falls`]: list.join('; ') } : {}),
    [`${quantity}: values changed by the repair`]: changed,
  };
}

/**
 * What cannot be true of recovered counts [days, states] after filling and repair, or is a change of their source: more recovered and dead
 * than confirmed, and the largest rises of one day. Errors of forecasts are made of such rises first.
 */
function doubtFacts(
  { days, states }: EpidemicTable,
  confirmed: Float64Array,
  recovered: Float64Array,
  deaths: Float64Array,
): Facts {
  const n = states.length;
  const impossible = recovered.filter((value, i) => value + deaths[i] > confirmed[i]).length;
  const rises = Array.from(recovered.subarray(n), (value, i) => ({ i: i + n, rise: value - recovered[i] }))
    .sort((a, b) => b.rise - a.rise)
    .slice(0, LISTED)
    .map(({ i, rise }) => `${states[i % n]} ${days[Math.floor(i / n)]} +${Math.round(rise)}`);
  return {
    'recovered: state-days with more recovered and dead than confirmed': impossible,
    'recovered: largest rises of one day': rises.join('; '),
  };
}

/** Falls as a CSV, one row each: `date,state,quantity,before,after`. */
export const formatFalls = (falls: readonly SeriesFall[]): string =>
  ['date,state,quantity,before,after']
    .concat(
      falls.map(({ day, state, quantity, before, after }) =>
        [day, csvField(state), quantity, before, after].join(),
      ),
    )
    .join('\n') + '\n';

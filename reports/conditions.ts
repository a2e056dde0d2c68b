/** Conditions (`{resolution: 64, labels: 'released'}`) as the columns and panels of a report. */
import type { Condition } from '../src/runs/schema.ts';
import { formatFact } from './format.ts';
import type { ReportInput, ReportJob, Row } from './input.ts';

/** The same for equal conditions, whatever the order of their entries. */
export const conditionKey = (condition: Condition): string =>
  JSON.stringify(Object.entries(condition).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));

const entryText = ([name, value]: [string, Condition[string]]): string =>
  `${name} ${typeof value === 'number' ? formatFact(value) : typeof value === 'boolean' ? (value ? 'yes' : 'no') : value}`;

export interface ConditionSet {
  /** Distinct conditions, numbers ascending, text in order of appearance. */
  list: Condition[];
  /** Entries that are the same everywhere, as text: `labels released`. Empty when nothing is shared. */
  shared: string;
  /** Name of a condition by the entries that vary; `all data` when none does. */
  label: (condition: Condition) => string;
}

/** Collects the conditions of rows and jobs. */
function conditionSet(conditions: readonly Condition[]): ConditionSet {
  const distinct = [...new Map(conditions.map((condition) => [conditionKey(condition), condition])).values()];
  const names = [...new Set(distinct.flatMap((condition) => Object.keys(condition)))];
  const varying = names.filter((name) => new Set(distinct.map((condition) => condition[name])).size > 1);
  const first = distinct[0] ?? {};
  const order = (a: Condition, b: Condition): number => {
    for (const name of varying) {
      const [x, y] = [a[name], b[name]];
      if (typeof x === 'number' && typeof y === 'number' && x !== y) return x - y;
    }
    return 0;
  };
  const label = (condition: Condition): string =>
    Object.entries(condition)
      .filter(([name]) => varying.includes(name))
      .map(entryText)
      .join(', ') || 'all data';
  return {
    list: [...distinct].sort(order),
    shared: Object.entries(first)
      .filter(([name]) => !varying.includes(name))
      .map(entryText)
      .join(', '),
    label,
  };
}

/** Everything the sections share about one report: conditions, models, and the colour of each model. */
export interface Overview {
  conditions: ConditionSet;
  /** Trained models in order of the rows, then of the jobs. */
  trained: string[];
  baselines: string[];
  /** What the values of a row are repeated over: `seed`, `fold`. */
  repetition: string;
  /** Line colour of a model; the same in every figure. */
  color: (model: string) => number;
  rowsAt: (condition: Condition) => Row[];
  jobsAt: (condition: Condition) => ReportJob[];
}

export function overview({ result, jobs }: ReportInput): Overview {
  const conditions = conditionSet([
    ...result.rows.map(({ condition }) => condition),
    ...jobs.map(({ config }) => config.condition),
  ]);
  const baselines = [...new Set(result.rows.filter(({ baseline }) => baseline).map(({ model }) => model))];
  const models = [
    ...new Set([...result.rows.map(({ model }) => model), ...jobs.map(({ config }) => config.model)]),
  ];
  const trained = models.filter((model) => !baselines.includes(model));
  const ordered = [...trained, ...baselines];
  return {
    conditions,
    trained,
    baselines,
    repetition: result.repetition ?? 'seed',
    color: (model) => Math.max(0, ordered.indexOf(model)),
    rowsAt: (condition) =>
      result.rows.filter((row) => conditionKey(row.condition) === conditionKey(condition)),
    jobsAt: (condition) =>
      jobs.filter(({ config }) => conditionKey(config.condition) === conditionKey(condition)),
  };
}

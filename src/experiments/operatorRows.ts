/** Rows and checks that every table of neural operators has. */
import { baselineNames } from '../operators/index.ts';
import { canonicalJson, type Check, type Condition, type JobResult, type ResultRow } from '../runs/index.ts';
import { unaugmented } from './augmentation.ts';
import { LAST_STEP_METRIC, TEST_SAMPLING } from './operatorTask.ts';
import { meanAndDeviation } from './statistics.ts';

export const isBaseline = (name: string): boolean => baselineNames.includes(name);

/** The result's row of one model under one condition, from all its seeds. */
export function rowOf(
  results: readonly JobResult[],
  title: (model: string) => string,
  published: (model: string, condition: Condition) => number | null,
): ResultRow {
  const [{ config, metric, parameters }] = results;
  const { model, condition } = config;
  const best = meanAndDeviation(results.flatMap((result) => (result.best ? [result.best.value] : []))).mean;
  const sampling = meanAndDeviation(results.flatMap(({ extra }) => extra[TEST_SAMPLING] ?? [])).mean;
  const notes = [
    title(model),
    best === null ? '' : `best on validation: ${best.toPrecision(3)}`,
    sampling === null ? '' : `± ${sampling.toPrecision(2)} by the draw of the test samples`,
  ];
  return {
    model,
    condition,
    metric,
    published: published(model, condition),
    ...meanAndDeviation(results.map(({ value }) => value)),
    parameters,
    seconds: meanAndDeviation(results.map(({ seconds }) => seconds)).mean,
    baseline: isBaseline(model),
    note: notes.filter(Boolean).join('; '),
  };
}

/** The same row for the weights of the last step, where what counts is their moving average; else none. */
export function lastStepRows(row: ResultRow, results: readonly JobResult[]): ResultRow[] {
  const values = results.flatMap(({ extra }) => (LAST_STEP_METRIC in extra ? [extra[LAST_STEP_METRIC]] : []));
  if (values.length < results.length) return [];
  return [{ ...row, metric: LAST_STEP_METRIC, ...meanAndDeviation(values), note: '' }];
}

/** Baselines take no steps: beside rows of last steps they stand with the same numbers. */
export function lastStepBaselines(rows: readonly ResultRow[], lastStep: readonly ResultRow[]): ResultRow[] {
  const conditions = new Set(lastStep.map(({ condition }) => canonicalJson(condition)));
  return rows
    .filter(({ baseline, condition }) => baseline && conditions.has(canonicalJson(condition)))
    .map((row) => ({ ...row, metric: LAST_STEP_METRIC }));
}

/** Every trained model is better than its input taken for the prediction, and than zero, whose relative error is 1. */
export function learningChecks(rows: readonly ResultRow[], where: (condition: Condition) => string): Check[] {
  const identity = new Map(
    rows.flatMap(({ model, condition, mean }) =>
      model === 'identity' && mean !== null ? [[canonicalJson(condition), mean] as const] : [],
    ),
  );
  return rows.flatMap(({ model, condition, mean, baseline }): Check[] => {
    const fool = identity.get(canonicalJson(unaugmented(condition)));
    if (baseline || mean === null || fool === undefined) return [];
    const limit = fool < 1 ? `< ${fool.toPrecision(3)} (input as prediction)` : '< 1 (zero as prediction)';
    const holds = mean < Math.min(fool, 1);
    return [{ name: `${model}: learns something ${where(condition)}`, value: mean, limit, holds }];
  });
}

/** `at s = 64`, with what else tells the condition from others: `at s = 64, L = 32π, time 5`. */
export function placeOf(condition: Condition, told: readonly string[] = ['resolution']): string {
  const parts = told.flatMap((name) => {
    const value = condition[name];
    if (value === undefined) return [];
    if (name === 'resolution') return [`s = ${value}`];
    return [typeof value === 'string' ? value : `${name} ${value}`];
  });
  return `at ${parts.join(', ')}`;
}

/** Rows of a table from results of jobs. */
import type { JobResult, ResultRow } from '../runs/index.ts';
import { groupBy, meanAndDeviation } from './statistics.ts';

/** What a row says beside the measured number. */
export type RowFacts = Partial<Pick<ResultRow, 'published' | 'baseline' | 'limit' | 'note'>>;

/** One model under one condition as a row: mean and deviation of a number over the seeds. */
export function rowOfSeeds(
  results: readonly JobResult[],
  metric: string,
  valueOf: (result: JobResult) => number,
  facts: RowFacts = {},
): ResultRow {
  const [{ config, parameters }] = results;
  return {
    model: config.model,
    condition: config.condition,
    metric,
    published: null,
    ...meanAndDeviation(results.map(valueOf)),
    parameters,
    seconds: meanAndDeviation(results.map(({ seconds }) => seconds)).mean,
    baseline: false,
    note: '',
    ...facts,
  };
}

/** Results in groups of one model under one condition, in order of first appearance. */
export const bySeeds = (results: readonly JobResult[]): JobResult[][] =>
  groupBy(results, ({ config }) => `${config.model} ${JSON.stringify(config.condition)}`);

/** A number that no training is behind, as the row of a baseline. */
export const fixedRow = (
  model: string,
  condition: ResultRow['condition'],
  metric: string,
  mean: number,
  note = '',
): ResultRow => ({
  model,
  condition,
  metric,
  published: null,
  mean,
  std: null,
  n: 1,
  parameters: null,
  seconds: null,
  baseline: true,
  note,
});

/** A number to read the others by, which no model has to reach and some may pass. */
export const referenceRow = (...of: Parameters<typeof fixedRow>): ResultRow => ({
  ...fixedRow(...of),
  reference: true,
});

/** A number that no model can pass but by chance: the row of a floor or a ceiling. */
export const limitRow = (...of: Parameters<typeof fixedRow>): ResultRow => ({
  ...fixedRow(...of),
  limit: true,
});

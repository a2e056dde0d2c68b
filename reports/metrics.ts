/** Rows by metric: numbers of different metrics never stand in one column. */
import type { Row } from './input.ts';

export interface MetricGroup {
  /** The metric in full. */
  metric: string;
  rows: Row[];
}

/** 'mean relative L2 error' of 'mean relative L2 error, test split, last checkpoint'. */
const nameOf = (metric: string): string => metric.split(',')[0].trim().toLowerCase();

/**
 * One group a metric, in order of appearance. A baseline has no checkpoint and a model without a value may lack it too, so that
 * part of the text may be missing: such a row joins the trained models whose metric has the same name.
 */
export function metricGroups(rows: readonly Row[]): MetricGroup[] {
  const groups = new Map<string, Row[]>();
  const alone = ({ baseline, mean }: Row): boolean => !baseline && mean !== null;
  for (const row of rows) if (alone(row)) groups.set(row.metric, [...(groups.get(row.metric) ?? []), row]);
  const trained = [...groups.keys()];
  for (const row of rows) {
    if (alone(row)) continue;
    const metric = groups.has(row.metric)
      ? row.metric
      : (trained.find((one) => nameOf(one) === nameOf(row.metric)) ?? row.metric);
    groups.set(metric, [...(groups.get(metric) ?? []), row]);
  }
  return [...groups].map(([metric, list]) => ({ metric, rows: rows.filter((row) => list.includes(row)) }));
}

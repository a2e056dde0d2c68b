/** The table of an experiment for a terminal. The report has the full story. */
import { directionOf, kindOf } from '../../reports/compare.ts';
import { metricGroups } from '../../reports/metrics.ts';
import type { ExperimentResult, ResultRow } from '../runs/index.ts';
import { formatCount, formatNumber, formatSeconds, textTable } from './format.ts';

const conditionText = (row: ResultRow): string =>
  Object.entries(row.condition)
    .map(([key, value]) => (typeof value === 'number' ? `${key} ${value}` : String(value)))
    .join(', ');

const spread = ({ mean, std, n }: ResultRow): string =>
  mean === null ? '—' : `${formatNumber(mean)}${std === null ? '' : ` ± ${formatNumber(std)} (${n})`}`;

const nameOf = (row: ResultRow): string => {
  const kind = kindOf(row, directionOf(row.metric));
  return kind ? `${row.model} (${kind})` : row.model;
};

/** One table a metric: numbers of different metrics never stand in one column. */
const tableLines = ([metric, rows]: readonly [string, readonly ResultRow[]]): string[] => {
  const cells = rows.map((row) => [
    nameOf(row),
    conditionText(row),
    formatNumber(row.published),
    spread(row),
    formatCount(row.parameters),
    row.seconds === null ? '—' : formatSeconds(row.seconds),
  ]);
  const head = ['model', 'condition', 'published', 'ours', 'parameters', 'time'];
  return [`  ${metric}`, '', ...textTable(head, cells).split('\n'), ''];
};

/** Title, tables, checks and notes as lines. */
export function resultLines(result: ExperimentResult): string[] {
  const groups = metricGroups(result.rows).map(({ metric, rows }) => [metric, rows] as const);
  return [
    '',
    result.title,
    ...groups.flatMap(tableLines),
    ...result.checks.map(
      ({ name, value, limit, holds }) => `${holds ? '✓' : '✗'} ${name}: ${formatNumber(value)} (${limit})`,
    ),
    ...result.notes.map((note) => `note: ${note}`),
  ];
}

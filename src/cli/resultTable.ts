/** The table of an experiment for a terminal. The report has the full story. */
import type { ExperimentResult, ResultRow } from '../runs/index.ts';
import { formatCount, formatNumber, formatSeconds, textTable } from './format.ts';

const conditionText = (row: ResultRow): string =>
  Object.entries(row.condition)
    .map(([key, value]) => (typeof value === 'number' ? `${key} ${value}` : String(value)))
    .join(', ');

const spread = ({ mean, std, n }: ResultRow): string =>
  mean === null ? '—' : `${formatNumber(mean)}${std === null ? '' : ` ± ${formatNumber(std)} (${n})`}`;

/** Title, table, checks and notes as lines. */
export function resultLines(result: ExperimentResult): string[] {
  const rows = result.rows.map((row) => [
    row.baseline ? `${row.model} (baseline)` : row.model,
    conditionText(row),
    formatNumber(row.published),
    spread(row),
    formatCount(row.parameters),
    row.seconds === null ? '—' : formatSeconds(row.seconds),
  ]);
  const metrics = [...new Set(result.rows.filter(({ mean }) => mean !== null).map(({ metric }) => metric))];
  return [
    '',
    result.title,
    ...metrics.map((metric) => `  ${metric}`),
    '',
    ...textTable(['model', 'condition', 'published', 'ours', 'parameters', 'time'], rows).split('\n'),
    '',
    ...result.checks.map(
      ({ name, value, limit, holds }) => `${holds ? '✓' : '✗'} ${name}: ${formatNumber(value)} (${limit})`,
    ),
    ...result.notes.map((note) => `note: ${note}`),
  ];
}

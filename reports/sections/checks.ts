/** Statements with a number behind them: what was demanded, what came out. */
import { downloads } from '../downloads.ts';
import { formatFact, plural } from '../format.ts';
import { html, type Content } from '../html.ts';
import type { ReportInput } from '../input.ts';
import { latexTable, table, type Column, type TableRow } from '../table.ts';

export function checks({ result }: ReportInput): Content {
  if (!result.checks.length) return null;
  const columns: Column[] = [
    { head: 'Check' },
    { head: 'Verdict' },
    { head: 'Value', numeric: true },
    { head: 'Limit', numeric: true },
  ];
  const rows: TableRow[] = result.checks.map(({ name, value, limit, holds }) => ({
    cells: [
      { text: name },
      { text: holds ? '✓ holds' : '✗ does not hold', sort: holds ? 1 : 0 },
      { text: value === null ? '—' : formatFact(value), sort: value },
      { text: limit },
    ],
  }));
  const failing = result.checks.filter(({ holds }) => !holds).length;
  const caption = failing
    ? `${result.checks.length - failing} of ${plural(result.checks.length, 'check')} hold; ${failing} ${failing === 1 ? 'does' : 'do'} not.`
    : result.checks.length === 1
      ? 'The one check holds.'
      : `All ${result.checks.length} checks hold.`;
  const data = {
    columns: ['name', 'value', 'limit', 'holds'],
    rows: result.checks.map(({ name, value, limit, holds }) => [name, value, limit, holds]),
  };
  return html`${table({ id: 'table-checks', caption, columns, rows })}
  ${downloads({ name: 'checks', data, latex: latexTable({ columns, rows }) })}`;
}

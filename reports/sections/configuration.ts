/** How the jobs were set up: by default only the settings in which they differ. */
import path from 'node:path';
import type { Overview } from '../conditions.ts';
import { downloads } from '../downloads.ts';
import { formatFact } from '../format.ts';
import { html, type Content, type Html } from '../html.ts';
import type { ReportInput } from '../input.ts';
import { latexTable, table } from '../table.ts';

/** Where a file lies is known to one machine; a report may be read on another. */
const withoutFolder = (text: string): string =>
  path.posix.isAbsolute(text) || path.win32.isAbsolute(text) ? path.win32.basename(text) : text;

const show = (value: unknown): string =>
  typeof value === 'number'
    ? formatFact(value)
    : typeof value === 'string'
      ? withoutFolder(value)
      : (JSON.stringify(value) ?? '—');

/** Nested settings by path: `{optimizer: {rate: 1}}` becomes `optimizer.rate`. */
function flatten(settings: Record<string, unknown>, prefix = ''): [string, string][] {
  return Object.entries(settings).flatMap(([key, value]): [string, string][] =>
    typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length
      ? flatten(value as Record<string, unknown>, `${prefix}${key}.`)
      : [[prefix + key, show(value)]],
  );
}

const absent = '—';

export function configuration({ jobs }: ReportInput, view: Overview): Content {
  if (!jobs.length) return html`<p>No job has written its configuration.</p>`;
  const models = [...view.trained, ...view.baselines].filter((model) =>
    jobs.some(({ config }) => config.model === model),
  );
  const settings = jobs.map(
    ({ config }) =>
      new Map([
        ...flatten(config.condition),
        ['seed', String(config.seed)] as [string, string],
        ['preset', config.preset] as [string, string],
        ...flatten(config.options),
      ]),
  );
  const names = [...new Set(settings.flatMap((one) => [...one.keys()]))];
  const valuesOf = (name: string, model?: string): string[] => {
    const values = settings.flatMap((one, i) =>
      model === undefined || jobs[i].config.model === model ? [one.get(name) ?? absent] : [],
    );
    return [...new Set(values)].sort((a, b) => Number(a) - Number(b) || 0);
  };
  const differing = names.filter((name) => valuesOf(name).length > 1);
  const columns = [{ head: 'Setting' }, ...models.map((head) => ({ head }))];
  const draw = (id: string, caption: string, list: readonly string[]): Html => {
    const rows = list.map((name) => ({
      cells: [{ text: name }, ...models.map((model) => ({ text: valuesOf(name, model).join(', ') }))],
    }));
    const data = {
      columns: columns.map(({ head }) => head),
      rows: rows.map(({ cells }) => cells.map(({ text }) => text)),
    };
    return html`${table({ id, caption, columns, rows })}${downloads({ name: id, data, latex: latexTable({ columns, rows }) })}`;
  };
  return html`${
      differing.length
        ? draw(
            'table-differences',
            'Settings in which the jobs differ; several values of one model belong to its different jobs.',
            differing,
          )
        : html`<p>All jobs share every setting.</p>`
    }
    <details>
      <summary>All settings</summary>
      ${draw('table-settings', 'Every setting of every model.', names)}
    </details>`;
}

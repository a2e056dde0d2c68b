/** The same data as the reader sees, in the formats the reader works with; embedded in the page, nothing is fetched. */
import { html, type Content, type Html } from './html.ts';
import { slug } from './format.ts';
import { packTable } from './packedTable.ts';

export type Value = string | number | boolean | null;

/** A plain table behind a figure or a table of the page. */
export interface DataTable {
  columns: readonly string[];
  rows: readonly (readonly Value[])[];
}

const finite = (value: Value): Value =>
  typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;

/** Comma-separated values (RFC 4180). Text that a spreadsheet would run as a formula gets a leading apostrophe. */
export function toCsv({ columns, rows }: DataTable): string {
  const cell = (value: Value): string => {
    if (value === null) return '';
    if (typeof value !== 'string') return String(value);
    const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [columns, ...rows].map((row) => row.map(cell).join(',') + '\r\n').join('');
}

/** `{columns, rows}`; a number that JSON has no word for becomes a string ("NaN", "Infinity"). */
export const toJson = ({ columns, rows }: DataTable): string =>
  JSON.stringify({ columns, rows: rows.map((row) => row.map(finite)) });

const latexSigns: Record<string, string> = {
  '\\': '\\textbackslash{}',
  '~': '\\textasciitilde{}',
  '^': '\\textasciicircum{}',
  '&': '\\&',
  '%': '\\%',
  $: '\\$',
  '#': '\\#',
  _: '\\_',
  '{': '\\{',
  '}': '\\}',
  '±': '$\\pm$',
  '×': '$\\times$',
  '−': '$-$',
  '—': '---',
  '–': '--',
  '≈': '$\\approx$',
  '≤': '$\\le$',
  '≥': '$\\ge$',
};
const superscripts = '⁻⁰¹²³⁴⁵⁶⁷⁸⁹';

/** Text for LaTeX: special characters escaped, the report's own signs and powers as mathematics. */
export const escapeLatex = (text: string): string =>
  text.replace(/[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+|[\\~^&%$#_{}±×−—–≈≤≥]/g, (found) =>
    found in latexSigns
      ? latexSigns[found]
      : `$^{${[...found].map((c) => '-0123456789'[superscripts.indexOf(c)]).join('')}}$`,
  );

const link = (name: string, extension: string, type: string, text: string): Html =>
  html`<a download="${name}.${extension}" href="data:${type};charset=utf-8,${encodeURIComponent(text)}"
    >${extension === 'tex' ? 'LaTeX' : extension.toUpperCase()}</a
  >`;

export interface DownloadOptions {
  /** Stem of the file names. */
  name: string;
  data: DataTable;
  /** A booktabs table, for tables. */
  latex?: string;
  /** Titles of the charts of a figure, each with its SVG. */
  charts?: readonly string[];
}

/** Tables of more characters than these, as JSON, are packed: the page would hold each twice, with every comma and quote escaped. */
const PLAIN_UP_TO = 16_000;

/**
 * The line of links below a figure or table. The SVG buttons, and those of large tables, need the page's script and stay hidden without
 * it.
 */
export function downloads({ name, data, latex, charts = [] }: DownloadOptions): Html {
  const stem = slug(name);
  const buttons: Content = charts.map(
    (title, i) =>
      html` <button
        type="button"
        hidden
        data-svg="${i}"
        data-file="${stem}${charts.length > 1 ? `-${slug(title)}` : ''}.svg"
      >
        SVG${charts.length > 1 ? ` ${title}` : ''}
      </button>`,
  );
  const tex = latex ? html` ${link(stem, 'tex', 'application/x-tex', latex)}` : null;
  const json = toJson(data);
  if (json.length <= PLAIN_UP_TO) {
    return html`<p class="downloads">
      <span>Download</span> ${link(stem, 'csv', 'text/csv', toCsv(data))}
      ${link(stem, 'json', 'application/json', json)}${tex}${buttons}
    </p>`;
  }
  const packed = (['csv', 'json'] as const).map(
    (format) =>
      html` <button type="button" hidden data-format="${format}" data-file="${stem}.${format}">
        ${format.toUpperCase()}
      </button>`,
  );
  return html`<p class="downloads" data-table="${packTable(data)}">
    <span>Download</span>${packed}${tex}${buttons}
    <noscript
      >CSV and JSON of these ${data.rows.length} rows are unpacked by the script of this page.</noscript
    >
  </p>`;
}

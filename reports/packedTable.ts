/**
 * Large tables behind figures: kept once in the page, compressed, in the place of a CSV and a JSON file spelled out in two links. The
 * page's script makes either file of it when it is asked for; the files are the same byte for byte.
 */
import { deflateSync } from 'node:zlib';
import type { DataTable, Value } from './downloads.ts';

/** A number that JSON has no word for stands in brackets, which tells it from text. */
const packed = (value: Value): Value | [string] =>
  typeof value === 'number' && !Number.isFinite(value) ? [String(value)] : value;

/**
 * Names and columns of a table as JSON, deflated (RFC 1950), in base64. Columns compress better than rows: a column is of one kind,
 * and often counts or repeats itself.
 */
export function packTable({ columns, rows }: DataTable): string {
  const values = columns.map((_, k) => rows.map((row) => packed(row[k])));
  return deflateSync(JSON.stringify({ columns, values }), { level: 9 }).toString('base64');
}

/**
 * The part of the page's script that saves texts as files and unpacks tables; what it writes is what `toCsv` and `toJson` write of the
 * same table.
 */
export const downloadScript = `
const save = (text, type, name) => {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
};
const unpackTable = async (text) => {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
  const { columns, values } = JSON.parse(await new Response(stream).text());
  return { columns, rows: values[0].map((_, i) => values.map((column) => column[i])) };
};
const tableFormats = {
  csv: {
    type: 'text/csv',
    write({ columns, rows }) {
      const cell = (value) => {
        if (value === null) return '';
        if (typeof value !== 'string') return String(value);
        const text = /^[=+\\-@\\t\\r]/.test(value) ? "'" + value : value;
        return /[",\\r\\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
      };
      return [columns, ...rows].map((row) => row.map(cell).join(',') + '\\r\\n').join('');
    },
  },
  json: {
    type: 'application/json',
    write: ({ columns, rows }) =>
      JSON.stringify({ columns, rows: rows.map((row) => row.map((value) => (Array.isArray(value) ? value[0] : value))) }),
  },
};
for (const button of document.querySelectorAll('button[data-format]')) {
  const { type, write } = tableFormats[button.dataset.format];
  button.hidden = false;
  button.addEventListener('click', async () => {
    const table = await unpackTable(button.closest('[data-table]').dataset.table);
    save(write(table), type, button.dataset.file);
  });
}`;

import { inflateSync } from 'node:zlib';
import vm from 'node:vm';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chart } from '../../reports/chart.ts';
import { downloads, toCsv, toJson, type DataTable, type Value } from '../../reports/downloads.ts';
import { downloadScript, packTable } from '../../reports/packedTable.ts';

interface InPage {
  unpackTable: (text: string) => Promise<DataTable>;
  tableFormats: Record<'csv' | 'json', { write: (table: DataTable) => string }>;
}

/** The page's script by itself, with what of a browser it needs to unpack and write tables. */
const { unpackTable, tableFormats } = vm.runInNewContext(
  `${downloadScript};({ unpackTable, tableFormats })`,
  { document: { querySelectorAll: () => [] }, atob, Blob, DecompressionStream, Response },
) as InPage;

const values: fc.Arbitrary<Value> = fc.oneof(
  fc.double(),
  fc.constantFrom(NaN, Infinity, -Infinity, -0, 1e300, 5e-324),
  fc.boolean(),
  fc.constant(null),
  fc.string({ unit: fc.constantFrom('a', 'é', '∑', '"', ',', '\r', '\n', '=', '-', '@', '[', '\t', '<') }),
);
const tables: fc.Arbitrary<DataTable> = fc
  .array(fc.string({ minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 5 })
  .chain((columns) =>
    fc.record({
      columns: fc.constant(columns),
      rows: fc.array(fc.array(values, { minLength: columns.length, maxLength: columns.length })),
    }),
  );

describe('packed tables', () => {
  test('the files that the page makes are those that links would have held, byte for byte', async () => {
    await fc.assert(
      fc.asyncProperty(tables, async (table) => {
        const unpacked = await unpackTable(packTable(table));
        expect(tableFormats.csv.write(unpacked)).toBe(toCsv(table));
        expect(tableFormats.json.write(unpacked)).toBe(toJson(table));
      }),
      { numRuns: 200 },
    );
  });

  const field = (rows: number): DataTable => ({
    columns: ['model', 'index', 'value'],
    rows: Array.from({ length: rows }, (_, i) => ['nsf', i, Number(Math.sin(i * i).toPrecision(8))]),
  });

  test('a large table stands once in the page, small beside its two files; a small one in links that need no script', () => {
    const large = downloads({ name: 'field', data: field(20_000) }).text;
    expect(large).not.toContain('href=');
    const [, text] = /data-table="([^"]*)"/.exec(large) ?? [];
    const held = JSON.parse(inflateSync(Buffer.from(text, 'base64')).toString()) as { values: unknown[][] };
    expect(held.values[2]).toEqual(field(20_000).rows.map((row) => row[2]));
    const both = encodeURIComponent(toCsv(field(20_000)) + toJson(field(20_000)));
    expect(large.length).toBeLessThan(both.length / 6);
    const small = downloads({ name: 'field', data: field(20) }).text;
    expect(small).toContain(encodeURIComponent(toCsv(field(20))));
    expect(small).not.toContain('data-table');
  });
});

test('a cloud of points is one path with a dot for each, and few points keep their circles', () => {
  const drawn = (n: number): string =>
    chart({
      title: 'cloud',
      description: 'Points of a cloud.',
      x: { label: 'x', kind: 'linear' },
      y: { label: 'y', kind: 'linear' },
      series: [
        {
          name: 'cloud',
          x: Array.from({ length: n }, (_, i) => Math.cos(i)),
          y: Array.from({ length: n }, (_, i) => Math.sin(i)),
          style: 'points',
          color: 0,
        },
      ],
    }).text;
  const path = /<path class="cloud c0" d="([^"]*)"/.exec(drawn(1000))?.[1] ?? '';
  expect(path.match(/M[\d.]+ [\d.]+h0/g)).toHaveLength(1000);
  expect(drawn(1000)).not.toContain('<circle');
  expect(drawn(20).match(/<circle/g)).toHaveLength(20);
});

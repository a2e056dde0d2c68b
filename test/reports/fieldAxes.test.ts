/** Pictured fields whose job says what their axes are. */
import { expect, test } from 'vitest';
import { renderReport } from '../../reports/report.ts';
import { jobResultSchema, type JobResult } from '../../src/runs/index.ts';
import { syntheticReport } from './fixture.ts';

/** A report of one job with one field of 2 × 3 pixels. */
function withField(axes: JobResult['axes']): string {
  const input = syntheticReport();
  const field = { shape: [1, 2, 3], data: Float64Array.from([0, 1.23456, 2, 3, 4, 0.00055555]) };
  return renderReport({
    ...input,
    jobs: input.jobs.slice(0, 1).map((job) => ({
      ...job,
      result: job.result && { ...job.result, samples: ['density'], ...(axes && { axes }) },
      arrays: { truth: field, prediction: field },
    })),
  });
}

test('a field has the axes and the name that its job gives, and columns and rows without', () => {
  const labelled = withField({
    x: { label: 'first coordinate', extent: [-2.5, 2.5] },
    y: { label: 'second coordinate', extent: [10, 20] },
    quantity: 'probability density',
  });
  for (const text of ['first coordinate', 'second coordinate', 'probability density', '>−2<', '>20<'])
    expect(labelled).toContain(text);
  const plain = withField(undefined);
  expect(plain).toMatch(/>\s*column\s*</);
  expect(plain).not.toContain('probability density');
});

test('the table of a map has the truth once, a column for each model, and four digits', () => {
  const page = withField(undefined);
  const json = /href="data:application\/json;charset=utf-8,([^"]*)"\s*>JSON/g;
  const tables = [...page.matchAll(json)].map(
    ([, text]) => JSON.parse(decodeURIComponent(text)) as { columns: string[]; rows: (string | number)[][] },
  );
  const { columns, rows } = tables.find((table) => table.columns.includes('row')) ?? {
    columns: [],
    rows: [],
  };
  expect(columns.slice(0, 4)).toEqual(['sample', 'row', 'column', 'truth']);
  expect(columns[4]).toMatch(/ seed \d$/);
  expect(columns).toHaveLength(5);
  expect(rows.map(([, row, column]) => [row, column])).toEqual([
    [0, 0],
    [0, 1],
    [0, 2],
    [1, 0],
    [1, 1],
    [1, 2],
  ]);
  for (const column of [3, 4]) expect(rows.map((row) => row[column])).toEqual([0, 1.235, 2, 3, 4, 0.0005556]);
});

test('axes are part of the result on disk', () => {
  const axis = { label: 'x₁', extent: [0, 1] };
  const result = {
    ...syntheticReport().jobs[0].result,
    axes: { x: axis, y: axis, quantity: 'density' },
  };
  expect(jobResultSchema.parse(result).axes).toEqual(result.axes);
  expect(jobResultSchema.safeParse({ ...result, axes: { x: axis } }).success).toBe(false);
});

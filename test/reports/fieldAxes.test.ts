/** Pictured fields whose job says what their axes are. */
import { expect, test } from 'vitest';
import { renderReport } from '../../reports/report.ts';
import { jobResultSchema, type JobResult } from '../../src/runs/index.ts';
import { syntheticReport } from './fixture.ts';

/** A report of jobs with one field of 2 × 3 pixels each: `models` of the same condition, the i-th field i more than the first. */
function withField(axes: JobResult['axes'], models: readonly string[] = ['fno'], apart = 0): string {
  const input = syntheticReport();
  const [job] = input.jobs;
  const fieldOf = (i: number) => ({
    shape: [1, 2, 3],
    data: Float64Array.from([0, 1.23456, 2, 3, 4, 0.00055555], (v) => v + i * apart),
  });
  return renderReport({
    ...input,
    jobs: models.map((model, i) => ({
      ...job,
      config: { ...job.config, model },
      result: job.result && { ...job.result, samples: ['density'], ...(axes && { axes }) },
      arrays: { truth: fieldOf(i), prediction: fieldOf(i) },
    })),
  });
}

/** The table behind the maps of a page. */
function mapTable(page: string): { columns: string[]; rows: (string | number | null)[][] } {
  const json = /href="data:application\/json;charset=utf-8,([^"]*)"\s*>JSON/g;
  const tables = [...page.matchAll(json)].map(
    ([, text]) => JSON.parse(decodeURIComponent(text)) as ReturnType<typeof mapTable>,
  );
  return tables.find(({ columns }) => columns.includes('row')) ?? { columns: [], rows: [] };
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
  const { columns, rows } = mapTable(withField(undefined));
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

test('models of one sample share its truth; those of other samples leave gaps', () => {
  const shared = mapTable(withField(undefined, ['mwt', 'fno']));
  expect(shared.columns.slice(4).map((name) => name.split(' ')[0])).toEqual(['mwt', 'fno']);
  expect(shared.rows).toHaveLength(6);
  expect(shared.rows[1].slice(3)).toEqual([1.235, 1.235, 1.235]);
  const separate = mapTable(withField(undefined, ['mwt', 'fno'], 10));
  expect(separate.rows).toHaveLength(12);
  expect(separate.rows.map((row) => row.slice(3)).filter((_, i) => i % 6 === 2)).toEqual([
    [2, 2, null],
    [12, null, 12],
  ]);
});

test.each([
  [0.5, 'Errors of linear are beyond the scale of errors.', ['fno']],
  // Within four times the largest error of what was trained, it is drawn like the rest.
  [0.03, null, ['fno', 'linear']],
])('a baseline that errs by %f does not flatten the errors of what was trained', (error, said, drawn) => {
  const input = syntheticReport();
  const condition = { resolution: 64 };
  const truth = { shape: [1, 4], data: Float64Array.of(0, 1, 0, -1) };
  const pictured = (['fno', 'linear'] as const).map((model, i) => ({
    ...input.jobs[0],
    config: { ...input.jobs[0].config, model, condition, seed: 0 },
    result: input.jobs[0].result && { ...input.jobs[0].result, samples: ['median'] },
    arrays: { truth, prediction: { ...truth, data: truth.data.map((v) => v + [0.01, error][i]) } },
  }));
  const rows = input.result.rows
    .filter(({ model }) => ['fno', 'linear'].includes(model))
    .map((row) => ({ ...row, condition, baseline: row.model === 'linear' }));
  const page = renderReport({ ...input, jobs: pictured, result: { ...input.result, rows } });
  if (said) expect(page).toContain(said);
  else expect(page).not.toContain('beyond the scale');
  const panel = page.slice(page.indexOf('Prediction minus truth of the median sample'));
  const svg = panel.slice(0, panel.indexOf('</svg>'));
  expect(['fno', 'linear'].filter((name) => svg.includes(`>${name}<`))).toEqual(drawn);
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

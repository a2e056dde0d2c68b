import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { benchmark, configure, findExperiment, type BenchmarkOutcome } from '../../src/experiments/index.ts';
import { loadExperiment } from '../../reports/load.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'sextant-covid-experiment-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const quick = async () => (await findExperiment('covid')).experiment;
const context = { signal: new AbortController().signal, threads: 1, onProgress: () => undefined };

describe('a small run from the command to the result', () => {
  let outcome: BenchmarkOutcome;
  beforeAll(async () => {
    const registered = await findExperiment('covid');
    outcome = await benchmark(registered, {
      preset: 'quick',
      configuration: configure(registered.experiment, 'quick', {
        models: ['neural-ode'],
        splits: ['forward'],
        targets: ['correction'],
        epochs: 2,
      }),
      runsFolder: folder,
      engine: 'onnx',
      parallel: 1,
      threads: 1,
      signal: context.signal,
    });
  }, 120_000);

  test('all jobs finish; every metric has the model and all baselines', () => {
    expect(outcome.outcomes.map(({ state }) => state)).toEqual(Array(4).fill('finished'));
    const rows = outcome.result?.rows ?? [];
    const metrics = [...new Set(rows.map(({ metric }) => metric))];
    expect(metrics).toHaveLength(3);
    for (const metric of metrics) {
      const own = rows.filter((row) => row.metric === metric);
      expect(own.map(({ model }) => model)).toEqual(['neural-ode', 'persistence', 'slope', 'autoregression']);
      expect(own.every(({ mean, published }) => Number.isFinite(mean) && published === null)).toBe(true);
    }
  });

  test('after two epochs the correction is about as good as the line it corrects', () => {
    const of = (model: string): number =>
      outcome.result?.rows.find((row) => row.model === model && row.metric.includes('confirmed'))?.mean ??
      NaN;
    expect(of('slope')).toBeLessThan(of('persistence'));
    expect(of('autoregression')).toBeLessThan(of('slope'));
    expect(of('neural-ode')).toBeLessThan(2 * of('slope'));
  });

  test('the result says that the data are synthetic, what was repaired, and what the intervals cover', () => {
    expect(outcome.result?.data.source).toMatch(/^SYNTHETIC/);
    expect(outcome.result?.data.repair).toBe('cumulative-maximum');
    expect(outcome.result?.notes.join()).toContain('SYNTHETIC DATA');
    for (const { note, metric } of outcome.result?.rows ?? [])
      if (!metric.startsWith('improvement')) expect(note).toMatch(/90 % intervals cover \d/);
  });

  test('two states are pictured, 14 days seen and 7 ahead, with a band', () => {
    const figures = outcome.result?.figures ?? [];
    expect(figures.map(({ title }) => title.split(' (')[0])).toEqual([
      'Confirmed, California',
      'Deaths, California',
      'Confirmed, Massachusetts',
      'Deaths, Massachusetts',
    ]);
    for (const { series } of figures) {
      expect(series.map(({ name }) => name)).toEqual(['actual', 'neural-ode', 'slope', 'autoregression']);
      expect(series.map(({ x }) => x.length)).toEqual([21, 7, 7, 7]);
      expect(series[1].band).toHaveLength(7);
    }
  });

  test('the report can be read', async () => {
    const report = await loadExperiment(outcome.folder);
    expect(report.problems).toEqual([]);
    expect(report.jobs).toHaveLength(4);
  });
});

test('reported counts without a file: one sentence that says what to give', async () => {
  const experiment = await quick();
  const before = process.env['SEXTANT_DATA'];
  delete process.env['SEXTANT_DATA'];
  try {
    await expect(experiment.prepare?.(configure(experiment, 'paper'), context)).rejects.toThrow(
      /^--data: missing/,
    );
  } finally {
    if (before !== undefined) process.env['SEXTANT_DATA'] = before;
  }
});

test('counts of too few days are refused once, before jobs start, naming the file', async () => {
  const experiment = await quick();
  const data = path.join(folder, 'short.csv');
  const days = Array.from({ length: 20 }, (_, i) => new Date(Date.UTC(2020, 3, 12 + i)).toISOString());
  const rows = days.flatMap((day, i) =>
    ['Ohio', 'Texas'].map((state) => `${day.slice(0, 10)},${state},${100 + i},${i},${i},1000000`),
  );
  writeFileSync(data, `date,state,confirmed,recovered,deaths,population\n${rows.join('\n')}\n`);
  await expect(experiment.prepare?.(configure(experiment, 'quick', { data }), context)).rejects.toThrow(
    '--data: short.csv: 20 days are too few for training, validation, calibration and test; expected 168',
  );
});

/** A file of 200 days of two states; confirmed counts and deaths of a day, alike in both. */
function counted(name: string, confirmed: (day: number) => number, deaths: (day: number) => number): string {
  const file = path.join(folder, name);
  const rows = Array.from({ length: 200 }, (_, i) => {
    const day = new Date(Date.UTC(2020, 3, 12 + i)).toISOString().slice(0, 10);
    return ['Ohio', 'Texas'].map((state) => `${day},${state},${confirmed(i)},0,${deaths(i)},1000000`);
  });
  writeFileSync(file, `date,state,confirmed,recovered,deaths,population\n${rows.flat().join('\n')}\n`);
  return file;
}

test('windows whose counts are all zero are refused before jobs start: no error is relative to them', async () => {
  const experiment = await quick();
  const prepare = (data: string, loss: 'field' | 'balanced') =>
    experiment.prepare?.(configure(experiment, 'quick', { data, loss }), context);
  const late = (from: number) => (day: number) => Math.max(0, day - from + 1);
  const begin = counted('late.csv', late(40), late(45));
  await expect(prepare(begin, 'field')).rejects.toThrow(
    '--data: late.csv: all counts of confirmed and deaths are 0 on the 7 days from 2020-04-26, and an error relative to 0 is not defined; write a file that begins with the first count: sextant data covid --from FILE --first-day 2020-05-22 --output FILE',
  );
  // The balanced loss has an error of the deaths alone.
  const alive = counted('alive.csv', late(0), () => 0);
  await expect(prepare(alive, 'balanced')).rejects.toThrow(
    'all counts of deaths are 0 on the 7 days from 2020-04-26, and an error relative to 0 is not defined; there is no deaths count at all, or take --loss field',
  );
  await expect(prepare(alive, 'field')).resolves.toMatchObject({ file: 'alive.csv' });
  // Zeros of a history, and of a part of the days ahead, are nothing to refuse.
  await expect(prepare(counted('soon.csv', late(20), late(20)), 'balanced')).resolves.toBeDefined();
  await expect(prepare(counted('later.csv', late(21), late(20)), 'balanced')).rejects.toThrow('confirmed');
});

test.each([
  [{ simulationSeed: 7, data: 'a.csv' }, '--simulation-seed: got 7, which has no effect on reported counts'],
  [
    { recovered: 'ffill' },
    '--recovered: got ffill, which has no effect without recovered counts; give --task crd',
  ],
])('%j, which would change nothing but the names of the jobs, is refused', async (flags, message) => {
  const { experiment } = await findExperiment('covid');
  expect(() => configure(experiment, 'quick', flags)).toThrow(message);
  expect(() => configure(experiment, 'quick', { simulationSeed: 7 })).not.toThrow();
  expect(() => configure(experiment, 'quick', { task: 'crd', recovered: 'ffill' })).not.toThrow();
});

test('a file given means reported counts', async () => {
  const experiment = await quick();
  expect(configure(experiment, 'quick', { data: 'a.csv' }).source).toBe('reported');
  expect(configure(experiment, 'quick', {}).source).toBe('simulated');
  expect(() => configure(experiment, 'quick', { source: 'simulated', data: 'b/a.csv' })).toThrow(
    '--data: got a.csv, which has no effect beside --source simulated',
  );
});

test('a job refuses data that have changed since it was set up', async () => {
  const experiment = await quick();
  const configuration = configure(experiment, 'quick', { models: ['fc'], baselines: ['slope'] });
  const [job] = experiment.jobs(configuration, { 'SHA-256': 'another' });
  const run = { config: { ...job, experiment: 'covid', preset: 'quick' } };
  await expect(experiment.runJob({ ...context, ...run } as never)).rejects.toThrow('the data have changed');
});

import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { npy } from '../../datasets/npy.ts';
import { writeNpz } from '../../datasets/npz.ts';
import { configure, configureOnData } from '../../src/experiments/configuration.ts';
import { findExperiment } from '../../src/experiments/registry.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'sextant-kdv-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('what a result says of data from a file names the file, not where it lies', async () => {
  const { experiment } = await findExperiment('kdv');
  const file = path.join(folder, 'my.npz');
  const samples = npy(
    Float32Array.from({ length: 10 * 64 }, (_, i) => 1 + Math.sin(i)),
    [10, 64],
  );
  await writeNpz(file, { input: samples, output: samples });
  const configuration = configure(experiment, 'quick', { data: file });
  const context = { signal: new AbortController().signal, threads: 1, onProgress: () => undefined };
  const facts = (await experiment.prepare?.(configuration, context)) ?? {};
  expect(facts.file).toBe('my.npz');
  expect(JSON.stringify(facts)).not.toContain(folder);
  for (const { condition } of experiment.jobs(configuration, facts)) {
    expect(condition).toEqual({ resolution: 64, data: 'my.npz' });
  }
});

test.each([
  [{ train: 10 }, '--train: got 10, which has no effect beside --data'],
  [{ validation: 10 }, '--validation'],
  [{ test: 10 }, '--test'],
  [{ fine: 2048 }, '--fine'],
  [{ dataSeed: 1 }, '--data-seed'],
  [{ recipe: 'nonlinear' }, "--recipe: got 'nonlinear'"],
  [{ labels: 'converged' }, '--labels'],
  [{ dispersion: 0.5 }, '--dispersion'],
])('%j is refused beside --data, which it has no effect on', async (flags, message) => {
  for (const name of ['kdv', 'kdv-resolution']) {
    const { experiment } = await findExperiment(name);
    expect(() => configure(experiment, 'quick', { ...flags, data: 'my.npz' })).toThrow(message);
    expect(() => configure(experiment, 'quick', flags)).not.toThrow();
  }
});

test('values of the presets are not refused beside --data, given or not', async () => {
  const { experiment } = await findExperiment('kdv');
  for (const preset of ['quick', 'paper']) {
    const { train, recipe, epochs } = configure(experiment, preset, { data: 'my.npz', epochs: 3 });
    expect(epochs).toBe(3);
    expect(() => configure(experiment, preset, { data: 'my.npz', train, recipe })).not.toThrow();
  }
});

test("the grid of one's own pairs is that of the file where none is given, and one that does not fit is named", async () => {
  const { experiment } = await findExperiment('kdv');
  const write = async (name: string, points: number): Promise<string> => {
    const file = path.join(folder, name);
    const fields = npy(
      Float32Array.from({ length: 10 * points }, (_, i) => 1 + Math.sin(i)),
      [10, points],
    );
    await writeNpz(file, { input: fields, output: fields });
    return file;
  };
  const data = await write('mine.npz', 32);
  const chosen = async (preset: string, flags: Record<string, unknown>): Promise<unknown> =>
    (await configureOnData(experiment, preset, { models: ['fno'], data, ...flags })).resolutions;
  expect(await chosen('quick', {})).toEqual([32]);
  expect(await chosen('paper', {})).toEqual([32]);
  expect(await chosen('quick', { resolutions: [16] })).toEqual([16]);
  const context = { signal: new AbortController().signal, threads: 1, onProgress: () => undefined };
  const wrong = configure(experiment, 'quick', { data, resolutions: [64] });
  await expect(experiment.prepare?.(wrong, context)).rejects.toThrow(
    '--resolutions: got 64, and mine.npz has 32 points; give --resolutions 32 or 16',
  );
  await expect(chosen('quick', { data: await write('short.npz', 8) })).rejects.toThrow(
    '--data: short.npz has 8 points, expected at least 16',
  );
  await expect(
    chosen('quick', { data: await write('odd.npz', 30), models: ['fno', 'pade'] }),
  ).rejects.toThrow(
    /^pade cannot be trained at 30 points \(.* needs a power of two; .*\); --models fno can$/,
  );
  await expect(
    chosen('quick', { data: await write('odd.npz', 30), models: ['mwt', 'pade'] }),
  ).rejects.toThrow(/^mwt, pade cannot be .*; --models fno,lno,gno,lno-small,gno-small can$/);
});

test('a table on a closed grid says so in its notes', async () => {
  const { experiment } = await findExperiment('kdv');
  const file = path.join(folder, 'closed.npz');
  const fields = npy(
    Float32Array.from({ length: 10 * 32 }, (_, i) =>
      Math.sin(Math.floor(i / 32) + (2 * Math.PI * (i % 32)) / 31),
    ),
    [10, 32],
  );
  await writeNpz(file, { input: fields, output: fields });
  const configuration = configure(experiment, 'quick', { data: file, resolutions: [16, 32] });
  const context = { signal: new AbortController().signal, threads: 1, onProgress: () => undefined };
  const facts = await experiment.prepare?.(configuration, context);
  const { notes } = experiment.summarize([], configuration, facts);
  expect(notes[0]).toMatch(/^The grid looks closed: the first and the last point agree in all samples\. /);
});

test('where weights are averaged, those of the last step have a table of their own, published values included', async () => {
  const { experiment } = await findExperiment('kdv');
  const configuration = configure(experiment, 'paper', { resolutions: [64], models: ['pade'] });
  const lastStep = 'mean relative L2 error, test split, weights of the last step';
  const finished = [0.003, 0.005].map((value, seed) => ({
    config: { model: 'pade', condition: { resolution: 64, labels: 'released' }, seed, options: {} },
    metric: 'error',
    value,
    best: null,
    parameters: 1,
    seconds: 1,
    extra: { [lastStep]: value + 0.001, 'standard error over the test samples': 0.0001 + seed * 0.0002 },
  }));
  const { rows, checks } = experiment.summarize(finished as never, configuration);
  const numbers = rows.flatMap(({ model, metric, mean, published }) =>
    model === 'pade' ? [[metric, mean?.toFixed(4), published]] : [],
  );
  expect(numbers).toEqual([
    ['error', '0.0040', 0.00301],
    [lastStep, '0.0050', 0.00301],
  ]);
  // A baseline takes no steps: it stands in both tables.
  const linear = { config: { ...finished[0].config, model: 'linear', seed: 0 }, value: 0.002, extra: {} };
  const beside = experiment.summarize([...finished, { ...finished[0], ...linear }] as never, configuration);
  expect(
    beside.rows.flatMap(({ model, metric, mean }) => (model === 'linear' ? [[metric, mean]] : [])),
  ).toEqual([
    ['error', 0.002],
    [lastStep, 0.002],
  ]);
  expect(rows[0].note).toMatch(/; ± 0\.00020 by the draw of the test samples$/);
  // What is checked is what is measured, the average; beside published values stands what they are of.
  expect(checks.map(({ name, value, holds }) => [name, value?.toFixed(4), holds])).toEqual([
    ['pade: test error at s = 64', '0.0040', true],
    ['pade: aim of all resolutions at s = 64', '0.0040', false],
    ['pade: near the published value at s = 64', '0.0050', false],
  ]);
  expect(checks[2].limit).toBe('≤ 0.003913 (1.3 × 0.00301, weights of the last step, as published)');
});

test('a published model that was not trained is quoted, one that was is ours', async () => {
  const { experiment } = await findExperiment('kdv');
  const configuration = configure(experiment, 'paper', { resolutions: [64], models: ['gno-small', 'gno'] });
  const finished = (['gno', 'identity'] as const).map((model) => ({
    config: { model, condition: { resolution: 64, labels: 'released' }, seed: 0, options: {} },
    metric: 'error',
    value: 0.2,
    best: null,
    parameters: 1,
    seconds: 1,
    extra: {},
  }));
  const { rows } = experiment.summarize(finished as never, configuration);
  const row = (name: string) => rows.filter(({ model }) => model === name);
  expect(row('gno')).toMatchObject([{ mean: 0.2, published: 0.13826 }]);
  expect(row('lno')).toMatchObject([{ mean: null, published: 0.04234 }]);
});

describe('checks of a training as published', () => {
  async function checksOf(values: Record<string, number>, overrides: Record<string, unknown> = {}) {
    const { experiment } = await findExperiment('kdv-resolution');
    const configuration = configure(experiment, 'paper', { resolutions: [64, 256], ...overrides });
    const finished = Object.entries(values).flatMap(([model, value]) =>
      [64, 256].map((resolution) => ({
        config: { model, condition: { resolution, labels: 'released' }, seed: 0, options: {} },
        metric: 'error',
        value,
        best: null,
        parameters: 1,
        seconds: 1,
        extra: {},
      })),
    );
    return experiment
      .summarize(finished as never, configuration)
      .checks.map(({ name, limit, holds }) => `${name}: ${limit} ${holds}`);
  }

  test('the aim and the published value at every resolution, the limit of 64 points there', async () => {
    expect(await checksOf({ pade: 0.0036 })).toEqual([
      'pade: test error at s = 64: ≤ 0.0042 true',
      'pade: aim of all resolutions at s = 64: ≤ 0.0035 false',
      'pade: near the published value at s = 64: ≤ 0.003913 (1.3 × 0.00301) true',
      'pade: aim of all resolutions at s = 256: ≤ 0.0035 false',
      'pade: near the published value at s = 256: ≤ 0.004043 (1.3 × 0.00311) true',
    ]);
  });

  test('an aim that the limit of 64 points implies is not checked twice', async () => {
    expect(await checksOf({ mwt: 0.0041 })).toEqual([
      'mwt: test error at s = 64: ≤ 0.004 false',
      'mwt: near the published value at s = 64: ≤ 0.004836 (1.3 × 0.00372) true',
      'mwt: aim of all resolutions at s = 256: ≤ 0.0042 true',
      'mwt: near the published value at s = 256: ≤ 0.005083 (1.3 × 0.00391) true',
    ]);
  });

  test('models without an aim have their published value, variants and shorter trainings nothing', async () => {
    expect(await checksOf({ lno: 0.06, 'lno-small': 0.06 })).toEqual([
      'lno: near the published value at s = 64: ≤ 0.05504 (1.3 × 0.04234) false',
      'lno: near the published value at s = 256: ≤ 0.05594 (1.3 × 0.04303) false',
    ]);
    expect(await checksOf({ pade: 0.0036 }, { epochs: 499 })).toEqual([]);
    expect(await checksOf({ pade: 0.0036 }, { train: 999 })).toEqual([]);
  });
});

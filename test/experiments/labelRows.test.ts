import { expect, test } from 'vitest';
import { configure } from '../../src/experiments/configuration.ts';
import { labelErrorFacts } from '../../src/experiments/labelRows.ts';
import { findExperiment } from '../../src/experiments/registry.ts';
import type { Experiment } from '../../src/experiments/experiment.ts';
import type { JobResult } from '../../src/runs/index.ts';

const STEP = 0.001458;
const DOUBLING = 3.1e-6;

const hashes = Object.fromEntries(
  ['s = 64', 's = 128', 'kdv', 'ks', 's = 64, L = 64, T = 1'].map((label) => [`SHA-256 at ${label}`, 'hash']),
);

/** The jobs of baselines, finished, as an earlier commit left them: nothing in them tells of the labels. */
const finishedOf = (experiment: Experiment, config: Record<string, unknown>): JobResult[] =>
  experiment
    .jobs(config, hashes)
    .filter(({ model }) => model === 'identity')
    .map((job) => ({
      config: { experiment: experiment.name, preset: 'quick', ...job },
      metric: 'mean relative L2 error, test split',
      value: 0.2,
      best: null,
      parameters: 0,
      seconds: 1,
      inferenceMilliseconds: null,
      samples: [],
      extra: {},
    }));

async function labelled(name: string, overrides: Record<string, unknown>, facts: Record<string, number>) {
  const { experiment } = await findExperiment(name);
  const config = configure(experiment, 'quick', overrides);
  const { rows, notes, figures = [] } = experiment.summarize(finishedOf(experiment, config), config, facts);
  const labels = rows.filter(({ model }) => model === 'labels');
  return { labels, notes, rows, figures };
}

test('facts of labels: one number where all data agree, else each by its label', () => {
  const facts = (...entries: [string, number | null][]) => labelErrorFacts(new Map(entries));
  expect(facts(['s = 64', STEP], ['s = 128', STEP])).toEqual({ labelErrorEstimate: STEP });
  expect(facts(['kdv', STEP], ['ks', DOUBLING])).toEqual({
    'labelErrorEstimate at kdv': STEP,
    'labelErrorEstimate at ks': DOUBLING,
  });
  expect(facts(['s = 64', null])).toEqual({ labelErrorEstimate: null });
});

test('kdv: a row of released labels at every resolution, which is no floor, and the measured number in the note', async () => {
  const { labels, notes, rows } = await labelled(
    'kdv',
    { resolutions: [64, 128], models: ['fno'] },
    { labelErrorEstimate: STEP },
  );
  expect(labels.map(({ condition, mean, baseline }) => [condition.resolution, mean, baseline])).toEqual([
    [64, STEP, true],
    [128, STEP, true],
  ]);
  expect(labels.every(({ limit, reference }) => reference && !limit)).toBe(true);
  // One table with the baselines: reports put rows of other metrics elsewhere.
  const identity = rows.filter(({ model }) => model === 'identity');
  expect(labels.map(({ metric }) => metric)).toEqual(identity.map(({ metric }) => metric));
  expect(notes.join(' ')).toContain('errs by 0.00146 relative L2');
});

test('converged labels are a limit, and nothing is said of a step', async () => {
  const { labels, notes } = await labelled(
    'kdv',
    { labels: 'converged', models: ['fno'] },
    { labelErrorEstimate: 2e-6 },
  );
  expect(labels).toMatchObject([{ mean: 2e-6, baseline: true, limit: true }]);
  expect(notes.join(' ')).not.toContain('released');
});

test('where the data do not say, there is no row and no number', async () => {
  // Joined facts of two data sets, as earlier results hold them, belong to neither.
  const facts = { labelErrorEstimate: '0.001458, 0.0000031' } as never;
  const { labels, notes } = await labelled('data-efficiency', { models: ['fno'] }, facts);
  expect(labels).toEqual([]);
  expect(notes.join(' ')).toContain('Labels “released” of KdV are one ETDRK4 step of length 1');
  expect(notes.join(' ')).not.toContain('errs by');
});

test('a file that states an error gets a note, not a row', async () => {
  const { experiment } = await findExperiment('kdv');
  const config = configure(experiment, 'quick', { data: '/somewhere/mine.npz', models: ['fno'] });
  const facts = { labelErrorEstimate: 0.01 };
  const { rows, notes } = experiment.summarize(finishedOf(experiment, config), config, facts);
  expect(rows.map(({ model }) => model)).toEqual(['identity']);
  expect(notes.join(' ')).toContain('its outputs are in error by 0.0100 relative L2');
});

test.each([
  ['data-efficiency', { models: ['fno'] }, { kdv: 2, ks: 2 }],
  ['operator-uncertainty', { models: ['fno'], baselines: ['identity'] }, { kdv: 1, ks: 1 }],
] as const)('%s: KdV has released labels, KS converged ones', async (name, overrides, counts) => {
  const facts = { 'labelErrorEstimate at kdv': STEP, 'labelErrorEstimate at ks': DOUBLING };
  const { labels, notes, figures } = await labelled(name, overrides, facts);
  const of = (problem: string) => labels.filter(({ condition }) => condition.problem === problem);
  expect([of('kdv').length, of('ks').length]).toEqual([counts.kdv, counts.ks]);
  for (const row of of('kdv'))
    expect([row.mean, row.limit ?? false, row.reference]).toEqual([STEP, false, true]);
  for (const row of of('ks')) expect([row.mean, row.limit ?? false]).toEqual([DOUBLING, true]);
  expect(notes[0]).toContain('errs by 0.00146');
  // A line six decades below all others would flatten them.
  expect(figures.flatMap(({ series }) => series.map(({ name }) => name))).not.toContain('labels');
});

test.each([
  ['ks', {}, true],
  ['pade-degrees', {}, false],
  ['pade-degrees', { recipe: 'nonlinear' }, true],
] as const)('%s %j', async (name, overrides, limit) => {
  const { labels } = await labelled(name, overrides, { labelErrorEstimate: 0.001 });
  expect(labels.map((row) => row.limit ?? false)).toEqual([limit]);
});

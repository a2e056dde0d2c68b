import { expect, test } from 'vitest';
import { configure, identityOf } from '../../src/experiments/configuration.ts';
import { linearPropagator } from '../../src/experiments/operatorBenchmark.ts';
import { findExperiment } from '../../src/experiments/registry.ts';
import { trainingOf } from '../../src/experiments/trainingSettings.ts';
import { getOperator } from '../../src/operators/index.ts';
import type { JobResult } from '../../src/runs/index.ts';
import { runName } from '../../src/runs/run.ts';

const facts = Object.fromEntries([64, 128, 256, 512, 1024].map((s) => [`SHA-256 at s = ${s}`, `hash${s}`]));

async function jobNames(name: string, overrides: Record<string, unknown> = {}): Promise<string[]> {
  const { experiment } = await findExperiment(name);
  const config = configure(experiment, 'paper', overrides);
  const filedUnder = experiment.jobsOf ?? name;
  return experiment
    .jobs(config, facts)
    .map((job) => runName({ experiment: filedUnder, preset: 'paper', ...job }));
}

test('jobs of kdv keep their names: results of record and half-finished trainings hang on them', async () => {
  const names = await jobNames('kdv', { models: ['pade', 'mwt', 'fno'], resolutions: [64], seeds: [0, 1] });
  expect(names).toEqual([
    'linear-resolution64-released-seed0-8cb8a713',
    'multiplier-resolution64-released-seed0-bc7b7659',
    'identity-resolution64-released-seed0-5a097574',
    'pade-resolution64-released-seed0-02abad41',
    'mwt-resolution64-released-seed0-53b1c17c',
    'fno-resolution64-released-seed0-b18465a9',
    'pade-resolution64-released-seed1-97ca1247',
    'mwt-resolution64-released-seed1-c3cde8c6',
    'fno-resolution64-released-seed1-bca211dc',
  ]);
});

test('kdv-resolution shows the jobs of kdv: pade and mwt with three seeds, the others with one', async () => {
  const names = await jobNames('kdv-resolution', { models: ['pade', 'mwt', 'fno'] });
  const all = await jobNames('kdv', { seeds: [0, 1, 2] });
  for (const name of names) expect(all).toContain(name);
  const count = (start: string): number => names.filter((name) => name.startsWith(start)).length;
  expect([count('pade-'), count('mwt-'), count('fno-'), count('linear-')]).toEqual([15, 15, 5, 5]);
  const [kdv, table] = await Promise.all(['kdv', 'kdv-resolution'].map(findExperiment));
  const identities = [kdv, table].map(({ experiment }) =>
    identityOf(experiment, configure(experiment, 'paper')),
  );
  expect(identities[0]).toEqual(identities[1]);
});

test('published values stand beside every condition that a model was not trained under', async () => {
  const { experiment } = await findExperiment('kdv-resolution');
  const config = configure(experiment, 'paper', { models: ['pade', 'fno'], resolutions: [64, 128] });
  const finished = experiment
    .jobs(config, facts)
    .filter(
      ({ model, condition: { resolution }, seed }) => seed === 0 && (model !== 'pade' || resolution === 64),
    )
    .map((job): JobResult => ({
      config: { experiment: 'kdv', preset: 'paper', ...job },
      metric: 'error',
      value: 0.004,
      best: null,
      parameters: 1,
      seconds: 1,
      inferenceMilliseconds: null,
      samples: [],
      extra: {},
    }));
  const { rows } = experiment.summarize(finished, config);
  const shown = (model: string): unknown[] =>
    rows.flatMap((row) => (row.model === model ? [[row.condition.resolution, row.mean, row.published]] : []));
  expect(shown('pade')).toEqual([
    [64, 0.004, 0.00301],
    [128, null, 0.00308],
  ]);
  expect(shown('fno').flatMap((row) => row)).not.toContain(null);
  expect(shown('mwt')).toEqual([
    [64, null, 0.00372],
    [128, null, 0.00369],
  ]);
});

test('a model keeps its published settings in place of defaults, not in place of what was asked for', () => {
  const own = {
    ...getOperator('fno'),
    publishedTraining: {
      learningRate: 1e-4,
      weightDecay: 0,
      batchSize: 1,
      epochs: 200,
      schedule: { every: 50, gamma: 0.8 },
    },
  };
  const asked = {
    epochs: 500,
    batchSize: 20,
    learningRate: 1e-3,
    weightDecay: 1e-4,
    halveEvery: 100,
  } as const;
  const shared = { ...asked, reduction: 'sum' } as const;
  expect(trainingOf(own, asked)).toEqual({
    epochs: 200,
    batchSize: 1,
    learningRate: 1e-4,
    weightDecay: 0,
    halveEvery: 50,
    gamma: 0.8,
    reduction: 'sum',
  });
  expect(trainingOf(own, { ...asked, epochs: 30, halveEvery: 10 })).toEqual({
    epochs: 30,
    batchSize: 1,
    learningRate: 1e-4,
    weightDecay: 0,
    halveEvery: 10,
    reduction: 'sum',
  });
  expect(trainingOf(own, { ...asked, settings: 'shared' })).toEqual(shared);
  expect(trainingOf(getOperator('fno'), asked)).toEqual(shared);
});

test('the propagator of KdV moves mode k by the phase δ (2πk/L)³ T', () => {
  const [dispersion, length, time] = [0.3, 2, 0.7];
  const propagator = linearPropagator('kdv', { dispersion }, { length, time });
  for (const k of [0, 1, 5, 20]) {
    const phase = dispersion * ((2 * Math.PI * k) / length) ** 3 * time;
    const [re, im] = propagator(k);
    expect(re).toBeCloseTo(Math.cos(phase), 9);
    expect(im).toBeCloseTo(Math.sin(phase), 9);
  }
});

test('data efficiency: five subsets below the pool, the pool once; only a fitted baseline feels the subset', async () => {
  const { experiment } = await findExperiment('data-efficiency');
  const config = configure(experiment, 'paper', { models: ['fno'], problems: ['ks'], samples: [400, 1000] });
  const seeds = (model: string, samples: number): number[] =>
    experiment
      .jobs(config, { 'SHA-256 at ks': 'hash' })
      .filter((job) => job.model === model && job.condition.samples === samples)
      .map(({ seed }) => seed);
  expect(seeds('fno', 400)).toEqual([0, 1, 2, 3, 4]);
  expect(seeds('fno', 1000)).toEqual([0]);
  expect(seeds('multiplier', 400)).toEqual([0, 1, 2, 3, 4]);
  expect(seeds('linear', 400)).toEqual([0]);
  expect(() => configure(experiment, 'quick', { samples: [101] })).toThrow(
    'at most the 100 samples of the pool',
  );
});

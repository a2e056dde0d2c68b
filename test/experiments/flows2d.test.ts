import { expect, test } from 'vitest';
import { getPlaneSet } from '../../datasets/toy2d.ts';
import experiment from '../../src/experiments/definitions/flows2d.ts';
import { configure } from '../../src/experiments/configuration.ts';
import type { JobResult } from '../../src/runs/index.ts';
import { finishedJob } from './fixtures/finished.ts';

const EXCESS = 'nats above the true density';

/** A finished job of a set, with the samples that it drew. */
const finished = (model: string, value: number, x: number[], y: number[], set = 'moons'): JobResult =>
  finishedJob({
    experiment: 'flows-2d',
    model,
    condition: { set },
    options: { samples: 5000 },
    metric: 'negative log-likelihood, nats a sample, test split, best checkpoint on validation',
    value,
    extra: { [EXCESS]: value - 1, [`standard error of ${EXCESS}`]: 0.002 },
    curves: { x, y },
  });

const { rows, figures = [] } = experiment.summarize(
  [finished('real-nvp', 1.1, [0, 1, 50], [0, 0.5, 0]), finished('nsf', 1.02, [0, 1], [0, 0.5])],
  configure(experiment, 'quick', {}),
);

test('the entropy stands beside the likelihoods as their floor, below the best Gaussian', () => {
  const [, , gaussian, floor] = rows;
  expect(rows.slice(0, 4).map(({ model }) => model)).toEqual(['real-nvp', 'nsf', 'best Gaussian', 'entropy']);
  expect(new Set(rows.slice(0, 4).map(({ metric }) => metric)).size).toBe(1);
  expect(floor).toMatchObject({ baseline: true, limit: true, mean: getPlaneSet('moons').entropy() });
  expect(gaussian.limit).toBeUndefined();
  // ½ log det(2πe Σ) of two moons with noise 0.1: variances 0.76 and 0.25, covariance −0.19.
  expect(gaussian.mean).toBeCloseTo(
    0.5 * Math.log((2 * Math.PI * Math.E) ** 2 * (0.76 * 0.25 - 0.19 ** 2)),
    1,
  );
  // Above the truth on the same samples it is what it is above the entropy, but for the chance of 10,000 samples.
  const excess = rows.at(-1);
  expect(excess?.model).toBe('best Gaussian');
  expect(Math.abs((excess?.mean ?? 0) - ((gaussian.mean ?? 0) - (floor.mean ?? 0)))).toBeLessThan(0.03);
});

test('samples stand in a panel each, without those beyond the picture, which are counted', () => {
  const [{ series }] = figures;
  expect(series.map(({ panel }) => panel?.replace(/\d+ outside/, 'n outside'))).toEqual([
    expect.stringMatching(/^truth/),
    'real-nvp (n outside)',
    'nsf',
  ]);
  expect(series[1]).toMatchObject({
    name: 'real-nvp',
    panel: 'real-nvp (1 outside)',
    x: [0, 1],
    y: [0, 0.5],
  });
  expect(series[0].x.length).toBeGreaterThan(950);
});

test('a model with a latent grid has a panel of it, others have none', () => {
  const mapped = finished('nsf', 1.02, [0], [0]);
  const grid = { 'latent grid x': [1, 2], 'latent grid y': [3, 4] };
  const drawn = experiment.summarize(
    [finished('vq-maf', 1.1, [0], [0]), { ...mapped, curves: { ...mapped.curves, ...grid } }],
    configure(experiment, 'quick', {}),
  );
  expect(figures.map(({ id }) => id)).toEqual(['samples-moons']);
  expect(drawn.figures?.map(({ id }) => id)).toEqual(['samples-moons', 'latent-grid-moons']);
  expect(drawn.figures?.[1].series).toEqual([
    { name: 'nsf', panel: 'nsf', x: [1, 2], y: [3, 4], style: 'line' },
  ]);
});

test('a job says in how many steps it was measured: a continuous flow that was measured in others is another job', () => {
  const jobs = experiment.jobs(
    configure(experiment, 'quick', { models: ['cnf', 'nsf'], sets: ['moons'] }),
    {},
  );
  const settings = jobs.map(({ options }) => options['settings'] as Record<string, unknown>);
  expect(settings.map((own) => own['refinement'])).toEqual([4, undefined]);
  const [finer] = experiment.jobs(
    configure(experiment, 'quick', { models: ['cnf'], sets: ['moons'], refinement: 8 }),
    {},
  );
  expect(finer.options['settings']).toMatchObject({ refinement: 8 });
});

test('A8: the best model must come to 0.05 nat of two moons and to 0.02 of blobs', () => {
  const { checks } = experiment.summarize(
    [finished('nsf', 1.03, [0], [0]), finished('nsf', 1.03, [0], [0], 'blobs')],
    configure(experiment, 'quick', {}),
  );
  const nearness = checks.filter(({ name }) => name.includes('best model'));
  expect(nearness.map(({ limit, holds }) => [limit, holds])).toEqual([
    ['≤ 0.05', true],
    ['≤ 0.02', false],
  ]);
});

import { describe, expect, test } from 'vitest';
import { configure } from '../../src/experiments/configuration.ts';
import { findExperiment } from '../../src/experiments/registry.ts';
import {
  bestGaussian,
  energyDistance,
  median,
  standardError,
  trimmedMean,
} from '../../src/experiments/pointStatistics.ts';
import type { JobResult } from '../../src/runs/index.ts';
import { array } from '../../src/tensor/index.ts';
import { key, normal } from '../../src/tensor/random.ts';
import { finishedJob } from './fixtures/finished.ts';

const { experiment } = await findExperiment('vq-flows');

describe('statistics of points', () => {
  test('trimmed mean, median and standard error', () => {
    const values = Array.from({ length: 100 }, (_, i) => (i === 50 ? -1e6 : i % 2));
    expect(trimmedMean(values, 0.01)).toBeCloseTo(50 / 99, 12);
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(standardError([1, 2, 3, 4])).toBeCloseTo(Math.sqrt(5 / 3 / 4), 12);
  });

  test('the energy distance of two points, of shifted normals, and of one distribution', () => {
    expect(energyDistance(array([0, 0, 4, 0], [2, 2]), array([0, 3, 4, 3], [2, 2]))).toBeCloseTo(
      2 * ((3 + 5 + 5 + 3) / 4) - 4 - 4,
      12,
    );
    const n = 1500;
    const cloud = (seed: number, shift: number) =>
      array(
        normal(key(seed), n).map((z) => z + shift),
        [n, 1],
      );
    // E|X − Y| of N(0, 1) and N(a, 1) is √2 E|Z + a/√2|.
    const a = 1;
    const s = a / Math.SQRT2;
    const phi = Math.exp((-s * s) / 2) / Math.sqrt(2 * Math.PI);
    // Φ(1/√2)
    const cumulative = 0.7602499389065233;
    const expected =
      2 * Math.SQRT2 * (2 * phi + s * (2 * cumulative - 1)) - 2 * Math.SQRT2 * Math.sqrt(2 / Math.PI);
    expect(Math.abs(energyDistance(cloud(1, 0), cloud(2, a)) - expected)).toBeLessThan(0.07);
    expect(Math.abs(energyDistance(cloud(1, 0), cloud(3, 0)))).toBeLessThan(0.01);
  });

  test('the best Gaussian has the likelihood of its entropy, and samples with its covariance', () => {
    const n = 20_000;
    const z = normal(key(4), 2 * n);
    const points = array(
      z.map((v, i) => (i % 2 === 0 ? 3 + 2 * v : v + z[i - 1])),
      [n, 2],
    );
    const gaussian = bestGaussian(points);
    const likelihood = gaussian.logDensity(points).reduce((a, b) => a + b, 0) / n;
    // Covariance [4 2; 2 2]: determinant 4.
    expect(likelihood).toBeCloseTo(-(Math.log(2 * Math.PI) + 1 + 0.5 * Math.log(4)), 1);
    const { data } = gaussian.sample(key(5), n);
    let cross = 0;
    for (let i = 0; i < n; i++) cross += (data[2 * i] - 3) * data[2 * i + 1];
    expect(Math.abs(cross / n - 2)).toBeLessThan(0.15);
  });
});

/** A finished job with numbers as a good training leaves them. */
function finished(model: string, set: string, value: number, extra: Record<string, number> = {}): JobResult {
  const charted = model.startsWith('vq-');
  return finishedJob({
    experiment: 'vq-flows',
    model,
    condition: { set },
    metric: 'mean log-likelihood of test points (higher is better), nats',
    value,
    extra: {
      'sample log density': charted ? -2 : -50,
      'trimmed sample log density': charted ? -0.3 : -40,
      'median sample log density': 0,
      'energy distance': 0.1,
      oracle: -0.12,
      'standard error of the gap': 0.01,
      'gaussian log-likelihood': -5.2,
      'gaussian sample log density': -400,
      'gaussian trimmed sample log density': -300,
      'gaussian energy distance': 0.2,
      ...(charted && {
        leak: 0.01,
        'chart log-likelihood': value - 0.02,
        'largest chart above mixture': 0,
        'fewest charts': 1,
        'sum of weights': 1,
      }),
      ...extra,
    },
  });
}

const summary = (jobs: readonly JobResult[]) =>
  experiment.summarize(jobs, configure(experiment, 'quick', {}));

test('published numbers stand beside the samples of their set and nowhere else', () => {
  const { rows, checks } = summary([
    finished('real-nvp', 'helix', -1.2),
    finished('vq-realnvp', 'helix', -0.2),
  ]);
  const published = rows.filter((row) => row.published !== null);
  expect(published.map(({ model, published: value }) => [model, value])).toEqual([
    ['real-nvp', -57.46],
    ['vq-realnvp', -3.85],
  ]);
  expect(published.every(({ metric }) => metric.startsWith('log density of samples'))).toBe(true);
  expect(checks.filter(({ holds }) => !holds)).toEqual([]);
  expect(rows.find(({ model }) => model === 'best Gaussian')).toMatchObject({ mean: -5.2, baseline: true });
  expect(rows.filter(({ limit }) => limit)).toMatchObject([
    { model: 'true density', metric: rows[0].metric, mean: -0.12 },
  ]);
});

test.each([
  ['a gain of 0.4 nat on the helix is too small', [-0.6, -0.2], {}, /gain of vq-realnvp/],
  ['a model above the truth by more than chance', [-1.2, -0.05], {}, /gap of vq-realnvp to the truth in its/],
  ['a gap of 0.4 nat', [-1.2, -0.52], {}, /gap of vq-realnvp to the truth, nats/],
  ['a leak of 6 %', [-1.2, -0.2], { leak: 0.06 }, /leak/],
  [
    'a chart density above the mixture',
    [-1.2, -0.2],
    { 'largest chart above mixture': 0.1 },
    /above its mixture/,
  ],
  ['samples far from the helix', [-1.2, -0.2], { 'sample log density': -7 }, /helix: log density of samples/],
])('%s fails its check alone', (_, [plain, charted], extra, name) => {
  const { checks } = summary([
    finished('real-nvp', 'helix', plain),
    finished('vq-realnvp', 'helix', charted, extra),
  ]);
  const failed = checks.filter(({ holds }) => !holds);
  expect(failed).toHaveLength(1);
  expect(failed[0].name).toMatch(name);
});

test('a gain that no model could reach fails its check, and a note says what there was to gain', () => {
  const { checks, notes } = summary([
    finished('real-nvp', 'disjoint-circles', -0.45),
    finished('vq-realnvp', 'disjoint-circles', -0.15),
  ]);
  expect(checks.filter(({ holds }) => !holds).map(({ name }) => name)).toEqual([
    'disjoint-circles: gain of vq-realnvp over real-nvp, nats',
  ]);
  expect(notes.at(-1)).toMatch(
    /^A gain of 0.5 nat over real-nvp on disjoint-circles .* real-nvp is 0.330 nat from/,
  );
  const reachable = summary([finished('real-nvp', 'helix', -0.75), finished('vq-realnvp', 'helix', -0.4)]);
  expect(reachable.notes.join()).not.toContain('out of reach');
});

test('more charts asked of a point than there are is refused', () => {
  expect(() => configure(experiment, 'quick', { nearest: 33 })).toThrow('--nearest: got 33');
});

import fc from 'fast-check';
import { Matrix } from 'ml-matrix';
import { describe, expect, test } from 'vitest';
import { glyphs } from '../../datasets/glyphs.ts';
import { configure } from '../../src/experiments/configuration.ts';
import { featureDistance, frechetDistance } from '../../src/experiments/frechetDistance.ts';
import { imageGaussian, pixelHistograms, principalError } from '../../src/experiments/imageBaselines.ts';
import { levelsOf, loadImages, numbersOf } from '../../src/experiments/imageData.ts';
import { ACCURACY, AREA_LIKELIHOOD, BITS, FRECHET, LOST } from '../../src/experiments/imageTask.ts';
import { findExperiment } from '../../src/experiments/registry.ts';
import type { JobResult } from '../../src/runs/index.ts';
import { array } from '../../src/tensor/index.ts';
import { key, normal } from '../../src/tensor/random.ts';
import { finishedJob } from './fixtures/finished.ts';

const { experiment } = await findExperiment('flow-mnist');

describe('Fréchet distance', () => {
  const d = 4;
  const vector = fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: d, maxLength: d });
  const positive = fc.array(fc.double({ min: 0.01, max: 4, noNaN: true }), { minLength: d, maxLength: d });
  /** A turn of R⁴, so that covariances are not diagonal. */
  const turn = (() => {
    const q = Matrix.eye(d);
    for (const [i, j, angle] of [
      [0, 1, 0.4],
      [1, 2, 1.1],
      [2, 3, -0.7],
      [0, 3, 0.9],
    ]) {
      const g = Matrix.eye(d);
      g.set(i, i, Math.cos(angle));
      g.set(j, j, Math.cos(angle));
      g.set(i, j, -Math.sin(angle));
      g.set(j, i, Math.sin(angle));
      q.mmul(g)
        .to2DArray()
        .forEach((row, r) => q.setRow(r, row));
    }
    return q;
  })();
  const turned = (diagonal: readonly number[]): Matrix =>
    turn.mmul(Matrix.diag([...diagonal])).mmul(turn.transpose());
  const squared = (a: readonly number[], b: readonly number[]): number =>
    a.reduce((total, v, i) => total + (v - b[i]) ** 2, 0);

  test('of equal covariances it is the squared distance of the means', () => {
    fc.assert(
      fc.property(vector, vector, positive, (a, b, spread) => {
        const covariance = turned(spread);
        expect(frechetDistance({ mean: a, covariance }, { mean: b, covariance })).toBeCloseTo(
          squared(a, b),
          9,
        );
      }),
    );
  });

  test('of covariances with the same axes it is Σ (σ₁ − σ₂)² beside the means, and symmetric', () => {
    fc.assert(
      fc.property(vector, vector, positive, positive, (a, b, first, second) => {
        const [one, two] = [
          { mean: a, covariance: turned(first) },
          { mean: b, covariance: turned(second) },
        ];
        const expected = squared(a, b) + squared(first.map(Math.sqrt), second.map(Math.sqrt));
        expect(frechetDistance(one, two)).toBeCloseTo(expected, 9);
        expect(frechetDistance(two, one)).toBeCloseTo(expected, 9);
      }),
    );
  });

  test('of two covariances with other axes it is that of the closed form for 2 × 2', () => {
    // tr (AB)^½ = √(tr AB + 2 √det AB).
    const a = new Matrix([
      [2, 0.7],
      [0.7, 1],
    ]);
    const b = new Matrix([
      [0.5, -0.2],
      [-0.2, 3],
    ]);
    const product = a.mmul(b);
    const determinant = product.get(0, 0) * product.get(1, 1) - product.get(0, 1) * product.get(1, 0);
    const expected = a.trace() + b.trace() - 2 * Math.sqrt(product.trace() + 2 * Math.sqrt(determinant));
    expect(frechetDistance({ mean: [0, 0], covariance: a }, { mean: [0, 0], covariance: b })).toBeCloseTo(
      expected,
      12,
    );
  });

  test('of a set to itself it is 0, also where features never change; of shifted sets the shift', () => {
    const n = 300;
    const features = normal(key(1), 3 * n).map((v, i) => (i % 3 === 2 ? 7 : v));
    const set = array(features, [n, 3]);
    expect(featureDistance(set, set)).toBeLessThan(1e-7);
    const moved = array(
      features.map((v) => v + 2),
      [n, 3],
    );
    expect(featureDistance(set, moved)).toBeCloseTo(12, 6);
    expect(() => featureDistance(set, array(normal(key(2), 20), [10, 2]))).toThrow('3 and 2 numbers');
  });
});

describe('baselines', () => {
  test('histograms: exact on a set of two images, normalised, and samples follow them', () => {
    const images = {
      levels: Uint8Array.from([0, 255, 0, 10]),
      shape: [2, 1, 2] as const,
      labels: Uint8Array.from([0, 1]),
    };
    // The first pixel is always 0, the second one of two levels.
    const exact = pixelHistograms(images, 1e-9);
    expect([...exact.bitsPerPixel(images)].map((v) => Math.round(1e6 * v) / 1e6)).toEqual([0.5, 0.5]);
    const smooth = pixelHistograms(images, 0.3);
    const total = Array.from({ length: 256 }, (_, level) => {
      const [bits] = smooth.bitsPerPixel({
        ...images,
        levels: Uint8Array.from([level, 10]),
        shape: [1, 1, 2],
      });
      const [own] = smooth.bitsPerPixel({ ...images, levels: Uint8Array.from([0, 10]), shape: [1, 1, 2] });
      const first = -Math.log2((2 + 0.3) / (2 + 256 * 0.3));
      return 2 ** -(2 * (bits - own) + first);
    }).reduce((a, b) => a + b);
    expect(total).toBeCloseTo(1, 10);
    const { levels } = exact.sample(key(1), 2000);
    const second = levels.filter((_, i) => i % 2 === 1);
    expect(levels.filter((level, i) => i % 2 === 0 && level !== 0).length).toBe(0);
    // Half of 2000, a standard error of 22.
    expect(Math.abs(second.filter((level) => level === 255).length - 1000)).toBeLessThan(100);
    expect(second.every((level) => level === 255 || level === 10)).toBe(true);
  });

  test('principal directions lose nothing of images with so few degrees of freedom', () => {
    const [n, d] = [60, 16];
    const z = normal(key(3), 2 * n);
    const numbers = Float32Array.from({ length: n * d }, (_, at) => {
      const [i, j] = [Math.floor(at / d), at % d];
      return 0.5 + 0.1 * z[2 * i] * Math.cos(j) + 0.05 * z[2 * i + 1] * Math.sin(2 * j);
    });
    const x = array(numbers, [n, 1, 4, 4], 'float32');
    expect(principalError(x, x, 2)).toBeLessThan(1e-6);
    expect(principalError(x, x, 1)).toBeGreaterThan(0.01);
  });

  test('a Gaussian of images is better on them than on noise', () => {
    const images = glyphs(key(1), 400, 8);
    const gaussian = imageGaussian(images, key(2));
    const drawn = gaussian.sample(key(3), 5);
    expect(drawn.shape).toEqual([5, 1, 8, 8]);
    const on = (x: ReturnType<typeof numbersOf>): number =>
      gaussian.logDensity(x).reduce((a, b) => a + b) / x.shape[0];
    const noise = array(
      Float32Array.from(normal(key(4), 100 * 64), (v) => 0.5 + 0.3 * v),
      [100, 1, 8, 8],
      'float32',
    );
    expect(on(numbersOf(images))).toBeGreaterThan(on(noise) + 50);
  });
});

describe('images of a job', () => {
  test('splits of drawn digits do not overlap, and levels return from numbers', async () => {
    const options = { folder: null, side: 8, train: 120, validation: 20, test: 100, seed: 3 };
    const { train, validation, test: held, hash } = await loadImages(options);
    expect([train, validation, held].map(({ shape }) => shape[0])).toEqual([120, 20, 100]);
    const first = (images: typeof train): string => images.levels.subarray(0, 64).join();
    expect(new Set([first(train), first(validation), first(held)]).size).toBe(3);
    expect(levelsOf(numbersOf(train), train.shape).levels).toEqual(train.levels);
    expect([...levelsOf(array([-1, 0, 0.5, 2], [1, 4], 'float32'), [1, 2, 2]).levels]).toEqual([
      0, 0, 128, 255,
    ]);
    expect((await loadImages(options)).hash).toBe(hash);
    expect((await loadImages({ ...options, seed: 4 })).hash).not.toBe(hash);
  });

  test.each([
    [{ nearest: 20 }, '--nearest: got 20, expected at most the number of charts'],
    [{ likelihoods: 5000 }, '--likelihoods: got 5000, expected at most the number of test images'],
    [{ samples: 5000 }, '--samples: got 5000'],
    [{ channels: [8] }, '--channels: got 8, expected a number for each of the 3 sizes'],
    [{ side: 20, couplings: [1, 1, 1, 1], channels: [4, 4, 4, 4] }, '20 pixels cannot be halved so often'],
  ])('%j is refused', (flags, message) => {
    expect(() => configure(experiment, 'quick', flags)).toThrow(message);
  });

  test('MNIST that is asked for and not there is refused in one line', async () => {
    const before = process.env['SEXTANT_DATA'];
    delete process.env['SEXTANT_DATA'];
    try {
      const config = configure(experiment, 'paper', { source: 'mnist' });
      const context = { signal: new AbortController().signal, threads: 1, onProgress: () => undefined };
      await expect(experiment.prepare!(config, context)).rejects.toThrow(
        /^--data: missing, .*--source synthetic$/,
      );
      expect(configure(experiment, 'paper', {})['source']).toBe('synthetic');
    } finally {
      if (before !== undefined) process.env['SEXTANT_DATA'] = before;
    }
  });
});

const condition = { images: 'synthetic digits' };
const finished = (model: string, metric: string, value: number, extra: Record<string, number>): JobResult =>
  finishedJob({ experiment: 'flow-mnist', model, condition, metric, value, extra });
const charted = {
  leak: 0.1,
  charts: 8,
  'charts of an image': 1.2,
  'nats that the density of the charts is below the mixture': 0.5,
  'most nats that the density of the charts is above the mixture': 0,
};
const all = (changed: Partial<Record<string, number>> = {}): JobResult[] => [
  finished('training images', ACCURACY, 0.97, { [FRECHET]: 4 }),
  finished('independent pixels', BITS, 2, { [FRECHET]: 300 }),
  finished('best Gaussian', BITS, 5, { [FRECHET]: 90, [LOST]: 0.1 }),
  finished('real-nvp', BITS, changed['bits'] ?? 1.5, { [FRECHET]: changed['distance'] ?? 40 }),
  finished('vq-realnvp', BITS, 1.4, {
    [FRECHET]: 30,
    ...charted,
    ...(changed['above'] && {
      'most nats that the density of the charts is above the mixture': changed['above'],
    }),
  }),
  finished('cef', AREA_LIKELIHOOD(24), 15, { [FRECHET]: 50, [LOST]: 0.09 }),
];
const summary = (jobs: readonly JobResult[]) =>
  experiment.summarize(jobs, configure(experiment, 'quick', {}));

test('densities by area stand in a table of their own, nothing is published, and training images are a floor', () => {
  const { rows, checks, notes } = summary(all());
  expect(rows.every(({ published }) => published === null)).toBe(true);
  const named = (metric: string) => rows.filter((row) => row.metric === metric).map(({ model }) => model);
  expect(named(BITS)).toEqual(['independent pixels', 'best Gaussian', 'real-nvp', 'vq-realnvp']);
  expect(named(AREA_LIKELIHOOD(24))).toEqual(['cef']);
  expect(named(LOST)).toEqual(['principal directions', 'cef']);
  expect(named(FRECHET)).toHaveLength(6);
  expect(rows.filter(({ limit }) => limit)).toMatchObject([
    { model: 'training images', mean: 4, baseline: true },
  ]);
  expect(rows.find(({ model, metric }) => model === 'vq-realnvp' && metric === BITS)?.note).toBe(
    '8 charts, 1.20 of an image; leak 10.0 %; density of the charts alone 0.50 nats lower',
  );
  expect(checks.filter(({ holds }) => !holds)).toEqual([]);
  expect(notes.join(' ')).toContain('It is no Fréchet Inception Distance');
});

test.each([
  ['more bits than independent pixels', { bits: 2.1 }, /real-nvp: bits a dimension/],
  ['samples nearer than training images', { distance: 3 }, /real-nvp: Fréchet distance/],
  ['charts above the mixture', { above: 0.1 }, /above the mixture/],
])('%s fail their check alone', (_, changed, name) => {
  const failed = summary(all(changed)).checks.filter(({ holds }) => !holds);
  expect(failed).toHaveLength(1);
  expect(failed[0].name).toMatch(name);
});

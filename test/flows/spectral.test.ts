/** Spectral norms that a gradient passes through, and matrices cut to a limit of them. */
import { expect, test } from 'vitest';
import { array, mul, sum, transpose, type Tensor } from '../../src/tensor/index.ts';
import { key, normal } from '../../src/tensor/random.ts';
import {
  actNorm,
  fit,
  flow,
  limitNorm,
  residual,
  spectralNorm,
  spectralNormBound,
  type Layer,
  type ResidualParameters,
} from '../../src/flows/index.ts';
import {
  contraction,
  evaluate,
  gaussianMatrix,
  gradientError,
  largestDifference,
  training,
} from './support.ts';

test.each([
  [1, 1],
  [2, 64],
  [64, 64],
  [7, 30],
])('the bound of a %i × %i matrix is above σ_max, by at most the Schatten factor', async (n, k) => {
  for (const seed of [1, 2, 3]) {
    const W = gaussianMatrix(seed, n, k, 3);
    const { bound, limited } = await evaluate(
      (w: Tensor) => ({ bound: spectralNormBound(w), limited: limitNorm(w, 0.9) }),
      [W] as never,
    );
    const sigma = spectralNorm(W);
    const least = Math.min(n, k);
    expect(bound.data[0]).toBeGreaterThanOrEqual(sigma * (1 - 1e-12));
    expect(bound.data[0]).toBeLessThan(sigma * least ** (1 / 256) * (1 + 1e-12));
    expect(spectralNorm(limited)).toBeLessThanOrEqual(0.9);
    expect(spectralNorm(limited)).toBeGreaterThan(Math.min(0.88, 0.99 * sigma));
  }
});

test.each([
  [5, 9],
  [9, 5],
  [40, 40],
])('the gradient of the bound of a %i × %i matrix, and of a matrix at its limit', async (n, k) => {
  const W = gaussianMatrix(5, n, k, 1);
  const weights = gaussianMatrix(6, n, k, 1);
  expect(await gradientError((w: never) => spectralNormBound(w), W, [])).toBeLessThan(1e-6);
  const limited = (w: never, by: Tensor): Tensor => sum(mul(limitNorm(w, 0.9), by));
  expect(await gradientError(limited, W, [weights])).toBeLessThan(1e-6);
});

test('a matrix below the limit is left as it is', async () => {
  const W = contraction(4, 6, 0.5);
  const { limited } = await evaluate((w: Tensor) => ({ limited: limitNorm(w, 0.9) }), [W] as never);
  expect(largestDifference(limited.data, W.data)).toBe(0);
});

test('A15: after training every matrix of a residual flow has σ_max ≤ the coefficient, by singular value decomposition', async () => {
  const coefficient = 0.8;
  const block = (): Layer[] =>
    [residual.create({ hidden: [32, 32], coefficient }), actNorm.create()] as Layer[];
  const model = flow({ shape: [2], layers: [...block(), ...block()] });
  const x = array(
    normal(key(1), 1000).map((z, i) => (i % 2 ? 4 * z : 0.2 * z + Math.sin(i))),
    [500, 2],
    'float32',
  );
  const { parameters } = await fit(model, {
    data: { train: { x } },
    ...training({ learningRate: 2e-2, epochs: 15, batchSize: 100 }),
  });
  const matrices = [0, 2].flatMap((i) =>
    (parameters.layers[i] as ResidualParameters).layers.map(({ weight }) => weight),
  );
  // Without the limit the matrices would be too large: the test has something to hold.
  expect(Math.max(...matrices.map(spectralNorm))).toBeGreaterThan(coefficient);
  for (const dtype of ['float32', 'float64'] as const) {
    const limited = await evaluate(
      (...W: Tensor[]) => Object.fromEntries(W.map((w, i) => [i, limitNorm(w, coefficient)])),
      matrices as never,
      dtype,
    );
    for (const own of Object.values(limited))
      expect(spectralNorm(own)).toBeLessThanOrEqual(coefficient + 1e-6);
  }
});

test('a matrix and its transpose have one norm', async () => {
  const W = gaussianMatrix(20, 5, 9, 1);
  const { a, b } = await evaluate(
    (w: Tensor) => ({ a: spectralNormBound(w), b: spectralNormBound(transpose(w)) }),
    [W] as never,
  );
  expect(a.data[0]).toBeCloseTo(b.data[0], 10);
});

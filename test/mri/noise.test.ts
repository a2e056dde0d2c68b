/** Noise covariance, whitening, the two conventions of √2, compression, and SENSE with a covariance. */
import { describe, expect, test } from 'vitest';
import { birdcageCoils } from '../../datasets/mri/coils.ts';
import {
  compressCoils,
  correlatedNoise,
  invertHermitian,
  mixCoils,
  noiseCovariance,
  sense,
  senseGFactor,
  senseNoiseSd,
  whiteningMatrix,
  whiteNoise,
} from '../../src/mri/index.ts';
import { conjugateTranspose, multiply } from '../../src/mri/hermitian.ts';
import { hermitianEigen } from '../../src/mri/hermitianEigen.ts';
import { complexArray, type ComplexArray } from '../../src/tensor/index.ts';
import { key } from '../../src/tensor/random.ts';
import { evaluate, largestDifference, numbers, randomComplex, relativeError } from './support.ts';

/** A random positive definite covariance with correlations of about one half. */
function covariance(seed: number, n: number): ComplexArray {
  const a = randomComplex(seed, [n, n]);
  const { re, im } = multiply(a, conjugateTranspose(a));
  return complexArray(
    numbers(re).map((v, i) => v + (i % (n + 1) === 0 ? n / 2 : 0)),
    numbers(im),
    [n, n],
  );
}
const identity = (n: number, factor = 1) =>
  complexArray(
    Float64Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? factor : 0)),
    new Float64Array(n * n),
    [n, n],
  );
const componentSd = (x: { data: ArrayLike<number> }) =>
  Math.sqrt(Array.from(x.data).reduce((s, v) => s + v * v, 0) / x.data.length);

describe('covariance and whitening', () => {
  const psi = covariance(1, 6);

  test('W Ψ Wᴴ is 1, or 2 in SNR units', () => {
    for (const [scale, value] of [
      ['unitVariance', 1],
      ['snrUnits', 2],
    ] as const) {
      const w = whiteningMatrix(psi, scale);
      expect(
        relativeError(multiply(multiply(w, psi), conjugateTranspose(w)), identity(6, value)),
      ).toBeLessThan(1e-13);
    }
    expect(relativeError(multiply(invertHermitian(psi), psi), identity(6))).toBeLessThan(1e-12);
  });

  test('noise of a known covariance measures as that, and whitened to SNR units has unit sd in every real component', () => {
    const samples = 20000;
    const noise = correlatedNoise(key(2), psi, [6, samples]);
    const measured = noiseCovariance(noise);
    // The standard error of an entry is √(Ψ_ii Ψ_jj / N).
    for (let i = 0; i < 36; i++) {
      const error = Math.sqrt((psi.re.data[7 * Math.floor(i / 6)] * psi.re.data[7 * (i % 6)]) / samples);
      expect(Math.abs(measured.re.data[i] - psi.re.data[i])).toBeLessThan(4.5 * error);
      expect(Math.abs(measured.im.data[i] - psi.im.data[i])).toBeLessThan(4.5 * error);
    }
    const white = mixCoils(whiteningMatrix(measured, 'snrUnits'), noise);
    expect(componentSd(white.re)).toBeCloseTo(1, 2);
    expect(componentSd(white.im)).toBeCloseTo(1, 2);
    const unit = mixCoils(whiteningMatrix(measured, 'unitVariance'), noise);
    expect(componentSd(unit.re)).toBeCloseTo(Math.SQRT1_2, 2);
    expect(relativeError(noiseCovariance(unit), identity(6))).toBeLessThan(1e-12);
  });

  test('a readout of 16 coils × 4096 samples whitens another of the same coils to sd 1.00 ± 0.03', () => {
    const psi16 = covariance(3, 16);
    const [scan, other] = [4, 5].map((seed) => correlatedNoise(key(seed), psi16, [16, 4096]));
    const white = mixCoils(whiteningMatrix(noiseCovariance(scan), 'snrUnits'), other);
    expect(Math.abs(componentSd(white.re) - 1)).toBeLessThan(0.03);
    expect(Math.abs(componentSd(white.im) - 1)).toBeLessThan(0.03);
  });

  test('divisors: N − 1 or N, mean kept', () => {
    const ones = complexArray(new Float64Array(10).fill(2), new Float64Array(10), [1, 10]);
    expect(noiseCovariance(ones).re.data[0]).toBeCloseTo(40 / 9, 14);
    expect(noiseCovariance(ones, { divisor: 'samples' }).re.data[0]).toBeCloseTo(4, 14);
  });

  test('white noise: σ is of one real component', () => {
    const { re, im } = whiteNoise(key(6), [40000], 3);
    expect(componentSd(re) / 3).toBeCloseTo(1, 1.7);
    expect(componentSd(im) / 3).toBeCloseTo(1, 1.7);
  });

  test.each([
    [
      'a dead coil',
      complexArray(Float64Array.of(1, 0, 0, 0), new Float64Array(4), [2, 2]),
      /singular or not positive definite at row 1/,
    ],
    ['a coil twice', complexArray(Float64Array.of(1, 1, 1, 1), new Float64Array(4), [2, 2]), /singular/],
    [
      'no covariance',
      complexArray(Float64Array.of(1, 2, 3, 4), new Float64Array(4), [2, 2]),
      /not Hermitian/,
    ],
    [
      'NaN',
      complexArray(Float64Array.of(1, 0, NaN, 4), new Float64Array(4), [2, 2]),
      /not Hermitian.*or not numbers/,
    ],
  ])('%s is refused', (_, matrix, message) => {
    expect(() => whiteningMatrix(matrix, 'unitVariance')).toThrow(message);
  });

  test('too few samples and infinite ones are refused', () => {
    expect(() => noiseCovariance(randomComplex(1, [4, 4]))).toThrow(
      /\[4, 4\], expected \[coils, samples\] with more/,
    );
    const bad = complexArray(Float64Array.of(1, 2, 3, 4, Infinity, 6), new Float64Array(6), [2, 3]);
    expect(() => noiseCovariance(bad)).toThrow('sample 1 of coil 1 is Infinity');
  });
});

test('eigenvectors: A V = V Λ, orthonormal, falling, also where eigenvalues coincide', () => {
  const q = hermitianEigen(covariance(7, 8)).vectors;
  const lambda = identity(8);
  [5, 5, 5, 2, 2, 1, 0, 0].forEach((v, i) => (lambda.re.data[9 * i] = v));
  const a = multiply(multiply(q, lambda), conjugateTranspose(q));
  const { values, vectors } = hermitianEigen(a);
  expect(largestDifference(values, [5, 5, 5, 2, 2, 1, 0, 0])).toBeLessThan(1e-12);
  expect(relativeError(multiply(conjugateTranspose(vectors), vectors), identity(8))).toBeLessThan(1e-12);
  expect(relativeError(multiply(multiply(vectors, lambda), conjugateTranspose(vectors)), a)).toBeLessThan(
    1e-12,
  );
});

test('coil compression keeps all of data of low rank, whitens nothing away, and says what it keeps', () => {
  const [mixing, sources] = [randomComplex(8, [6, 2]), randomComplex(9, [2, 50])];
  const data = multiply(mixing, sources);
  const two = compressCoils(data, 2);
  expect(two.energy).toBeCloseTo(1, 12);
  expect(relativeError(multiply(two.matrix, conjugateTranspose(two.matrix)), identity(2))).toBeLessThan(
    1e-12,
  );
  const restored = multiply(conjugateTranspose(two.matrix), mixCoils(two.matrix, data));
  expect(relativeError(restored, data)).toBeLessThan(1e-12);
  expect(compressCoils(data, 1).energy).toBeLessThan(0.99);
  expect(() => compressCoils(data, 7)).toThrow('7 virtual coils of 6');
});

describe('SENSE with correlated noise', () => {
  const [h, w, n] = [5, 12, 6];
  const [s, k, psi] = [birdcageCoils(n, [h, w]), randomComplex(10, [n, h, w]), covariance(11, n)];
  const options = { acceleration: 3 };

  test('with Ψ⁻¹ inside equals whitened data and sensitivities, image, g and sd', async () => {
    const whiten = whiteningMatrix(psi, 'unitVariance');
    const inside = await evaluate(
      (x, c, inverseCovariance) => ({
        image: sense(x, c, { ...options, inverseCovariance }),
        g: senseGFactor(c, { ...options, inverseCovariance }),
        sd: senseNoiseSd(c, { ...options, inverseCovariance }),
      }),
      [k, s, invertHermitian(psi)] as const,
    );
    const whitened = await evaluate(
      (x, c) => ({ image: sense(x, c, options), g: senseGFactor(c, options), sd: senseNoiseSd(c, options) }),
      [mixCoils(whiten, k), mixCoils(whiten, s)] as const,
    );
    expect(relativeError(inside.image, whitened.image)).toBeLessThan(1e-10);
    expect(largestDifference(inside.g.data, whitened.g.data)).toBeLessThan(1e-10);
    expect(largestDifference(inside.sd.data, whitened.sd.data)).toBeLessThan(1e-10);
  });

  test('replicas of noise have √E|e|² as predicted, and ignoring Ψ is never better', async () => {
    const replicas = 1500;
    const inverse = invertHermitian(psi);
    const drawn = correlatedNoise(key(12), psi, [n, replicas, h, w]);
    // [n, replicas, h, w] → [replicas, n, h, w].
    const reorder = (data: ArrayLike<number>) => {
      const out = new Float64Array(data.length);
      const size = h * w;
      for (let c = 0; c < n; c++)
        for (let r = 0; r < replicas; r++)
          for (let i = 0; i < size; i++) out[(r * n + c) * size + i] = data[(c * replicas + r) * size + i];
      return out;
    };
    const noise = complexArray(reorder(drawn.re.data), reorder(drawn.im.data), [replicas, n, h, w]);
    const { optimal, ignoring, sd } = await evaluate(
      (x, c, inverseCovariance) => ({
        optimal: sense(x, c, { ...options, inverseCovariance }),
        ignoring: sense(x, c, options),
        sd: senseNoiseSd(c, { ...options, inverseCovariance }),
      }),
      [noise, s, inverse] as const,
    );
    const power = (z: ComplexArray, i: number) => {
      let sum = 0;
      for (let r = 0; r < replicas; r++) sum += z.re.data[r * h * w + i] ** 2 + z.im.data[r * h * w + i] ** 2;
      return sum / replicas;
    };
    let [squares, better] = [0, 0];
    for (let i = 0; i < h * w; i++) {
      squares += (Math.sqrt(power(optimal, i)) / sd.data[i] - 1) ** 2;
      if (power(ignoring, i) < power(optimal, i)) better++;
    }
    // The sampling error of the sd of a complex value is 1/(2√N); its own error over 60 correlated pixels is about 15 %.
    const observed = Math.sqrt(squares / (h * w)) * 2 * Math.sqrt(replicas);
    expect(observed).toBeGreaterThan(0.6);
    expect(observed).toBeLessThan(1.4);
    expect(better / (h * w)).toBeLessThan(0.05);
  });
});

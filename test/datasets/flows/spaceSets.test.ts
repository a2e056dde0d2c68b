import { describe, expect, test } from 'vitest';
import { getSpaceSet, spaceSets } from '../../../datasets/flows/spaceSets.ts';
import { array } from '../../../src/tensor/index.ts';
import { key, normal } from '../../../src/tensor/random.ts';

/** E log p of each set, and that of the best Gaussian where it is known, in nats. */
const golden: Record<string, readonly [oracle: number, gaussian: number | null]> = {
  spherical: [-0.96, null],
  helix: [-0.12, -5.23],
  lissajous: [-1.79, null],
  'twisted-eight': [-2.13, -7.24],
  knotted: [-2.97, -8.99],
  interlocked: [-2.15, -6.89],
  'non-knotted': [-2.84, null],
  'bent-lissajous': [-2.19, -7.38],
  'disjoint-circles': [-0.02, -3.81],
  star: [-1.91, null],
};

const average = (values: Float64Array): number => values.reduce((a, b) => a + b, 0) / values.length;

function logDeterminant3([a, b, c, d, e, f, g, h, i]: readonly number[]): number {
  return Math.log(a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g));
}

/** −entropy of the Gaussian with the mean and covariance of the points. */
function bestGaussian(data: ArrayLike<number>): number {
  const n = data.length / 3;
  const centre = [0, 1, 2].map((j) => average(Float64Array.from({ length: n }, (_, i) => data[3 * i + j])));
  const covariance = [0, 1, 2].flatMap((j) =>
    [0, 1, 2].map((k) => {
      let total = 0;
      for (let i = 0; i < n; i++) total += (data[3 * i + j] - centre[j]) * (data[3 * i + k] - centre[k]);
      return total / n;
    }),
  );
  return -0.5 * (3 * Math.log(2 * Math.PI) + 3 + logDeterminant3(covariance));
}

describe.each(spaceSets)('$name', (set) => {
  const n = 10_000;
  const points = set.sample(key(3), n);
  const logDensity = set.logDensity(points);
  const [oracle, gaussian] = golden[set.name];

  test('the mean log density is the golden value within three standard errors', () => {
    const mean = average(logDensity);
    const deviation = Math.sqrt(average(logDensity.map((v) => (v - mean) ** 2)));
    // The golden value has a standard error of 0.016 of its own, and two digits.
    expect(Math.abs(mean - oracle)).toBeLessThan(3 * Math.hypot(deviation / Math.sqrt(n), 0.016) + 0.005);
  });

  if (gaussian !== null) {
    test('the best Gaussian has its golden value', () => {
      expect(bestGaussian(points.data)).toBeCloseTo(gaussian, 1);
    });
  }

  test('the density integrates to 1', () => {
    // Importance sampling from the points spread out by a wider noise: E_q[p/q] = 1, q by a mixture over the same points.
    const spread = 2 * set.noise;
    const m = 400;
    const centres = set.sample(key(5), m).data;
    const noise = normal(key(6), 3 * m);
    const drawn = Float64Array.from(centres, (v, i) => v + spread * noise[i]);
    const p = set.logDensity(array(drawn, [m, 3]));
    const constant = -1.5 * Math.log(2 * Math.PI * spread * spread) - Math.log(m);
    const ratios = Float64Array.from({ length: m }, (_, i) => {
      let q = 0;
      for (let j = 0; j < m; j++) {
        const d =
          (drawn[3 * i] - centres[3 * j]) ** 2 +
          (drawn[3 * i + 1] - centres[3 * j + 1]) ** 2 +
          (drawn[3 * i + 2] - centres[3 * j + 2]) ** 2;
        q += Math.exp(constant - d / (2 * spread * spread));
      }
      return Math.exp(p[i]) / q;
    });
    const mean = average(ratios);
    const deviation = Math.sqrt(average(ratios.map((v) => (v - mean) ** 2)));
    expect(Math.abs(mean - 1)).toBeLessThan((4 * deviation) / Math.sqrt(m));
  });

  test('point i of a seed does not depend on how many are drawn', () => {
    expect([...set.sample(key(3), 5).data]).toEqual([...points.data.slice(0, 15)]);
  });
});

test('unknown names list the known, other shapes are refused', () => {
  expect(() => getSpaceSet('torus')).toThrow(/'torus' is unknown.*helix/);
  expect(() => getSpaceSet('helix').logDensity(array([1, 2], [1, 2]))).toThrow('[1, 2], expected [n, 3]');
});

import { expect, test } from 'vitest';
import { gaussianNll } from '../../src/experiments/gaussianBaseline.ts';
import { array, type NDArray } from '../../src/tensor/index.ts';
import { key, normal } from '../../src/tensor/random.ts';

/** z with correlation ½, entry j in units of `units[j]`. */
function samples(seed: number, n: number, units: readonly number[]): NDArray {
  const z = normal(key(seed), 2 * n);
  const mixed = z.map(
    (v, i) => units[i % 2] * (i % 2 ? z[i - 1] / 2 + Math.sqrt(0.75) * v : v) + units[i % 2],
  );
  return array(mixed, [n, 2]);
}

test.each([
  [1, 1],
  [1, 1e-8],
  [1e-6, 1e6],
])('the likelihood is that of the Gaussian, in units of %d and %d', (...units) => {
  const { value, parameters } = gaussianNll(samples(1, 4000, units), samples(2, 4000, units));
  const entropy = 1 + Math.log(2 * Math.PI) + 0.5 * Math.log(0.75) + Math.log(units[0] * units[1]);
  // The standard error of the mean of χ²/2 over 4000 samples is 0.016.
  expect(Math.abs(value - entropy)).toBeLessThan(0.06);
  expect(parameters).toBe(5);
});

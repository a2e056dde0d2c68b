import { describe, expect, test } from 'vitest';
import { noiseOfDifference, noiseOfMean, studentQuantile } from '../../src/runs/noise.ts';
import { key, normal, split } from '../../src/tensor/random.ts';
import { meanAndDeviation } from '../../src/experiments/statistics.ts';

// Tables of Student's distribution, 97.5 %.
test.each([
  [1, 12.706],
  [2, 4.3027],
  [3, 3.1824],
  [4, 2.7764],
  [9, 2.2622],
  [30, 2.0423],
  [1000, 1.9623],
  [1e9, 1.9623],
])('the quantile of %d degrees of freedom is %d', (freedom, quantile) => {
  expect(studentQuantile(freedom) / quantile).toBeCloseTo(1, 3);
});

describe('equal models are told apart in one of twenty comparisons', () => {
  const trials = 2000;
  // Standard error of the share: 0.005.
  const shareApart = (n: number, scale: number): number => {
    const draws = split(key(n), 2).map((half) => normal(half, trials * n));
    const sample = (of: ArrayLike<number>, trial: number, size: number) =>
      meanAndDeviation(Array.from({ length: n }, (_, i) => size * of[trial * n + i]));
    const apart = Array.from({ length: trials }, (_, trial) => {
      const [a, b] = [sample(draws[0], trial, 1), sample(draws[1], trial, scale)];
      return Math.abs((a.mean as number) - (b.mean as number)) > noiseOfDifference(a, b);
    });
    return apart.filter(Boolean).length / trials;
  };

  test.each([
    [3, 1],
    [5, 1],
    [10, 1],
    // Unequal deviations, which degrees of freedom of equal ones would misjudge.
    [10, 6],
  ])('with %d values each, deviations 1 and %d', (n, scale) => {
    // Welch's rule is conservative for few values, never more than the noise of the share too bold.
    expect(shareApart(n, scale)).toBeLessThan(0.065);
    expect(shareApart(n, scale)).toBeGreaterThan(0.025);
  });

  test('the mean of three values is within its noise in 95 % of draws', () => {
    const draws = normal(key(7), 3 * trials);
    const within = Array.from({ length: trials }, (_, trial) => {
      const sample = meanAndDeviation(Array.from(draws.subarray(3 * trial, 3 * trial + 3)));
      return Math.abs(sample.mean as number) <= noiseOfMean(sample);
    });
    expect(within.filter(Boolean).length / trials).toBeGreaterThan(0.935);
    expect(within.filter(Boolean).length / trials).toBeLessThan(0.965);
  });
});

test('one value has no noise that is known, and equal values have none', () => {
  expect(noiseOfMean({ std: null, n: 1 })).toBeNaN();
  expect(noiseOfDifference({ std: null, n: 1 }, { std: 1, n: 3 })).toBeNaN();
  expect(noiseOfDifference({ std: 0, n: 3 }, { std: 0, n: 2 })).toBe(0);
});

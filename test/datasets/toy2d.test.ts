import { describe, expect, test } from 'vitest';
import { circlesOf, getPlaneSet, moonsOf, planeSets } from '../../datasets/toy2d.ts';

describe.each(planeSets.map((set) => [set.name, set] as const))('%s', (_, set) => {
  const n = 4000;
  const points = set.sample(5, n);
  const logs = set.logDensity(points);

  test('samples are those of the seed, and a prefix of more samples', () => {
    expect([...set.sample(5, 100)]).toEqual([...points.subarray(0, 200)]);
    expect([...set.sample(6, 100)]).not.toEqual([...points.subarray(0, 200)]);
  });

  test('the mean of −log p over samples is the entropy', { timeout: 60_000 }, () => {
    // The quadrature over two spirals takes seconds; their density is made as that of the moons.
    if (set.name === 'spirals') return;
    const mean = -logs.reduce((a, b) => a + b, 0) / n;
    const deviation = Math.sqrt(logs.reduce((a, b) => a + (b + mean) ** 2, 0) / n);
    expect(Math.abs(mean - set.entropy())).toBeLessThan((4 * deviation) / Math.sqrt(n) + 1e-9);
  });

  test('the density integrates to what samples say of a box', () => {
    const [x, y] = [0.1, 0.2].map((by) => [-0.9 + by, 1.1 + by]);
    let inside = 0;
    for (let i = 0; i < n; i++) {
      const [a, b] = [points[2 * i], points[2 * i + 1]];
      if (a > x[0] && a < x[1] && b > y[0] && b < y[1]) inside++;
    }
    const m = 160;
    const grid = new Float64Array(2 * m * m);
    for (let i = 0; i < m; i++)
      for (let j = 0; j < m; j++)
        grid.set([x[0] + ((i + 0.5) * 2) / m, y[0] + ((j + 0.5) * 2) / m], 2 * (i * m + j));
    const mass = set.logDensity(grid).reduce((total, log) => total + Math.exp(log) * (2 / m) ** 2, 0);
    expect(Math.abs(inside / n - mass)).toBeLessThan(4 * Math.sqrt((mass * (1 - mass)) / n) + 2e-3);
  });
});

describe('A8, B11: entropies, finite because every set has noise', () => {
  test('of eight well separated Gaussians: that of one, and the choice', () => {
    const sigma = 0.2;
    const apart = Math.log(8) + Math.log(2 * Math.PI * Math.E * sigma ** 2);
    // Neighbours at distance 1.53 = 7.6 σ overlap by 1e-4.
    expect(getPlaneSet('eight-gaussians').entropy()).toBeCloseTo(apart, 3);
    expect(getPlaneSet('eight-gaussians').entropy()).toBeLessThan(apart);
  });

  test('of two thin circles far apart: their lengths and the noise across them', () => {
    // Half the mass on a circle of length 2πR: log 2 + log 2πR + ½ log 2πeσ², on average; curvature is of order σ²/R².
    const sigma = 0.02;
    const expected =
      Math.log(2) +
      0.5 * (Math.log(2 * Math.PI) + Math.log(Math.PI)) +
      0.5 * Math.log(2 * Math.PI * Math.E * sigma ** 2);
    expect(Math.abs(circlesOf(sigma, 0.5).entropy() - expected)).toBeLessThan(3 * sigma ** 2);
  });

  // Printed to three digits, from samples: the last digit is chance.
  test.each([
    [moonsOf(0.05), 0.289],
    [moonsOf(0.1), 1.008],
    [moonsOf(0.25), 1.856],
    [moonsOf(0.5), 2.415],
    [circlesOf(0.05, 0.5), 0.596],
    [circlesOf(0.1, 0.5), 1.283],
    [circlesOf(0.05, 0.8), 0.784],
    [circlesOf(0.1, 0.8), 1.172],
    [getPlaneSet('blobs'), 3.936],
  ])('$0.title', (set, known) => {
    expect(Math.abs(set.entropy() - known)).toBeLessThan(0.011);
  });

  test.each([0, -0.1, NaN, Infinity])('a noise of %f is refused: the set has no density', (noise) => {
    const refused = new RegExp(`noise is ${noise}, expected a finite number above 0`);
    expect(() => moonsOf(noise)).toThrow(refused);
    expect(() => circlesOf(noise, 0.5)).toThrow(refused);
  });

  test('of the checkerboard: eight unit squares', () => {
    expect(getPlaneSet('checkerboard').entropy()).toBe(Math.log(8));
  });
});

test('an unknown name is refused with the names there are', () => {
  expect(() => getPlaneSet('moon')).toThrow(/'moon' is unknown; expected one of moons, /);
});

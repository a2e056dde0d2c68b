import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { foldIn, key, normal, permutation, split, threefry2x32, uniform } from '../../src/tensor/random.ts';

const ones = 0xffffffff;

test.each([
  [
    [0, 0],
    [0, 0],
    [0x6b200159, 0x99ba4efe],
  ],
  [
    [ones, ones],
    [ones, ones],
    [0x1cb996fc, 0xbb002be7],
  ],
  [
    [0x13198a2e, 0x03707344],
    [0x243f6a88, 0x85a308d3],
    [0xc4923a9c, 0x483df7a0],
  ],
] as const)(
  'Threefry-2x32-20: known-answer vector of Random123 for key %j, counter %j',
  (k, counter, expected) => {
    expect(threefry2x32(k, counter)).toEqual(expected);
  },
);

describe('a draw of n is a prefix of every longer draw', () => {
  test.each([
    ['uniform', uniform],
    ['normal', normal],
  ] as const)('%s', (_, draw) => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.nat(50), fc.nat(50), (seed, n, more) => {
        expect(draw(key(seed), n + more).slice(0, n)).toEqual(draw(key(seed), n));
      }),
    );
  });
});

test('golden numbers: the same on every machine and version', () => {
  expect([...uniform(key(0), 3)]).toMatchInlineSnapshot(`
    [
      0.41845711022987275,
      0.3146817218764961,
      0.39316028345159515,
    ]
  `);
  expect([...normal(key(0), 3)]).toMatchInlineSnapshot(`
    [
      -0.205842143285563,
      -0.48262300198775027,
      -0.2710916196210039,
    ]
  `);
  expect([...permutation(key(0), 8)]).toMatchInlineSnapshot(`
    [
      3,
      7,
      1,
      4,
      2,
      5,
      0,
      6,
    ]
  `);
});

test('uniform: in [0, 1), and its empirical distribution function is within the Kolmogorov bound (p = 1e-4)', () => {
  const n = 100_000;
  const sorted = uniform(key(7), n).sort();
  expect(sorted[0]).toBeGreaterThanOrEqual(0);
  expect(sorted[n - 1]).toBeLessThan(1);
  expect(kolmogorov(sorted, (x) => x)).toBeLessThan(2.23 / Math.sqrt(n));
});

test('normal: within the Kolmogorov bound of the normal law, uncorrelated neighbours, tails present', () => {
  const n = 100_000;
  const draw = normal(key(8), n);
  let lag = 0;
  for (let i = 1; i < n; i++) lag += draw[i] * draw[i - 1];
  expect(Math.abs(lag / n)).toBeLessThan(4 / Math.sqrt(n));
  const sorted = draw.slice().sort();
  expect(kolmogorov(sorted, normalDistribution)).toBeLessThan(2.23 / Math.sqrt(n));
  expect(sorted[0]).toBeLessThan(-3.7);
  expect(sorted[n - 1]).toBeGreaterThan(3.7);
});

test('normal inverts the distribution function: Φ(normal) gives the bits that made it', () => {
  const n = 2000;
  const draw = normal(key(11), n);
  const probability = uniform(key(11), n);
  for (let i = 0; i < n; i++)
    expect(Math.abs(normalDistribution(draw[i]) - probability[i])).toBeLessThan(2e-14);
});

test('permutation: a permutation for every n, and all 24 orders of 4 equally often (χ², p = 1e-4)', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.nat(200), (seed, n) => {
      expect([...permutation(key(seed), n)].sort((a, b) => a - b)).toEqual(
        Array.from({ length: n }, (_, i) => i),
      );
    }),
  );
  const counts = new Map<string, number>();
  const draws = 24_000;
  for (let i = 0; i < draws; i++) {
    const order = permutation(foldIn(key(1), i), 4).join();
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  expect(counts.size).toBe(24);
  const chiSquare = [...counts.values()].reduce((sum, c) => sum + (c - draws / 24) ** 2 / (draws / 24), 0);
  expect(chiSquare).toBeLessThan(57);
});

test('keys of split and foldIn are distinct from each other and from the parent', () => {
  const parent = key(5);
  const all = [parent, ...split(parent, 500), ...Array.from({ length: 500 }, (_, i) => foldIn(parent, i))];
  expect(new Set(all.map((k) => k.join())).size).toBe(1001);
  expect(foldIn(parent, 2 ** 40)).not.toEqual(foldIn(parent, 0));
});

test('a seed or count that is no whole number is refused by name', () => {
  expect(() => key(-1)).toThrow('seed must be an integer from 0 to 2^53 − 1, got -1');
  expect(() => key(0.5)).toThrow('seed');
  expect(() => uniform(key(0), -3)).toThrow('count n');
  expect(() => foldIn(key(0), NaN)).toThrow('n must be');
});

/** Largest distance between the empirical distribution function of a sorted sample and `cdf`. */
function kolmogorov(sorted: Float64Array, cdf: (x: number) => number): number {
  let worst = 0;
  sorted.forEach((x, i) => {
    worst = Math.max(worst, Math.abs(cdf(x) - i / sorted.length), Math.abs(cdf(x) - (i + 1) / sorted.length));
  });
  return worst;
}

/** Φ(x) by its everywhere convergent series ½ + φ(x) Σ x^{2n+1}/(2n+1)!!. */
function normalDistribution(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; n < 200; n++) {
    term *= (x * x) / (2 * n + 1);
    sum += term;
  }
  return 0.5 + (sum * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI);
}

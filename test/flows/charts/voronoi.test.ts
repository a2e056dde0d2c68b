import fc from 'fast-check';
import { expect, test } from 'vitest';
import { array, type Tensor } from '../../../src/tensor/index.ts';
import { key, normal } from '../../../src/tensor/random.ts';
import { kMeans, nearestCentres } from '../../../src/flows/charts/kMeans.ts';
import {
  fadingShares,
  membership,
  sharpShares,
  squaredDistances,
} from '../../../src/flows/charts/voronoi.ts';
import { evaluate } from '../support.ts';

/** U_k by the definition, one code at a time. */
function referenceMembership(
  codes: Float64Array,
  centres: Float64Array,
  e: number,
  m: number,
  epsilon: number,
): number[] {
  const [n, k] = [codes.length / e, centres.length / e];
  return Array.from({ length: n }, (_, i) => {
    const d = Array.from({ length: k }, (_, c) =>
      Math.hypot(...Array.from({ length: e }, (_, j) => codes[i * e + j] - centres[c * e + j])),
    );
    const threshold = (1 + epsilon) * [...d].sort((a, b) => a - b)[m - 1];
    return d.map((v) => Number(v <= threshold));
  }).flat();
}

test('A11: membership is that of the definition, m(x) ≥ m, and equality for ε = 0', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 0, max: 5 }),
      fc.integer({ min: 1, max: 4 }),
      fc.constantFrom(0, 0.1, 0.7),
      fc.nat(1000),
      async (m, further, e, epsilon, seed) => {
        const [n, k] = [15, m + further];
        const codes = normal(key(seed), n * e);
        const centres = normal(key(seed + 2000), k * e);
        const { member } = await evaluate(
          (c: Tensor, v: Tensor) => ({
            member: membership(squaredDistances(c, v), { nearest: m, epsilon }),
          }),
          [array(codes, [n, e]), array(centres, [k, e])] as never,
        );
        expect([...member.data]).toEqual(referenceMembership(codes, centres, e, m, epsilon));
        for (let i = 0; i < n; i++) {
          const charts = Array.from(member.data.slice(i * k, (i + 1) * k)).reduce((a, b) => a + b);
          expect(charts).toBeGreaterThanOrEqual(m);
          if (epsilon === 0) expect(charts).toBe(m);
        }
      },
    ),
    { numRuns: 20 },
  );
});

test('sharp edges: p̃ has the weights of the charts of a sample, in proportion, and sums to 1', async () => {
  const member = array(Uint8Array.from([1, 0, 1, 1, 1, 1]), [2, 3], 'bool');
  const logWeights = array(
    [0.2, 0.5, 0.3].map((p) => Math.log(p)),
    [3],
  );
  const { p } = await evaluate((m: Tensor, w: Tensor) => ({ p: sharpShares(m, w) }), [
    member,
    logWeights,
  ] as never);
  [0.4, 0, 0.6, 0.2, 0.5, 0.3].forEach((v, i) => expect(p.data[i]).toBeCloseTo(v, 12));
});

/** Shares of two charts along the line between their centres 0 and 1. */
async function sharesAlong(places: readonly number[], epsilon: number): Promise<number[]> {
  const { share } = await evaluate(
    (c: Tensor, v: Tensor) => ({ share: fadingShares(squaredDistances(c, v), { nearest: 1, epsilon }) }),
    [array(places, [places.length, 1]), array([0, 1], [2, 1])] as never,
  );
  return places.map((_, i) => share.data[2 * i]);
}

test('fading edges: whole at its centre, half on the border, nothing at the edge of its chart, in between by the formula', async () => {
  const epsilon = 0.5;
  const edge = (1 + epsilon) / (2 + epsilon);
  const [centre, before, border, inside, last, beyond] = await sharesAlong(
    [0, 1 - edge, 0.5, 0.55, edge, 0.9],
    epsilon,
  );
  const phi = (1 - (0.55 / 0.45 - 1) / epsilon) ** 2;
  expect([centre, before, border, inside]).toEqual([
    1,
    expect.closeTo(1, 12),
    expect.closeTo(0.5, 12),
    expect.closeTo(phi / (1 + phi), 12),
  ]);
  expect([last, beyond]).toEqual([expect.closeTo(0, 12), 0]);
  const fine = Array.from({ length: 1001 }, (_, i) => i / 1000);
  const along = await sharesAlong(fine, epsilon);
  // No jump: the steepest slope of φ / (1 + φ) on this line is below 10.
  along.slice(1).forEach((share, i) => {
    expect(share).toBeLessThanOrEqual(along[i]);
    expect(along[i] - share).toBeLessThan(0.01);
  });
  expect(await sharesAlong([0, 0.4, 0.6], 0)).toEqual([1, 1, 0]);
});

test('fading shares lie within the charts, at every nearest centre, and sum to 1', async () => {
  const [n, k, m, epsilon] = [200, 7, 2, 0.4];
  const codes = normal(key(11), 2 * n);
  const centres = normal(key(12), 2 * k);
  const { share } = await evaluate(
    (c: Tensor, v: Tensor) => ({ share: fadingShares(squaredDistances(c, v), { nearest: m, epsilon }) }),
    [array(codes, [n, 2]), array(centres, [k, 2])] as never,
  );
  const member = referenceMembership(codes, centres, 2, m, epsilon);
  const nearest = referenceMembership(codes, centres, 2, m, 0);
  for (let i = 0; i < n; i++) {
    const row = [...share.data.slice(i * k, (i + 1) * k)];
    expect(row.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
    row.forEach((v, c) => {
      if (!member[i * k + c]) expect(v).toBe(0);
      if (nearest[i * k + c]) expect(v).toBeCloseTo(Math.max(...row), 12);
    });
  }
});

test('k-means finds clusters that are far apart, and no centre stays without codes', () => {
  const [n, k] = [400, 5];
  const places = [0, 10, 20, 30, 40];
  const noise = normal(key(1), 2 * n);
  const codes = array(
    noise.map((z, i) => places[Math.floor(i / 2) % k] * (i % 2 === 0 ? 1 : -1) + 0.1 * z),
    [n, 2],
  );
  for (const seed of [1, 2, 3]) {
    const { centres, assignment, distances } = kMeans(key(seed), codes, 3 * k);
    expect(new Set(assignment).size).toBe(3 * k);
    expect(Math.max(...distances)).toBeLessThan(1);
    expect([...nearestCentres(codes, centres).assignment]).toEqual([...assignment]);
  }
  expect(() => kMeans(key(1), codes, 401)).toThrow('401 centres of codes [400, 2]');
});

test('a round of k-means never makes the mean squared distance larger', () => {
  const codes = array(normal(key(7), 900), [300, 3]);
  const error = (iterations: number): number =>
    kMeans(key(3), codes, 12, { iterations }).distances.reduce((a, b) => a + b, 0);
  const errors = [0, 1, 2, 4, 8, 50].map(error);
  errors.slice(1).forEach((e, i) => expect(e).toBeLessThanOrEqual(errors[i] + 1e-9));
  expect(errors[5]).toBeLessThan(0.9 * errors[0]);
});

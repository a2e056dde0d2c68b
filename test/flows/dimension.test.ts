import { describe, expect, test } from 'vitest';
import { array, type NDArray } from '../../src/tensor/index.ts';
import { key, normal, uniform } from '../../src/tensor/random.ts';
import { adviceFor, describeData, diagnoseData, warningFor } from '../../src/flows/index.ts';
import { getPlaneSet } from '../../datasets/toy2d.ts';

const n = 1500;

const gaussian = (d: number): NDArray => array(normal(key(1), n * d), [n, d]);
const of = (d: number, point: (u: number, v: number) => number[]): NDArray => {
  const u = uniform(key(2), 2 * n);
  return array(Array.from({ length: n }, (_, i) => point(2 * Math.PI * u[2 * i], u[2 * i + 1])).flat(), [
    n,
    d,
  ]);
};
const planeSet = (name: string): NDArray => array(getPlaneSet(name).sample(1, n), [n, 2]);

/** Directions made shorter by factors of 3, then mirrored at a plane, so that no entry is one of them. */
function short(z: Float64Array, d: number): Float64Array {
  const scaled = z.map((v, i) => v / 3 ** (i % d));
  return scaled.map((v, i) => {
    const row = scaled.subarray(i - (i % d), i - (i % d) + d);
    return v - (2 / d) * row.reduce((total, entry) => total + entry, 0);
  });
}

describe('the dimension of a set', () => {
  test.each([1, 2, 3, 5, 8])('a Gaussian in %i dimensions fills them', (d) => {
    const { intrinsic, degenerate, rank } = describeData(gaussian(d));
    expect(Math.abs(intrinsic - d)).toBeLessThan(0.15 * d);
    expect(rank).toBe(d);
    expect(degenerate).toBeNull();
  });

  test('a circle, a helix and a sphere do not', () => {
    const circle = describeData(of(2, (t) => [Math.cos(t), Math.sin(t)]));
    const helix = describeData(of(3, (t) => [3 * t, Math.cos(3 * t), Math.sin(3 * t)]));
    const sphere = describeData(
      of(3, (t, h) => {
        const r = Math.sqrt(1 - (2 * h - 1) ** 2);
        return [r * Math.cos(t), r * Math.sin(t), 2 * h - 1];
      }),
    );
    expect(Math.abs(circle.intrinsic - 1)).toBeLessThan(0.1);
    expect(Math.abs(helix.intrinsic - 1)).toBeLessThan(0.1);
    expect(Math.abs(sphere.intrinsic - 2)).toBeLessThan(0.2);
    for (const { degenerate } of [circle, helix, sphere])
      expect(degenerate?.text).toMatch(/set of dimension [12]\.\d/);
  });

  test.each([2, 3, 4, 5])('nor does a sphere in %i dimensions', (d) => {
    for (const seed of [1, 2, 3]) {
      const z = normal(key(seed), 2000 * d);
      const lengths = Array.from({ length: 2000 }, (_, i) => Math.hypot(...z.subarray(i * d, (i + 1) * d)));
      const data = describeData(
        array(
          z.map((v, i) => v / lengths[Math.floor(i / d)]),
          [2000, d],
        ),
      );
      expect(data.degenerate?.text).toMatch(new RegExp(`in a space of dimension ${d}$`));
    }
  });

  test.each([2, 4, 5, 6, 8])('samples that fill %i dimensions are not taken for a surface', (d) => {
    for (const count of [100, 500, 2000]) {
      const u = uniform(key(count), count * d);
      const sets = [
        u,
        u.map((v) => -Math.log(1 - v)),
        // A mixture of a narrow Gaussian and a wide one.
        normal(key(count + 1), count * d).map((v, i) => (Math.floor(i / d) % 3 === 0 ? 0.1 * v + 1 : 2 * v)),
        // A Gaussian whose deviations fall by factors of 3, every entry a sum of them: neighbours differ in the long directions only.
        short(normal(key(count + 2), count * d), d),
      ];
      for (const data of sets) expect(describeData(array(data, [count, d])).degenerate).toBeNull();
    }
  });

  test('noise fills the space at the distance of neighbours, and no longer from further away', () => {
    const { intrinsic, byScale, degenerate } = describeData(planeSet('moons-sharp'));
    expect(degenerate).toBeNull();
    expect(intrinsic).toBeGreaterThan(1.7);
    expect(byScale[1].dimension).toBeLessThan(intrinsic);
  });

  test('a repeated column and repeated samples are named', () => {
    const { data } = gaussian(2);
    const column = array(
      Array.from({ length: n }, (_, i) => [data[2 * i], data[2 * i + 1], data[2 * i] * 3 + 1]).flat(),
      [n, 3],
    );
    expect(describeData(column).degenerate?.text).toMatch(/depend on each other linearly.*dimension 2/);
    const twice = array([...data, ...data], [2 * n, 2]);
    expect(describeData(twice)).toMatchObject({
      repeated: 1,
      degenerate: { text: '100 % of the samples occur more than once' },
    });
  });

  test('copies are counted among all samples', () => {
    const data = normal(key(4), 40_000);
    const { repeated, degenerate } = describeData(array([...data, ...data], [40_000, 2]));
    expect(repeated).toBe(1);
    expect(degenerate?.kind).toBe('repeated');
  });

  test.each([
    [5, 0.5],
    [2, 0.15],
    [1, 0.1],
    [3, 0.02],
  ])('a value of one of %i entries that a share of %f of the samples has is named', (d, share) => {
    const u = uniform(key(5), n);
    const x = gaussian(d).data.map((v, i) => ((i + 1) % d === 0 && u[Math.floor(i / d)] < share ? 0 : v));
    const { degenerate } = describeData(array(x, [n, d]));
    expect(degenerate?.kind).toBe('favoured');
    expect(degenerate?.text).toMatch(
      new RegExp(`^number ${d - 1} of a sample is exactly 0 in \\d[\\d.]* % of the samples$`),
    );
  });

  test('rounded entries are discrete, numbers of float32 are not', () => {
    const of = (round: (v: number, entry: number) => number, count = n): NDArray =>
      array(
        normal(key(6), count * 2).map((v, i) => round(v, i % 2)),
        [count, 2],
      );
    expect(describeData(of(Math.round)).degenerate?.text).toMatch(
      /^number 0 of a sample is discrete: it has \d values, and 1 more are like it$/,
    );
    const hundredths = of((v, entry) => (entry ? v : Math.round(100 * v) / 100));
    expect(describeData(hundredths).degenerate?.text).toMatch(
      /^number 0 of a sample is discrete: it has \d{3} values$/,
    );
    expect(describeData(of(Math.fround, 50_000)).degenerate).toBeNull();
    const numbers = array(
      normal(key(7), 100_000).map((v) => Math.fround(v)),
      [100_000, 1],
    );
    expect(describeData(numbers).degenerate).toBeNull();
    const counts = array(
      normal(key(7), n).map((v) => Math.round(5 * v)),
      [n, 1],
    );
    expect(describeData(counts).degenerate?.text).toMatch(/^number 0 of a sample is discrete/);
  });

  test('one sample far out is named, and nothing is said of the others', () => {
    const x = gaussian(2);
    const far = array(
      x.data.map((v, i) => (i === 7 ? -3e7 : v)),
      [n, 2],
    );
    const data = describeData(far);
    expect(data.degenerate).toBeNull();
    expect(warningFor(data)).toMatch(
      /^number 1 of sample 3 is -3\.00e\+7, 2\.\de\+7 interquartile ranges.*leave/,
    );
    expect(
      warningFor(
        data,
        Array.from({ length: n }, (_, i) => 100 + i),
      ),
    ).toMatch(/^number 1 of sample 103 is/);
    // A heavy tail is no mistake.
    const cauchy = array(
      uniform(key(3), 2 * n).map((u) => Math.tan(Math.PI * (u - 0.5))),
      [n, 2],
    );
    expect(describeData(cauchy).outlier).toBeNull();
  });

  test('too few samples are refused', () => {
    expect(() => describeData(array(normal(key(1), 20), [10, 2]))).toThrow(
      /10 samples; expected at least 20/,
    );
  });
});

test('pieces are counted', () => {
  expect(describeData(planeSet('eight-gaussians')).components).toBe(8);
  expect(describeData(planeSet('circles')).components).toBe(2);
  expect(describeData(gaussian(2)).components).toBe(1);
});

test.each([1, 2, 3, 4])('a line and curves are one piece each, seed %i', (seed) => {
  const t = uniform(key(seed), 2000).map((u) => 2 * Math.PI * u);
  const curve = (d: number, point: (t: number) => number[]): NDArray =>
    array(Array.from(t, point).flat(), [2000, d]);
  expect(describeData(array(normal(key(seed), 2000), [2000, 1])).components).toBe(1);
  expect(describeData(curve(2, (u) => [Math.cos(u), Math.sin(u)])).components).toBe(1);
  expect(describeData(curve(3, (u) => [3 * u, Math.cos(3 * u), Math.sin(3 * u)])).components).toBe(1);
  const sharp = array(getPlaneSet('moons-sharp').sample(seed, n), [n, 2]);
  expect(describeData(sharp).components).toBe(2);
});

test('the advice follows from what was found', () => {
  const advice = (x: NDArray, lipschitz: number): string => adviceFor(diagnoseData(x, lipschitz));
  expect(advice(gaussian(2), 10)).toMatch(/^yes/);
  expect(advice(gaussian(2), 0.1)).toMatch(/^only with larger Lipschitz constants/);
  expect(advice(planeSet('eight-gaussians'), 10)).toMatch(/^only with bridges: .* 8 pieces/);
  expect(
    advice(
      of(2, (t) => [Math.cos(t), Math.sin(t)]),
      10,
    ),
  ).toMatch(/^no: .*no upper limit.*add noise, leave out entries, or .*\(cef\)(?!.*charts)/);
  const constant = array(
    normal(key(1), 2 * n).map((v, i) => (i % 2 ? v : 7)),
    [n, 2],
  );
  expect(advice(constant, 10)).toMatch(
    /^no: 1 of the 2 numbers of a sample never change; .*: leave them out$/,
  );
});

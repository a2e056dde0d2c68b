import { describe, expect, test } from 'vitest';
import { array } from '../../src/tensor/index.ts';
import { key } from '../../src/tensor/random.ts';
import { densities, getDensity, logProb, sample } from '../../src/flows/index.ts';
import { perturb } from './support.ts';

const options = { dtype: 'float64', threads: 1, batchSize: 8000 } as const;

/** Midpoints of a square grid over the plane. */
const [POINTS, REACH] = [280, 9];
const STEP = (2 * REACH) / POINTS;
const at = (i: number): number => -REACH + (i + 0.5) * STEP;
const grid = array(
  Float64Array.from({ length: 2 * POINTS * POINTS }, (_, i) =>
    i % 2 === 0 ? at(Math.floor(i / 2 / POINTS)) : at((i >> 1) % POINTS),
  ),
  [POINTS * POINTS, 2],
);

const ofVolume = densities.filter(
  (model) => model.create({ shape: [2] }, { blocks: 1, hidden: [4] }).measure.kind === 'volume',
);

describe.each(ofVolume)('$name', (family) => {
  const { name } = family;
  const model = family.create(
    { shape: [2] },
    { blocks: 2, hidden: [8], ...(name.startsWith('vq-') && { charts: 3 }) },
  );
  const p = perturb(model.init(key(11)), 12, 0.12);

  test('A4, A5: the density integrates to 1, and samples have its distribution and its entropy', async () => {
    const logs = (await logProb(model, p, grid, {}, options)).data as Float64Array;
    const cell = STEP * STEP;
    const mass = logs.reduce((total, v) => total + Math.exp(v) * cell, 0);
    expect(Math.abs(mass - 1)).toBeLessThan(2e-3);

    const n = 4000;
    const x = await sample(model, p, { n, seed: 13 }, options);
    // Distribution of each coordinate from the grid: probability integral transform, and its distance to the uniform
    // distribution (Kolmogorov–Smirnov, p > 0.01).
    for (const axis of [0, 1]) {
      const ends = new Float64Array(POINTS + 1);
      logs.forEach((v, i) => {
        const place = axis === 0 ? Math.floor(i / POINTS) : i % POINTS;
        ends[place + 1] += Math.exp(v) * cell;
      });
      for (let i = 1; i <= POINTS; i++) ends[i] += ends[i - 1];
      const transformed = Float64Array.from({ length: n }, (_, i) => {
        const where = Math.min(POINTS - 1e-9, Math.max(0, (x.data[2 * i + axis] + REACH) / STEP));
        const low = Math.floor(where);
        return ends[low] + (where - low) * (ends[low + 1] - ends[low]);
      }).sort();
      const distance = Math.max(
        ...transformed.map((u, i) => Math.max(Math.abs(u - i / n), Math.abs(u - (i + 1) / n))),
      );
      expect(distance * Math.sqrt(n)).toBeLessThan(1.63);
    }
    const entropy = -logs.reduce((total, v) => total + (v > -700 ? v * Math.exp(v) * cell : 0), 0);
    const own = (await logProb(model, p, x, {}, options)).data as Float64Array;
    const mean = own.reduce((a, b) => a + b, 0) / n;
    const deviation = Math.sqrt(own.reduce((a, b) => a + (b - mean) ** 2, 0) / n);
    expect(Math.abs(mean + entropy)).toBeLessThan((4 * deviation) / Math.sqrt(n) + 5e-3);
  });
});

test('an unknown model is answered with the known ones', () => {
  expect(() => getDensity('vq')).toThrow(/'vq' is unknown.*real-nvp.*cef.*vq-realnvp/);
});

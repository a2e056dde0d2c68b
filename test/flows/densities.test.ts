import { describe, expect, test } from 'vitest';
import { array, mul, neg, sum, type Tensor } from '../../src/tensor/index.ts';
import { key, normal } from '../../src/tensor/random.ts';
import { densities, getDensity, logProb, sample } from '../../src/flows/index.ts';
import { meanWithError, planeGrid } from './planeGrid.ts';
import { gradientError, optionsFor, perturb } from './support.ts';

const options = { dtype: 'float64', threads: 1, batchSize: 8000 } as const;

const grid = planeGrid({ points: 280, reach: 9 });

const ofVolume = densities.filter((model) => model.create({ shape: [2] }).measure.kind === 'volume');

describe.each(ofVolume)('$name', (family) => {
  const own = optionsFor(family, { blocks: 2, hidden: [8], charts: 3 });
  const model = family.create({ shape: [2] }, own);
  const p = perturb(model.init(key(11)), 12, 0.12);

  test('A4, A5: the density integrates to 1, and samples have its distribution and its entropy', async () => {
    const logs = (await logProb(model, p, grid.at, {}, options)).data;
    expect(Math.abs(grid.integral(logs) - 1)).toBeLessThan(2e-3);
    const x = await sample(model, p, { n: 4000, seed: 13 }, options);
    expect(grid.kolmogorovSmirnov(logs, x)).toBeLessThan(1.63);
    const { mean, error } = meanWithError((await logProb(model, p, x, {}, options)).data);
    expect(Math.abs(mean - grid.integral(logs, (log) => log))).toBeLessThan(4 * error + 5e-3);
  });

  test('A4: in three dimensions the density integrates to 1, by importance sampling', async () => {
    const inSpace = family.create({ shape: [3] }, own);
    const parameters = perturb(inSpace.init(key(21)), 22, 0.12);
    const n = 8000;
    // Wider than any of these models.
    const sigma = 1.7;
    const z = normal(key(23), 3 * n);
    const x = array(
      z.map((v) => sigma * v),
      [n, 3],
    );
    const logs = (await logProb(inSpace, parameters, x, {}, options)).data;
    const weights = Float64Array.from(logs, (log, i) => {
      const squares = z[3 * i] ** 2 + z[3 * i + 1] ** 2 + z[3 * i + 2] ** 2;
      return Math.exp(log + squares / 2 + 1.5 * Math.log(2 * Math.PI * sigma ** 2));
    });
    const { mean, error } = meanWithError(weights);
    expect(Math.abs(mean - 1)).toBeLessThan(3 * error);
    expect(error).toBeLessThan(0.03);
  });
});

/** Of a surface where the model is one, else of the plane. */
const every = densities.map((family) => {
  const { name } = family;
  const shape = name.endsWith('cef') ? [3] : [2];
  const options = optionsFor(family, { blocks: 2, hidden: [6], charts: 3 });
  return { name, shape, model: family.create({ shape }, options) };
});

test.each(every)(
  'A7: $name: the gradient of the negative log-likelihood in every parameter',
  async ({ model, shape }) => {
    const n = 5;
    const x = array(normal(key(31), n * shape[0]), [n, ...shape]);
    const loss = (p: never, v: Tensor): Tensor => mul(1 / n, neg(sum(model.logProb(p, v))));
    expect(await gradientError(loss, perturb(model.init(key(32)), 33, 0.2), [x])).toBeLessThan(1e-6);
  },
);

test('an unknown model is answered with the known ones', () => {
  expect(() => getDensity('vq')).toThrow(/'vq' is unknown.*real-nvp.*cef.*vq-realnvp/);
});

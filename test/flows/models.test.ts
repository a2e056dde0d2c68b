import { expect, test } from 'vitest';
import { array, type Tensor } from '../../src/tensor/index.ts';
import { key, normal } from '../../src/tensor/random.ts';
import { adam, constantSchedule } from '../../src/nn/index.ts';
import { getPlaneSet } from '../../datasets/toy2d.ts';
import {
  actNorm,
  calibrate,
  fit,
  flow,
  householderProduct,
  logProb,
  models,
  radial,
  toData,
  toLatent,
  type Layer,
} from '../../src/flows/index.ts';
import { evaluate, largestDifference, perturb } from './support.ts';

const float64 = { dtype: 'float64', threads: 1 } as const;

test.each(models.map((model) => [model.name, model] as const))(
  '%s: to latent and back, given a context',
  async (_, model) => {
    const made = model.create({ shape: [3], context: 2 }, { blocks: 2, hidden: [8] });
    const p = perturb(made.init(key(1)), 2, 0.2);
    const x = array(normal(key(3), 60), [20, 3]);
    const context = array(normal(key(4), 40), [20, 2]);
    const { z, logDet } = await toLatent(made, p, x, { context }, float64);
    const back = await toData(made, p, z, { context }, float64);
    const tolerance = worst(made.layers);
    expect(largestDifference(back.x.data, x.data)).toBeLessThan(tolerance);
    expect(
      largestDifference(
        back.logDet.data,
        Float64Array.from(logDet.data, (v) => -v),
      ),
    ).toBeLessThan(tolerance);
  },
);

/** A1 by how the layers find their inverse; a continuous flow is as exact as its steps. */
const worst = (layers: readonly Layer[]): number =>
  Math.max(
    ...layers.map(({ inverseBy }) => ({ formula: 1e-10, iteration: 1e-8, integration: 1e-4 })[inverseBy]),
  );

test.each(models.map((model) => [model.name, model] as const))(
  '%s, trained: A1, A3 at its own samples, A4 the density integrates to 1',
  async (_, model) => {
    const made = model.create({ shape: [2] }, { blocks: 3, hidden: [12, 12] });
    const n = 400;
    const { parameters } = await fit(made, {
      data: { train: { x: array(getPlaneSet('moons').sample(1, n), [n, 2], 'float32') } },
      optimizer: adam({ learningRate: 5e-3 }),
      schedule: constantSchedule,
      epochs: 12,
      batchSize: 100,
      clipNorm: 5,
      seed: 1,
      threads: 1,
    });
    const x = array(getPlaneSet('moons').sample(2, 200), [200, 2]);
    const there = await toLatent(made, parameters, x, {}, float64);
    const back = await toData(made, parameters, there.z, {}, float64);
    const tolerance = worst(made.layers);
    expect(largestDifference(back.x.data, x.data)).toBeLessThan(tolerance);
    const negated = Float64Array.from(there.logDet.data, (v) => -v);
    expect(largestDifference(back.logDet.data, negated)).toBeLessThan(tolerance);

    const side = 240;
    const step = 16 / side;
    const points = new Float64Array(2 * side * side);
    for (let i = 0; i < side * side; i++)
      points.set([(Math.floor(i / side) + 0.5) * step - 7.5, ((i % side) + 0.5) * step - 7.75], 2 * i);
    const grid = array(points, [side * side, 2]);
    const { data } = await logProb(made, parameters, grid, {}, { ...float64, batchSize: 4800 });
    const mass = (data as Float64Array).reduce((total, log) => total + Math.exp(log) * step * step, 0);
    expect(Math.abs(mass - 1)).toBeLessThan(2e-3);
  },
);

test('E2: the radial determinant has the factor 1 + β/(α + r) − β r/(α + r)²', async () => {
  const layer = radial.create();
  const [alpha, beta, d] = [Math.exp(0.3), Math.log1p(Math.exp(0.9)) - Math.exp(0.3), 3];
  const p = {
    center: array(new Float64Array(d), [d]),
    logAlpha: array([0.3], []),
    betaRaw: array([0.9], []),
  };
  const x = array([0.5, -1, 2], [1, d]);
  const { logDet } = await evaluate(
    (q: never, v: Tensor) => ({ logDet: layer.forward(q, v).logDet }),
    [p, x],
  );
  const r = Math.hypot(0.5, 1, 2);
  const h = 1 / (alpha + r);
  const expected = (1 + beta * h) ** (d - 1) * (1 + beta * h - beta * r * h * h);
  expect(Math.exp(logDet.data[0])).toBeCloseTo(expected, 12);
});

test('Householder reflections multiplied as I − V T Vᵀ are their product, which is orthogonal', async () => {
  const [n, k] = [5, 3];
  const V = normal(key(9), n * k);
  const { Q } = await evaluate((v: Tensor) => ({ Q: householderProduct(v) }), [array(V, [n, k])] as never);
  let product = Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => Number(i === j)));
  for (let c = 0; c < k; c++) {
    const v = Array.from({ length: n }, (_, i) => V[i * k + c]);
    const norm = v.reduce((a, b) => a + b * b, 0);
    product = product.map((row) => {
      const along = row.reduce((a, b, i) => a + b * v[i], 0);
      return row.map((b, j) => b - (2 * along * v[j]) / norm);
    });
  }
  expect(largestDifference(Q.data, product.flat())).toBeLessThan(1e-12);
});

test('ActNorm brings the data that it first sees to mean 0 and variance 1, behind another layer too', async () => {
  const made = flow({ shape: [2], layers: [actNorm.create(), actNorm.create()] });
  const n = 500;
  const x = array(
    normal(key(5), 2 * n).map((v, i) => (i % 2 ? 3 * v + 7 : 0.1 * v)),
    [n, 2],
  );
  const p = await calibrate(made, made.init(key(1)), x, 'start', {}, float64);
  const { z } = await toLatent(made, p, x, {}, float64);
  for (const j of [0, 1]) {
    const column = Array.from({ length: n }, (_, i) => z.data[2 * i + j]);
    const centre = column.reduce((a, b) => a + b, 0) / n;
    expect(Math.abs(centre)).toBeLessThan(1e-5);
    expect(Math.abs(column.reduce((a, b) => a + (b - centre) ** 2, 0) / n - 1)).toBeLessThan(1e-3);
  }
});

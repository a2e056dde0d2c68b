import { expect, test } from 'vitest';
import { array, type Tensor } from '../../src/tensor/index.ts';
import { key, normal } from '../../src/tensor/random.ts';
import {
  actNorm,
  flow,
  calibrate,
  householderProduct,
  models,
  radial,
  toData,
  toLatent,
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
    expect(largestDifference(back.x.data, x.data)).toBeLessThan(1e-9);
    expect(
      largestDifference(
        back.logDet.data,
        Float64Array.from(logDet.data, (v) => -v),
      ),
    ).toBeLessThan(1e-9);
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

import { expect, test } from 'vitest';
import { array, type Tensor } from '../../src/tensor/index.ts';
import { key, normal } from '../../src/tensor/random.ts';
import { getPlaneSet } from '../../datasets/toy2d.ts';
import {
  actNorm,
  calibrate,
  fit,
  flow,
  getModel,
  householderProduct,
  logProb,
  models,
  radial,
  multiscale,
  sample,
  sequence,
  softplus,
  squeeze,
  toData,
  toLatent,
  type Layer,
} from '../../src/flows/index.ts';
import { planeGrid } from './planeGrid.ts';
import {
  evaluate,
  largestDifference,
  logDeterminants,
  negated,
  optionsFor,
  perturb,
  training,
} from './support.ts';

const float64 = { dtype: 'float64', threads: 1 } as const;
const grid = planeGrid({ points: 240, reach: 8, centre: [0.5, 0.25] });

/**
 * Steps fine enough for flows that integrate to return as exactly as others, with the same parameters. Measured of the trained ones,
 * of A1 and A3 the larger: 9e-10 with 16, 4e-11 with 30, 1e-11 with 40.
 */
const FINE = { method: 'dopri5', steps: 32, refinement: 1 };

/** A1 by how the layers find their inverse; a continuous flow is as exact as its steps. */
const worst = (layers: readonly Layer[]): number =>
  Math.max(
    ...layers.map(({ inverseBy }) => ({ formula: 1e-10, iteration: 1e-8, integration: 1e-8 })[inverseBy]),
  );
/** Of A3. */
const CANCEL = 1e-10;

test.each(models.map((model) => [model.name, model] as const))(
  '%s: A1, A3 given a context',
  async (_, model) => {
    const options = optionsFor(model, { blocks: 2, hidden: [8], ...FINE, steps: 12 });
    const made = model.create({ shape: [3], context: 2 }, options);
    const p = perturb(made.init(key(1)), 2, 0.2);
    const x = array(normal(key(3), 60), [20, 3]);
    const context = array(normal(key(4), 40), [20, 2]);
    const { z, logDet } = await toLatent(made, p, x, { context }, float64);
    const back = await toData(made, p, z, { context }, float64);
    expect(largestDifference(back.x.data, x.data)).toBeLessThan(worst(made.layers));
    expect(largestDifference(back.logDet.data, negated(logDet.data))).toBeLessThan(CANCEL);
  },
);

test.each(models.map((model) => [model.name, model] as const))(
  '%s, trained: A1, A3 at held-out samples, A4 the density integrates to 1, A5 samples follow it',
  async (_, model) => {
    const options = { blocks: 3, hidden: [12, 12] };
    const made = model.create({ shape: [2] }, optionsFor(model, options));
    const n = 400;
    const { parameters } = await fit(made, {
      data: { train: { x: array(getPlaneSet('moons').sample(1, n), [n, 2], 'float32') } },
      ...training({ learningRate: 5e-3, epochs: 12, batchSize: 100, clipNorm: 5 }),
    });
    const x = array(getPlaneSet('moons').sample(2, 1000), [1000, 2]);
    const fine = model.create({ shape: [2] }, optionsFor(model, { ...options, ...FINE }));
    const there = await toLatent(fine, parameters, x, {}, float64);
    const back = await toData(fine, parameters, there.z, {}, float64);
    expect(largestDifference(back.x.data, x.data)).toBeLessThan(worst(made.layers));
    expect(largestDifference(back.logDet.data, negated(there.logDet.data))).toBeLessThan(CANCEL);

    const logs = (await logProb(made, parameters, grid.at, {}, { ...float64, batchSize: 4800 })).data;
    expect(Math.abs(grid.integral(logs) - 1)).toBeLessThan(2e-3);
    const drawn = await sample(made, parameters, { n: 4000, seed: 3 }, { ...float64, batchSize: 4000 });
    expect(grid.kolmogorovSmirnov(logs, drawn)).toBeLessThan(1.63);
  },
);

test.each([
  ['residual-flow', { activation: 'tanh' }, /residual-flow: .*activation/],
  ['cnf', { blocks: 2 }, /cnf: .*blocks/],
  ['flow-matching', { activation: 'relu' }, /flow-matching: .*activation/],
  ['nsf', { steps: 4 }, /nsf: .*steps/],
])('%s refuses options that it would not use: %j', (name, options, message) => {
  expect(() => getModel(name).create({ shape: [2] }, options)).toThrow(message);
});

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
  // Beside central differences, and not the sum that the slides have in the last factor.
  const step = 1e-5;
  const moved = Float64Array.from({ length: 6 * d }, (_, i) => {
    const [row, entry] = [Math.floor(i / d), i % d];
    return x.data[entry] + (row >> 1 === entry ? (row % 2 === 0 ? step : -step) : 0);
  });
  const { y } = await evaluate(
    (q: never, v: Tensor) => ({ y: layer.forward(q, v).y }),
    [p, array(moved, [6, d])],
  );
  const slopes = Float64Array.from({ length: d * d }, (_, i) => {
    const [row, column] = [Math.floor(i / d), i % d];
    return (y.data[2 * column * d + row] - y.data[(2 * column + 1) * d + row]) / (2 * step);
  });
  expect(logDeterminants(array(slopes, [1, d, d]))[0]).toBeCloseTo(logDet.data[0], 8);
  const slides = (1 + beta * h) ** (d - 1) * (1 + beta * h + r * h * h);
  expect(Math.abs(Math.exp(logDet.data[0]) - slides)).toBeGreaterThan(0.1);
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

/** Softplus makes the mean and variance in front of each ActNorm other than those behind the one before. */
const bent = () => [softplus.create(), actNorm.create()];

test.each<[string, number[], Layer[], unit?: number]>([
  ['a flow in small units', [2], [actNorm.create(), ...bent()], 1e-6],
  ['a flow in large units', [2], [actNorm.create(), ...bent()], 1e6],
  ['a flow', [2], [actNorm.create(), ...bent()]],
  ['a sequence', [2], [sequence([actNorm.create(), ...bent()])]],
  [
    'each scale of an image',
    [1, 4, 4],
    [
      multiscale(
        [1, 4, 4],
        [
          [...bent(), squeeze.create()],
          [squeeze.create(), ...bent()],
        ],
      ),
    ],
  ],
])(
  'ActNorm in %s begins where what it makes of the data has mean 0 and variance 1',
  async (_, shape, layers, unit = 1) => {
    const made = flow({ shape, layers });
    const [n, d] = [500, shape.reduce((a, b) => a * b, 1)];
    const x = array(
      normal(key(5), n * d).map((v, i) => unit * (i % 2 ? 3 * v + 2 : v)),
      [n, ...shape],
    );
    const p = await calibrate(made, made.init(key(1)), x, 'start', {}, float64);
    const { z } = await toLatent(made, p, x, {}, float64);
    // Of an image the last stage makes 8 channels of one pixel; what the first lets go has seen an ActNorm of the one channel it had.
    const first = shape.length === 1 ? 0 : d / 2;
    for (let j = first; j < d; j++) {
      const column = Array.from({ length: n }, (_, i) => z.data[d * i + j]);
      const centre = column.reduce((a, b) => a + b, 0) / n;
      expect(Math.abs(centre)).toBeLessThan(1e-5);
      expect(Math.abs(column.reduce((a, b) => a + (b - centre) ** 2, 0) / n - 1)).toBeLessThan(1e-3);
    }
  },
);

test('flow matching that diverges names its layer, the step and the sample', async () => {
  const x = array(normal(key(5), 2 * 60), [60, 2]);
  x.data[2 * 17] = 1e30;
  const options = training({ learningRate: 1e-3, epochs: 2, batchSize: 60 });
  const model = getModel('flow-matching').create({ shape: [2] }, { hidden: [8] });
  await expect(fit(model, { ...options, data: { train: { x } } })).rejects.toThrow(
    /epoch 1, step 1 \(.*\): layer 0 \(continuous\) makes a velocity whose squared error is (Infinity|NaN) for sample 17 of the training split; lower/,
  );
});

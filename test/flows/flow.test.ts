import { describe, expect, test } from 'vitest';
import {
  add,
  array,
  constant,
  div,
  mul,
  square,
  sub,
  sum,
  type NDArray,
  type Tensor,
} from '../../src/tensor/index.ts';
import { train } from '../../src/nn/index.ts';
import { key, normal } from '../../src/tensor/random.ts';
import { getPlaneSet } from '../../datasets/toy2d.ts';
import {
  affine,
  affineCoupling,
  baseFamilies,
  bitsPerDimension,
  diagnose,
  largestNumber,
  fit,
  flow,
  logGamma,
  logProb,
  reverseKl,
  sample,
  splineCoupling,
  toData,
  toLatent,
  type Layer,
} from '../../src/flows/index.ts';
import { explainStep } from '../../src/flows/failures.ts';
import { meanWithError } from './planeGrid.ts';
import { evaluate, largestDifference, perturb, training } from './support.ts';

const float64 = { dtype: 'float64', threads: 1 } as const;

const couplings = (n: number): Layer[] =>
  Array.from(
    { length: n },
    (_, i) => affineCoupling.create({ flip: i % 2 === 1, hidden: [32, 32] }) as Layer,
  );

describe.each(
  baseFamilies.flatMap((family) =>
    family.examples.map((options) => ({
      family,
      options,
      title: `${family.name} ${JSON.stringify(options)}`,
    })),
  ),
)('base $title', ({ family, options }) => {
  const base = family.create(options);
  const isUniform = family.name === 'uniform';

  test('A4: the density integrates to 1 in two dimensions', async () => {
    const p = perturb(base.init(key(1), [2]), 2, 0.2);
    // x = tan(πu/2)-like stretched grid: heavy tails need far points. Midpoint rule in u.
    const n = isUniform ? 1650 : 500;
    const points = new Float64Array(2 * n * n);
    const weights = new Float64Array(n * n);
    const along = (i: number): [number, number] => {
      const u = -1 + (2 * (i + 0.5)) / n;
      if (isUniform) return [0.5 + 1.1 * u, 2.2 / n];
      return [(3 * u) / (1 - u * u), ((3 * (1 + u * u)) / (1 - u * u) ** 2) * (2 / n)];
    };
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) {
        const [[x, wx], [y, wy]] = [along(i), along(j)];
        points.set([x, y], 2 * (i * n + j));
        weights[i * n + j] = wx * wy;
      }
    const density = await evaluate(
      (q: never, x: Tensor) => base.logProb(q, x),
      [p, array(points, [n * n, 2])],
    );
    const mass = weights.reduce((total, w, i) => total + w * Math.exp(density.data[i]), 0);
    expect(Math.abs(mass - 1)).toBeLessThan(2e-3);
  });

  test('samples follow the density: the share in a box is the integral of the density over it', async () => {
    const p = perturb(base.init(key(3), [2]), 4, 0.2);
    const n = 40_000;
    const rows = base.draw(key(5), n, [2]);
    const { x, logP } = await evaluate(
      (q: never, r: Tensor) => {
        const samples = base.transport(q, r, [2]);
        return { x: samples, logP: base.logProb(q, samples) };
      },
      [p, rows],
    );
    // The fraction of samples in a box against the integral of the density over it.
    const box = [-0.7, 0.9] as const;
    let inside = 0;
    for (let i = 0; i < n; i++)
      if ([0, 1].every((j) => x.data[2 * i + j] > box[0] && x.data[2 * i + j] < box[1])) inside++;
    const m = 200;
    const grid = new Float64Array(2 * m * m);
    const step = (box[1] - box[0]) / m;
    for (let i = 0; i < m * m; i++)
      grid.set([box[0] + (Math.floor(i / m) + 0.5) * step, box[0] + ((i % m) + 0.5) * step], 2 * i);
    const density = await evaluate((q: never, v: Tensor) => base.logProb(q, v), [p, array(grid, [m * m, 2])]);
    const expected = (density.data as Float64Array).reduce((t, v) => t + Math.exp(v) * step * step, 0);
    expect(Math.abs(inside / n - expected)).toBeLessThan(
      4.5 * Math.sqrt((expected * (1 - expected)) / n) + 5e-3,
    );
    expect((logP.data as Float64Array).every(Number.isFinite)).toBe(true);
  });
});

test('log Γ at half-integers and small numbers', () => {
  expect(logGamma(0.5)).toBeCloseTo(0.5 * Math.log(Math.PI), 13);
  expect(logGamma(5)).toBeCloseTo(Math.log(24), 13);
  expect(logGamma(0.1)).toBeCloseTo(2.2527126517342059, 12);
});

describe('a flow', () => {
  const model = flow({
    shape: [2],
    context: 1,
    layers: [affineCoupling.create({ hidden: [8] }), splineCoupling.create({ flip: true, hidden: [8] })],
  });
  const parameters = perturb(model.init(key(1)), 2, 0.3);
  const n = 700;
  const x = array(normal(key(3), 2 * n), [n, 2]);
  const context = array(normal(key(4), n), [n, 1]);

  test('goes to latent and back, in batches that do not divide the rows', async () => {
    const there = await toLatent(model, parameters, x, { context }, float64);
    const back = await toData(model, parameters, there.z, { context }, float64);
    expect(largestDifference(back.x.data, x.data)).toBeLessThan(1e-10);
    const negated = (back.logDet.data as Float64Array).map((v) => -v);
    expect(largestDifference(there.logDet.data, negated)).toBeLessThan(1e-9);
  });

  test('logProb is the base at the latent plus logDet', async () => {
    const { z, logDet } = await toLatent(model, parameters, x, { context }, float64);
    const value = await logProb(model, parameters, x, { context }, float64);
    const expected = Float64Array.from({ length: n }, (_, i) => {
      const [a, b] = [z.data[2 * i], z.data[2 * i + 1]];
      return -0.5 * (a * a + b * b) - Math.log(2 * Math.PI) + logDet.data[i];
    });
    expect(largestDifference(value.data, expected)).toBeLessThan(1e-10);
  });

  test('samples are those of the seed', async () => {
    const rows = (m: number) => array(context.data.slice(0, m), [m, 1]);
    const few = await sample(model, parameters, { n: 10, seed: 7, context: rows(10) }, float64);
    const again = await sample(model, parameters, { n: 10, seed: 7, context: rows(10) }, float64);
    const other = await sample(model, parameters, { n: 10, seed: 8, context: rows(10) }, float64);
    expect([...again.data]).toEqual([...few.data]);
    expect(largestDifference(other.data, few.data)).toBeGreaterThan(0.1);
  });

  test('a missing context is named', async () => {
    await expect(logProb(model, parameters, x, {}, float64)).rejects.toThrow(/no context.*initialised for/);
  });

  test('diagnose names the layer and the sample where numbers end', async () => {
    const bad = array(x.data.slice(), [n, 2]);
    bad.data[2 * 41] = 1e300;
    bad.data[2 * 41 + 1] = 1e300;
    expect(await diagnose(model, parameters, x, { context }, float64)).toBeNull();
    expect(
      await diagnose(model, parameters, bad, { context }, { ...float64, dtype: 'float32' }),
    ).toMatchObject({
      index: 0,
      layer: 'affine-coupling',
      sample: 41,
    });
  });

  test('a step is explained as it was taken: all samples of the batch at once, in rough steps', async () => {
    const plain = affine.create();
    const seen: number[] = [];
    const touchy: Layer = {
      ...plain,
      forward(p, rows, given) {
        seen.push(rows.shape[0]);
        const step = given?.training && given.rough;
        return plain.forward(p as never, step ? div(rows, 0) : rows, given);
      },
    };
    const own = flow({ shape: [2], layers: [touchy] });
    const parts = {
      parameters: own.init(key(1)),
      nameOf: (i: number) => `number ${599 - i}`,
    };
    const batch = { x: array(normal(key(2), 1200), [600, 2]) };
    const explain = explainStep(own, { threads: 1 });
    expect(await explain({ ...parts, batch, split: 'training' })).toMatch(
      /layer 0 \(affine\) makes a value of -?Infinity for number 599$/,
    );
    expect(seen).toEqual([600]);
    expect(await explain({ ...parts, batch, split: 'validation' })).toMatch(
      /all numbers of the pass are finite/,
    );
  });

  test('largestNumber names the layer and the sample of the largest number where all are finite', async () => {
    const far = array(x.data.slice(), [n, 2]);
    far.data[2 * 17 + 1] = -1e6;
    const found = await largestNumber(model, parameters, far, { context }, float64);
    expect(found?.sample).toBe(17);
    expect(Math.abs(found?.value ?? 0)).toBeGreaterThan(1e5);
    expect(found?.layer).toMatch(/^[a-z-]+$/);
  });
});

test('E3: bits per dimension depend on the scale of the data', () => {
  expect(bitsPerDimension(-1679.132, { dimensions: 784 })).toBeCloseTo(4.91, 3);
  const nll = 4000;
  // The same model on data in [0, 256): every dimension's density is 256 times lower.
  const stretched = nll + 784 * Math.log(256);
  expect(bitsPerDimension(stretched, { dimensions: 784, levels: 1 })).toBeCloseTo(
    bitsPerDimension(nll, { dimensions: 784 }),
    10,
  );
});

// On circles the same is a check of the experiment flows-2d: thin rings take minutes of training.
test('A8: Real NVP on two moons comes within 0.1 nat of the entropy and not below it', async () => {
  const set = getPlaneSet('moons');
  const samples = (n: number, seed: number): NDArray => array(set.sample(seed, n), [n, 2]);
  const model = flow({ shape: [2], layers: couplings(6) });
  const result = await fit(model, {
    data: { train: { x: samples(10_000, 1) } },
    ...training({ learningRate: 5e-3, falling: true, epochs: 25, batchSize: 500, clipNorm: 5 }),
  });
  const { data } = await logProb(model, result.parameters, samples(20_000, 2), {}, { threads: 1 });
  const { mean, error } = meanWithError(data);
  expect(-mean).toBeLessThan(set.entropy() + 0.1);
  expect(-mean).toBeGreaterThan(set.entropy() - 3 * error);
});

test('the reverse divergence fits a known target', async () => {
  const target = { mean: [1, -2], deviation: [0.5, 1.5] };
  const constantOf = 3.7;
  // log p̃ = log p + constant: the divergence can only fall to −constant.
  const logDensity = (x: Tensor): Tensor => {
    const u = div(sub(x, constant(target.mean)), constant(target.deviation));
    const normalizer = Math.log(2 * Math.PI) + Math.log(target.deviation[0] * target.deviation[1]);
    return add(mul(-0.5, sum(square(u), 1)), constantOf - normalizer);
  };
  const model = flow({ shape: [2], layers: [affine.create()] });
  const rows = model.draw(key(1), 2000);
  const { parameters, history } = await train({
    init: (at) => model.init(at),
    loss: (p, batch) => reverseKl(model, logDensity, p, batch.rows),
    data: { train: { rows } },
    ...training({ learningRate: 3e-2, falling: true, epochs: 200, batchSize: 500 }),
  });
  expect(Math.abs(history[history.length - 1].train + constantOf)).toBeLessThan(2e-3);
  const { x } = await toData(model, parameters, array([0, 0, 1, 1], [2, 2]), {}, float64);
  for (const j of [0, 1]) {
    expect(Math.abs(x.data[j] - target.mean[j])).toBeLessThan(0.05);
    expect(Math.abs(x.data[2 + j] - x.data[j] - target.deviation[j])).toBeLessThan(0.05);
  }
});

describe('couplings', () => {
  const layer = affineCoupling.create({ mask: 'half', hidden: [6] });
  const d = 4;
  const p = perturb(layer.init(key(1), { shape: [d], context: 0 }), 2, 0.5);
  const x = array(normal(key(3), d), [1, d]);
  const map = (v: NDArray) => evaluate((q: never, w: Tensor) => ({ ...layer.forward(q, w) }), [p, v]);

  test('E4: the determinant is the product of different scales, not a power of one', async () => {
    const { y, logDet } = await map(x);
    const h = 1e-6;
    const slopes: number[] = [];
    for (const j of [2, 3]) {
      const moved = await map(
        array(
          x.data.map((v, i) => (i === j ? v + h : v)),
          [1, d],
        ),
      );
      slopes.push((moved.y.data[j] - y.data[j]) / h);
    }
    expect(Math.abs(slopes[0] - slopes[1])).toBeGreaterThan(0.01);
    expect(logDet.data[0]).toBeCloseTo(Math.log(slopes[0]) + Math.log(slopes[1]), 5);
  });

  test('E5: the inverse undoes the changed entries by what the kept ones of y say', async () => {
    const { y } = await map(x);
    // What the inverse does to the changed entries is an affine map of them, given the kept ones of y, which are those of x.
    expect([y.data[0], y.data[1]]).toEqual([x.data[0], x.data[1]]);
    const back = (v: NDArray) => evaluate((q: never, w: Tensor) => ({ ...layer.inverse(q, w) }), [p, v]);
    const shifted = array(
      y.data.map((v, i) => (i === 3 ? v + 1 : v)),
      [1, d],
    );
    const [a, b] = [await back(y), await back(shifted)];
    expect(largestDifference(a.x.data, x.data)).toBeLessThan(1e-12);
    expect([...b.x.data.slice(0, 3)]).toEqual([...a.x.data.slice(0, 3)]);
    expect(b.logDet.data[0]).toBe(a.logDet.data[0]);
  });
});

test('a training that stops being finite names the step, the layer and the sample', async () => {
  const model = flow({ shape: [2], layers: couplings(2) });
  const x = array(normal(key(1), 400), [200, 2], 'float32');
  x.data[2 * 137] = 1e30;
  const options = {
    data: { train: { x } },
    ...training({ learningRate: 1e-3, falling: true, epochs: 2, batchSize: 50 }),
  };
  const where = 'epoch 1, step \\d.*layer \\d \\(.*\\) makes .* for sample 137 of the training split';
  await expect(fit(model, options)).rejects.toThrow(new RegExp(`${where};`));
  const rows = { training: Int32Array.from({ length: 200 }, (_, i) => 500 + i) };
  await expect(fit(model, { ...options, rows })).rejects.toThrow(
    new RegExp(`${where}, row 637 of the data;`),
  );
});

test('a validation that stops being finite names the epoch, the layer and the sample', async () => {
  const model = flow({ shape: [2], layers: couplings(2) });
  const train = array(normal(key(1), 400), [200, 2], 'float32');
  const validation = array(normal(key(2), 40), [20, 2], 'float32');
  validation.data[2 * 11] = 1e30;
  await expect(
    fit(model, {
      data: { train: { x: train }, validation: { x: validation } },
      ...training({ learningRate: 1e-3, falling: true, epochs: 2, batchSize: 50 }),
    }),
  ).rejects.toThrow(
    /validation metric is .* after epoch 1: layer \d \(.*\) makes .* for sample 11 of the validation split;/,
  );
});

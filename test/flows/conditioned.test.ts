import { describe, expect, test } from 'vitest';
import { add, array, gather, zeros, type NDArray, type Tensor } from '../../src/tensor/index.ts';
import { key, normal, uniform } from '../../src/tensor/random.ts';
import {
  actNorm,
  affine,
  batchNorm,
  conditioned,
  continuous,
  fit,
  flow,
  inverted,
  logProb,
  lu,
  multiscale,
  orthogonal,
  permutation,
  planar,
  qr,
  radial,
  residual,
  sample,
  sequence,
  sinhArcsinh,
  type Given,
  type Layer,
  type LayerFamily,
} from '../../src/flows/index.ts';
import { evaluate, largestDifference, noPass, perturb, training } from './support.ts';

const n = 7;
const domain = { shape: [3], context: 2 };
const x = array(normal(key(1), 3 * n), [n, 3]);
const context = array(normal(key(2), 2 * n), [n, 2]);
const network = { hidden: [6] };

/** Both directions at the same numbers. */
const both =
  (layer: Layer) =>
  (p: never, v: Tensor, given: Given = {}) => {
    const { y, logDet } = layer.forward(p, v, given);
    const back = layer.inverse(p, v, given);
    return { y, logDet, x: back.x, backLogDet: back.logDet };
  };

const everyDifference = (a: Record<string, NDArray>, b: Record<string, NDArray>): number =>
  Math.max(...Object.keys(a).map((name) => largestDifference(a[name].data, b[name].data)));

const average = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

const families: readonly LayerFamily[] = [affine, sinhArcsinh, lu, qr, orthogonal, actNorm, planar, radial];

describe.each(families)('conditioned $name', (family) => {
  const plain: Layer = family.create();
  const layer = conditioned(plain, network);

  test('begins as the layer itself, whatever the context', async () => {
    const p = layer.init(key(3), domain);
    const whole = await evaluate(both(layer as Layer), [p, x, { context }]);
    expect(everyDifference(whole, await evaluate(both(plain), [p.base, x]))).toBeLessThan(1e-12);
  });

  test('other contexts give other maps, and a sample is not changed by its neighbours', async () => {
    const p = perturb(layer.init(key(3), domain), 4, 0.3);
    const here = await evaluate(both(layer as Layer), [p, x, { context }]);
    const rolled = { context: array([...context.data.slice(2), ...context.data.slice(0, 2)], [n, 2]) };
    const there = await evaluate(both(layer as Layer), [p, x, rolled]);
    for (let i = 0; i < n; i++) {
      const row = (values: NDArray): ArrayLike<number> => values.data.slice(3 * i, 3 * i + 3);
      expect(largestDifference(row(here.y), row(there.y))).toBeGreaterThan(1e-3);
      expect(largestDifference(row(here.x), row(there.x))).toBeGreaterThan(1e-3);
    }
    const last = {
      x: array(x.data.slice(-3), [1, 3]),
      context: array(context.data.slice(-2), [1, 2]),
    };
    const alone = await evaluate(both(layer as Layer), [p, last.x, { context: last.context }]);
    expect(largestDifference(alone.y.data, here.y.data.slice(-3))).toBeLessThan(1e-12);
    expect(largestDifference(alone.x.data, here.x.data.slice(-3))).toBeLessThan(1e-12);
  });
});

test('a layer of layers and random probes: probes reach the sample that they are of', async () => {
  const plain = sequence([residual.create({ hidden: [8] }), lu.create()]);
  const layer = conditioned(plain, network) as Layer<{ base: unknown }>;
  const p = layer.init(key(3), domain);
  const p1 = { ...p, base: perturb(p.base, 5, 0.3) };
  const given = {
    noise: array(normal(key(6), 3 * n).map(Math.sign), [n, 3]),
    roulette: array([0.1, 0.9, 0.3, 0.99, 0.5, 0.7, 0.2], [n]),
  };
  const forward =
    (of: Layer) =>
    (q: never, v: Tensor, g: Given): Record<string, Tensor> => ({ ...of.forward(q, v, g) });
  const whole = await evaluate(forward(layer as Layer), [p1, x, { ...given, context }]);
  expect(everyDifference(whole, await evaluate(forward(plain as Layer), [p1.base, x, given]))).toBeLessThan(
    1e-12,
  );
});

test('a conditioned ActNorm is set from data, and keeps its network', async () => {
  const layer = conditioned(actNorm.create(), network);
  const p = layer.init(key(3), domain);
  const data = array([1, 10, -3, 3, 30, -3.5, 5, 50, -4, 7, 70, -4.5], [4, 3]);
  const set = await layer.calibrate?.(p, data, 'start', noPass);
  expect(set?.network).toBe(p.network);
  expect(set?.base).toEqual(actNorm.create().calibrate?.(p.base, data, 'start', noPass));
  expect('calibrate' in conditioned(affine.create())).toBe(false);
});

test('integers among the parameters stay as they are', async () => {
  const shuffled = {
    ...permutation.create(),
    init: () => ({ shift: array([1, 2, 3], [3]), order: array([2, 0, 1], [3], 'int32') }),
    forward: ({ shift, order }: Record<'shift' | 'order', Tensor>, v: Tensor) => ({
      y: add(gather(v, order, 1), shift),
      logDet: zeros([v.shape[0]], v.dtype),
    }),
  } as Layer;
  const layer = conditioned(shuffled, network);
  const p = layer.init(key(3), domain);
  expect(p.network.at(-1)?.weight.shape).toEqual([6, 3]);
  const moved = { ...p, network: perturb(p.network, 4, 0.3) };
  const forward = (q: never, v: Tensor, given: Given) => ({ ...layer.forward(q, v, given) });
  const { y } = await evaluate(forward, [moved, x, { context }]);
  const { y: other } = await evaluate(forward, [moved, array(new Float64Array(3 * n), [n, 3]), { context }]);
  // The same shifts, whatever they are, around the entries in their order.
  const entries = Array.from(x.data, (_, i) => x.data[i - (i % 3) + [2, 0, 1][i % 3]]);
  expect(
    largestDifference(
      y.data,
      entries.map((v, i) => v + other.data[i]),
    ),
  ).toBeLessThan(1e-12);
});

test('y ~ N(c, σ(c)) is learned from pairs of c and y', async () => {
  const sigma = (c: number): number => 0.3 * Math.exp(0.6 * c);
  const pairs = (seed: number, count: number): { x: NDArray; context: NDArray } => {
    const [c, e] = [uniform(key(seed), count).map((u) => 3 * u - 1.5), normal(key(seed + 1), count)];
    const y = Float32Array.from(c, (v, i) => v + sigma(v) * e[i]);
    return {
      x: array(y, [count, 1], 'float32'),
      context: array(Float32Array.from(c), [count, 1], 'float32'),
    };
  };
  const model = flow({
    shape: [1],
    context: 1,
    layers: [conditioned(inverted(affine.create()), { hidden: [16], activation: 'tanh' })],
  });
  const { parameters } = await fit(model, {
    data: { train: pairs(1, 4000) },
    ...training({ learningRate: 2e-2, falling: true, epochs: 25, batchSize: 200 }),
  });
  const held = pairs(11, 4000);
  const found = await logProb(model, parameters, held.x, { context: held.context });
  const missing = Array.from(found.data, (log, i) => {
    const c = held.context.data[i];
    const z = (held.x.data[i] - c) / sigma(c);
    return -0.5 * z * z - Math.log(sigma(c) * Math.sqrt(2 * Math.PI)) - log;
  });
  expect(average(missing)).toBeLessThan(0.01);

  for (const c of [-1, 1]) {
    const count = 2000;
    const given = array(new Float32Array(count).fill(c), [count, 1], 'float32');
    const drawn = [...(await sample(model, parameters, { n: count, seed: 3, context: given })).data];
    const mean = average(drawn);
    const deviation = Math.sqrt(average(drawn.map((v) => (v - mean) ** 2)));
    expect(Math.abs(mean - c)).toBeLessThan(0.15 * sigma(c));
    expect(Math.abs(Math.log(deviation / sigma(c)))).toBeLessThan(0.1);
  }
});

describe('what cannot be conditioned', () => {
  test.each([
    ['batch norm', () => conditioned(batchNorm.create())],
    ['its inverse', () => conditioned(inverted(batchNorm.create()))],
    ['a part of a sequence', () => conditioned(sequence([affine.create(), batchNorm.create()]))],
    ['a part of a stage', () => conditioned(multiscale([1, 2, 2], [[batchNorm.create()]]))],
  ])('%s, where samples of a batch depend on each other', (_, make) => {
    expect(make).toThrow(/'batch-norm'.*depend on each other.*act-norm/);
  });

  test('a domain without context, a layer without parameters, an unknown option', () => {
    expect(() => conditioned(affine.create()).init(key(1), { shape: [2], context: 0 })).toThrow(
      /conditioned-affine: a domain without context; expected context ≥ 1/,
    );
    expect(() => conditioned(permutation.create()).init(key(1), domain)).toThrow(
      /'permutation' has no parameters/,
    );
    expect(() => conditioned(affine.create(), { widths: [3] } as never)).toThrow(
      /conditioned-affine.*widths/,
    );
  });

  test('a missing context and one of another length', async () => {
    const layer = conditioned(affine.create(), network);
    const p = layer.init(key(3), domain);
    await expect(evaluate(both(layer as Layer), [p, x])).rejects.toThrow(
      /made for 2 numbers of context got none/,
    );
    const long = array(normal(key(2), 3 * n), [n, 3]);
    await expect(evaluate(both(layer as Layer), [p, x, { context: long }])).rejects.toThrow(
      /made for 2 numbers of context got 3/,
    );
  });
});

test('modes reach the layer whose parameters depend on a context', async () => {
  const of = (steps: number, refinement: number) =>
    conditioned(continuous.create({ hidden: [8], steps, refinement }), { hidden: [8] });
  const p = perturb(of(2, 3).init(key(1), { shape: [2], context: 1 }), 2, 0.5);
  const points = array(normal(key(3), 20), [10, 2]);
  const given = array(normal(key(4), 10), [10, 1]);
  const pass = (layer: ReturnType<typeof of>, rough: boolean) =>
    evaluate(
      (q: never, v: Tensor, c: Tensor) => ({ ...layer.forward(q, v, { context: c, rough }) }),
      [p, points, given],
    );
  expect(await pass(of(2, 3), true)).toEqual(await pass(of(2, 1), false));
  expect(await pass(of(2, 3), false)).toEqual(await pass(of(6, 1), false));
});

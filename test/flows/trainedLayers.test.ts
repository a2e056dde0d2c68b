import { describe, expect, test } from 'vitest';
import { array, mapTree, type NDArray, type Tensor } from '../../src/tensor/index.ts';
import { flatten } from '../../src/tensor/tree.ts';
import { key } from '../../src/tensor/random.ts';
import { continuous, fit, flow, layerFamilies, type Layer } from '../../src/flows/index.ts';
import { getPlaneSet } from '../../datasets/toy2d.ts';
import {
  batchJacobian,
  evaluate,
  largestDifference,
  logDeterminants,
  negated,
  perturb,
  samplesFor,
  training,
} from './support.ts';

/** One example a family, in the plane where it takes vectors. */
const cases = layerFamilies.map((family) => {
  const vectors = family.examples.filter(({ shape }) => shape.length === 1);
  const { options, shape } = vectors.find(({ context = 0 }) => context === 0) ?? family.examples[0];
  return {
    name: family.name,
    shape: vectors.length > 0 ? [2] : shape,
    trained: family.create(options),
    // The same parameters in steps fine enough to return.
    layer: family.create(
      family === continuous ? { ...options, method: 'dopri5', steps: 16, refinement: 1 } : options,
    ),
  };
});

/** Two moons where a layer takes all vectors of the plane. */
const samplesOf = ({ support }: Layer, shape: readonly number[], n: number, seed: number): NDArray =>
  support === 'reals' && shape.length === 1
    ? array(getPlaneSet('moons').sample(seed, n), [n, 2])
    : samplesFor(support, shape, n, seed);

const single = (x: NDArray): NDArray => ({ ...x, data: Float32Array.from(x.data), dtype: 'float32' });

const thereAndBack = (layer: Layer) => (p: never, v: Tensor) => {
  const there = layer.forward(p, v);
  const back = layer.inverse(p, there.y);
  return { x: back.x, forward: there.logDet, inverse: back.logDet };
};

describe.each(cases)('$name', ({ layer, trained, shape }) => {
  const n = 1000;
  const x = samplesOf(layer, shape, n, 2);
  const tolerance = layer.inverseBy === 'iteration' ? 1e-8 : 1e-10;

  test('A1, A2, A3 with trained parameters', async () => {
    const model = flow({ shape, layers: [trained] });
    const from = model.init(key(1));
    if (flatten<NDArray>(from.layers).leaves.length === 0) return;
    const { parameters } = await fit(model, {
      data: { train: { x: single(samplesOf(layer, shape, 400, 1)) } },
      ...training({ learningRate: 2e-2, epochs: 8, batchSize: 100, clipNorm: 5 }),
    });
    const [own] = parameters.layers;
    const moved = flatten<NDArray>(own).leaves.flatMap(({ data }) => [...data]);
    const began = flatten<NDArray>(from.layers).leaves.flatMap(({ data }) => [...data]);
    expect(largestDifference(moved, began)).toBeGreaterThan(0.01);
    const there = await evaluate(thereAndBack(layer), [own, x]);
    expect(largestDifference(there.x.data, x.data)).toBeLessThan(tolerance);
    expect(largestDifference(there.forward.data, negated(there.inverse.data))).toBeLessThan(1e-10);
    // Through steps that fine a Jacobian takes long; layers.test.ts has it.
    if (layer.inverseBy === 'integration') return;
    const { logDet, jacobian } = await evaluate(
      (p: never, v: Tensor) => ({
        logDet: layer.forward(p, v).logDet,
        jacobian: batchJacobian((w) => layer.forward(p, w).y, v),
      }),
      [own, x],
    );
    expect(largestDifference(logDet.data, logDeterminants(jacobian))).toBeLessThan(1e-9);
  });

  test('A1: in float32 the inverse returns to 5e-5', async () => {
    const parameters = mapTree(perturb(layer.init(key(5), { shape, context: 0 }), 6, 0.25), single);
    const there = await evaluate(thereAndBack(layer), [parameters, single(x)], 'float32');
    expect(largestDifference(there.x.data, single(x).data)).toBeLessThan(5e-5);
  });
});

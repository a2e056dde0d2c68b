import { expect, test } from 'vitest';
import { array, type NDArray, type Tensor } from '../../src/tensor/index.ts';
import { key, normal } from '../../src/tensor/random.ts';
import {
  actNorm,
  affineCoupling,
  fit,
  flow,
  logProb,
  lu,
  matchedFlow,
  multiscale,
  sample,
  squeeze,
  type Layer,
} from '../../src/flows/index.ts';
import { getPlaneSet } from '../../datasets/toy2d.ts';
import { batchJacobian, evaluate, largestDifference, logDeterminants, perturb, training } from './support.ts';

test('squeeze puts the four pixels of a block into four channels', async () => {
  const x = array(
    Float64Array.from({ length: 8 }, (_, i) => i),
    [1, 1, 2, 4],
  );
  const { y } = await evaluate((v: Tensor) => ({ y: squeeze.create().forward({}, v).y }), [x] as never);
  expect(y.shape).toEqual([1, 4, 1, 2]);
  // Channel: top left, top right, bottom left, bottom right of each block.
  expect([...y.data]).toEqual([0, 2, 1, 3, 4, 6, 5, 7]);
});

const shape = [1, 4, 4];
const stage = (): Layer[] =>
  [
    squeeze.create(),
    lu.create(),
    affineCoupling.create({ mask: 'channel', hidden: [6] }),
    actNorm.create(),
  ] as Layer[];

test('two scales: the inverse returns and logDet is that of the Jacobian', async () => {
  const layer = multiscale(shape, [stage(), stage()]);
  const p = perturb(layer.init(key(1), { shape, context: 0 }), 2, 0.2);
  const n = 5;
  const x = array(normal(key(3), n * 16), [n, ...shape]);
  const result = await evaluate(
    (q: never, v: Tensor) => {
      const { y, logDet } = layer.forward(q, v);
      const back = layer.inverse(q, y);
      return {
        y,
        logDet,
        x: back.x,
        inverse: back.logDet,
        jacobian: batchJacobian((w) => layer.forward(q, w).y, v),
      };
    },
    [p, x],
  );
  expect(result.y.shape).toEqual([n, 16]);
  expect(result.x.shape).toEqual(x.shape);
  expect(largestDifference(result.x.data, x.data)).toBeLessThan(1e-10);
  expect(largestDifference(result.logDet.data, logDeterminants(result.jacobian))).toBeLessThan(1e-9);
  expect(
    largestDifference(
      result.inverse.data,
      Float64Array.from(result.logDet.data, (v) => -v),
    ),
  ).toBeLessThan(1e-10);
});

test('what the first stage lets go does not pass the second', async () => {
  const layer = multiscale(shape, [[squeeze.create()], [lu.create()]] as Layer[][]);
  const p = perturb(layer.init(key(1), { shape, context: 0 }), 2, 0.3);
  const x = array(normal(key(3), 16), [1, ...shape]);
  const { y, whole } = await evaluate(
    (q: never, v: Tensor) => ({ y: layer.forward(q, v).y, whole: squeeze.create().forward({}, v).y }),
    [p, x],
  );
  expect([...y.data.slice(0, 8)]).toEqual([...whole.data.slice(8)]);
});

test('a flow of two scales has a density and samples', async () => {
  const model = flow({ shape, layers: [multiscale(shape, [stage(), stage()])] });
  const p = model.init(key(1));
  const drawn = await sample(model, p, { n: 3, seed: 1 }, { threads: 1 });
  expect(drawn.shape).toEqual([3, ...shape]);
  expect((await logProb(model, p, drawn, {}, { threads: 1 })).data.every(Number.isFinite)).toBe(true);
});

test('an odd number of channels cannot be halved', () => {
  expect(() => multiscale([1, 4, 4], [[lu.create()], [lu.create()]] as Layer[][])).toThrow(
    /stage 0 leaves 1 channels; expected an even number/,
  );
});

test('flow matching reaches the density of two moons without integrating', async () => {
  const set = getPlaneSet('moons');
  const points = (seed: number, n: number): NDArray => array(set.sample(seed, n), [n, 2], 'float32');
  const model = matchedFlow({ shape: [2] }, { hidden: [48, 48] });
  const { parameters } = await fit(model, {
    data: { train: { x: points(1, 5000) }, validation: { x: points(2, 500) } },
    ...training({ learningRate: 1e-2, falling: true, epochs: 60, batchSize: 250 }),
  });
  const held = points(3, 3000);
  const own = await logProb(model, parameters, held, {}, { threads: 1 });
  const truth = set.logDensity(held.data);
  const above = truth.reduce((total, v, i) => total + (v - own.data[i]) / truth.length, 0);
  // A Gaussian is 0.9 nat above.
  expect(above).toBeLessThan(0.6);
  expect(above).toBeGreaterThan(-0.01);
});

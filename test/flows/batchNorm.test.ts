/** Batch norm in training: by the statistics of each batch, through which gradients pass; after it by those of the training samples. */
import { describe, expect, test } from 'vitest';
import { getPlaneSet } from '../../datasets/toy2d.ts';
import {
  affineCoupling,
  batchNorm,
  fit,
  flow,
  injectiveFlow,
  scaleShift,
  type Density,
  type FlowParameters,
  type Layer,
} from '../../src/flows/index.ts';
import {
  array,
  mean,
  mul,
  neg,
  square,
  sub,
  sum,
  type NDArray,
  type Tensor,
} from '../../src/tensor/index.ts';
import { key, normal } from '../../src/tensor/random.ts';
import { evaluate, gradientError, perturb, samplesFor, training } from './support.ts';

test.each([[[3]], [[2, 2, 2]]])(
  'A7: in training the gradient in parameters and samples %j passes through the statistics',
  async (shape) => {
    const n = 5;
    const layer = batchNorm.create();
    const p = perturb(layer.init(key(1), { shape, context: 0 }), 2, 0.5);
    const x = samplesFor('reals', shape, n, 3);
    // Squares alone would be those of the variance, which the layer fixes.
    const weights = samplesFor('reals', shape, n, 4);
    const loss = (tree: Record<'p' | 'x', Tensor>, by: Tensor): Tensor => {
      const { y, logDet } = layer.forward(tree.p as never, tree.x, { training: true });
      return sub(sum(mul(by, square(y))), sum(logDet));
    };
    expect(await gradientError(loss as never, { p, x }, [weights])).toBeLessThan(1e-6);
  },
);

const coupled = (): Layer[] => [
  affineCoupling.create({ mask: 'alternate', hidden: [8] }),
  batchNorm.create(),
  affineCoupling.create({ mask: 'alternate', flip: true, hidden: [8] }),
];

const plane = (seed: number, n: number): NDArray =>
  array(getPlaneSet('moons').sample(seed, n), [n, 2], 'float32');
/** The same with a third number, nearly 1. */
const inSpace = (seed: number, n: number): NDArray => {
  const { data } = plane(seed, n);
  const off = normal(key(seed), n);
  const x = Float32Array.from({ length: 3 * n }, (_, i) =>
    i % 3 === 2 ? 1 + 0.01 * off[Math.floor(i / 3)] : data[2 * Math.floor(i / 3) + (i % 3)],
  );
  return array(x, [n, 3]);
};

describe.each([
  { name: 'a flow', model: flow({ shape: [2], layers: coupled() }), samples: plane },
  {
    name: 'a conformal embedding flow',
    model: injectiveFlow({
      shape: [3],
      latent: 2,
      embedding: [scaleShift.create()],
      weights: { likelihood: 1, reconstruction: 0 },
      flow: (domain) => flow({ ...domain, layers: coupled() }),
    }),
    samples: inSpace,
  },
])('$name with batch norm, trained', ({ model, samples }) => {
  const [x, held] = [samples(1, 400), samples(2, 150)];
  const nll = async (p: FlowParameters, of: NDArray, batchStatistics: boolean): Promise<number> => {
    const likelihood = (q: never, v: Tensor) => ({
      value: neg(mean((model as Density<FlowParameters>).logProb(q, v, { training: batchStatistics }))),
    });
    return (await evaluate(likelihood, [p, of])).value.data[0];
  };
  const trained = fit(model as Density<FlowParameters>, {
    data: { train: { x }, validation: { x: held } },
    ...training({ learningRate: 1e-2, epochs: 4, batchSize: 150 }),
  });

  test('densities are those of the statistics of the training samples', async () => {
    const { parameters, lastStep, best } = await trained;
    for (const p of [parameters, best?.parameters ?? lastStep])
      expect(await nll(p, x, false)).toBeCloseTo(await nll(p, x, true), 5);
    // The statistics with which the training began are others by now.
    expect(Math.abs((await nll(lastStep, x, false)) - (await nll(parameters, x, false)))).toBeGreaterThan(
      0.01,
    );
  });

  test('validation is by the statistics of the validation batch', async () => {
    const { best, lastStep } = await trained;
    const p = best?.parameters ?? lastStep;
    expect(best?.validation).toBeCloseTo(await nll(p, held, true), 4);
    expect(Math.abs((best?.validation ?? 0) - (await nll(p, held, false)))).toBeGreaterThan(1e-3);
  });
});

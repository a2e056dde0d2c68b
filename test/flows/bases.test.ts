import { expect, test } from 'vitest';
import { array, mul, neg, sum, type Tensor } from '../../src/tensor/index.ts';
import { key, normal } from '../../src/tensor/random.ts';
import {
  affineCoupling,
  baseFamilies,
  classGaussians,
  flow,
  logProb,
  toLatent,
} from '../../src/flows/index.ts';
import { gradientError, largestDifference, perturb } from './support.ts';

const float64 = { dtype: 'float64', threads: 1 } as const;

test.each(
  baseFamilies.flatMap((family) =>
    family.examples.map((options) => ({ family, options, name: family.name })),
  ),
)(
  'A7: base $name $options: the gradient of a negative log-likelihood is that of central differences',
  async ({ family, options }) => {
    const base = family.create(options);
    const n = 6;
    // Inside of a uniform base's box.
    const x = array(
      normal(key(1), 3 * n).map((z) => 0.5 + 0.1 * z),
      [n, 3],
    );
    const loss = (p: never, v: Tensor): Tensor => mul(1 / n, neg(sum(base.logProb(p, v))));
    const error = await gradientError(loss, perturb(base.init(key(2), [3]), 3, 0.2), [x]);
    expect(error).toBeLessThan(1e-6);
  },
);

test('B8: with labels every sample keeps its own log density, Gaussian of its class and log-determinant, in the order of the samples', async () => {
  const classes = 3;
  const model = flow({
    shape: [2],
    layers: [affineCoupling.create({ hidden: [8] })],
    base: classGaussians.create({ classes }),
  });
  const p = perturb(model.init(key(1)), 2, 0.4);
  const n = 30;
  const x = array(normal(key(3), 2 * n), [n, 2]);
  const label = {
    data: Int32Array.from({ length: n }, (_, i) => (7 * i) % classes),
    shape: [n],
    dtype: 'int32',
  } as const;
  const { data } = await logProb(model, p, x, { label }, float64);
  const { z, logDet } = await toLatent(model, p, x, {}, float64);
  const { means, logScales } = p.base as Record<'means' | 'logScales', { data: Float64Array }>;
  const expected = Float64Array.from({ length: n }, (_, i) => {
    let total = logDet.data[i];
    for (const j of [0, 1]) {
      const k = 2 * label.data[i] + j;
      const u = (z.data[2 * i + j] - means.data[k]) * Math.exp(-logScales.data[k]);
      total += (-u * u) / 2 - logScales.data[k] - Math.log(2 * Math.PI) / 2;
    }
    return total;
  });
  expect(largestDifference(data, expected)).toBeLessThan(1e-10);
});

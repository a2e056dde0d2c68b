import { expect, test } from 'vitest';
import { array, type NDArray } from '../../src/tensor/index.ts';
import { key, normal } from '../../src/tensor/random.ts';
import { fit, flow, inUnits, logProb, lu, sample, sinhArcsinh } from '../../src/flows/index.ts';
import { training } from './support.ts';

const bent = inUnits(flow({ shape: [2], layers: [lu.create(), sinhArcsinh.create(), lu.create()] }));

/** A bent crowd far from 0, in some unit. */
const crowd = (unit: number, seed: number, n: number): NDArray => {
  const z = normal(key(seed), 2 * n);
  return array(
    z.map((v, i) => unit * (i % 2 ? 0.2 * v + 0.5 * z[i - 1] ** 2 + 40 : v - 30)),
    [n, 2],
  );
};

test('a flow learns data in any units alike, and its density has theirs', async () => {
  const learn = async (unit: number) => {
    const { parameters } = await fit(bent, {
      ...training({ learningRate: 0.01, epochs: 12, batchSize: 100 }),
      data: { train: { x: crowd(unit, 1, 600) } },
    });
    const logs = Array.from((await logProb(bent, parameters, crowd(unit, 2, 600))).data);
    return { parameters, nll: -logs.reduce((total, v) => total + v / 600, 0) - 2 * Math.log(unit) };
  };
  const plain = await learn(1);
  // A Gaussian of these moments has 2.53.
  expect(plain.nll).toBeLessThan(2.4);
  for (const unit of [1e-6, 1e6]) {
    const { parameters, nll } = await learn(unit);
    expect(Math.abs(nll - plain.nll)).toBeLessThan(0.02);
    const drawn = await sample(bent, parameters, { n: 500, seed: 3 });
    const centre = Array.from(drawn.data).reduce((total, v, i) => total + (i % 2 ? 0 : v / 500), 0);
    expect(Math.abs(centre / unit + 30)).toBeLessThan(0.3);
  }
});

/** Residual flows whose log-determinants are estimated: what the estimate is on average, and what training with it reaches. */
import { expect, test } from 'vitest';
import { getPlaneSet } from '../../datasets/toy2d.ts';
import { actNorm, fit, flow, logProb, residual, traceProbes, type Layer } from '../../src/flows/index.ts';
import { array, type NDArray } from '../../src/tensor/index.ts';
import { key } from '../../src/tensor/random.ts';
import { meanWithError } from './planeGrid.ts';
import { perturb, training } from './support.ts';

const blocks = (count: number, options: Readonly<Record<string, unknown>>): Layer[] =>
  Array.from({ length: count }, () => [residual.create(options), actNorm.create()] as Layer[]).flat();

const points = (seed: number, n: number): NDArray =>
  array(Float32Array.from(getPlaneSet('moons').sample(seed, n)), [n, 2]);

test('the mean of a log density over seeds of the roulette is the exact one, within 3 standard errors', async () => {
  const [samples, seeds] = [200, 60];
  const model = flow({ shape: [2], layers: blocks(2, { hidden: [16], coefficient: 0.8, terms: 1 }) });
  const parameters = perturb(model.init(key(1)), 2, 3);
  const once = points(3, samples);
  const x = array(
    Float32Array.from({ length: 2 * samples * seeds }, (_, i) => once.data[i % (2 * samples)]),
    [samples * seeds, 2],
  );
  const { noise, roulette } = traceProbes({ roulette: true })({ x }, key(4));
  const run = { threads: 1, batchSize: samples * 10 };
  /** Mean over the samples of each seed, less the exact one. */
  const errorsWith = async (probes: Record<string, NDArray>): Promise<number[]> => {
    const { data } = await logProb(model, parameters, x, probes, run);
    return Array.from(
      { length: seeds },
      (_, s) => meanWithError(data.slice(s * samples, (s + 1) * samples)).mean - exact,
    );
  };
  const exact = meanWithError((await logProb(model, parameters, once, {}, run)).data).mean;
  const { mean, error } = meanWithError(await errorsWith({ noise, roulette }));
  expect(Math.abs(mean)).toBeLessThan(3 * error);
  // Cut off after one term, the series is told from it by as many seeds.
  const cut = meanWithError(await errorsWith({ noise }));
  expect(Math.abs(cut.mean)).toBeGreaterThan(6 * Math.max(error, cut.error));
});

test('training with the roulette reaches the likelihood that training with exact determinants reaches', async () => {
  const model = flow({ shape: [2], layers: [actNorm.create(), ...blocks(3, { hidden: [32] })] });
  const held = points(6, 2000);
  const trained = async (augment?: ReturnType<typeof traceProbes>): Promise<number> => {
    const { parameters } = await fit(model, {
      data: { train: { x: points(5, 2000) } },
      ...training({ learningRate: 2e-2, falling: true, epochs: 20, batchSize: 100, clipNorm: 5, seed: 0 }),
      ...(augment && { augment }),
    });
    return -meanWithError((await logProb(model, parameters, held, {}, { threads: 1 })).data).mean;
  };
  const exact = await trained();
  const estimated = await trained(traceProbes({ roulette: true }));
  // Seeds of exact training are 0.02 apart; here it gets 1.51, and the roulette 1.53.
  expect(Math.abs(estimated - exact)).toBeLessThan(0.06);
});

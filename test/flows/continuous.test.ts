/** Continuous layers whose traces are estimated: Hutchinson's estimate is right on average, with its gradient, and in both directions. */
import { expect, test } from 'vitest';
import { planeSplits } from '../../datasets/samples.ts';
import { continuous, fit, flow, logProb } from '../../src/flows/index.ts';
import { adam, cosineSchedule } from '../../src/nn/index.ts';
import { array, broadcastTo, mean, type NDArray, type Tensor } from '../../src/tensor/index.ts';
import { foldIn, key, normal } from '../../src/tensor/random.ts';
import { meanWithError } from './planeGrid.ts';
import { evaluate, largestDifference, negated, perturb, signs, slopesOf } from './support.ts';

const d = 3;
const layer = continuous.create({ hidden: [8], method: 'dopri5', steps: 4, refinement: 1 });
const p = perturb(layer.init(key(1), { shape: [d], context: 0 }), 2, 0.5);
const at = array(normal(key(5), d), [1, d]);

test('with ±1 probes the mean of the estimates is the exact log-determinant, and one path has one probe both ways', async () => {
  const n = 20_000;
  const { estimate, back, exact } = await evaluate(
    (q: never, v: Tensor, noise: Tensor) => {
      const { y, logDet } = layer.forward(q, broadcastTo(v, [n, d]), { noise });
      return {
        estimate: logDet,
        back: layer.inverse(q, y, { noise }).logDet,
        exact: layer.forward(q, v).logDet,
      };
    },
    [p, at, signs(key(4), [n, d])],
  );
  const { mean: found, error } = meanWithError(estimate.data);
  expect(Math.abs(found - exact.data[0])).toBeLessThan(4 * error);
  expect(Math.abs(exact.data[0])).toBeGreaterThan(50 * error);
  // As near as four steps are: the estimates themselves lie far apart.
  expect(largestDifference(back.data, negated(estimate.data))).toBeLessThan(1e-4);
  expect(error * Math.sqrt(n)).toBeGreaterThan(0.1);
});

test('with ±1 probes the gradient is on average that of the exact log-determinant, in parameters and samples', async () => {
  const n = 500;
  const loss = ({ q, x }: Record<'q' | 'x', Tensor>, noise?: Tensor): Tensor =>
    mean(layer.forward(q as never, noise ? broadcastTo(x, [n, d]) : x, { noise }).logDet);
  const tree = { q: p, x: at };
  const directions = 4;
  const [exact] = await slopesOf(loss, tree, [[]], directions);
  const probes = Array.from({ length: 16 }, (_, block): NDArray[] => [signs(foldIn(key(6), block), [n, d])]);
  const estimates = await slopesOf(loss, tree, probes, directions);
  const compared = exact.map((slope, k) => ({ slope, ...meanWithError(estimates.map((row) => row[k])) }));
  for (const { slope, mean: found, error } of compared)
    expect(Math.abs(found - slope)).toBeLessThan(4 * error);
  // An error of a tenth would show.
  expect(Math.max(...compared.map(({ slope, error }) => Math.abs(slope) / error))).toBeGreaterThan(50);
});

test('rough passes take the steps of a training, all others take them so many times finer', async () => {
  const of = (steps: number, refinement: number) =>
    continuous.create({ hidden: [8], method: 'rk4', steps, refinement });
  const x = array(normal(key(6), 30), [10, d]);
  const pass = (chosen: typeof layer, rough: boolean) =>
    evaluate(
      (q: never, v: Tensor) => {
        const { y, logDet } = chosen.forward(q, v, { rough });
        return { y, logDet, back: chosen.inverse(q, v, { rough }).x };
      },
      [p, x],
    );
  const own = { rough: await pass(of(2, 3), true), fine: await pass(of(2, 3), false) };
  expect(own.rough).toEqual(await pass(of(2, 1), false));
  expect(own.fine).toEqual(await pass(of(6, 1), false));
  expect(largestDifference(own.rough.logDet.data, own.fine.logDet.data)).toBeGreaterThan(1e-4);
});

test('a continuous flow is trained in rough steps and validated, its best epoch chosen, in fine ones', async () => {
  const model = flow({ shape: [2], layers: [continuous.create({ hidden: [16], steps: 1, refinement: 8 })] });
  const sets = planeSplits('circles', 400);
  const { best } = await fit(model, {
    data: { train: { x: sets.train.x }, validation: { x: sets.validation.x } },
    optimizer: adam({ learningRate: 0.05 }),
    schedule: cosineSchedule({ epochs: 10 }),
    epochs: 10,
    batchSize: 100,
    seed: 1,
    engine: 'reference',
  });
  if (!best) throw new Error('no epoch was validated');
  const mean = async (refinement: number): Promise<number> => {
    const measured = flow({
      shape: [2],
      layers: [continuous.create({ hidden: [16], steps: 1, refinement })],
    });
    const { data } = await logProb(measured, best.parameters, sets.validation.x, {}, { engine: 'reference' });
    return -Array.from(data).reduce((total, v) => total + v, 0) / data.length;
  };
  expect(best.validation).toBeCloseTo(await mean(8), 4);
  expect(Math.abs(best.validation - (await mean(1)))).toBeGreaterThan(2e-4);
});

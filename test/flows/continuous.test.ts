/** Continuous layers whose traces are estimated: Hutchinson's estimate is right on average, with its gradient, and in both directions. */
import { expect, test } from 'vitest';
import { continuous } from '../../src/flows/index.ts';
import { array, broadcastTo, mean, type NDArray, type Tensor } from '../../src/tensor/index.ts';
import { foldIn, key, normal } from '../../src/tensor/random.ts';
import { meanWithError } from './planeGrid.ts';
import { evaluate, largestDifference, negated, perturb, signs, slopesOf } from './support.ts';

const d = 3;
const layer = continuous.create({ hidden: [8], method: 'dopri5', steps: 4 });
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

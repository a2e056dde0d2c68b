/** Residual layers: the log-determinant that they estimate, its gradient, and the probes that it takes. */
import { expect, test } from 'vitest';
import { array, broadcastTo, mean, type NDArray, type Tensor } from '../../src/tensor/index.ts';
import { foldIn, key, normal, uniform } from '../../src/tensor/random.ts';
import { residual, traceProbes } from '../../src/flows/index.ts';
import { meanWithError } from './planeGrid.ts';
import { evaluate, perturb, signs, slopesOf } from './support.ts';

const layer = residual.create({ hidden: [16, 16], coefficient: 0.9, terms: 24 });
const d = 3;
const p = perturb(layer.init(key(1), { shape: [d], context: 0 }), 2, 0.4);

test('B7: with noise the value is the log-determinant on average, not the Neumann surrogate', async () => {
  const n = 20_000;
  const at = normal(key(3), d);
  const x = array(
    Float64Array.from({ length: n * d }, (_, i) => at[i % d]),
    [n, d],
  );
  const noise = signs(key(4), [n, d]);
  const roulette = array(uniform(key(5), n), [n]);
  const { estimate, exact } = await evaluate(
    (q: never, v: Tensor, w: Tensor, u: Tensor) => ({
      estimate: layer.forward(q, v, { noise: w, roulette: u }).logDet,
      exact: layer.forward(q, v).logDet,
    }),
    [p, x, noise, roulette],
  );
  const { mean, error } = meanWithError(estimate.data);
  expect(Math.abs(mean - exact.data[0])).toBeLessThan(4 * error);
  expect(Math.abs(exact.data[0])).toBeGreaterThan(20 * error);
});

test('A14: with noise the gradient is that of the exact log-determinant, along directions of all parameters and samples', async () => {
  const n = 1000;
  const loss = ({ q, x }: Record<'q' | 'x', Tensor>, noise?: Tensor, roulette?: Tensor): Tensor =>
    mean(layer.forward(q as never, noise ? broadcastTo(x, [n, d]) : x, { noise, roulette }).logDet);
  const tree = { q: p, x: array(normal(key(3), d), [1, d]) };
  const directions = 4;
  const [exact] = await slopesOf(loss, tree, [[]], directions);
  const draws = Array.from({ length: 24 }, (_, block): NDArray[] => {
    const own = foldIn(key(6), block);
    return [signs(foldIn(own, 0), [n, d]), array(uniform(foldIn(own, 1), n), [n])];
  });
  const estimates = await slopesOf(loss, tree, draws, directions);
  const compared = exact.map((slope, k) => ({ slope, ...meanWithError(estimates.map((row) => row[k])) }));
  for (const { slope, mean: found, error } of compared)
    expect(Math.abs(found - slope)).toBeLessThan(4 * error);
  // An error of a tenth would show.
  expect(Math.max(...compared.map(({ slope, error }) => Math.abs(slope) / error))).toBeGreaterThan(40);
});

test('probes of a training step are those of its key: ±1 like x, and where the series stops', () => {
  const x = array(normal(key(41), 40), [20, 2], 'float32');
  const drawn = traceProbes({ roulette: true })({ x }, key(42));
  expect(drawn['x']).toBe(x);
  expect(drawn['noise'].shape).toEqual([20, 2]);
  expect(new Set(drawn['noise'].data)).toEqual(new Set([-1, 1]));
  expect(drawn['roulette'].shape).toEqual([20]);
  expect([...traceProbes({ roulette: true })({ x }, key(42))['noise'].data]).toEqual([
    ...drawn['noise'].data,
  ]);
  expect([...traceProbes()({ x }, key(43))['noise'].data]).not.toEqual([...drawn['noise'].data]);
  expect('roulette' in traceProbes()({ x }, key(43))).toBe(false);
});

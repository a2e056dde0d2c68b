/** The PyTorch peers of the forecasting networks are the same models: equal parameters give equal forecasts. */
import { expect, test } from 'vitest';
import { getForecaster } from '../../src/forecasting/index.ts';
import { predict } from '../../src/nn/index.ts';
import { array, mapTree, type NDArray } from '../../src/tensor/index.ts';
import { foldIn, key, normal } from '../../src/tensor/random.ts';
import { evaluatePeer, named, python } from './evaluatePeer.ts';

/** Three quantities: wavelets then have two levels, on the coarser one of which modes are missing. */
const task = { history: 14, horizon: 7, states: 50, quantities: 3 };
const BATCH = 2;

/** Kernels as they are drawn are so small that a wrong power of one would not show: every leaf gets noise of a like size. */
function moved(parameters: unknown): unknown {
  let leaf = 0;
  return mapTree(parameters as Record<string, NDArray>, ({ data, shape: size }: NDArray) => {
    const noise = normal(foldIn(key(5), leaf++), data.length);
    return array(
      noise.map((z, i) => data[i] + 0.02 * z),
      size,
      'float32',
    );
  });
}

const models = ['fno-3d', 'pade-3d', 'mwt-3d', 'lno-3d', 'seq2seq', 'transformer', 'neural-ode'];

test.skipIf(python === null).each(models)(
  '%s: a peer in PyTorch with the same parameters gives the same forecast (needs SEXTANT_PYTHON or python3 with torch)',
  async (name) => {
    const day = task.states * task.quantities;
    const network = getForecaster(name).create(task);
    const parameters = moved(network.init(key(3)));
    const size = [BATCH, task.history, task.states, task.quantities];
    const input = array(normal(key(4), BATCH * task.history * day), size, 'float32');
    const ours = await predict((p: never, days) => network.apply(p, days), parameters as never, input, {
      threads: 1,
    });
    const theirs = evaluatePeer('compareForecasting.py', [name, JSON.stringify(task)], {
      ...named(parameters),
      input,
    }) as number[];

    const scale = Math.hypot(...ours.data);
    const difference = Math.hypot(...theirs.map((value, i) => value - ours.data[i]));
    expect(theirs).toHaveLength(BATCH * task.horizon * day);
    expect(difference / scale).toBeLessThan(1e-4);
  },
);

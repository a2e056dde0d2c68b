/** Super-resolution: parameters trained on 64 points, evaluated on 1024 points of the same functions. */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { kdv } from '../../datasets/kdv.ts';
import { atResolution, type Splits } from '../../datasets/pairs.ts';
import { fields, split } from '../../src/experiments/operatorTask.ts';
import { mean, relativeL2Errors } from '../../src/experiments/statistics.ts';
import { predictor } from '../../src/nn/evaluate.ts';
import { relativeL2 } from '../../src/nn/losses.ts';
import { adam } from '../../src/nn/optimizers/adam.ts';
import { stepSchedule } from '../../src/nn/schedules.ts';
import { train } from '../../src/nn/train.ts';
import { getOperator } from '../../src/operators/index.ts';
import type { Tensor } from '../../src/tensor/index.ts';
import { key } from '../../src/tensor/random.ts';

const [COARSE, FINE] = [64, 1024];
const cache = mkdtempSync(path.join(os.tmpdir(), 'sextant-super-resolution-'));
afterAll(() => rmSync(cache, { recursive: true, force: true }));

let fine: Splits;
let coarse: Splits;
beforeAll(async () => {
  fine = await kdv(
    { train: 40, validation: 0, test: 4, fine: FINE, resolution: FINE },
    { cache, threads: 1 },
  );
  coarse = atResolution(fine, COARSE);
}, 60_000);

const sizes: Record<string, Record<string, unknown>> = {
  fno: { width: 8, modes: 8, layers: 2 },
  mwt: { k: 3, channels: 4, modes: 6, layers: 1 },
  pade: { k: 3, channels: 4, modes: 6 },
  lno: { width: 8, rank: 2, layers: 2, hidden: [16, 16] },
  gno: { width: 6, kernelWidth: 8, depth: 2, radius: 0.06 },
  mgno: { width: 6, kernelWidth: 16, depth: 1, levels: 5 },
};

type Tests = Pick<Splits, 'x' | 'test'>;

/** The test samples of a fine grid as those of its interleaved coarse ones, each of `resolution` points. */
function interleaved({ x, test }: Splits, resolution: number): Tests {
  const stride = x.length / resolution;
  const rows = (values: Float32Array): Float32Array =>
    values.map((_, i) => {
      const [grid, j] = [Math.floor(i / resolution), i % resolution];
      return values[Math.floor(grid / stride) * x.length + j * stride + (grid % stride)];
    });
  const samples = { count: test.count * stride, input: rows(test.input), output: rows(test.output) };
  return { x: x.subarray(0, resolution), test: samples };
}

/** Mean relative L2 error on test samples, of trained parameters or of those before the training. */
type ErrorOn = (samples: Tests, of?: 'initial') => Promise<number>;

/** Trains on 64 points. */
async function trained(name: string): Promise<ErrorOn> {
  const operator = getOperator(name, sizes[name]);
  const { parameters } = await train({
    init: (key) => operator.init(key),
    loss: (p, { u, target }: Record<string, Tensor>) =>
      relativeL2(operator.apply(p, u), target, { reduction: 'none' }),
    data: { train: split(coarse.train) },
    optimizer: adam({ learningRate: 5e-3 }),
    schedule: stepSchedule({ every: 100, gamma: 0.5 }),
    epochs: 12,
    batchSize: 10,
    seed: 0,
    threads: 1,
  });
  return async ({ test, x }, of) => {
    operator.checkResolution(x.length);
    const chosen: unknown = of === 'initial' ? operator.init(key(0)) : parameters;
    const inputs = fields(test.input, test);
    const model = predictor((p, u) => operator.apply(p as never, u), chosen, inputs, { threads: 1 });
    try {
      const { data } = await model.run(chosen, inputs);
      return mean(relativeL2Errors(data, test.output, x.length));
    } finally {
      await model.dispose();
    }
  };
}

test.each(['fno', 'lno', 'gno', 'mgno'])(
  '%s trained on 64 points has the same error on 1024, within a fiftieth',
  { timeout: 120_000 },
  async (name) => {
    const errorOn = await trained(name);
    const before = await errorOn(coarse, 'initial');
    const [atCoarse, atFine] = [await errorOn(coarse), await errorOn(fine)];
    expect(atCoarse).toBeLessThan(0.9 * before);
    expect(Math.abs(atFine / atCoarse - 1)).toBeLessThan(0.02);
  },
);

// Every doubling of the points is one more level of wavelets for kernels that never met it.
test.each(['mwt', 'pade'])(
  '%s trained on 64 points has a larger error on 1024, at most threefold, and the same on 16 interleaved grids',
  { timeout: 120_000 },
  async (name) => {
    const errorOn = await trained(name);
    const [atCoarse, atFine] = [await errorOn(coarse), await errorOn(fine)];
    expect(atFine).toBeLessThan(0.5 * (await errorOn(fine, 'initial')));
    expect(atFine / atCoarse).toBeGreaterThan(1.1);
    expect(atFine / atCoarse).toBeLessThan(3);
    expect(Math.abs((await errorOn(interleaved(fine, COARSE))) / atCoarse - 1)).toBeLessThan(0.1);
  },
);

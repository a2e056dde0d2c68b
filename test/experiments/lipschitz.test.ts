import { expect, test } from 'vitest';
import { configure } from '../../src/experiments/configuration.ts';
import { findExperiment } from '../../src/experiments/registry.ts';
import type { JobResult } from '../../src/runs/index.ts';

const { experiment } = await findExperiment('lipschitz');
const gradients = ['kernel', 'weight', 'bias'];

/** A finished job whose training began with a gradient of norm 10 and reached `largest`. */
function finished(p: number, q: number, { largest = 10, ratio = 0.5 } = {}): JobResult {
  const norms = gradients.flatMap((name): [string, number][] => [
    [`bound ${name}`, 2 * p],
    [`measured ${name}`, 2 * p * ratio],
  ]);
  return {
    config: {
      experiment: 'lipschitz',
      preset: 'quick',
      model: 'pade',
      condition: { p, q },
      seed: 0,
      options: {},
    },
    metric: 'ratio',
    value: ratio,
    best: null,
    parameters: 1,
    seconds: 1,
    inferenceMilliseconds: null,
    samples: [],
    extra: {
      ...Object.fromEntries(norms),
      normL: Math.log(2),
      'test error': 0.1,
      'training gradient norm, largest mean of an epoch': largest,
      'training gradient norm, epoch 1': 10,
      'training gradient norm, epoch 2': largest,
    },
  };
}

test('every pair of the grid and of the diagonal is one job', () => {
  const config = configure(experiment, 'quick', { p: [1, 2], q: [2, 3], diagonal: [2, 4] });
  const pairs = experiment.jobs(config, {}).map(({ condition }) => `${condition.p}/${condition.q}`);
  expect(pairs).toEqual(['1/2', '1/3', '2/2', '2/3', '4/4']);
});

test('curves over p, one bound and one measurement for each q, in one colour', () => {
  const config = configure(experiment, 'quick');
  const results = [finished(2, 1), finished(1, 1), finished(1, 2), finished(2, 2)];
  const { figures = [] } = experiment.summarize(results, config);
  const [kernel] = figures;
  expect(kernel.series.map(({ name, group }) => [name, group])).toEqual([
    ['bound, q = 1', 'q = 1'],
    ['measured, q = 1', 'q = 1'],
    ['bound, q = 2', 'q = 2'],
    ['measured, q = 2', 'q = 2'],
  ]);
  expect(kernel.series[0]).toMatchObject({ x: [1, 2], y: [2, 4] });
  expect(kernel.series[1]).toMatchObject({ x: [1, 2], y: [1, 2] });
  expect(figures.at(-1)?.series.map(({ name, x }) => [name, x])).toEqual([
    ['p = q = 1', [1, 2]],
    ['p = q = 2', [1, 2]],
  ]);
});

test('a training whose gradient grows beyond e^‖L‖ times that of the lowest degree fails its check', () => {
  const config = configure(experiment, 'quick');
  const holds = (result: JobResult): (boolean | undefined)[] =>
    experiment.summarize([finished(1, 1), result], config).checks.map((check) => check.holds);
  expect(holds(finished(8, 8, { largest: 19 }))).toEqual([true, true, true]);
  expect(holds(finished(8, 8, { largest: 21 }))).toEqual([true, true, false]);
  expect(holds(finished(8, 8, { largest: NaN }))).toEqual([true, true, false]);
  expect(holds(finished(8, 8, { ratio: 1.5 }))).toEqual([true, false, true]);
});

test('how near each bound comes has a table of its own and a sentence', () => {
  const config = configure(experiment, 'quick');
  const uneven = (p: number, kernel: number): JobResult => {
    const result = finished(p, 1);
    return {
      ...result,
      extra: { ...result.extra, 'measured kernel': kernel * result.extra['bound kernel'] },
    };
  };
  const { rows, notes } = experiment.summarize([uneven(1, 1e-4), uneven(2, 3e-5)], config);
  const kernel = rows.filter(({ metric }) => metric.includes('by the kernel of L'));
  expect(kernel.map(({ condition, mean }) => [condition.p, mean?.toPrecision(3)])).toEqual([
    [1, '0.000100'],
    [2, '0.0000300'],
  ]);
  expect(new Set(rows.map(({ metric }) => metric)).size).toBe(4);
  expect(notes[0]).toContain(
    'by the kernel of L, bound (1), 0.000030 to 0.00010; gradient by W, bound (2), 0.50 to 0.50',
  );
});

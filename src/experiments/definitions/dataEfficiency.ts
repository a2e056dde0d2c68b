/** Data efficiency: test error over the number of training samples, on random subsets of one pool, for KdV and KS. */
import { z } from 'zod';
import { commonOptions } from '../../../datasets/dataset.ts';
import type { Samples } from '../../../datasets/pairs.ts';
import { getBaseline } from '../../operators/index.ts';
import type { Check, Figure, ResultRow } from '../../runs/index.ts';
import { foldIn, key, permutation } from '../../tensor/random.ts';
import { list, seedList } from '../lists.ts';
import {
  fineGrid,
  modelFields,
  operatorBenchmark,
  publishedModels,
  sampleFields,
} from '../operatorBenchmark.ts';
import { findProblem, problemName } from '../operatorProblems.ts';
import { isBaseline } from '../operatorRows.ts';
import { groupBy } from '../statistics.ts';
import { trainingFields } from '../trainingSettings.ts';

const configuration = z.strictObject({
  ...modelFields,
  problems: list(problemName).describe('equations'),
  samples: list(z.int().min(1)).describe('training samples'),
  seeds: seedList('subsets and initial parameters; the whole pool is taken once', [0, 1, 2, 3, 4]),
  resolution: commonOptions.resolution.describe('grid points'),
  ...sampleFields,
  train: commonOptions.train.describe('samples of the pool that subsets are drawn from'),
  fine: fineGrid(1024),
  ...trainingFields,
});

/** Grid points of the source's figure, for both equations. */
const SOURCE_RESOLUTION = 1024;

/** `count` samples of a split, drawn without replacement; a larger subset of one seed holds the smaller ones. */
export function subset(samples: Samples, count: number, seed: number): Samples {
  const s = samples.input.length / samples.count;
  const chosen = permutation(foldIn(key(seed), samples.count), samples.count).subarray(0, count);
  const rows = (values: Float32Array): Float32Array => {
    const packed = new Float32Array(chosen.length * s);
    chosen.forEach((from, i) => packed.set(values.subarray(from * s, (from + 1) * s), i * s));
    return packed;
  };
  return { count: chosen.length, input: rows(samples.input), output: rows(samples.output) };
}

/** Error over the number of samples, a curve a model with a band of one standard deviation over the subsets. */
function figureOf(rows: readonly ResultRow[]): Figure {
  const name = problemName.parse(rows[0].condition['problem']);
  const series = groupBy(rows, ({ model }) => model).map((ofModel) => {
    const measured = ofModel.filter(({ mean }) => mean !== null);
    const [{ model, baseline }] = ofModel;
    const style: 'line' | 'dashed' = baseline ? 'dashed' : 'line';
    return {
      name: model,
      x: measured.map(({ condition }) => Number(condition['samples'])),
      y: measured.map(({ mean }) => mean ?? NaN),
      band: measured.map(({ std }) => std ?? 0),
      style,
    };
  });
  return {
    id: `data-efficiency-${name}`,
    title: `Data efficiency: ${findProblem(name).title}`,
    caption:
      'Mean relative L2 error on the test split; bands are one standard deviation over random subsets (none where one training was made). Dashed: baselines without training.',
    xLabel: 'training samples',
    yLabel: 'relative L2 error',
    xScale: 'log',
    yScale: 'log',
    series,
  };
}

/** More samples never make a model worse than the fewest do. */
const checksOf = (rows: readonly ResultRow[]): Check[] =>
  groupBy(rows, ({ model, condition }) => `${model} ${condition['problem']}`).flatMap((group): Check[] => {
    const measured = group.filter(({ mean }) => mean !== null);
    if (measured.length < 2 || measured[0].baseline) return [];
    const [few, many] = [measured[0], measured[measured.length - 1]];
    const value = many.mean ?? Infinity;
    const { problem, samples } = many.condition;
    return [
      {
        name: `${few.model} on ${problem}: error with ${samples} samples`,
        value,
        limit: `< ${(few.mean ?? 0).toPrecision(3)} (with ${few.condition['samples']})`,
        holds: value < (few.mean ?? 0),
      },
    ];
  });

export default operatorBenchmark('data-efficiency', {
  title: 'Data efficiency of neural operators on KdV and Kuramoto–Sivashinsky',
  source:
    'Gupta, Xiao, Balan and Bogdan 2022 (ICLR): a figure over the number of samples, without numbers; no value is quoted',
  configuration,
  axes: ['models', 'baselines', 'problems', 'samples', 'seeds'],
  presets: {
    quick: {
      description: 'two models, both equations, 20 and 100 samples, two subsets; about two minutes',
      values: {
        models: ['pade', 'fno'],
        problems: ['kdv', 'ks'],
        samples: [20, 100],
        seeds: [0, 1],
        train: 100,
        validation: 20,
        test: 40,
        epochs: 20,
        halveEvery: 10,
        settings: 'shared',
      },
    },
    paper: {
      description: '50 to 1000 samples, five subsets each below 1000, all models; days',
      values: {
        models: [...publishedModels],
        problems: ['kdv', 'ks'],
        samples: [50, 100, 200, 400, 700, 1000],
      },
    },
  },
  check({ samples, train, fine, resolution }) {
    const most = Math.max(...samples);
    if (most > train) {
      throw new Error(`--samples: got ${most}, expected at most the ${train} samples of the pool (--train)`);
    }
    if (fine % resolution !== 0) {
      throw new Error(
        `--resolution: got ${resolution}, expected a divisor of the fine grid of ${fine} points (--fine)`,
      );
    }
  },
  models: ({ models }) => models,
  baselines: ({ baselines }) => baselines,
  cases: ({ problems: equations, samples, resolution, ...config }) => {
    const { train, validation, test, fine, dataSeed: seed } = config;
    return equations.flatMap((problem) =>
      samples.map((count) => ({
        condition: { problem, samples: count, resolution },
        data: { problem, train, validation, test, fine, seed },
        label: problem,
      })),
    );
  },
  pairs: ({ problem, ...options }, { resolution }) => ({
    dataset: findProblem(problem).dataset,
    options: { ...options, resolution },
  }),
  select: (pairs, condition, seed) => {
    const count = Number(condition['samples']);
    return count === pairs.train.count ? pairs : { ...pairs, train: subset(pairs.train, count, seed) };
  },
  seeds({ seeds, train }, model, condition) {
    if (isBaseline(model) && getBaseline(model).parameters(2) === 0) return [0];
    return Number(condition['samples']) < train ? seeds : [Math.min(...seeds)];
  },
  labels: ({ problem }) => findProblem(problem).labels,
  propagator: ({ problem }) => findProblem(problem).propagator,
  checks: checksOf,
  notes: ({ resolution }) => [
    ...(resolution === SOURCE_RESOLUTION
      ? []
      : [
          `The source's figure is at s = ${SOURCE_RESOLUTION} for both equations; this table is at s = ${resolution}.`,
        ]),
    'Subsets of one seed are nested, and the same for all models. The number of epochs is the same for all sizes, so fewer samples mean fewer steps.',
    'On KdV with the published recipe the exact linear propagator and one fitted factor a Fourier mode need no network; Kuramoto–Sivashinsky is truly nonlinear.',
  ],
  figures: (_, rows) =>
    groupBy(rows, ({ condition }) => String(condition['problem'])).map((group) => figureOf(group)),
});

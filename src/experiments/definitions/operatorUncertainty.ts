/**
 * Uncertainty of neural operators: ensembles and conformal bands for their fields, and noise of the initial condition sent through a
 * trained operator, by its Jacobian and by sampling.
 */
import { z } from 'zod';
import { commonOptions } from '../../../datasets/dataset.ts';
import {
  baselineNumbers,
  ONE_MODEL_ERROR,
  trainOperatorEnsemble,
  uncertaintyOptions,
} from '../ensembleTask.ts';
import type { Experiment } from '../experiment.ts';
import { list, seedList } from '../lists.ts';
import { fineGrid, modelFields, operatorBenchmark, sampleFields } from '../operatorBenchmark.ts';
import { findProblem, problemName } from '../operatorProblems.ts';
import { trainingFields } from '../trainingSettings.ts';
import { checksOf, figuresOf, numberOf, widthRows } from '../uncertaintySummary.ts';

/** The level whose bands stand in the table. */
const LEVEL = 0.9;

const configuration = z.strictObject({
  ...modelFields,
  problems: list(problemName).describe('equations'),
  seeds: seedList(),
  resolution: commonOptions.resolution.describe('grid points'),
  members: z.int().min(2).default(4).describe('models of an ensemble'),
  membersAtOnce: z
    .int()
    .min(1)
    .default(1)
    .describe('models trained by one program, which needs as many times the memory'),
  share: z
    .number()
    .positive()
    .max(1)
    .default(0.9)
    .describe('of the points of a field that its band is to hold, 1 − δ'),
  levels: z
    .array(z.number().gt(0).lt(1))
    .min(1)
    .default([0.5, 0.6, 0.7, 0.8, LEVEL, 0.95])
    .describe('nominal shares of the fields, 1 − α'),
  noise: z
    .number()
    .positive()
    .default(0.01)
    .describe('deviation of the noise, relative to the root mean square of the inputs'),
  noiseInputs: z.int().min(1).default(8).describe('test inputs that noise is added to'),
  noiseSamples: z.int().min(2).default(1000).describe('draws of the noise for each of them'),
  ...sampleFields,
  fine: fineGrid(1024),
  ...trainingFields,
});

const base = operatorBenchmark('operator-uncertainty', {
  title: 'Uncertainty of neural operators: ensembles, conformal bands, noise of the initial condition',
  source:
    'Bands as in Ma, Pitt, Azizzadenesheli and Anandkumar 2024, arXiv 2402.01960; no values are published for these problems',
  configuration,
  axes: ['models', 'baselines', 'problems', 'seeds'],
  presets: {
    quick: {
      description: 'four members of fno on 64 points, both equations, few samples and epochs; about a minute',
      values: {
        models: ['fno'],
        baselines: ['multiplier', 'identity'],
        problems: ['kdv', 'ks'],
        train: 100,
        validation: 40,
        test: 40,
        epochs: 12,
        halveEvery: 4,
        noiseInputs: 4,
        noiseSamples: 500,
        settings: 'shared',
      },
    },
    paper: {
      description: 'five members of pade, mwt and fno, 1000 samples, 500 epochs; days',
      values: {
        models: ['pade', 'mwt', 'fno'],
        problems: ['kdv', 'ks'],
        members: 5,
        validation: 200,
        noiseSamples: 4000,
      },
    },
  },
  check({ validation, levels, fine, resolution }) {
    const highest = Math.max(...levels);
    const least = Math.ceil(highest / (1 - highest) - 1e-9);
    if (validation < least) {
      throw new Error(
        `--validation: got ${validation}, expected at least ${least} samples to calibrate bands of level ${highest} (--levels)`,
      );
    }
    if (fine % resolution !== 0) {
      throw new Error(
        `--resolution: got ${resolution}, expected a divisor of the fine grid of ${fine} points (--fine)`,
      );
    }
  },
  models: ({ models }) => models,
  baselines: ({ baselines }) => baselines,
  cases: ({ problems, resolution, train, validation, test, fine, dataSeed: seed }) =>
    problems.map((name) => ({
      condition: { problem: name, resolution },
      data: { problem: name, train, validation, test, fine, seed },
      label: name,
    })),
  pairs: ({ problem, ...options }, { resolution }) => ({
    dataset: findProblem(problem).dataset,
    options: { ...options, resolution },
  }),
  labels: ({ problem }) => findProblem(problem).labels,
  propagator: ({ problem }) => findProblem(problem).propagator,
  // Of baselines: what is measured of an ensemble is measured where it is trained.
  measure: (pairs, predict, { uncertainty }) =>
    baselineNumbers(pairs, predict, uncertaintyOptions.parse(uncertainty)),
  train: (operator, pairs, training, context) => {
    const uncertainty = uncertaintyOptions.parse(context.config.options['uncertainty']);
    return trainOperatorEnsemble(operator, pairs, training, uncertainty, context);
  },
  notes: () => [
    'Bands are calibrated on the validation split, which chose nothing: predictions are those after the last epoch. A field counts as covered when the nominal share of its points lies in its band; what is guaranteed holds for the points of the grid.',
    'Widths are relative to the root mean square of the outputs. A band of constant width around one model is what costs nothing; the ensemble costs as many trainings as it has members.',
    'Noise is white, of the same deviation at every point of the initial condition, and goes through the first member of the ensemble; sampling holds to all orders, with the error that its number of draws leaves.',
    'No published numbers: the source of the bands works on other problems.',
  ],
});

const operatorUncertainty: Experiment = {
  ...base,
  jobs(config, facts) {
    const uncertainty = uncertaintyOptions.parse(config);
    return base.jobs(config, facts).map((job) => ({ ...job, options: { ...job.options, uncertainty } }));
  },
  exportRun: () =>
    Promise.reject(
      new Error('operator-uncertainty: its jobs hold ensembles; export models of kdv or ks instead'),
    ),
  summarize(finished, given, facts) {
    const config = configuration.parse(given);
    const whole = base.summarize(finished, given, facts);
    const level = config.levels.includes(LEVEL) ? LEVEL : Math.max(...config.levels);
    const rows = whole.rows.map((row) => {
      const group = finished.filter(
        (job) =>
          job.config.model === row.model && job.config.condition['problem'] === row.condition['problem'],
      );
      const one = numberOf(group, ONE_MODEL_ERROR);
      return one === null
        ? row
        : {
            ...row,
            note: `${row.note}; ensemble of ${config.members}, one of them alone ${one.toPrecision(3)}`,
          };
    });
    return {
      ...whole,
      rows: [...rows, ...widthRows(finished, level)],
      checks: [...checksOf(finished, config), ...whole.checks],
      figures: figuresOf(finished, config, (problem) => findProblem(problem).title),
    };
  },
};

export default operatorUncertainty;

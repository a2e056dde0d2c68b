/**
 * Uncertainty of neural operators: ensembles and conformal bands for their fields, and noise of the initial condition sent through a
 * trained operator, by its Jacobian and by sampling.
 */
import { z } from 'zod';
import { kdv, kdvOptions } from '../../../datasets/kdv.ts';
import { ks, ksLengths, ksOptions } from '../../../datasets/ks.ts';
import { getBaseline, getOperator } from '../../operators/index.ts';
import {
  baselineNumbers,
  ONE_MODEL_ERROR,
  trainOperatorEnsemble,
  uncertaintyOptions,
} from '../ensembleTask.ts';
import type { Experiment } from '../experiment.ts';
import { seedList } from '../lists.ts';
import {
  linearPropagator,
  modelFields,
  operatorBenchmark,
  sampleFields,
  type JobData,
} from '../operatorBenchmark.ts';
import { isBaseline } from '../operatorRows.ts';
import { measureBaseline } from '../operatorTask.ts';
import { trainingFields, trainingOptions } from '../trainingSettings.ts';
import { checksOf, figuresOf, numberOf, widthRows } from '../uncertaintySummary.ts';

const problemNames = ['kdv', 'ks'] as const;
const titles = { kdv: 'Korteweg–de Vries', ks: 'Kuramoto–Sivashinsky, L = 64, T = 1' };
const propagators = {
  kdv: linearPropagator('kdv', {}, { length: 1, time: 1 }),
  ks: linearPropagator('kuramotoSivashinsky', {}, { length: ksLengths['64'], time: 1 }),
};
const problem = z.enum(problemNames);
const problemOf = (data: JobData) => problem.parse(data['problem']);

/** The level whose bands stand in the table. */
const LEVEL = 0.9;

const configuration = z.strictObject({
  ...modelFields,
  problems: z.array(problem).min(1).describe('equations'),
  seeds: seedList(),
  resolution: z.int().min(16).max(65536).default(64).describe('grid points'),
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
  fine: z.int().min(256).max(65536).default(1024).describe('points of the grid the samples are made on'),
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
  load(data, { resolution }, context) {
    const { problem: name, ...rest } = data;
    const options = { ...rest, resolution };
    return problem.parse(name) === 'kdv'
      ? kdv(kdvOptions.parse(options), context)
      : ks(ksOptions.parse(options), context);
  },
  labels: (data) => (problemOf(data) === 'kdv' ? 'released' : 'converged'),
  propagator: (data) => propagators[problemOf(data)],
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
  async runJob(context) {
    const { model, condition, options } = context.config;
    const {
      hash,
      problem: name,
      ...rest
    } = z.looseObject({ hash: z.string(), problem }).parse(options['data']);
    const settings = { ...rest, resolution: condition['resolution'] };
    const { signal } = context;
    const pairs =
      name === 'kdv'
        ? await kdv(kdvOptions.parse(settings), { signal })
        : await ks(ksOptions.parse(settings), { signal });
    if (pairs.provenance.hash !== hash)
      throw new Error('the data have changed since this job was set up; run the command again for a new job');
    const uncertainty = uncertaintyOptions.parse(options['uncertainty']);
    if (isBaseline(model)) {
      const baseline = getBaseline(model);
      const setting = { train: pairs.train, resolution: pairs.x.length, propagator: propagators[name] };
      const predict = (inputs: ArrayLike<number>): Float64Array => baseline.predict(setting, inputs);
      return measureBaseline(pairs, predict, baseline.parameters(pairs.x.length), () =>
        Promise.resolve(baselineNumbers(pairs, predict, uncertainty)),
      );
    }
    const operator = getOperator(model, z.record(z.string(), z.unknown()).parse(options['operator']));
    return trainOperatorEnsemble(
      operator,
      pairs,
      trainingOptions.parse(options['training']),
      uncertainty,
      context,
    );
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
      figures: figuresOf(finished, config, (name) => titles[problem.parse(name)]),
    };
  },
};

export default operatorUncertainty;

/**
 * Kuramoto–Sivashinsky: neural operators on a problem that is truly nonlinear, u(·, 0) ↦ u(·, T), and how long they follow
 * the solution when they are applied to their own output.
 */
import { z } from 'zod';
import { ksDataset, ksLengths, ksOptions } from '../../../datasets/ks.ts';
import {
  canonicalJson,
  type Check,
  type Condition,
  type JobResult,
  type ResultRow,
} from '../../runs/index.ts';
import { list, seedList } from '../lists.ts';
import {
  fineGrid,
  linearPropagator,
  modelFields,
  operatorBenchmark,
  publishedModels,
  resolutionList,
  sampleFields,
} from '../operatorBenchmark.ts';
import { placeOf } from '../operatorRows.ts';
import { LABEL_ERROR, measureRollout, rolloutChecks, rolloutFigures } from '../rollout.ts';
import { groupBy } from '../statistics.ts';
import { trainingFields } from '../trainingSettings.ts';

const lengths = Object.keys(ksLengths) as (keyof typeof ksLengths)[];

const { time, frames } = ksOptions.shape;

const configuration = z.strictObject({
  ...modelFields,
  resolutions: resolutionList,
  lengths: z.array(z.enum(lengths)).min(1).describe('lengths of the periodic interval'),
  times: list(time.unwrap()).describe('T of the operator u(0) ↦ u(T)'),
  seeds: seedList(),
  frames: frames.unwrap().default(10).describe('states of a rollout, one every T'),
  ...sampleFields,
  fine: fineGrid(1024),
  ...trainingFields,
});

/** Without the resolution, which is part of the condition. */
const dataOptions = z.looseObject({ length: z.enum(lengths), time: z.number() });

/** Of the labels, against which no model here comes near. */
const LABEL_LIMIT = 1e-4;

const where = (condition: Condition): string => placeOf(condition, ['resolution', 'length', 'time']);

const byCondition = (finished: readonly JobResult[]): JobResult[][] =>
  groupBy(finished, ({ config }) => canonicalJson(config.condition));

/** How far the labels can be trusted, condition by condition. */
const labelChecks = (finished: readonly JobResult[]): Check[] =>
  byCondition(finished).flatMap(([{ config, extra }]): Check[] => {
    if (!(LABEL_ERROR in extra)) return [];
    const value = extra[LABEL_ERROR];
    const name = `step-doubling error of the labels ${where(config.condition)}`;
    return [{ name, value, limit: `≤ ${LABEL_LIMIT}`, holds: value <= LABEL_LIMIT }];
  });

/** Rows of the table where a model does not beat the propagator of the linear part. */
function checksOf(rows: readonly ResultRow[]): Check[] {
  return groupBy(rows, ({ condition }) => canonicalJson(condition)).flatMap((group): Check[] => {
    const linear = group.find(({ model }) => model === 'linear')?.mean ?? null;
    const trained = group.flatMap(({ baseline, mean }) => (baseline || mean === null ? [] : [mean]));
    if (linear === null || !trained.length) return [];
    const value = Math.min(...trained);
    const limit = `< ${linear.toPrecision(3)} (exact linear propagator)`;
    const name = `the best model beats the linear propagator ${where(group[0].condition)}`;
    return [{ name, value, limit, holds: value < linear }];
  });
}

export default operatorBenchmark('ks', {
  title: 'Kuramoto–Sivashinsky: neural operators, rollouts and energy spectra',
  source:
    'Gupta, Xiao, Balan and Bogdan 2022 (ICLR): a figure without numbers, domain and initial conditions not said; no value is quoted',
  configuration,
  axes: ['models', 'baselines', 'resolutions', 'lengths', 'times', 'seeds'],
  presets: {
    quick: {
      description: 'three models, 64 points, L = 64, T = 1, few samples and epochs; about two minutes',
      values: {
        models: ['pade', 'mwt', 'fno'],
        resolutions: [64],
        lengths: ['64'],
        times: [1],
        train: 200,
        validation: 20,
        test: 40,
        fine: 256,
        epochs: 30,
        halveEvery: 10,
        settings: 'shared',
      },
    },
    paper: {
      description: '1024 points as in the source, both domains, T = 1 and 5, all models; days',
      values: {
        models: [...publishedModels],
        resolutions: [1024],
        lengths: ['64', '32pi'],
        times: [1, 5],
      },
    },
  },
  check({ fine, resolutions }) {
    for (const resolution of resolutions) {
      if (fine % resolution === 0) continue;
      throw new Error(
        `--resolutions: got ${resolution}, expected divisors of the fine grid of ${fine} points (--fine)`,
      );
    }
  },
  models: ({ models }) => models,
  baselines: ({ baselines }) => baselines,
  cases: ({ resolutions, lengths: intervals, times, ...config }) => {
    const { train, validation, test, fine, dataSeed: seed, frames } = config;
    return intervals.flatMap((length) =>
      times.flatMap((time) =>
        resolutions.map((resolution) => ({
          condition: { resolution, length: `L = ${length === '32pi' ? '32π' : length}`, time },
          data: { length, time, frames, train, validation, test, fine, seed },
          label: `s = ${resolution}, L = ${length}, T = ${time}`,
        })),
      ),
    );
  },
  pairs: (data, { resolution }) => ({ dataset: ksDataset, options: { ...data, resolution } }),
  propagator: (data) => {
    const { length, time } = dataOptions.parse(data);
    return linearPropagator('kuramotoSivashinsky', {}, { length: ksLengths[length], time });
  },
  measure: measureRollout,
  checks: (rows, _, finished) => [
    ...labelChecks(finished),
    ...checksOf(rows),
    ...byCondition(finished).flatMap((group) => rolloutChecks(group, where(group[0].config.condition))),
  ],
  notes: () => [
    'Labels are ETDRK4 solutions on 256 points, continued by their Fourier series; the step-doubling error is undivided and bounds the error in time.',
    'Models learn u(0) ↦ u(T) from random initial conditions only. In a rollout they meet states that they were not trained on, closer to the attractor.',
  ],
  figures: (finished) =>
    byCondition(finished).flatMap((group, i) =>
      rolloutFigures(group, String(i + 1), where(group[0].config.condition)),
    ),
});

/** Autoregressive evaluation: a model applied to its own output again and again, and what it keeps of the energy spectrum. */
import type { OperatorPairs } from '../../datasets/pairs.ts';
import { fourierTransform } from '../../solvers/fourier.ts';
import type { Check, Figure, JobResult } from '../runs/index.ts';
import type { Predict } from './operatorTask.ts';
import { isBaseline } from './operatorRows.ts';
import { groupBy, mean, meanOf, relativeL2Errors } from './statistics.ts';

const ERROR = 'rollout error, t = ';
const REFERENCE_ERROR = 'error of the reference, t = ';
/** Step-doubling error of the outputs that the models are measured against. */
export const LABEL_ERROR = 'label error';
const ENERGY = 'energy of mode ';
const TRUE_ENERGY = 'true energy of mode ';

/** Beyond this error a model has left the solution; what follows would only stretch the axes. */
const LOST = 100;

/** Energies this much below the least true one are rounding. */
const NEGLIGIBLE = 1e-3;

/** At most so many modes are kept. */
const MODES = 64;

/**
 * Energy of Fourier mode k = 0 … s/2 of fields [n · s], mean over the fields: E_k = w_k |û_k|²/s² with w_k = 2 but for the
 * mean and the highest mode of an even grid, so that Σ E_k is the mean of u² (Parseval).
 */
export function energySpectrum(fields: ArrayLike<number>, s: number): Float64Array {
  const transform = fourierTransform(s);
  const count = fields.length / s;
  const energy = new Float64Array(transform.modes);
  for (let i = 0; i < count; i++) {
    const row = Float64Array.from({ length: s }, (_, j) => fields[i * s + j]);
    const spectrum = transform.forward(row);
    for (let k = 0; k < transform.modes; k++) {
      const weight = k === 0 || 2 * k === s ? 1 : 2;
      energy[k] += (weight * (spectrum[2 * k] ** 2 + spectrum[2 * k + 1] ** 2)) / (s * s * count);
    }
  }
  return energy;
}

/**
 * Follows the test samples as far as their saved states go. Numbers: the error of the labels; the mean relative L2 error at
 * every saved time, and that of the reference itself; the mean energy of every mode at the last time, predicted and true. A
 * model is followed until its error exceeds 100; energies far below all true ones are left out.
 */
export async function measureRollout(
  pairs: OperatorPairs,
  predict: Predict,
): Promise<Record<string, number>> {
  const { rollout, test, x, provenance } = pairs;
  const numbers: Record<string, number> = {};
  const keep = (name: string, value: number): void => {
    if (Number.isFinite(value)) numbers[name] = value;
  };
  keep(LABEL_ERROR, provenance.labelErrorEstimate ?? NaN);
  if (!rollout) return numbers;
  const s = x.length;
  const frames = rollout.times.length;
  const truthAt = (frame: number): Float32Array => {
    const rows = new Float32Array(test.count * s);
    for (let i = 0; i < test.count; i++) {
      const at = (i * frames + frame) * s;
      rows.set(rollout.states.subarray(at, at + s), i * s);
    }
    return rows;
  };
  let state: Float32Array = truthAt(0);
  let error = 0;
  for (let frame = 1; frame < frames; frame++) {
    if (error <= LOST) {
      state = Float32Array.from(await predict(state));
      const errors = relativeL2Errors(state, truthAt(frame), s);
      error = mean(errors);
      if (error <= LOST) keep(`${ERROR}${rollout.times[frame]}`, error);
      else error = Infinity;
    }
    keep(`${REFERENCE_ERROR}${rollout.times[frame]}`, rollout.errorEstimate[frame]);
  }
  const predicted = energySpectrum(state, s);
  const truth = energySpectrum(truthAt(frames - 1), s);
  const kept = Math.min(truth.length, MODES + 1);
  const least = NEGLIGIBLE * Math.min(...truth.subarray(1, kept));
  for (let k = 1; k < kept; k++) {
    if (error <= LOST && predicted[k] >= least) keep(`${ENERGY}${k}`, predicted[k]);
    keep(`${TRUE_ENERGY}${k}`, truth[k]);
  }
  return numbers;
}

/** The x of all numbers of one kind that any of the jobs has, in ascending order. */
const pointsOf = (results: readonly JobResult[], prefix: string): number[] =>
  [
    ...new Set(
      results.flatMap(({ extra }) =>
        Object.keys(extra).flatMap((name) =>
          name.startsWith(prefix) ? [Number(name.slice(prefix.length))] : [],
        ),
      ),
    ),
  ].sort((a, b) => a - b);

/**
 * Means over the jobs of one kind of number, where all of them have it: a mean over those that are left would fall when the
 * worst one is lost.
 */
function curveOf(results: readonly JobResult[], prefix: string): { x: number[]; y: number[] } {
  const x = pointsOf(results, prefix).filter((at) => results.every(({ extra }) => `${prefix}${at}` in extra));
  return { x, y: x.map((at) => meanOf(results, ({ extra }) => extra[`${prefix}${at}`])) };
}

interface Loss {
  readonly model: string;
  /** Seeds whose error exceeded the limit, of so many. */
  readonly lost: number;
  readonly seeds: number;
  /** The first saved time at which one was lost. */
  readonly time: number;
}

/** What was lost of the seeds of one model until the last saved time; null where all were followed to the end. */
function lossOf(results: readonly JobResult[]): Loss | null {
  const has = ({ extra }: JobResult, time: number): boolean => `${ERROR}${time}` in extra;
  const times = pointsOf(results, REFERENCE_ERROR);
  const time = times.find((at) => !results.every((result) => has(result, at)));
  if (time === undefined) return null;
  const lost = results.filter((result) => !times.every((at) => has(result, at))).length;
  return { model: results[0].config.model, lost, seeds: results.length, time };
}

const sayLost = ({ model, lost, seeds, time }: Loss): string =>
  `${model} ${lost} of ${seeds} ${seeds === 1 ? 'seed' : 'seeds'}${lost === 1 ? '' : ', the first'} at t = ${time}`;

/**
 * How long the best network stays before every baseline, under one condition named `where`: beyond the step that it was trained for, at
 * least. To the end nobody can, where the solution is chaotic. No check without both; a lost seed is an infinite error.
 */
export function rolloutChecks(finished: readonly JobResult[], where: string): Check[] {
  const times = pointsOf(finished, REFERENCE_ERROR);
  const models = groupBy(finished, ({ config }) => config.model);
  const leastAt = (time: number, baseline: boolean): number =>
    Math.min(
      ...models
        .filter(([{ config }]) => isBaseline(config.model) === baseline)
        .map((results) => meanOf(results, ({ extra }) => extra[`${ERROR}${time}`] ?? Infinity)),
    );
  const both = new Set(models.map(([{ config }]) => isBaseline(config.model))).size === 2;
  if (!both || times.length < 2) return [];
  const behind = times.findIndex((time) => !(leastAt(time, false) < leastAt(time, true)));
  const value = behind < 0 ? times[times.length - 1] : behind === 0 ? 0 : times[behind - 1];
  return [
    {
      name: `rollout ${where}: time until which the best model is before every baseline`,
      value,
      limit: `≥ ${times[1]}, two steps (rollouts end at ${times[times.length - 1]})`,
      holds: value >= times[1],
    },
  ];
}

/** Error over time and energy spectrum of all models under one condition, named `where`. */
export function rolloutFigures(finished: readonly JobResult[], id: string, where: string): Figure[] {
  // A model that is lost at the first saved time has no error, but the reference beside it has one.
  const followed = finished.filter(({ extra }) =>
    Object.keys(extra).some((name) => name.startsWith(REFERENCE_ERROR)),
  );
  if (!followed.length) return [];
  const byModel = groupBy(followed, ({ config }) => config.model).sort(
    ([a], [b]) => Number(isBaseline(a.config.model)) - Number(isBaseline(b.config.model)),
  );
  const losses = byModel.flatMap((results) => lossOf(results) ?? []).map(sayLost);
  const lost = losses.length ? ` Lost: ${losses.join('; ')}.` : '';
  const curves = (prefix: string): Figure['series'] =>
    byModel
      .map((results) => ({
        name: results[0].config.model,
        ...curveOf(results, prefix),
        style: isBaseline(results[0].config.model) ? ('dashed' as const) : ('line' as const),
      }))
      .filter(({ x }) => x.length);
  return [
    {
      id: `rollout-${id}`,
      title: `Rollout error ${where}`,
      caption: `Mean relative L2 error of the test samples when a model is applied to its own output again and again; mean over seeds. An error of 1.4 is that of two states that have nothing to do with each other; a seed is lost where its error exceeds ${LOST}, and a curve ends before its first seed is lost.${lost}`,
      xLabel: 'time',
      yLabel: 'relative L2 error',
      xScale: 'linear',
      yScale: 'log',
      series: [
        ...curves(ERROR),
        {
          name: 'reference (step doubling, worst sample)',
          ...curveOf(byModel[0], REFERENCE_ERROR),
          style: 'dashed',
        },
      ],
    },
    {
      id: `spectrum-${id}`,
      title: `Energy spectrum ${where}`,
      caption: `Mean energy of each Fourier mode over the test samples at the end of the rollout, mean over seeds; a model without high modes smooths, one that lost a seed is not shown.${lost}`,
      xLabel: 'Fourier mode',
      yLabel: 'energy',
      xScale: 'log',
      yScale: 'log',
      series: [{ name: 'truth', ...curveOf(byModel[0], TRUE_ENERGY), style: 'dashed' }, ...curves(ENERGY)],
    },
  ];
}

/** Autoregressive evaluation: a model applied to its own output again and again, and what it keeps of the energy spectrum. */
import type { OperatorPairs } from '../../datasets/pairs.ts';
import { fourierTransform } from '../../solvers/fourier.ts';
import type { Figure, JobResult } from '../runs/index.ts';
import type { Predict } from './operatorTask.ts';
import { isBaseline } from './operatorRows.ts';
import { groupBy, relativeL2Errors } from './statistics.ts';

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
      error = errors.reduce((a, b) => a + b, 0) / errors.length;
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

/** Points of one kind of number, averaged over the jobs that have it. */
function curveOf(results: readonly JobResult[], prefix: string): { x: number[]; y: number[] } {
  const names = Object.keys(results[0].extra).filter((name) => name.startsWith(prefix));
  const points = names.map((name): [number, number] => {
    const values = results.flatMap(({ extra }) => (name in extra ? [extra[name]] : []));
    return [Number(name.slice(prefix.length)), values.reduce((a, b) => a + b, 0) / values.length];
  });
  return { x: points.map(([x]) => x), y: points.map(([, y]) => y) };
}

/** Error over time and energy spectrum of all models under one condition, named `where`. */
export function rolloutFigures(finished: readonly JobResult[], id: string, where: string): Figure[] {
  const followed = finished.filter(({ extra }) => Object.keys(extra).some((name) => name.startsWith(ERROR)));
  if (!followed.length) return [];
  const byModel = groupBy(followed, ({ config }) => config.model).sort(
    ([a], [b]) => Number(isBaseline(a.config.model)) - Number(isBaseline(b.config.model)),
  );
  const curves = (prefix: string): Figure['series'] =>
    byModel.map((results) => ({
      name: results[0].config.model,
      ...curveOf(results, prefix),
      style: isBaseline(results[0].config.model) ? ('dashed' as const) : ('line' as const),
    }));
  return [
    {
      id: `rollout-${id}`,
      title: `Rollout error ${where}`,
      caption:
        'Mean relative L2 error of the test samples when a model is applied to its own output again and again; mean over seeds. An error of 1.4 is that of two states that have nothing to do with each other; a curve ends where its error would exceed 100.',
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
      caption:
        'Mean energy of each Fourier mode over the test samples at the end of the rollout; a model without high modes smooths, one that left the solution is not shown.',
      xLabel: 'Fourier mode',
      yLabel: 'energy',
      xScale: 'log',
      yScale: 'log',
      series: [{ name: 'truth', ...curveOf(byModel[0], TRUE_ENERGY), style: 'dashed' }, ...curves(ENERGY)],
    },
  ];
}

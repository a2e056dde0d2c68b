/** The pictured test samples: which models show the same sample, checked on the arrays themselves. */
import type { Condition, JobResult } from '../src/runs/schema.ts';
import type { Overview } from './conditions.ts';
import type { DecodedArray, ReportJob } from './input.ts';

export interface Prediction {
  model: string;
  seed: number;
  values: ArrayLike<number>;
}

/** One test sample with the predictions of every model that pictured it. */
export interface Sample {
  condition: Condition;
  /** Rule by which it was chosen: 'median', 'worst'. */
  rule: string;
  /** Shape of one field: `[s]` or `[height, width]`. */
  shape: readonly number[];
  /** Coordinates and name of a field `[height, width]`; null where the job does not say. */
  axes: NonNullable<JobResult['axes']> | null;
  x: ArrayLike<number> | null;
  input: ArrayLike<number> | null;
  truth: ArrayLike<number>;
  predictions: Prediction[];
}

const slice = (array: DecodedArray, index: number): ArrayLike<number> => {
  const size = array.shape.slice(1).reduce((product, length) => product * length, 1);
  return Array.from({ length: size }, (_, i) => array.data[index * size + i]);
};

const sameField = (a: ArrayLike<number>, b: ArrayLike<number>): boolean => {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    // Jobs store float32 or float64 of the same labels.
    if (Math.abs(a[i] - b[i]) > 1e-6 * Math.max(1, Math.abs(a[i]))) return false;
  }
  return true;
};

const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((length, i) => length === b[i]);

/** The first seed of each model that left usable arrays: one line a model is what a reader can follow. */
const representatives = (jobs: readonly ReportJob[]): ReportJob[] => {
  const first = new Map<string, ReportJob>();
  for (const job of [...jobs].sort((a, b) => a.config.seed - b.config.seed)) {
    const { truth, prediction } = job.arrays ?? {};
    if (!truth || !prediction || truth.shape.length < 2 || !sameShape(truth.shape, prediction.shape))
      continue;
    if (!first.has(job.config.model)) first.set(job.config.model, job);
  }
  return [...first.values()];
};

/** Samples of one condition; jobs that pictured the same field under the same rule share one entry. */
export function samplesAt(condition: Condition, view: Overview): Sample[] {
  const samples: Sample[] = [];
  for (const { arrays, config, result } of representatives(view.jobsAt(condition))) {
    if (!arrays) continue;
    const { truth, prediction, x, input } = arrays;
    for (let i = 0; i < truth.shape[0]; i++) {
      const rule = result?.samples[i] ?? `sample ${i + 1}`;
      const field = slice(truth, i);
      const made = { model: config.model, seed: config.seed, values: slice(prediction, i) };
      const known = samples.find((sample) => sample.rule === rule && sameField(sample.truth, field));
      if (known) known.predictions.push(made);
      else
        samples.push({
          condition,
          rule,
          shape: truth.shape.slice(1),
          axes: result?.axes ?? null,
          x: x?.shape.length === 1 && x.shape[0] === truth.shape[1] ? x.data : null,
          input: input && sameShape(input.shape, truth.shape) ? slice(input, i) : null,
          truth: field,
          predictions: [made],
        });
    }
  }
  return samples;
}

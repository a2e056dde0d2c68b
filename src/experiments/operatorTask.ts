/** Training a neural operator on pairs of functions and measuring it: the part that all operator experiments share. */
import { performance } from 'node:perf_hooks';
import { npy } from '../../datasets/npy.ts';
import type { NpzArrays } from '../../datasets/npz.ts';
import type { OperatorPairs, Samples } from '../../datasets/pairs.ts';
import { relativeL2 } from '../nn/losses.ts';
import { countParameters } from '../nn/parameters.ts';
import { predictor } from '../nn/evaluate.ts';
import { train } from '../nn/train.ts';
import type { Operator } from '../operators/operator.ts';
import type { NDArray, Tensor } from '../tensor/index.ts';
import type { JobContext, JobOutput } from './experiment.ts';
import { mean, medianAndWorst, relativeL2Errors, standardError } from './statistics.ts';
import { trainingBy, type TrainingOptions } from './trainingSettings.ts';

export const TRAINED_METRIC = 'mean relative L2 error, test split, last checkpoint';
/** Of the last step's weights themselves, where the last checkpoint holds their moving average; a further number of a job. */
export const LAST_STEP_METRIC = 'mean relative L2 error, test split, weights of the last step';
/** Standard error of the mean over the test samples: a difference below it says nothing about other samples. */
export const TEST_SAMPLING = 'standard error over the test samples';
export const BASELINE_METRIC = 'mean relative L2 error, test split';

/** A model as a map of fields [n · s] to fields [n · s]. */
export type Predict = (inputs: Float32Array) => Promise<ArrayLike<number>>;

/** Measures further numbers of a trained model or a baseline, by name. */
export type Measure = (pairs: OperatorPairs, predict: Predict) => Promise<Record<string, number>>;

/** Samples [count, s] as fields with one channel, [count, s, 1]. */
export const fields = (values: Float32Array, { count }: Pick<Samples, 'count'>): NDArray => ({
  data: values,
  shape: [count, values.length / count, 1],
  dtype: 'float32',
});

export const split = (samples: Samples): { u: NDArray; target: NDArray } => ({
  u: fields(samples.input, samples),
  target: fields(samples.output, samples),
});

/** Arrays of a job: the median and the worst test sample, and the error of every one. */
export function sampleArrays(
  pairs: OperatorPairs,
  prediction: ArrayLike<number>,
  errors: Float64Array,
): NpzArrays {
  const s = pairs.x.length;
  const chosen = medianAndWorst(errors);
  const rows = (values: ArrayLike<number>): Float32Array =>
    Float32Array.from(chosen.flatMap((i) => Array.from({ length: s }, (_, j) => values[i * s + j])));
  return {
    x: npy(pairs.x),
    input: npy(rows(pairs.test.input), [chosen.length, s]),
    truth: npy(rows(pairs.test.output), [chosen.length, s]),
    prediction: npy(rows(prediction), [chosen.length, s]),
    error: npy(errors),
  };
}

/** The arrays' samples, in order. */
export const SAMPLE_RULES = ['median', 'worst'];

/**
 * Trains an operator (Adam with L2 weight decay, relative L2 loss, halving steps) and measures it on the test split,
 * after the last epoch and at the epoch that was best on the validation split. Continues from the run's checkpoints.
 *
 * @throws the signal's reason when aborted.
 */
export async function trainOperator(
  operator: Operator,
  pairs: OperatorPairs,
  options: TrainingOptions,
  context: JobContext,
  measure?: Measure,
): Promise<JobOutput> {
  const { signal, engine, threads } = context;
  const { batchSize } = options;
  const s = pairs.x.length;
  operator.checkResolution(s);
  const error = (parameters: unknown, { u, target }: Record<string, Tensor>): Tensor =>
    relativeL2(operator.apply(parameters, u), target, { reduction: 'none' });
  const trained = await train({
    init: (key) => operator.init(key),
    loss: error,
    data: {
      train: split(pairs.train),
      validation: pairs.validation.count ? split(pairs.validation) : undefined,
    },
    ...trainingBy(options, context),
  });
  signal.throwIfAborted();

  const inputs = fields(pairs.test.input, pairs.test);
  const model = predictor((p, u) => operator.apply(p as never, u), trained.parameters, inputs, {
    batchSize,
    engine,
    threads,
  });
  const errorsOf = ({ data }: NDArray): Float64Array => relativeL2Errors(data, pairs.test.output, s);
  let prediction: NDArray;
  let milliseconds: number;
  let best: JobOutput['result']['best'];
  let extra: Record<string, number>;
  try {
    // The first run compiles; what is measured is what every later one takes.
    prediction = await model.run(trained.parameters, inputs);
    const began = performance.now();
    await model.run(trained.parameters, inputs);
    milliseconds = performance.now() - began;
    best = trained.best && {
      epoch: trained.best.epoch,
      validation: trained.best.validation,
      value: mean(errorsOf(await model.run(trained.best.parameters, inputs))),
    };
    const predict: Predict = async (values) => {
      const count = values.length / s;
      return (await model.run(trained.parameters, fields(values, { count }))).data;
    };
    extra = (await measure?.(pairs, predict)) ?? {};
    if (options.ema !== undefined) {
      extra[LAST_STEP_METRIC] = mean(errorsOf(await model.run(trained.lastStep, inputs)));
    }
  } finally {
    await model.dispose();
  }
  const errors = errorsOf(prediction);
  return {
    result: {
      metric: TRAINED_METRIC,
      value: mean(errors),
      best,
      parameters: countParameters(trained.parameters),
      seconds: trained.seconds,
      inferenceMilliseconds: milliseconds / pairs.test.count,
      samples: SAMPLE_RULES,
      extra: { ...extra, ...samplingOf(errors) },
    },
    arrays: sampleArrays(pairs, prediction.data, errors),
  };
}

function samplingOf(errors: ArrayLike<number>): Record<string, number> {
  const error = standardError(errors);
  return error === null ? {} : { [TEST_SAMPLING]: error };
}

/** Measures a map that needed no training loop. */
export async function measureBaseline(
  pairs: OperatorPairs,
  predict: (inputs: ArrayLike<number>) => ArrayLike<number>,
  parameters: number,
  measure?: Measure,
): Promise<JobOutput> {
  const began = performance.now();
  const prediction = predict(pairs.test.input);
  const seconds = (performance.now() - began) / 1000;
  const errors = relativeL2Errors(prediction, pairs.test.output, pairs.x.length);
  const extra = (await measure?.(pairs, (inputs) => Promise.resolve(predict(inputs)))) ?? {};
  return {
    result: {
      metric: BASELINE_METRIC,
      value: mean(errors),
      best: null,
      parameters,
      seconds,
      inferenceMilliseconds: null,
      samples: SAMPLE_RULES,
      extra: { ...extra, ...samplingOf(errors) },
    },
    arrays: sampleArrays(pairs, prediction, errors),
  };
}

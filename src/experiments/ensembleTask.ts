/** Uncertainty of operators: ensembles, conformal bands and propagated noise, as numbers of a job. */
import type { OperatorPairs, Samples } from '../../datasets/pairs.ts';
import { z } from 'zod';
import { constantsOf, countParameters, relativeL2 } from '../nn/index.ts';
import type { Operator } from '../operators/index.ts';
import type { NDArray, Tensor } from '../tensor/index.ts';
import { agreement } from '../uncertainty/agreement.ts';
import { calibrationCurve, gaussianCoverage } from '../uncertainty/calibration.ts';
import { predictEnsemble, trainEnsemble } from '../uncertainty/ensemble.ts';
import type { PredictedFields } from '../uncertainty/fieldBands.ts';
import { monteCarlo } from '../uncertainty/monteCarlo.ts';
import { propagateNoise } from '../uncertainty/propagation.ts';
import type { JobContext, JobOutput } from './experiment.ts';
import { fields, SAMPLE_RULES, sampleArrays, split, TRAINED_METRIC, type Predict } from './operatorTask.ts';
import { mean, relativeL2Errors } from './statistics.ts';
import { trainingBy, type TrainingOptions } from './trainingSettings.ts';

/** As it stands in the configuration of a job. */
export const uncertaintyOptions = z.object({
  members: z.number(),
  membersAtOnce: z.number(),
  levels: z.array(z.number()),
  share: z.number(),
  noise: z.number(),
  noiseInputs: z.number(),
  noiseSamples: z.number(),
});
export type UncertaintyOptions = z.infer<typeof uncertaintyOptions>;

/**
 * Bands around a prediction: of the ensemble's mean by its deviation, of the ensemble's mean with constant width, and of one model
 * (or baseline) with constant width.
 */
export const bandNames = ['ensemble', 'ensemble mean, constant width', 'one model, constant width'] as const;
export type BandName = (typeof bandNames)[number];
export type Quantity = 'fields' | 'points' | 'width';

/** Names of a job's further numbers. */
export const bandKey = (band: BandName, quantity: Quantity, level: number): string =>
  `${band}: ${quantity} at ${level}`;
export const gaussianKey = (level: number): string => `ensemble, not calibrated: points at ${level}`;
export const ONE_MODEL_ERROR = 'error of one model';
export const noiseKeys = {
  slope: 'noise: slope',
  relativeError: 'noise: relative error',
  correlation: 'noise: correlation',
  resolution: 'noise: sampling resolution',
} as const;
export const mapKeys = {
  x: 'noise map: x ',
  first: 'noise map: first order ',
  sampled: 'noise map: sampled ',
} as const;

const rootMeanSquare = (values: ArrayLike<number>): number =>
  Math.sqrt(mean(Array.from(values, (value) => value * value)));

type Prediction = { readonly prediction: ArrayLike<number>; readonly heuristic: ArrayLike<number> };

/** Coverage and width, relative to the root mean square of the outputs, of bands calibrated on validation and measured on test. */
function bandNumbers(
  pairs: OperatorPairs,
  band: BandName,
  of: { readonly validation: Prediction; readonly test: Prediction },
  { levels, share }: UncertaintyOptions,
): Record<string, number> {
  const points = pairs.x.length;
  const told = (name: 'validation' | 'test'): PredictedFields => ({
    points,
    truth: pairs[name].output,
    ...of[name],
  });
  const scale = rootMeanSquare(pairs.test.output);
  const curve = calibrationCurve(told('validation'), told('test'), { share, levels });
  const entries = curve.flatMap(({ level, fields: covered, points: inside, width }) => [
    [bandKey(band, 'fields', level), covered] as const,
    [bandKey(band, 'points', level), inside] as const,
    [bandKey(band, 'width', level), width / scale] as const,
  ]);
  return Object.fromEntries(entries.filter(([, value]) => Number.isFinite(value)));
}

/** A band of one width everywhere. */
const constantWidth = (prediction: ArrayLike<number>): Prediction => ({
  prediction,
  heuristic: new Float64Array(prediction.length).fill(1),
});

/** Numbers of a baseline: it has no deviation, so its band is as wide everywhere. */
export async function baselineNumbers(
  pairs: OperatorPairs,
  predict: Predict,
  options: UncertaintyOptions,
): Promise<Record<string, number>> {
  const of = {
    validation: constantWidth(await predict(pairs.validation.input)),
    test: constantWidth(await predict(pairs.test.input)),
  };
  return bandNumbers(pairs, 'one model, constant width', of, options);
}

/** Points of a pictured map: numbers of a job are few. */
const PICTURED = 64;

/** Noise of the first test inputs through one trained operator: to first order beside sampling. */
async function noiseNumbers(
  apply: (u: Tensor) => Tensor,
  pairs: OperatorPairs,
  { noise, noiseInputs, noiseSamples }: UncertaintyOptions,
  { engine, threads, signal, onPart, config: { seed } }: JobContext,
): Promise<Record<string, number>> {
  const s = pairs.x.length;
  const count = Math.min(noiseInputs, pairs.test.count);
  const x = fields(pairs.test.input.slice(0, count * s), { count });
  const setting = { noise: { deviation: noise * rootMeanSquare(pairs.test.input) }, engine, threads };
  const first = await propagateNoise(apply, x, setting);
  const sampled = await monteCarlo(apply, x, {
    ...setting,
    ...{ samples: noiseSamples, seed, signal },
    onProgress: (done, total) => onPart('samples of noise', done, total),
  });
  const found = agreement(first.deviation.data, sampled.deviation.data, sampled.standardError.data);
  const stride = Math.max(1, Math.ceil(s / PICTURED));
  const pictured = Array.from({ length: Math.floor(s / stride) }, (_, i) => i * stride);
  return {
    [noiseKeys.slope]: found.slope,
    [noiseKeys.relativeError]: found.relativeError,
    ...(Number.isFinite(found.correlation) ? { [noiseKeys.correlation]: found.correlation } : {}),
    [noiseKeys.resolution]: found.resolution ?? 0,
    ...Object.fromEntries(
      pictured.flatMap((j) => [
        [`${mapKeys.x}${j}`, pairs.x[j]],
        [`${mapKeys.first}${j}`, first.deviation.data[j]],
        [`${mapKeys.sampled}${j}`, sampled.deviation.data[j]],
      ]),
    ),
  };
}

/**
 * Trains an ensemble of an operator, calibrates its bands on the validation split, which chooses nothing here, and measures them on
 * the test split; then sends noise of the input through its first member. Continues from the run's checkpoints.
 *
 * @throws the signal's reason when aborted.
 */
export async function trainOperatorEnsemble(
  operator: Operator,
  pairs: OperatorPairs,
  training: TrainingOptions,
  options: UncertaintyOptions,
  context: JobContext,
): Promise<JobOutput> {
  const s = pairs.x.length;
  operator.checkResolution(s);
  const { signal, engine, threads } = context;
  const { batchSize } = training;
  const { members, membersAtOnce, levels } = options;
  const apply = (parameters: unknown, u: Tensor): Tensor => operator.apply(parameters, u);
  const trained = await trainEnsemble<unknown>({
    init: (key) => operator.init(key),
    loss: (parameters, { u, target }) => relativeL2(apply(parameters, u), target, { reduction: 'none' }),
    data: { train: split(pairs.train), validation: split(pairs.validation) },
    ...trainingBy(training, context),
    members,
    membersAtOnce,
    onEpoch: (line) => context.onEpoch(line, training.epochs * Math.ceil(members / membersAtOnce)),
  });
  signal.throwIfAborted();

  const choice = { engine, threads };
  const predictions = (samples: Samples) =>
    predictEnsemble(apply, trained.members, fields(samples.input, samples), { batchSize, ...choice });
  const validation = await predictions(pairs.validation);
  const test = await predictions(pairs.test);
  const byDeviation = ({
    mean: prediction,
    deviation,
  }: {
    mean: NDArray;
    deviation: NDArray;
  }): Prediction => ({
    prediction: prediction.data,
    heuristic: deviation.data,
  });
  const firstOf = ({ members: { data } }: { members: NDArray }): ArrayLike<number> =>
    data.subarray(0, data.length / members);
  const around = (prediction: (of: typeof test) => ArrayLike<number>) => ({
    validation: constantWidth(prediction(validation)),
    test: constantWidth(prediction(test)),
  });
  const gaussian = gaussianCoverage({ truth: pairs.test.output, ...byDeviation(test) }, levels);
  const extra = {
    ...bandNumbers(
      pairs,
      'ensemble',
      { validation: byDeviation(validation), test: byDeviation(test) },
      options,
    ),
    ...bandNumbers(
      pairs,
      'ensemble mean, constant width',
      around((of) => of.mean.data),
      options,
    ),
    ...bandNumbers(pairs, 'one model, constant width', around(firstOf), options),
    ...Object.fromEntries(levels.map((level, i) => [gaussianKey(level), gaussian[i]])),
    [ONE_MODEL_ERROR]: mean(relativeL2Errors(firstOf(test), pairs.test.output, s)),
    ...(await noiseNumbers((u) => apply(constantsOf(trained.members[0]), u), pairs, options, context)),
  };
  const errors = relativeL2Errors(test.mean.data, pairs.test.output, s);
  return {
    result: {
      metric: TRAINED_METRIC,
      value: mean(errors),
      best: null,
      parameters: members * countParameters(trained.members[0]),
      seconds: trained.seconds,
      inferenceMilliseconds: null,
      samples: SAMPLE_RULES,
      extra,
    },
    arrays: sampleArrays(pairs, test.mean.data, errors),
  };
}

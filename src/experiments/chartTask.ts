/** One flow trained on one noisy curve or surface in space, and what is measured of it. */
import { z } from 'zod';
import { npy, type NpyArray } from '../../datasets/npy.ts';
import { getSpaceSet } from '../../datasets/flows/spaceSets.ts';
import {
  chartLogProb,
  edgeNames,
  fit,
  getDensity,
  leak,
  logProb,
  sample,
  standardized,
  standardizedSamples,
  type ChartFlow,
  type ChartFlowParameters,
  type Density,
  type StandardizedParameters,
} from '../flows/index.ts';
import { adam, cosineSchedule, countParameters } from '../nn/index.ts';
import type { NDArray } from '../tensor/index.ts';
import { key, split } from '../tensor/random.ts';
import type { JobContext, JobOutput } from './experiment.ts';
import { bestGaussian, energyDistance, median, standardError, trimmedMean } from './pointStatistics.ts';
import { mean } from './statistics.ts';

/** What every job of a comparison on space sets knows. */
export const chartTaskFields = {
  charts: z.int().min(1).default(32).describe('charts of the models with charts, K'),
  nearest: z.int().min(1).default(1).describe('charts that every point belongs to at least, m'),
  epsilon: z.number().min(0).default(1).describe('how much farther than the m-th a further centre may be'),
  edges: z
    .enum(edgeNames)
    .default('fading')
    .describe('whether what a chart is given fades out or, as published, ends at its edge'),
  blocks: z.int().min(1).default(8).describe('couplings or autoregressive layers'),
  hidden: z.array(z.int().min(1)).default([64, 64]).describe('widths of the networks'),
  steps: z.int().min(1).default(3000).describe('training steps'),
  batchSize: z.int().min(1).default(500).describe('samples a step'),
  learningRate: z.number().positive().default(2e-3).describe('of Adam, at the start of a cosine'),
  train: z.int().min(100).default(10_000).describe('training points'),
  test: z.int().min(100).default(2000).describe('test points, and samples drawn from a model'),
  dataSeed: z.int().min(0).default(0).describe('seed of the points'),
};
export const chartTaskOptions = z.object(chartTaskFields);
export type ChartTask = z.infer<typeof chartTaskOptions>;

export const LIKELIHOOD = 'mean log-likelihood of test points (higher is better), nats';
/** Densities by area have other units: they stand apart. */
export const AREA_LIKELIHOOD =
  'mean log-likelihood of test points by length or area (higher is better), nats';

/** Share of the samples, those of lowest density, that the trimmed mean leaves out. */
export const TRIMMED = 0.01;

/** Points that a job leaves for pictures. */
const PICTURED = 1000;

/** The model of that name for points of a set. */
export function modelFor(name: string, dimension: 1 | 2, task: ChartTask): Density {
  const { charts, nearest, epsilon, edges, blocks, hidden } = task;
  return getDensity(name).create(
    { shape: [3] },
    {
      blocks,
      hidden,
      ...(name.startsWith('vq-') && { charts, nearest, epsilon, edges }),
      ...(name.endsWith('cef') && { latent: dimension }),
    },
  );
}

/** Training and test points of a set, and a key for samples. */
export function pointsOf(name: string, { train, test, dataSeed }: ChartTask) {
  const set = getSpaceSet(name);
  const [trainKey, testKey, sampleKey] = split(key(dataSeed), 3);
  return { set, train: set.sample(trainKey, train), test: set.sample(testKey, test), sampleKey };
}

/** Log density of samples under the true one: plain, trimmed, median; and their energy distance to test points. */
const sampleNumbers = (logDensity: Float64Array, samples: NDArray, test: NDArray) => ({
  'sample log density': mean(logDensity),
  'trimmed sample log density': trimmedMean(logDensity, TRIMMED),
  'median sample log density': median(logDensity),
  'energy distance': energyDistance(samples, test),
});

const isChartFlow = (model: Density): model is ChartFlow => 'cover' in model;

/** Trains the model of a job, or goes on with it, and measures it. */
export async function runChartTask(context: JobContext): Promise<JobOutput> {
  const { run: folder, config, signal, engine, threads, onEpoch, onResume } = context;
  const task = chartTaskOptions.parse(config.options);
  const { set, train, test, sampleKey } = pointsOf(String(config.condition.set), task);
  const inner = modelFor(config.model, set.intrinsicDimension, task);
  const model = standardized(inner);
  const epochs = Math.max(1, Math.round(task.steps / Math.ceil(task.train / task.batchSize)));
  const trained = await fit(model, {
    data: { train: { x: train } },
    optimizer: adam({ learningRate: task.learningRate }),
    schedule: cosineSchedule({ epochs }),
    epochs,
    batchSize: task.batchSize,
    clipNorm: 5,
    seed: config.seed,
    checkpoints: folder.checkpoints,
    onResume,
    onEpoch: (line) => onEpoch(line, epochs),
    signal,
    engine,
    threads,
  });
  signal.throwIfAborted();
  const { parameters } = trained;
  const run = { engine, threads };
  const began = performance.now();
  const likelihoods = (await logProb(model, parameters, test, {}, run)).data;
  const inferenceMilliseconds = (performance.now() - began) / task.test;
  const samples = await sample(model, parameters, { n: task.test, seed: config.seed + 1 }, run);
  const oracle = set.logDensity(test);
  const gaussian = bestGaussian(train);
  const gaussianSamples = gaussian.sample(sampleKey, task.test);
  const chartNumbers = isChartFlow(inner)
    ? await measureCharts(
        inner,
        parameters as StandardizedParameters<ChartFlowParameters>,
        { likelihoods, test, seed: config.seed },
        run,
      )
    : {};
  const prefixed = Object.entries(sampleNumbers(set.logDensity(gaussianSamples), gaussianSamples, test)).map(
    ([name, value]) => [`gaussian ${name}`, value],
  );
  return {
    result: {
      metric: model.measure.kind === 'volume' ? LIKELIHOOD : AREA_LIKELIHOOD,
      value: mean(likelihoods),
      best: null,
      parameters: countParameters(parameters),
      seconds: trained.seconds,
      inferenceMilliseconds,
      samples: [],
      extra: {
        ...sampleNumbers(set.logDensity(samples), samples, test),
        ...chartNumbers,
        oracle: mean(oracle),
        'standard error of the gap': standardError(Float64Array.from(oracle, (v, i) => v - likelihoods[i])),
        'gaussian log-likelihood': mean(gaussian.logDensity(test)),
        ...(Object.fromEntries(prefixed) as Record<string, number>),
      },
    },
    arrays: { points: firstPoints(samples), truePoints: firstPoints(test) },
  };
}

/** Charts lie among standardised points, whose densities differ by one factor from those of the points themselves. */
async function measureCharts(
  model: ChartFlow,
  { scale, model: parameters }: StandardizedParameters<ChartFlowParameters>,
  {
    likelihoods,
    test,
    seed,
  }: { readonly likelihoods: ArrayLike<number>; readonly test: NDArray; readonly seed: number },
  run: { readonly engine: JobContext['engine']; readonly threads: number },
): Promise<Record<string, number>> {
  const held = standardizedSamples(test, scale);
  const { chart, mixture, charts } = await chartLogProb(model, parameters, held, {}, run);
  return {
    leak: await leak(model, parameters, { n: test.shape[0], seed: seed + 2 }, run),
    'chart log-likelihood': mean(likelihoods) - mean(mixture.data) + mean(chart.data),
    'largest chart above mixture': Math.max(...Array.from(chart.data, (v, i) => v - mixture.data[i])),
    'fewest charts': Math.min(...charts.data),
    'mean charts': mean(charts.data),
    'sum of weights': Array.from(parameters.charts.logWeights.data, Math.exp).reduce((a, b) => a + b, 0),
  };
}

const firstPoints = ({ data, shape: [n, d] }: NDArray): NpyArray => {
  const count = Math.min(n, PICTURED);
  return npy(Float32Array.from(data.slice(0, count * d)), [count, d]);
};

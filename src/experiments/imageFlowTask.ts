/** One flow over images: trained, and measured by bits a dimension or by area, by its samples, and by what its surface loses. */
import { performance } from 'node:perf_hooks';
import type { LabelledImages } from '../../datasets/images.ts';
import {
  chartLogProb,
  dequantized,
  fit,
  imageRealNvp,
  inLogits,
  leak,
  logProb,
  logitsOf,
  nearestOnCharts,
  nearestOnSurface,
  principalEmbedding,
  sample,
  samplesOf,
  samplesOfStandardized,
  standardized,
  standardizedSamples,
  vqImageRealNvp,
  vqPrincipalEmbedding,
  type ChartFlow,
  type ChartFlowParameters,
  type Density,
  type FlowParameters,
  type InjectiveFlow,
  type RunOptions,
  type StandardizedParameters,
} from '../flows/index.ts';
import { adam, cosineSchedule, countParameters } from '../nn/index.ts';
import type { NDArray } from '../tensor/index.ts';
import type { JobContext, JobOutput } from './experiment.ts';
import { LEVELS, levelsOf, numbersOf } from './imageData.ts';
import {
  AREA_LIKELIHOOD,
  BITS,
  BITS_ERROR,
  bitsOf,
  distanceOf,
  FRECHET,
  heldNumbers,
  imageTaskOptions,
  LOST,
  openImages,
  pictured,
  pictureOf,
  PICTURED,
  type Drawn,
  type ImageModelName,
  type ImageTask,
} from './imageTask.ts';
import { latentSquare } from './latentGrid.ts';
import { standardError } from './pointStatistics.ts';
import { mean } from './statistics.ts';
import { runTraining } from './trainingSettings.ts';

/** Adam does not feel the scale of a gradient; this only cuts off single steps. */
const LARGEST_GRADIENT = 100;

/** The layers of a model that a job looks into: what is trained, and the charts or the surface within. */
interface Layered {
  readonly model: Density;
  /** Trained on vectors in place of images. */
  readonly flat: boolean;
  /** Samples, and parameters, as the model within sees them. */
  readonly within: (parameters: unknown, x: NDArray) => { readonly parameters: unknown; readonly x: NDArray };
  readonly inner: Density;
}

/** The model of that name for images of one channel. */
export function imageModel(name: ImageModelName, task: ImageTask, shape: LabelledImages['shape']): Layered {
  const [, height, width] = shape;
  const { couplings, channels, margin, charts, nearest, epsilon, code, encoderHidden, encoderEpochs } = task;
  const over = { charts, nearest, epsilon, code, encoderHidden, encoderEpochs };
  if (name === 'real-nvp' || name === 'vq-realnvp') {
    const domain = { shape: [1, height, width] };
    const inner: Density =
      name === 'real-nvp'
        ? imageRealNvp.create(domain, { couplings, channels })
        : // Networks tell ink from paper by grey levels, which would be lost beside an origin.
          vqImageRealNvp.create(domain, { couplings, channels, ...over, centred: false });
    return {
      model: dequantized(inLogits(inner, margin), LEVELS),
      flat: false,
      inner,
      within: (parameters, x) => ({ parameters, x: logitsOf(x, margin) }),
    };
  }
  const { latent, latentBlocks: blocks, latentHidden: hidden, reconstruction } = task;
  const surface = { latent, blocks, hidden, reconstruction };
  const domain = { shape: [height * width] };
  const inner: Density =
    name === 'cef'
      ? principalEmbedding.create(domain, surface)
      : vqPrincipalEmbedding.create(domain, { ...surface, ...over });
  return {
    model: dequantized(standardized(inner), LEVELS),
    flat: true,
    inner,
    within: (parameters, x) => {
      const { scale, model } = parameters as StandardizedParameters<unknown>;
      return { parameters: model, x: standardizedSamples(x, scale) };
    },
  };
}

const flattened = ({ data, shape: [n] }: NDArray): NDArray => ({
  data,
  shape: [n, data.length / n],
  dtype: 'float32',
});

const isChartFlow = (model: Density): model is Density & ChartFlow => 'cover' in model;

/** Trains the model of a job, or goes on with it, and measures it. */
export async function runImageTask(context: JobContext): Promise<JobOutput> {
  const { config, signal, engine, threads } = context;
  const task = imageTaskOptions.parse(config.options);
  const { images, classifier } = await openImages(task, context);
  const layered = imageModel(config.model as ImageModelName, task, images.test.shape);
  const { model, flat } = layered;
  const shaped = (x: NDArray): NDArray => (flat ? flattened(x) : x);
  const trained = await fit(model, {
    data: {
      train: { x: shaped(numbersOf(images.train)) },
      validation: { x: shaped(numbersOf(images.validation)) },
    },
    optimizer: adam({ learningRate: task.learningRate }),
    schedule: cosineSchedule({ epochs: task.epochs }),
    clipNorm: LARGEST_GRADIENT,
    ...runTraining(task, context),
  });
  signal.throwIfAborted();
  const parameters = trained.best?.parameters ?? trained.parameters;
  // A pass over all charts takes a batch for each of them.
  const run = {
    engine,
    threads,
    batchSize: isChartFlow(layered.inner) ? Math.max(1, Math.floor(500 / task.charts)) : 100,
  };
  const { held, x } = heldNumbers(images, task);
  const began = performance.now();
  const logs = (await logProb(model, parameters, shaped(x), {}, run)).data;
  const inferenceMilliseconds = (performance.now() - began) / held.shape[0];
  const many = { engine, threads, batchSize: 250 };
  const drawn = levelsOf(
    await sample(model, parameters, { n: task.samples, seed: config.seed + 1 }, many),
    images.test.shape,
  );
  const square = { side: PICTURED, seed: config.seed + 3, fixed: isChartFlow(layered.inner) ? 1 : 0 };
  const between = levelsOf(
    await samplesOf(model, parameters, latentSquare(model, square), {}, many),
    images.test.shape,
  );
  const nats = Float64Array.from(logs, (v) => -v);
  const byVolume = model.measure.kind === 'volume';
  const values = byVolume ? nats.map((v) => bitsOf(v, x)) : nats;
  const surface = byVolume ? null : await surfaceOf(layered, parameters, held, many);
  return {
    result: {
      metric: byVolume ? BITS : AREA_LIKELIHOOD(task.latent),
      value: mean(values),
      best: trained.best && {
        epoch: trained.best.epoch,
        validation: trained.best.validation,
        value: mean(values),
      },
      parameters: countParameters(parameters),
      seconds: trained.seconds,
      inferenceMilliseconds,
      samples: [],
      extra: {
        [BITS_ERROR]: standardError(values),
        [FRECHET]: await distanceOf(drawn, images, classifier, task),
        ...(surface && { [LOST]: surface.error }),
        ...(isChartFlow(layered.inner) &&
          (await chartNumbers(layered, parameters, shaped(x), config.seed, run))),
      },
      maps: [
        pictured('sampled', 'samples'),
        pictured('latent', isChartFlow(layered.inner) ? 'latent grid of one chart' : 'latent grid'),
        pictured('real', 'test images'),
        ...(surface ? [pictured('nearest', 'nearest points on the surface')] : []),
      ],
    },
    arrays: {
      sampled: pictureOf(drawn),
      latent: pictureOf(between),
      real: pictureOf(held),
      ...(surface && { nearest: pictureOf(surface.nearest) }),
    },
  };
}

/** What the surface makes of test images, and the root mean square of what it loses of a pixel. */
async function surfaceOf(
  { within, inner }: Layered,
  trained: unknown,
  held: LabelledImages,
  run: RunOptions,
): Promise<{ readonly nearest: Drawn; readonly error: number }> {
  const real = flattened(numbersOf(held));
  const { parameters, x } = within(trained, real);
  const nearest = isChartFlow(inner)
    ? await nearestOnCharts(inner, parameters as ChartFlowParameters, x, run)
    : await nearestOnSurface(inner as unknown as InjectiveFlow, parameters as FlowParameters, x, run);
  const { scale } = trained as StandardizedParameters<unknown>;
  const pixels = samplesOfStandardized(nearest, scale);
  let squares = 0;
  pixels.data.forEach((v, i) => (squares += (v - real.data[i]) ** 2));
  return { nearest: levelsOf(pixels, held.shape), error: Math.sqrt(squares / real.data.length) };
}

/** Leak, and how far the density of the charts of an image is below the mixture of all, in the unit of the row. */
async function chartNumbers(
  { within, inner }: Layered,
  trained: unknown,
  held: NDArray,
  seed: number,
  run: RunOptions,
): Promise<Record<string, number>> {
  const model = inner as unknown as ChartFlow;
  const { parameters: own, x } = within(trained, held);
  const parameters = own as ChartFlowParameters;
  const { chart, mixture, charts } = await chartLogProb(model, parameters, x, {}, run);
  const below = Float64Array.from(mixture.data, (v, i) => v - chart.data[i]);
  return {
    leak: await leak(model, parameters, { n: LEAK_SAMPLES, seed: seed + 2 }, { ...run, batchSize: 250 }),
    'nats that the density of the charts is below the mixture': mean(below),
    'most nats that the density of the charts is above the mixture': -Math.min(...below),
    'charts of an image': mean(charts.data),
    charts: parameters.charts.centres.shape[0],
  };
}

const LEAK_SAMPLES = 2000;

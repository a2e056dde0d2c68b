/** Training a reconstruction network and measuring it, and classical reconstructions beside it: what experiments on images share. */
import path from 'node:path';
import { z } from 'zod';
import {
  calibrationRegion,
  cgSense,
  getNetwork,
  maskedData,
  networkNames,
  nmse,
  psnr,
  rootSumOfSquares,
  ssim,
  varNetSizes,
  walshSensitivities,
  type ReconstructionNetwork,
  type UndersampledData,
} from '../mri/index.ts';
import { applyMask } from '../mri/forwardModel.ts';
import { npy, type NpyArray } from '../../datasets/npy.ts';
import { contiguousBatch } from '../nn/batches.ts';
import { countParameters } from '../nn/parameters.ts';
import { loadParameters } from '../nn/files.ts';
import { mae } from '../nn/losses.ts';
import { adam } from '../nn/optimizers/adam.ts';
import { stepSchedule } from '../nn/schedules.ts';
import { train } from '../nn/train.ts';
import type { Run } from '../runs/index.ts';
import {
  add,
  array,
  compile,
  complex,
  div,
  ifft2c,
  mul,
  sizeOf,
  sliceAxis,
  specsOf,
  square,
  sub,
  sum,
  vjp,
  type Complex,
  type NDArray,
  type Tensor,
} from '../tensor/index.ts';
import { key as keyOf, normal, split, type Key } from '../tensor/random.ts';
import type { JobContext, JobOutput } from './experiment.ts';
import { list } from './lists.ts';
import { maskKinds, undersample, type MaskKind, type Slices, type Undersampling } from './mriSlices.ts';
import { SAMPLE_RULES } from './operatorTask.ts';
import { mean, medianAndWorst } from './statistics.ts';
import { runTraining } from './trainingSettings.ts';

export const NMSE_METRIC = 'mean normalised squared error, test split';

/** Weights λ of the regulariser of noise, an axis of experiments that train reconstructions. */
export const regulariserList = list(z.number().min(0))
  .default([0])
  .describe('λ of λ trace(J Jᵀ)/pixels in the loss; each is trained');

/** Flags of an experiment that trains reconstructions. */
export const reconstructionFields = {
  mask: z
    .enum(Object.keys(maskKinds) as [MaskKind, ...MaskKind[]])
    .default('equispaced')
    .describe('how the columns outside the ACS are chosen'),
  acceleration: z
    .array(z.number().min(1))
    .min(1)
    .default([3])
    .describe('R of the masks; of several, every slice draws one'),
  acsLines: z.int().min(0).default(8).describe('columns at the centre that are always sampled'),
  noise: z
    .number()
    .min(0)
    .default(0.003)
    .describe(
      'deviation of each real component of the noise added to k-space, relative to the largest intensity',
    ),
  size: z
    .enum(Object.keys(varNetSizes) as [keyof typeof varNetSizes, ...(keyof typeof varNetSizes)[]])
    .default('small')
    .describe('of the variational network'),
  unetChannels: z.int().min(1).default(16).describe('of the finest level of the U-Net'),
  unetPools: z.int().min(1).default(3).describe('how often the U-Net halves the resolution'),
  epochs: z.int().min(1).default(50).describe('passes over the training slices'),
  batchSize: z.int().min(1).default(1).describe('slices a step'),
  learningRate: z.number().positive().default(1e-3).describe('of Adam'),
  dropEvery: z.int().min(1).default(40).describe('epochs after which the learning rate is divided by ten'),
  loss: z.enum(['ssim', 'l1']).default('ssim').describe('1 − structural similarity, or mean absolute error'),
};

/** Settings as they stand in the configuration of a job. */
export const reconstructionSettings = z.object(reconstructionFields);
export type ReconstructionSettings = z.infer<typeof reconstructionSettings>;

export const trainableNetworks = networkNames;
export const isTrainable = (name: string): name is (typeof networkNames)[number] =>
  networkNames.some((known) => known === name);

/** A network of the size the settings say. */
export const trainableNetwork = (
  name: (typeof networkNames)[number],
  { size, unetChannels: channels, unetPools: pools }: ReconstructionSettings,
): ReconstructionNetwork => getNetwork(name, name === 'varnet' ? varNetSizes[size] : { channels, pools });

const undersamplingOf = ({ mask, acceleration, acsLines, noise }: ReconstructionSettings): Undersampling => ({
  mask,
  accelerations: acceleration,
  acsLines,
  noise,
});

/** Splits with masks and noise that stay, for validation and test: the same for every model and seed. */
export const heldOut = (
  slices: Slices,
  name: 'validation' | 'test',
  settings: ReconstructionSettings,
): Record<string, NDArray> =>
  undersample(slices, keyOf(name === 'validation' ? 1 : 2), undersamplingOf(settings));

/**
 * Trains on masks and noise that are drawn anew in every step. `regulariser` λ adds λ trace(J Jᵀ)/pixels, J the Jacobian of the
 * image with respect to the real and imaginary parts of k-space: by one random probe v a step, as E|Jᵀv|² is the trace. It is the
 * mean variance of a pixel for noise of unit variance. Continues from the run's checkpoints.
 *
 * @throws the signal's reason when aborted.
 */
export async function trainReconstruction(
  network: ReconstructionNetwork,
  slices: Readonly<Record<'train' | 'validation' | 'test', Slices>>,
  settings: ReconstructionSettings,
  regulariser: number,
  context: JobContext,
): Promise<JobOutput> {
  const { signal } = context;
  const { epochs, batchSize, learningRate, dropEvery } = settings;
  const trained = await train({
    init: (key) => network.init(key),
    loss: reconstructionLoss(network, settings, regulariser),
    metric: reconstructionLoss(network, settings, 0),
    data: { train: slices.train, validation: heldOut(slices.validation, 'validation', settings) },
    augment: (batch, key) => augmented(batch, key, settings, regulariser > 0),
    optimizer: adam({ learningRate }),
    schedule: stepSchedule({ every: dropEvery, gamma: 0.1 }),
    ...runTraining({ epochs, batchSize }, context),
  });
  signal.throwIfAborted();
  const test = heldOut(slices.test, 'test', settings);
  const measureWith = (parameters: unknown): Promise<Measured> =>
    measure((p, data) => network.apply(p, data), parameters, test, context);
  const last = await measureWith(trained.parameters);
  const { best } = trained;
  const pictured = picturesOf(last, test['target']);
  return {
    result: {
      ...outputOf(last),
      maps: pictured.maps,
      metric: `${NMSE_METRIC}, last checkpoint`,
      best: best && {
        epoch: best.epoch,
        validation: best.validation,
        value: mean((await measureWith(best.parameters)).nmse),
      },
      parameters: countParameters(trained.parameters),
      seconds: trained.seconds,
    },
    arrays: pictured.arrays,
  };
}

/** A network and its trained parameters. */
export interface TrainedReconstruction {
  readonly network: ReconstructionNetwork;
  readonly parameters: unknown;
  readonly settings: ReconstructionSettings;
}

/**
 * The network of a job, at the epoch that was best on the validation slices or after the last one.
 *
 * @throws if the job trained none, or its checkpoint is missing or damaged.
 */
export async function openTrainedReconstruction(
  run: Run,
  checkpoint: 'best' | 'last' = 'best',
): Promise<TrainedReconstruction> {
  const { model, options, seed } = run.config;
  if (!isTrainable(model)) throw new Error(`${run.name}: ${model} has no network to open`);
  const settings = reconstructionSettings.parse(options['settings']);
  const network = trainableNetwork(model, settings);
  const file = path.join(run.checkpoints, `${checkpoint}.safetensors`);
  const { parameters } = await loadParameters(file, network.init(keyOf(seed)));
  return { network, parameters, settings };
}

/** Reconstructions without training. */
export const classicalReconstructions = {
  'zero-filled': (data: UndersampledData): Tensor => rootSumOfSquares(ifft2c(maskedData(data).measured)),
  /** Sensitivities by Walsh's method from the ACS; λ and iterations that suit a few percent of noise. */
  'cg-sense': (data: UndersampledData): Tensor => {
    const { measured, mask } = maskedData(data);
    const calibration = ifft2c(applyMask(measured, calibrationRegion(mask)));
    const sensitivities = walshSensitivities(calibration);
    return complex.abs(cgSense(measured, { sensitivities, mask }, { tikhonov: 1e-3, iterations: 20 }));
  },
} as const;
export type ClassicalName = keyof typeof classicalReconstructions;
export const classicalNames = Object.keys(classicalReconstructions) as [ClassicalName, ...ClassicalName[]];

/** Measures a reconstruction without training on the test slices. */
export const measureClassical = (
  name: ClassicalName,
  test: Slices,
  settings: ReconstructionSettings,
  context: JobContext,
): Promise<JobOutput> =>
  measureFixed(
    (_, data) => classicalReconstructions[name](data),
    {},
    heldOut(test, 'test', settings),
    context,
  );

/** Measures a network as it is on the test slices, with masks and noise of its settings. */
export const measureTrained = (
  { network, parameters, settings }: TrainedReconstruction,
  test: Slices,
  context: JobContext,
): Promise<JobOutput> =>
  measureFixed((p, data) => network.apply(p, data), parameters, heldOut(test, 'test', settings), context);

async function measureFixed(
  apply: Apply,
  parameters: unknown,
  test: Readonly<Record<string, NDArray>>,
  context: JobContext,
): Promise<JobOutput> {
  const measured = await measure(apply, parameters, test, context);
  const { maps, arrays } = picturesOf(measured, test['target']);
  const known = { metric: NMSE_METRIC, best: null, parameters: countParameters(parameters), seconds: 0 };
  return { result: { ...outputOf(measured), maps, ...known }, arrays };
}

type Batch = Record<string, Tensor>;
type Apply = (parameters: unknown, data: UndersampledData) => Tensor;

const dataOf = ({ re, im, mask }: Batch): UndersampledData => ({ kspace: { re, im }, mask });

/** The centre of images [batch, h, w] that is as large as the target. */
export const cropTo = (image: Tensor, target: Tensor): Tensor =>
  [1, 2].reduce((x, axis) => {
    const [given, wanted] = [x.shape[axis], target.shape[axis]];
    const start = Math.floor((given - wanted) / 2);
    return given === wanted ? x : sliceAxis(x, axis, start, start + wanted);
  }, image);

/**
 * The loss of a batch, one value a slice `[batch]`: 1 − SSIM or the mean absolute error over the range, and λ |Jᵀv|²/pixels with
 * the batch’s probe v [batch, h, w] where λ is not 0.
 */
export function reconstructionLoss(
  network: ReconstructionNetwork,
  { loss }: ReconstructionSettings,
  regulariser: number,
) {
  return (parameters: unknown, batch: Batch): Tensor => {
    const { target, range, mask, probe } = batch;
    const reconstruct = (kspace: Complex): Tensor =>
      cropTo(network.apply(parameters, { kspace, mask }), target);
    const [image, pull] = vjp(reconstruct, dataOf(batch).kspace);
    const misfit =
      loss === 'ssim'
        ? sub(1, ssim(image, target, range))
        : div(mae(image, target, { reduction: 'none' }), range);
    if (regulariser === 0) return misfit;
    const [{ re, im }] = pull(probe);
    const trace = sum(add(square(re), square(im)), [1, 2, 3]);
    return add(misfit, mul(regulariser / sizeOf(target.shape.slice(1)), trace));
  };
}

/** A training batch with masks, noise and, where it is asked for, a probe of the size of the image. */
function augmented(
  batch: Record<string, NDArray>,
  key: Key,
  settings: ReconstructionSettings,
  withProbe: boolean,
): Record<string, NDArray> {
  const [dataKey, probeKey] = split(key, 2);
  const drawn = undersample(batch, dataKey, undersamplingOf(settings));
  if (!withProbe) return drawn;
  const { shape } = batch['target'];
  return { ...drawn, probe: array(Float32Array.from(normal(probeKey, sizeOf(shape))), shape, 'float32') };
}

interface Measured {
  readonly nmse: Float64Array;
  readonly ssim: Float64Array;
  readonly psnr: Float64Array;
  /** Of every slice, [h, w]. */
  readonly images: readonly Float32Array[];
  /** A slice, after the first one. */
  readonly milliseconds: number;
}

/** Slice by slice, so that the largest slices fit. */
async function measure(
  apply: Apply,
  parameters: unknown,
  test: Readonly<Record<string, NDArray>>,
  { threads, engine, signal }: JobContext,
): Promise<Measured> {
  const count = test['target'].shape[0];
  const at = (i: number): Record<string, NDArray> => contiguousBatch(test, i, i + 1);
  const program = await compile(
    (p: unknown, batch: Batch) => {
      const image = cropTo(apply(p, dataOf(batch)), batch['target']);
      const { target, range } = batch;
      return {
        image,
        nmse: nmse(image, target),
        ssim: ssim(image, target, range),
        psnr: psnr(image, target, range),
      };
    },
    [specsOf(parameters), specsOf(at(0))] as never,
    { threads, engine },
  );
  const values = {
    nmse: new Float64Array(count),
    ssim: new Float64Array(count),
    psnr: new Float64Array(count),
  };
  const images: Float32Array[] = [];
  let began = performance.now();
  try {
    for (let i = 0; i < count; i++) {
      signal.throwIfAborted();
      const found = (await program.run([parameters, at(i)] as never)) as Record<
        keyof typeof values | 'image',
        NDArray
      >;
      images.push(Float32Array.from(found.image.data));
      for (const name of ['nmse', 'ssim', 'psnr'] as const) values[name][i] = found[name].data[0];
      // The first run is slower than those that follow.
      if (i === 0 && count > 1) began = performance.now();
    }
  } finally {
    await program.dispose();
  }
  return { ...values, images, milliseconds: (performance.now() - began) / Math.max(1, count - 1) };
}

const outputOf = ({ nmse: errors, ssim: similarities, psnr: ratios, milliseconds }: Measured) => ({
  value: mean(errors),
  inferenceMilliseconds: milliseconds,
  samples: [],
  extra: { ssim: mean(similarities), psnr: mean(ratios) },
});

/** Images of the median and the worst slice for the report: what was to be reached, what was, and the difference. */
function picturesOf({ nmse: errors, images }: Measured, target: NDArray) {
  const [count, ...shape] = target.shape;
  const size = target.data.length / count;
  const arrays: Record<string, NpyArray> = {};
  const maps = medianAndWorst(errors).flatMap((slice, rule) => {
    const truth = Float32Array.from(target.data.slice(slice * size, (slice + 1) * size));
    const image = images[slice];
    const error = image.map((value, i) => value - truth[i]);
    return Object.entries({ target: truth, reconstruction: image, error }).map(([what, values]) => {
      const array = `${SAMPLE_RULES[rule]}-${what}`;
      arrays[array] = npy(values, shape);
      const [quantity, scale] = what === 'error' ? ['image − target', 'error'] : ['|image|', 'image'];
      return { array, title: `${SAMPLE_RULES[rule]} slice (${slice}): ${what}`, quantity, scale };
    });
  });
  return { maps, arrays };
}

/** What all jobs of an experiment on densities of images share: flags, images, the features that judge them, and pictures. */
import { z } from 'zod';
import { imagesFrom, type LabelledImages } from '../../datasets/images.ts';
import { npy, type NpyArray } from '../../datasets/npy.ts';
import { bitsPerDimension, dequantize } from '../flows/index.ts';
import type { NDArray } from '../tensor/index.ts';
import { key } from '../tensor/random.ts';
import type { JobContext } from './experiment.ts';
import { featureDistance } from './frechetDistance.ts';
import { imageFeatures, type ImageFeatures } from './imageClassifier.ts';
import { imageOptions, LEVELS, loadImages, numbersOf, type Images } from './imageData.ts';

export const imageModelNames = ['real-nvp', 'vq-realnvp', 'cef', 'vq-cef'] as const;
export type ImageModelName = (typeof imageModelNames)[number];

/** Rows that no training is behind. */
export const imageBaselineNames = ['training images', 'independent pixels', 'best Gaussian'] as const;
export type ImageBaselineName = (typeof imageBaselineNames)[number];

/** Flags of the models and of what is measured. */
export const imageTaskFields = {
  couplings: z
    .array(z.int().min(1))
    .min(2)
    .default([2, 2, 4])
    .describe('couplings of Real NVP at each size of the image, from the whole one'),
  channels: z.array(z.int().min(1)).default([32, 48, 64]).describe('channels of its networks at each size'),
  margin: z
    .number()
    .min(0)
    .lt(0.5)
    .default(1e-6)
    .describe(
      'α of the logits that Real NVP sees, logit(α + (1 − 2α) x): the smaller, the less black and white paper is a spike',
    ),
  latent: z.int().min(1).default(128).describe('dimension of the surface of conformal embedding flows, m'),
  latentBlocks: z.int().min(1).default(8).describe('spline couplings of the flow on the surface'),
  latentHidden: z.array(z.int().min(1)).default([256, 256]).describe('widths of its networks'),
  reconstruction: z
    .number()
    .positive()
    .default(1e4)
    .describe('weight of the mean squared distance to the surface beside the likelihood'),
  charts: z.int().min(1).default(120).describe('charts of the models over charts, K'),
  nearest: z.int().min(1).default(1).describe('charts that every image belongs to at least, m'),
  epsilon: z.number().min(0).default(0.1).describe('how much farther than the m-th a further centre may be'),
  code: z.int().min(1).default(16).describe('numbers of the code of an image, whose space is covered'),
  encoderHidden: z.array(z.int().min(1)).default([256]).describe('widths of the encoder'),
  encoderEpochs: z
    .int()
    .min(1)
    .default(10)
    .describe('passes of its training between two looks at the centres'),
  epochs: z.int().min(1).default(100).describe('passes over the training images'),
  batchSize: z.int().min(1).default(128).describe('images a step'),
  learningRate: z.number().positive().default(1e-3).describe('of Adam, falling to 0 along a cosine'),
  likelihoods: z
    .int()
    .min(100)
    .default(2000)
    .describe('test images whose likelihood is measured; with charts each takes a pass a chart'),
  samples: z
    .int()
    .min(100)
    .default(10_000)
    .describe('images drawn from a model for the Fréchet distance, against as many test images'),
  classifierEpochs: z.int().min(1).default(5).describe('passes of the training of the classifier'),
};
export const imageTaskOptions = z.object({ ...imageTaskFields, images: imageOptions, hash: z.string() });
export type ImageTask = z.infer<typeof imageTaskOptions>;

export const BITS = 'bits a dimension of test images (lower is better)';
export const AREA_LIKELIHOOD = (latent: number): string =>
  `negative log-likelihood of test images by area of a surface of dimension ${latent} (lower is better), nats`;
export const FRECHET = 'Fréchet distance on features of our classifier (lower is better)';
export const LOST =
  'root mean squared distance of test images to the surface (lower is better), a pixel, white is 1';

export const ACCURACY = 'share of test images that our classifier tells (higher is better)';
export const BITS_ERROR = 'standard error';

/** Images along a side of a picture. */
export const PICTURED = 8;

/** The images of a job and the features they are judged by. @throws if the images are no longer those the job was set up with. */
export async function openImages(
  task: ImageTask,
  {
    engine,
    threads,
    signal,
  }: Pick<JobContext, 'threads' | 'signal'> & { readonly engine?: JobContext['engine'] },
  onEpoch?: (done: number) => void,
): Promise<{ readonly images: Images; readonly classifier: ImageFeatures }> {
  const images = await loadImages(task.images);
  if (images.hash !== task.hash)
    throw new Error('the images have changed since this job was set up; run the command again for a new job');
  const classifier = await imageFeatures(images.train, {
    epochs: task.classifierEpochs,
    seed: 0,
    hash: images.hash,
    threads,
    signal,
    ...(engine && { engine }),
    ...(onEpoch && { onEpoch }),
  });
  return { images, classifier };
}

export type Drawn = Pick<LabelledImages, 'levels' | 'shape'>;

/** Fréchet distance of images to the first test images. */
export async function distanceOf(
  drawn: Drawn,
  { test }: Images,
  classifier: ImageFeatures,
  { samples }: ImageTask,
): Promise<number> {
  return featureDistance(
    await classifier.features(drawn),
    await classifier.features(imagesFrom(test, 0, samples)),
  );
}

/** Test images whose likelihood is measured, spread over the whole set, with the noise that fills their levels. */
export function heldNumbers(
  { test }: Images,
  { likelihoods }: ImageTask,
): { held: LabelledImages; x: NDArray } {
  const held = everyOther(test, likelihoods);
  return { held, x: dequantize(numbersOf(held), LEVELS, key(NOISE_SEED)) };
}

const NOISE_SEED = 11;

/** `count` images at equal distances in their order. */
function everyOther({ levels, shape: [n, h, w], labels }: LabelledImages, count: number): LabelledImages {
  const chosen = Array.from({ length: Math.min(n, count) }, (_, i) =>
    Math.floor((i * n) / Math.min(n, count)),
  );
  const taken = new Uint8Array(chosen.length * h * w);
  chosen.forEach((from, to) => taken.set(levels.subarray(from * h * w, (from + 1) * h * w), to * h * w));
  return {
    levels: taken,
    shape: [chosen.length, h, w],
    labels: Uint8Array.from(chosen, (from) => labels[from]),
  };
}

/** The first images beside and below each other, `[PICTURED · h, PICTURED · w]`, white is 1. */
export function pictureOf({ levels, shape: [n, h, w] }: Drawn): NpyArray {
  const grid = new Float32Array(PICTURED * PICTURED * h * w);
  levels.subarray(0, Math.min(n, PICTURED * PICTURED) * h * w).forEach((level, at) => {
    const [image, i, j] = [Math.floor(at / (h * w)), Math.floor(at / w) % h, at % w];
    const row = Math.floor(image / PICTURED) * h + i;
    grid[row * PICTURED * w + (image % PICTURED) * w + j] = level / (LEVELS - 1);
  });
  return npy(grid, [PICTURED * h, PICTURED * w]);
}

export const pictured = (array: string, title: string) => ({
  array,
  title,
  quantity: 'white is 1',
  scale: 'grey',
});

/** Bits a dimension from nats of images `[n, ...]` in [0, 1). */
export const bitsOf = (nll: number, { data, shape: [n] }: NDArray): number =>
  bitsPerDimension(nll, { dimensions: data.length / n, levels: LEVELS });

/** Rows of a table of densities of images that no training is behind. */
import { performance } from 'node:perf_hooks';
import { imagesFrom, type LabelledImages } from '../../datasets/images.ts';
import { key, split } from '../tensor/random.ts';
import type { JobContext, JobOutput } from './experiment.ts';
import { imageGaussian, pixelHistograms, principalError, type PixelHistograms } from './imageBaselines.ts';
import { levelsOf, numbersOf } from './imageData.ts';
import {
  ACCURACY,
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
  type Drawn,
  type ImageBaselineName,
} from './imageTask.ts';
import { standardError } from './pointStatistics.ts';
import { mean } from './statistics.ts';

/** A baseline of a job: nothing is trained. */
export async function runImageBaseline(name: ImageBaselineName, context: JobContext): Promise<JobOutput> {
  const task = imageTaskOptions.parse(context.config.options);
  const { images, classifier } = await openImages(task, context);
  const { train, validation, test } = images;
  const began = performance.now();
  const [drawKey, noiseKey] = split(key(context.config.seed), 2);
  const made = async (
    metric: string,
    value: number,
    drawn: Drawn,
    extra: Record<string, number>,
  ): Promise<JobOutput> => ({
    result: {
      metric,
      value,
      best: null,
      parameters: 0,
      seconds: (performance.now() - began) / 1000,
      inferenceMilliseconds: null,
      samples: [],
      extra: { ...extra, [FRECHET]: await distanceOf(drawn, images, classifier, task) },
      maps: [pictured('sampled', name)],
    },
    arrays: { sampled: pictureOf(drawn) },
  });
  if (name === 'training images') {
    const accuracy = await classifier.accuracy(test);
    return made(ACCURACY, accuracy, imagesFrom(train, 0, task.samples), {});
  }
  const { held, x } = heldNumbers(images, task);
  if (name === 'independent pixels') {
    const histograms = bestHistograms(train, validation);
    const bits = histograms.bitsPerPixel(held);
    const drawn = histograms.sample(drawKey, task.samples);
    return made(BITS, mean(bits), drawn, { [BITS_ERROR]: standardError(bits) });
  }
  const known = imagesFrom(train, 0, GAUSSIAN_IMAGES);
  const gaussian = imageGaussian(known, noiseKey);
  const bits = gaussian.logDensity(x).map((v) => bitsOf(-v, x));
  const drawn = levelsOf(gaussian.sample(drawKey, task.samples), test.shape);
  return made(BITS, mean(bits), drawn, {
    [BITS_ERROR]: standardError(bits),
    [LOST]: principalError(numbersOf(known), numbersOf(held), task.latent),
  });
}

/** So many training images tell the covariance well enough. */
const GAUSSIAN_IMAGES = 10_000;
const PRIORS = [1, 0.1, 0.01];

/** The prior is the one that validation images choose. */
const bestHistograms = (train: LabelledImages, validation: LabelledImages): PixelHistograms =>
  PRIORS.map((prior) => {
    const histograms = pixelHistograms(train, prior);
    return { histograms, bits: mean(histograms.bitsPerPixel(validation)) };
  }).reduce((a, b) => (b.bits < a.bits ? b : a)).histograms;

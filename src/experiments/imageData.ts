/** The images that an experiment on digits trains and measures on: MNIST where its files are, drawn digits elsewhere. */
import { createHash } from 'node:crypto';
import path from 'node:path';
import { z } from 'zod';
import { glyphs } from '../../datasets/glyphs.ts';
import {
  hasMnist,
  imagesFrom,
  readMnist,
  type ImageSplits,
  type LabelledImages,
} from '../../datasets/images.ts';
import { array, type NDArray } from '../tensor/index.ts';
import { key, split } from '../tensor/random.ts';

/** Flags of an experiment on images. */
export const imageFields = {
  source: z
    .enum(['mnist', 'synthetic'])
    .optional()
    .describe('images of MNIST, or drawn digits that need no files; default: MNIST where its files are'),
  data: z
    .string()
    .min(1)
    .optional()
    .describe("folder of MNIST's four files, .gz or not; default: mnist below SEXTANT_DATA"),
  side: z.int().min(8).multipleOf(4).default(28).describe('pixels of a side of drawn digits'),
  train: z.int().min(100).default(55_000).describe('training images'),
  validation: z.int().min(10).default(5000).describe('validation images, which choose the best epoch'),
  test: z.int().min(100).default(10_000).describe('test images'),
  dataSeed: z.int().min(0).default(0).describe('seed of drawn digits'),
};
const configured = z.object(imageFields);
export type ImageConfiguration = z.output<typeof configured>;

/** The part of a job's options that says which images it works on. */
export const imageOptions = z.object({
  /** Null for drawn digits. */
  folder: z.string().nullable(),
  side: z.int(),
  train: z.int(),
  validation: z.int(),
  test: z.int(),
  seed: z.int(),
});
export type ImageOptions = z.infer<typeof imageOptions>;

const folderOf = ({ data }: ImageConfiguration): string | null => {
  const shared = process.env['SEXTANT_DATA'];
  if (data !== undefined) return path.resolve(data);
  return shared === undefined ? null : path.resolve(shared, 'mnist');
};

/** MNIST if it was asked for, or if nothing was and its files are there. */
export function sourceOf(config: ImageConfiguration): 'mnist' | 'synthetic' {
  if (config.source !== undefined) return config.source;
  if (config.data !== undefined) return 'mnist';
  const folder = folderOf(config);
  return folder !== null && hasMnist(folder) ? 'mnist' : 'synthetic';
}

/** @throws if MNIST is asked for and no folder is named. */
export function imagesOf(config: ImageConfiguration): ImageOptions {
  const { side, train, validation, test, dataSeed: seed } = configured.parse(config);
  const folder = sourceOf(config) === 'mnist' ? folderOf(config) : null;
  if (folder === null && sourceOf(config) === 'mnist') {
    throw new Error(
      "--data: missing, expected a folder of MNIST's four files, SEXTANT_DATA set to a folder with mnist in it, or --source synthetic",
    );
  }
  return { folder, side, train, validation, test, seed };
}

export interface Images extends ImageSplits {
  readonly validation: LabelledImages;
  /** SHA-256 of all levels and labels. */
  readonly hash: string;
}

/**
 * The images: of a training split its first for training and its next for validation, of a test split its first.
 *
 * @throws if there are fewer images than were asked for, and as `readMnist` does.
 */
export async function loadImages({
  folder,
  side,
  train,
  validation,
  test,
  seed,
}: ImageOptions): Promise<Images> {
  const [trainKey, testKey] = split(key(seed), 2);
  const all =
    folder === null
      ? { train: glyphs(trainKey, train + validation, side), test: glyphs(testKey, test, side) }
      : await readMnist(folder);
  const [known, held] = [all.train.shape[0], all.test.shape[0]];
  if (train + validation > known || test > held) {
    throw new Error(
      `${folder}: ${known} training and ${held} test images; asked for --train ${train}, --validation ${validation}, --test ${test}`,
    );
  }
  const splits = {
    train: imagesFrom(all.train, 0, train),
    validation: imagesFrom(all.train, train, train + validation),
    test: imagesFrom(all.test, 0, test),
  };
  return { ...splits, hash: hashOf(Object.values(splits)) };
}

function hashOf(splits: readonly LabelledImages[]): string {
  const hash = createHash('sha256');
  for (const { levels, shape, labels } of splits)
    hash
      .update(`${shape.join(' ')}\n`)
      .update(levels)
      .update(labels);
  return hash.digest('hex');
}

/** Grey levels of a pixel. */
export const LEVELS = 256;

/** Lower ends of the levels in [0, 1): `[n, 1, height, width]`, float32. */
export const numbersOf = ({ levels, shape: [n, h, w] }: LabelledImages): NDArray =>
  array(
    Float32Array.from(levels, (level) => level / LEVELS),
    [n, 1, h, w],
    'float32',
  );

/** Numbers `[n, ...]` of images as levels of images of that many pixels; numbers below 0 and above 1 become black and white. */
export function levelsOf(
  { data, shape: [n] }: NDArray,
  [, height, width]: LabelledImages['shape'],
): Pick<LabelledImages, 'levels' | 'shape'> {
  const levels = Uint8Array.from(data as Float32Array, (v) =>
    Math.min(LEVELS - 1, Math.max(0, Math.floor(v * LEVELS))),
  );
  return { levels, shape: [n, height, width] };
}

/** Small grey images with labels: MNIST and sets in its format, and drawn digits for where no files are. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { readIdx, type IdxArray } from './idx.ts';

/** Grey levels 0 … 255 of n images, row by row, ink light on dark. */
export interface LabelledImages {
  readonly levels: Uint8Array;
  readonly shape: readonly [count: number, height: number, width: number];
  /** A class 0 … 9 an image. */
  readonly labels: Uint8Array;
}

export interface ImageSplits {
  readonly train: LabelledImages;
  readonly test: LabelledImages;
}

export const CLASSES = 10;

const baseNames = {
  train: ['train-images-idx3-ubyte', 'train-labels-idx1-ubyte'],
  test: ['t10k-images-idx3-ubyte', 't10k-labels-idx1-ubyte'],
} as const;

const fileIn = (folder: string, name: string): string => {
  const plain = path.join(folder, name);
  return existsSync(plain) ? plain : `${plain}.gz`;
};

/** Whether a folder has all four files of MNIST, plain or as .gz. */
export const hasMnist = (folder: string): boolean =>
  Object.values(baseNames).every((names) => names.every((name) => existsSync(fileIn(folder, name))));

/**
 * The 60 000 and 10 000 images of MNIST, or of a set in the same four files, from a folder.
 *
 * @throws one sentence where a file is missing, damaged, or does not go with the others.
 */
export async function readMnist(folder: string): Promise<ImageSplits> {
  const [train, test] = await Promise.all([
    readSplit(folder, baseNames.train),
    readSplit(folder, baseNames.test),
  ]);
  const sides = ({ shape }: LabelledImages): string => shape.slice(1).join(' × ');
  if (sides(train) === sides(test)) return { train, test };
  throw new Error(`${folder}: training images are ${sides(train)}, test images ${sides(test)}`);
}

async function readSplit(folder: string, names: readonly [string, string]): Promise<LabelledImages> {
  const [imageFile, labelFile] = names.map((name) => fileIn(folder, name));
  const [images, labels] = await Promise.all([readIdx(imageFile), readIdx(labelFile)]);
  const [count, height, width] = requireAxes(images, 3, imageFile);
  const [labelled] = requireAxes(labels, 1, labelFile);
  if (labelled !== count) {
    throw new Error(`${labelFile}: ${labelled} labels for the ${count} images of ${imageFile}`);
  }
  const wrong = labels.data.findIndex((label) => label >= CLASSES);
  if (wrong >= 0) {
    throw new Error(
      `${labelFile}: label ${labels.data[wrong]} of image ${wrong}; expected 0 … ${CLASSES - 1}`,
    );
  }
  return { levels: images.data, shape: [count, height, width], labels: labels.data };
}

function requireAxes({ shape }: IdxArray, axes: number, file: string): readonly number[] {
  if (shape.length === axes && shape.every((length) => length > 0)) return shape;
  const expected = axes === 3 ? '[images, height, width]' : '[labels]';
  throw new Error(`${file}: it holds [${shape.join(', ')}]; expected ${expected}, none of them 0`);
}

/** The images of a split from one number up to another. */
export function imagesFrom(
  { levels, shape: [count, height, width], labels }: LabelledImages,
  from: number,
  to = count,
): LabelledImages {
  const end = Math.min(to, count);
  const pixels = height * width;
  return {
    levels: levels.subarray(from * pixels, end * pixels),
    shape: [Math.max(0, end - from), height, width],
    labels: labels.subarray(from, end),
  };
}

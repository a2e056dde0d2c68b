/**
 * Slices to train reconstructions on: fully sampled multi-coil k-space with its image, generated or read from fastMRI's files, and
 * the undersampled, noisy k-space that a network is given of them.
 */
import path from 'node:path';
import { namesIn } from '../../datasets/files.ts';
import { birdcageCoils } from '../../datasets/mri/coils.ts';
import { readFastMri } from '../../datasets/mri/fastMri.ts';
import { brainPhantom } from '../../datasets/mri/phantoms.ts';
import {
  coilImages,
  equispacedMask,
  magicMask,
  randomMask,
  rootSumOfSquares,
  trueAccelerationMask,
  whiteNoise,
  type ColumnMaskOptions,
} from '../mri/index.ts';
import {
  array,
  compile,
  fft2c,
  ifft2c,
  spec,
  type Complex,
  type ComplexArray,
  type NDArray,
} from '../tensor/index.ts';
import { foldIn, key as keyOf, split, uniform, type Key } from '../tensor/random.ts';

/** Float32 arrays over n slices. */
export type Slices = {
  /** Fully sampled k-space [n, c, h, w]. */
  readonly re: NDArray;
  readonly im: NDArray;
  /** Magnitude image [n, h', w'], as large as k-space or its centre. */
  readonly target: NDArray;
  /** Largest intensity of the image, or of the volume it belongs to [n]. */
  readonly range: NDArray;
};

export const maskKinds = {
  random: randomMask,
  equispaced: equispacedMask,
  'true-acceleration': trueAccelerationMask,
  magic: magicMask,
} as const;
export type MaskKind = keyof typeof maskKinds;

export interface Undersampling extends Omit<ColumnMaskOptions, 'width' | 'acceleration'> {
  readonly mask: MaskKind;
  /** R of the masks; of several, every slice draws one. */
  readonly accelerations: readonly number[];
  /** Standard deviation of each real component of the noise added to k-space, relative to `range`. */
  readonly noise: number;
}

export interface PhantomSlices {
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly coils: number;
}

/** Random heads in birdcage arrays of random radius; slice i is the same for every count. */
export async function phantomSlices(
  key: Key,
  { count, height, width, coils }: PhantomSlices,
  { threads, signal }: { readonly threads: number; readonly signal: AbortSignal },
): Promise<Slices> {
  const shape = [coils, height, width];
  const [image, maps] = [spec([height, width]), spec(shape)];
  const program = await compile(
    (z: Complex, s: Complex) => fft2c(coilImages(z, s)),
    [
      { re: image, im: image },
      { re: maps, im: maps },
    ],
    { threads },
  );
  const result = emptySlices(count, shape, [height, width]);
  try {
    for (let i = 0; i < count; i++) {
      signal.throwIfAborted();
      const [phantomKey, coilKey] = split(foldIn(key, i), 2);
      const phantom = brainPhantom(phantomKey, [height, width]);
      const radius = 1.2 + 0.8 * uniform(coilKey, 1)[0];
      const kspace = await program.run([phantom, birdcageCoils(coils, [height, width], { radius })]);
      // Σ|S|² = 1: the root of sum of squares of the coil images is the magnitude of the phantom.
      const target = Float32Array.from(phantom.re.data, (re, j) => Math.hypot(re, phantom.im.data[j]));
      put(result, i, kspace, array(target, [height, width]));
    }
  } finally {
    await program.dispose();
  }
  return result;
}

/**
 * Slices of the volumes in a folder of fastMRI's .h5 files, in the order of their names, at most `limit` of them. All must be fully
 * sampled and of the size of the first. The image is the published one where there is one, else the root of sum of squares.
 *
 * @throws one sentence if there are no files, or one does not fit.
 */
export async function fastMriSlices(
  folder: string,
  limit: number,
  { threads, signal }: { readonly threads: number; readonly signal: AbortSignal },
): Promise<Slices> {
  const names = (await namesIn(folder)).filter((name) => name.endsWith('.h5')).sort();
  if (!names.length) throw new Error(`${folder}: holds no .h5 files; expected a folder of fastMRI volumes`);
  const parts: Slices[] = [];
  let count = 0;
  for (const name of names) {
    signal.throwIfAborted();
    if (count >= limit) break;
    const part = await volumeSlices(path.join(folder, name), threads);
    const expected = parts[0] ?? part;
    for (const field of ['re', 'target'] as const) {
      const [given, wanted] = [part[field].shape.slice(1), expected[field].shape.slice(1)];
      if (given.join() !== wanted.join())
        throw new Error(
          `${name}: ${field === 're' ? 'k-space' : 'the image'} of a slice is [${given.join(', ')}], that of ${names[0]} [${wanted.join(', ')}]; expected volumes of one size in a folder`,
        );
    }
    parts.push(part);
    count += part.re.shape[0];
  }
  return takeSlices(joinSlices(parts), 0, Math.min(limit, count));
}

async function volumeSlices(file: string, threads: number): Promise<Slices> {
  const { kspace, mask, reconstruction, maximum } = await readFastMri(file);
  if (mask !== null)
    throw new Error(`${file}: is undersampled (it holds a mask); expected fully sampled volumes to train on`);
  const image = reconstruction ?? (await imageOf(kspace, threads));
  const [count] = kspace.re.shape;
  const range = maximum ?? largest(image);
  const single = ({ data, shape }: NDArray): NDArray => array(Float32Array.from(data), shape, 'float32');
  return {
    re: single(kspace.re),
    im: single(kspace.im),
    target: single(image),
    range: array(new Float32Array(count).fill(range), [count], 'float32'),
  };
}

async function imageOf(kspace: ComplexArray, threads: number): Promise<NDArray> {
  const part = spec(kspace.re.shape);
  const program = await compile((k: Complex) => rootSumOfSquares(ifft2c(k)), [{ re: part, im: part }], {
    threads,
  });
  try {
    return await program.run([kspace]);
  } finally {
    await program.dispose();
  }
}

/**
 * What a network is given: a mask [n, 1, w] and k-space with noise, both drawn for each slice by its place and the key. Columns that
 * the scanner did not measure, zeros at the sides of fastMRI's k-space, are in no mask.
 */
export function undersample(
  slices: Readonly<Record<string, NDArray>>,
  key: Key,
  { mask, noise, accelerations, acsLines }: Undersampling,
): Record<string, NDArray> {
  const { re, im, range } = slices;
  const [count, , , width] = re.shape;
  const size = re.data.length / count;
  const masks = new Float32Array(count * width);
  const noisy = [re, im].map(({ data }) => Float32Array.from(data));
  const measured = (column: number, slice: number): boolean => {
    for (let j = slice * size + column; j < (slice + 1) * size; j += width)
      if (re.data[j] !== 0 || im.data[j] !== 0) return true;
    return false;
  };
  for (let i = 0; i < count; i++) {
    const [maskKey, noiseKey] = split(foldIn(key, i), 2);
    const acceleration = chosen(maskKey, accelerations);
    const sampled = maskKinds[mask](maskKey, { width, acceleration, acsLines }).data;
    for (let column = 0; column < width; column++)
      masks[i * width + column] = measured(column, i) ? sampled[column] : 0;
    if (noise === 0) continue;
    const drawn = whiteNoise(noiseKey, [size], noise * range.data[i]);
    [drawn.re, drawn.im].forEach(({ data }, part) => {
      for (let j = 0; j < size; j++) noisy[part][i * size + j] += data[j];
    });
  }
  return {
    ...slices,
    re: array(noisy[0], re.shape, 'float32'),
    im: array(noisy[1], im.shape, 'float32'),
    mask: array(masks, [count, 1, width], 'float32'),
  };
}

/** One of the values, all as likely; the key is folded so that the mask that it draws does not depend on the choice. */
const chosen = (key: Key, values: readonly number[]): number =>
  values[Math.floor(values.length * uniform(foldIn(key, 1), 1)[0])];

/** Slices from … to − 1. */
export const takeSlices = (slices: Slices, from: number, to: number): Slices =>
  mapSlices(slices, ({ data, shape }) => {
    const row = data.length / shape[0];
    return array(data.slice(from * row, to * row), [to - from, ...shape.slice(1)], 'float32');
  });

const joinSlices = (parts: readonly Slices[]): Slices => {
  const count = parts.reduce((total, { re }) => total + re.shape[0], 0);
  const joined = emptySlices(count, parts[0].re.shape.slice(1), parts[0].target.shape.slice(1));
  let at = 0;
  for (const part of parts) {
    for (const field of fields)
      joined[field].data.set(part[field].data, (at * joined[field].data.length) / count);
    at += part.re.shape[0];
  }
  return joined;
};

const fields = ['re', 'im', 'target', 'range'] as const;

const mapSlices = (slices: Slices, f: (values: NDArray) => NDArray): Slices => ({
  re: f(slices.re),
  im: f(slices.im),
  target: f(slices.target),
  range: f(slices.range),
});

function emptySlices(count: number, kspace: readonly number[], image: readonly number[]): Slices {
  const empty = (shape: readonly number[]): NDArray =>
    array(new Float32Array(shape.reduce((a, b) => a * b, 1)), shape, 'float32');
  return {
    re: empty([count, ...kspace]),
    im: empty([count, ...kspace]),
    target: empty([count, ...image]),
    range: empty([count]),
  };
}

function put(slices: Slices, i: number, kspace: ComplexArray, target: NDArray): void {
  slices.re.data.set(kspace.re.data, i * kspace.re.data.length);
  slices.im.data.set(kspace.im.data, i * kspace.im.data.length);
  slices.target.data.set(target.data, i * target.data.length);
  slices.range.data[i] = largest(target);
}

function largest({ data }: NDArray): number {
  let value = 0;
  for (const x of data) value = Math.max(value, x);
  return value;
}

/** Where what an experiment trains and measures on comes from. */
export interface SliceSource extends Omit<PhantomSlices, 'count'> {
  /** Folder of fastMRI's files; null: generated. */
  readonly folder: string | null;
  readonly train: number;
  readonly validation: number;
  readonly test: number;
  readonly seed: number;
}

/** Fully sampled splits; of files, the last slices test and those before them validate. @throws if the files hold too few. */
export async function loadSlices(
  { folder, train, validation, test, seed, ...phantoms }: SliceSource,
  context: { readonly threads: number; readonly signal: AbortSignal },
): Promise<{ readonly train: Slices; readonly validation: Slices; readonly test: Slices }> {
  const count = train + validation + test;
  const all =
    folder === null
      ? await phantomSlices(keyOf(seed), { ...phantoms, count }, context)
      : await fastMriSlices(folder, count, context);
  if (all.re.shape[0] < count)
    throw new Error(
      `${folder}: holds ${all.re.shape[0]} slices, expected ${count}: ${train} to train, ${validation} to validate, ${test} to test`,
    );
  return {
    train: takeSlices(all, 0, train),
    validation: takeSlices(all, train, train + validation),
    test: takeSlices(all, train + validation, count),
  };
}

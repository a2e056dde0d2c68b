/** Samples of an unknown distribution in an .npz file: what density models are trained on (docs/data-format.md). */
import { createHash } from 'node:crypto';
import { array, sizeOf, showShape, type NDArray } from '../src/tensor/index.ts';
import { key, permutation } from '../src/tensor/random.ts';
import { numbersOf } from './npy.ts';
import { readNpz, type NpzArrays } from './npz.ts';
import { getPlaneSet } from './toy2d.ts';

/** Samples x `[n, ...shape]`, float32, and what the density is conditioned on. */
export interface SampleSplit {
  readonly x: NDArray;
  /** `[n, c]` */
  readonly context?: NDArray;
}

export interface SampleSplits {
  readonly train: SampleSplit;
  readonly validation: SampleSplit;
  readonly test: SampleSplit;
  /** SHA-256 of all numbers and shapes. */
  readonly hash: string;
}

const splitNames = ['train', 'validation', 'test'] as const;

/**
 * Reads `train_x`, `validation_x`, `test_x` (and `train_context` …), or `x` (and `context`), of which a tenth, drawn by a fixed
 * permutation, is for validation and a tenth for the test.
 *
 * @throws if arrays are missing, their rows do not agree, or numbers are not finite.
 */
export async function readSamples(file: string): Promise<SampleSplits> {
  return samplesFromArrays(await readNpz(file), file);
}

/** As `readSamples`, from arrays in memory; `name` stands in messages. */
export function samplesFromArrays(arrays: NpzArrays, name: string): SampleSplits {
  const named = 'train_x' in arrays;
  if (!named && !('x' in arrays)) {
    throw new Error(
      `${name}: there is neither an array "x" nor "train_x"; it has ${Object.keys(arrays).join(', ') || 'none'} (see docs/data-format.md)`,
    );
  }
  const [train, validation, test] = named
    ? splitNames.map((split) => splitOf(arrays, `${split}_`, name))
    : cut(splitOf(arrays, '', name), name);
  const shape = showShape(train.x.shape.slice(1));
  for (const { x, context } of [validation, test]) {
    if (showShape(x.shape.slice(1)) === shape && !context === !train.context) continue;
    throw new Error(`${name}: the splits have samples of different shapes, or a context in some only`);
  }
  return { train, validation, test, hash: hashOf([train, validation, test]) };
}

function splitOf(arrays: NpzArrays, prefix: string, name: string): SampleSplit {
  const x = numbers(arrays, `${prefix}x`, name);
  if (x.shape.length === 1) {
    throw new Error(
      `${name}: ${prefix}x is ${showShape(x.shape)}; expected [samples, d], with d = 1 for numbers`,
    );
  }
  if (!(`${prefix}context` in arrays)) return { x };
  const context = numbers(arrays, `${prefix}context`, name);
  if (context.shape.length === 2 && context.shape[0] === x.shape[0]) return { x, context };
  throw new Error(
    `${name}: ${prefix}context is ${showShape(context.shape)} beside ${prefix}x ${showShape(x.shape)}; expected [${x.shape[0]}, c]`,
  );
}

function numbers(arrays: NpzArrays, key: string, name: string): NDArray {
  if (!(key in arrays)) throw new Error(`${name}: there is no array "${key}"`);
  const { shape } = arrays[key];
  const data = Float32Array.from(numbersOf(arrays[key], `${name}: ${key}`));
  const bad = data.findIndex((value) => !Number.isFinite(value));
  if (data.length === 0 || bad >= 0) {
    throw new Error(
      data.length === 0
        ? `${name}: ${key} is empty; expected at least one sample`
        : `${name}: ${key} holds ${data[bad]} in sample ${Math.floor((bad * shape[0]) / data.length)}; all numbers must be finite in float32`,
    );
  }
  return array(data, [...shape], 'float32');
}

function cut(all: SampleSplit, name: string): SampleSplit[] {
  const n = all.x.shape[0];
  if (n < 10) throw new Error(`${name}: ${n} samples; expected at least 10, or splits of your own`);
  const order = permutation(key(0), n);
  const held = Math.floor(n / 10);
  const part = (from: number, to: number): SampleSplit => {
    const rows = order.subarray(from, to);
    return { x: take(all.x, rows), ...(all.context && { context: take(all.context, rows) }) };
  };
  return [part(2 * held, n), part(0, held), part(held, 2 * held)];
}

function take({ data, shape, dtype }: NDArray, rows: Int32Array): NDArray {
  const row = sizeOf(shape.slice(1));
  const taken = new Float32Array(rows.length * row);
  rows.forEach((from, to) => taken.set(data.subarray(from * row, (from + 1) * row), to * row));
  return { data: taken, shape: [rows.length, ...shape.slice(1)], dtype };
}

function hashOf(splits: readonly SampleSplit[]): string {
  const hash = createHash('sha256');
  for (const { x, context } of splits)
    for (const values of context ? [x, context] : [x]) {
      hash.update(`${showShape(values.shape)}\n`);
      hash.update(new Uint8Array(values.data.buffer, values.data.byteOffset, values.data.byteLength));
    }
  return hash.digest('hex');
}

/** Seeds of the splits of a generated set. */
const SPLIT_SEEDS = { train: 1, validation: 2, test: 3 } as const;

/** Splits of a set of the plane, `[n, 2]`; validation and test do not grow with the training split. */
export function planeSplits(name: string, samples: number): SampleSplits {
  const set = getPlaneSet(name);
  const draw = (seed: number, n: number): { x: NDArray } => ({
    x: array(set.sample(seed, n), [n, 2], 'float32'),
  });
  const train = draw(SPLIT_SEEDS.train, samples);
  const validation = draw(SPLIT_SEEDS.validation, 2000);
  const test = draw(SPLIT_SEEDS.test, 10_000);
  return { train, validation, test, hash: hashOf([train, validation, test]) };
}

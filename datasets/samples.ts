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
  /** Rows of the file's `x` that the samples are; absent where the file has splits of its own. */
  readonly rows?: { readonly training: Int32Array; readonly validation: Int32Array } | undefined;
  /** SHA-256 of all numbers and shapes. */
  readonly hash: string;
}

/** Fewer say nothing about their distribution, nor about its dimension. */
const LEAST_TRAINED_ON = 20;

const splitNames = ['train', 'validation', 'test'] as const;

/**
 * Reads `train_x`, `validation_x`, `test_x` (and `train_context` …), or `x` (and `context`), of which a tenth, drawn by a fixed
 * permutation, is for validation and a tenth for the test. `X` may stand for `x`.
 *
 * @throws if arrays are missing, there are fewer than 20 training samples, rows do not agree, or numbers are not finite.
 */
export async function readSamples(file: string): Promise<SampleSplits> {
  return samplesFromArrays(await readNpz(file), file);
}

/** As `readSamples`, from arrays in memory; `name` stands in messages. */
export function samplesFromArrays(arrays: NpzArrays, name: string): SampleSplits {
  const [train, validation, test] =
    'train_x' in arrays
      ? splitNames.map((split) => splitOf(arrays, `${split}_x`, `${split}_context`, name))
      : cut(splitOf(arrays, sampleArrayIn(arrays, name), 'context', name));
  if (train.x.shape[0] < LEAST_TRAINED_ON) {
    throw new Error(
      `${name}: ${train.x.shape[0]} training samples; expected at least ${LEAST_TRAINED_ON}${'train_x' in arrays ? '' : ', beside the tenths of x for validation and for the test'}`,
    );
  }
  const kindOf = ({ x, context }: SampleSplit): string =>
    `samples ${showShape(x.shape.slice(1))} ${context ? `with context ${showShape(context.shape.slice(1))}` : 'without context'}`;
  for (const [label, split] of Object.entries({ validation, test })) {
    if (kindOf(split) === kindOf(train)) continue;
    throw new Error(`${name}: ${label} holds ${kindOf(split)}, train ${kindOf(train)}`);
  }
  return {
    train,
    validation,
    test,
    ...('train_x' in arrays ? {} : { rows: sourceRows(train, validation, test) }),
    hash: hashOf([train, validation, test]),
  };
}

/**
 * Name of the array that holds all samples: `x`, or `X`, as tables with labels `y` beside them are often kept.
 *
 * @throws if there is neither, naming what there is.
 */
export function sampleArrayIn(arrays: NpzArrays, name: string): string {
  const found = ['x', 'X'].find((key) => key in arrays);
  if (found !== undefined) return found;
  throw new Error(
    `${name}: there is neither an array "x" nor "train_x"; it has ${Object.keys(arrays).join(', ') || 'none'} (see docs/data-format.md)`,
  );
}

function splitOf(arrays: NpzArrays, xName: string, contextName: string, name: string): SampleSplit {
  const x = finiteArray(arrays, xName, name);
  if (x.shape.length < 2) {
    throw new Error(
      `${name}: ${xName} is ${showShape(x.shape)}; expected [samples, d], with d = 1 for numbers`,
    );
  }
  if (!(contextName in arrays)) return { x };
  const context = finiteArray(arrays, contextName, name);
  if (context.shape.length === 2 && context.shape[0] === x.shape[0]) return { x, context };
  throw new Error(
    `${name}: ${contextName} is ${showShape(context.shape)} beside ${xName} ${showShape(x.shape)}; expected [${x.shape[0]}, c]`,
  );
}

/**
 * An array of a file in float32.
 *
 * @throws if it is missing or empty, or a number is not finite, naming the sample.
 */
export function finiteArray(arrays: NpzArrays, key: string, name: string): NDArray {
  if (!(key in arrays)) {
    throw new Error(
      `${name}: there is no array "${key}"; it has ${Object.keys(arrays).join(', ') || 'none'} (see docs/data-format.md)`,
    );
  }
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

function cut(all: SampleSplit): SampleSplit[] {
  return rowsOfSplits(all.x.shape[0]).map((rows) => ({
    x: take(all.x, rows),
    ...(all.context && { context: take(all.context, rows) }),
  }));
}

/** The rows that splits were cut from. */
function sourceRows(...splits: readonly SampleSplit[]): SampleSplits['rows'] {
  const [training, validation] = rowsOfSplits(splits.reduce((n, { x }) => n + x.shape[0], 0));
  return { training, validation };
}

/** Rows of n samples that are for training, validation and test. */
function rowsOfSplits(n: number): Int32Array[] {
  const order = permutation(key(0), n);
  const held = Math.floor(n / 10);
  return [order.subarray(2 * held), order.subarray(0, held), order.subarray(held, 2 * held)];
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

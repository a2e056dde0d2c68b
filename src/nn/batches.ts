/** A split of a data set, read as batches of samples. */
import { createHash } from 'node:crypto';
import { castArray, sizeOf, showShape, type NDArray } from '../tensor/index.ts';

/** Arrays whose axis 0 counts samples. */
export type Split = Readonly<Record<string, NDArray>>;
export type Batch = Record<string, NDArray>;

/**
 * The split with float64 arrays as float32, and its number of samples.
 *
 * @throws if arrays disagree in their number of samples, are empty, or hold values that are not finite.
 */
export function openSplit(split: Split, name: string): { readonly arrays: Split; readonly count: number } {
  const entries = Object.entries(split);
  if (entries.length === 0) throw new Error(`${name}: the split has no arrays; expected at least one`);
  const [[first, { shape }]] = entries;
  const count = shape[0];
  const arrays = entries.map(([field, values]) => {
    const where = `${name}.${field}`;
    if (values.shape.length === 0 || values.shape[0] !== count) {
      throw new Error(
        `${where} has shape ${showShape(values.shape)}, but ${name}.${first} has ${showShape(shape)}; axis 0 must count the same samples`,
      );
    }
    requireFinite(values, where);
    return [field, values.dtype === 'float64' ? castArray(values, 'float32') : values] as const;
  });
  if (!(count > 0)) throw new Error(`${name}: the split has no samples; expected at least one`);
  return { arrays: Object.fromEntries(arrays), count };
}

function requireFinite({ data, shape }: NDArray, where: string): void {
  for (let i = 0; i < data.length; i++) {
    if (Number.isFinite(data[i])) continue;
    const sample = Math.floor((i * shape[0]) / data.length);
    throw new Error(
      `${where} holds ${data[i]} in sample ${sample} (position ${i}); remove or repair samples that are not finite`,
    );
  }
}

const rowSize = ({ shape }: NDArray): number => sizeOf(shape.slice(1));

/** Samples start … stop − 1, as views. */
export const contiguousBatch = (split: Split, start: number, stop: number): Batch =>
  Object.fromEntries(
    Object.entries(split).map(([field, values]) => {
      const row = rowSize(values);
      const data = values.data.subarray(start * row, stop * row);
      return [field, { data, shape: [stop - start, ...values.shape.slice(1)], dtype: values.dtype }];
    }),
  );

/** The samples named by `indices`, copied. */
export const gatherBatch = (split: Split, indices: ArrayLike<number>): Batch => {
  const batch = Object.entries(split).map(([field, values]) => {
    const row = rowSize(values);
    const data = values.data.slice(0, indices.length * row);
    for (let i = 0; i < indices.length; i++) {
      data.set(values.data.subarray(indices[i] * row, (indices[i] + 1) * row), i * row);
    }
    return [field, { data, shape: [indices.length, ...values.shape.slice(1)], dtype: values.dtype }] as const;
  });
  return Object.fromEntries(batch);
};

/** [start, stop) of each batch of n samples; the last one may be shorter. */
export const batchRanges = (n: number, batchSize: number): [number, number][] =>
  Array.from({ length: Math.ceil(n / batchSize) }, (_, i) => [
    i * batchSize,
    Math.min(n, (i + 1) * batchSize),
  ]);

/** SHA-256 of names, dtypes, shapes and values. */
export function hashSplit(split: Split): string {
  const hash = createHash('sha256');
  for (const [field, { data, shape, dtype }] of Object.entries(split)) {
    hash.update(`${field} ${dtype}${showShape(shape)}\n`);
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest('hex');
}

/** Seeded values for the examples that op definitions carry, and how results are compared. */
import { allocate, isFloat, type NDArray } from '../../src/tensor/array.ts';
import type { ExampleInput } from '../../src/tensor/op.ts';
import { foldIn, uniform, type Key } from '../../src/tensor/random.ts';
import { sizeOf, type Shape } from '../../src/tensor/shape.ts';

/** Random float64 values that float32 holds exactly, so that every engine and precision starts from the same numbers. */
export function randomFloats(
  key: Key,
  shape: Shape,
  [low, high]: readonly [number, number] = [-2, 2],
): NDArray {
  const data = uniform(key, sizeOf(shape)).map((u) => Math.fround(low + (high - low) * u));
  return { data, shape, dtype: 'float64' };
}

/** A value for one input of an example: floats are float64 (random, hence without ties), integers lie below `range[1]`. */
function randomInput(key: Key, { shape, dtype, range, kind }: ExampleInput): NDArray {
  if (dtype === 'bool') {
    return { data: Uint8Array.from(uniform(key, sizeOf(shape)), (u) => Number(u < 0.5)), shape, dtype };
  }
  if (dtype === 'int32') {
    const [low, high] = range ?? [0, 4];
    const draw = uniform(key, sizeOf(shape));
    return { data: Int32Array.from(draw, (u) => low + Math.floor((high - low) * u)), shape, dtype };
  }
  const x = randomFloats(key, shape, range);
  return kind === undefined ? x : { ...x, data: structured(x, kind) };
}

/** Well-conditioned matrices over the last two axes, made from entries in [−2, 2]. */
function structured({ data, shape }: NDArray, kind: NonNullable<ExampleInput['kind']>): Float64Array {
  const n = shape[shape.length - 1];
  const out = new Float64Array(data.length);
  for (let start = 0; start < data.length; start += n * n) {
    const entry = (i: number, j: number): number => data[start + i * n + j];
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) out[start + i * n + j] = Math.fround(structuredEntry(kind, entry, i, j, n));
    }
  }
  return out;
}

function structuredEntry(
  kind: NonNullable<ExampleInput['kind']>,
  entry: (i: number, j: number) => number,
  i: number,
  j: number,
  n: number,
): number {
  switch (kind) {
    case 'spd': {
      let sum = i === j ? 1 : 0;
      for (let k = 0; k < n; k++) sum += (entry(i, k) * entry(j, k)) / n;
      return sum;
    }
    case 'lower':
      return i === j ? 2 + entry(i, j) / 2 : i > j ? entry(i, j) / 2 : 0;
    case 'invertible':
      // The large entries stand off the diagonal, so that elimination without pivoting loses digits.
      return entry(i, j) / 2 + (j === (i + 1) % n ? n : 0);
  }
}

export const stackExamples = (rows: readonly NDArray[]): NDArray => {
  const [{ shape, dtype }] = rows;
  const data = allocate(dtype, rows.length * sizeOf(shape));
  rows.forEach((row, i) => data.set(row.data, i * sizeOf(shape)));
  return { data, shape: [rows.length, ...shape], dtype };
};

export const inputsOf = (key: Key, inputs: readonly ExampleInput[]): NDArray[] =>
  inputs.map((input, i) => randomInput(foldIn(key, i), input));

const largest = (data: ArrayLike<number>): number => {
  let top = 0;
  for (let i = 0; i < data.length; i++) top = Math.max(top, Math.abs(data[i]));
  return top;
};

/** Largest difference relative to the largest expected value (or to `floor`, when that is larger). */
export function relativeError(actual: NDArray, expected: NDArray, floor = 0): number {
  if (actual.data.length !== expected.data.length) return Infinity;
  let worst = 0;
  for (let i = 0; i < expected.data.length; i++) {
    const [a, b] = [actual.data[i], expected.data[i]];
    if (Object.is(a, b) || a === b) continue;
    const difference = Math.abs(a - b);
    worst = Number.isNaN(difference) ? Infinity : Math.max(worst, difference);
  }
  const scale = Math.max(isFloat(expected.dtype) ? largest(expected.data) : 0, floor);
  return worst === 0 ? 0 : scale === 0 ? worst : worst / scale;
}

export const dot = (a: NDArray, b: NDArray): { value: number; scale: number } => {
  let [value, scale] = [0, 0];
  for (let i = 0; i < a.data.length; i++) {
    value += a.data[i] * b.data[i];
    scale += Math.abs(a.data[i] * b.data[i]);
  }
  return { value, scale };
};

/** x + step · direction, elementwise in float64. */
export const moved = (x: NDArray, direction: NDArray, step: number): NDArray => ({
  ...x,
  data: Float64Array.from(x.data, (value, i) => value + step * direction.data[i]),
});

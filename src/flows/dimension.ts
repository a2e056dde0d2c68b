/**
 * What a flow should know about data before it is trained: whether they fill the space they live in, and in how many pieces they come.
 * On a set of lower dimension a likelihood has no upper limit; pieces must be torn apart by a flow, whose base is one piece.
 */
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import type { NDArray } from '../tensor/index.ts';
import { foldIn, key, permutation } from '../tensor/random.ts';
import { entryMoments } from './moments.ts';
import { componentsOf, furtherNeighbours, nearest } from './neighbours.ts';

export interface DataShape {
  /** Numbers a sample. */
  readonly ambient: number;
  /** Estimate of the dimension at the distance of nearest neighbours (Facco et al. 2017). */
  readonly intrinsic: number;
  /** Standard error of the estimate. */
  readonly intrinsicError: number;
  /** The same among a quarter, a sixteenth … of the samples: the dimension that the set seems to have from further away. */
  readonly byScale: readonly { readonly samples: number; readonly dimension: number }[];
  /** Dimension of the smallest affine space that holds the samples; null where a sample has too many numbers to say. */
  readonly rank: number | null;
  /** Entries that have the same value in all samples. */
  readonly constant: number;
  /** Share of samples that occur more than once, among all. */
  readonly repeated: number;
  /** Entries that change, and have one value so often, or so few values, that they are no numbers of a continuum. */
  readonly discrete: readonly DiscreteEntry[];
  /** The number that is so far from the others that nothing is left of their differences, or null. */
  readonly outlier: Outlier | null;
  /** Pieces with at least 2 % of the samples each. */
  readonly components: number;
  /** Why a density with respect to volume does not exist, or null. */
  readonly degenerate: Degeneracy | null;
}

export interface Degeneracy {
  readonly kind: 'constant' | 'favoured' | 'discrete' | 'dependent' | 'repeated' | 'surface';
  readonly text: string;
}

export interface DiscreteEntry {
  /** Position in the sample. */
  readonly entry: number;
  /** The most frequent value, and its share of all samples. */
  readonly value: number;
  readonly share: number;
  /** How many values there are, where there are few; null where only the most frequent one stands out. */
  readonly values: number | null;
}

export interface Outlier {
  readonly value: number;
  /** Row of the samples. */
  readonly sample: number;
  /** Position in the sample. */
  readonly entry: number;
  /** Distance to the median, in units of the distance between the quartiles. */
  readonly distance: number;
}

/** A number so far out makes all others one point, up to rounding in float32, once entries are divided by their deviation. */
const FAR = 1e5;

/** So many samples are looked at; distances between all of them are computed. */
const LOOKED_AT = 2000;
const LARGEST_RANKED = 256;
/** A value that is in more than this share of the samples, and in three of them at least, has a mass of its own. */
const FAVOURED = 0.01;
/** Rounding to float32 alone makes the one or other number occur twice. */
const REPEATED = 0.05;

/**
 * Measures samples x `[n, ...shape]`, each entry divided by its deviation.
 *
 * @throws for fewer than 20 samples.
 */
export function describeData(x: NDArray, seed = 0): DataShape {
  const n = x.shape[0];
  const ambient = x.data.length / n;
  if (n < 20) throw new Error(`describeData: ${n} samples; expected at least 20`);
  const rows = standardizedSubset(x, LOOKED_AT, seed);
  const count = rows.length / ambient;
  const neighbours = nearest(rows, ambient, Math.min(furtherNeighbours(count), count - 1));
  const { dimension: intrinsic, error: intrinsicError } = twoNearestNeighbours(neighbours.distances);
  const byScale = [4, 16].flatMap((divisor) => {
    const samples = Math.floor(count / divisor);
    if (samples < 50) return [];
    const { distances } = nearest(rows.subarray(0, samples * ambient), ambient, 2);
    return [{ samples, dimension: twoNearestNeighbours(distances).dimension }];
  });
  const { repeated, distinct } = repeatedRows(x);
  const axes = ambient > LARGEST_RANKED ? null : principalAxes(rows, ambient);
  const rank = axes && rankOf(axes);
  const constant = entryMoments(x.data, ambient).variance.filter((v) => v === 0).length;
  const outlier = furthest(x);
  const discrete = discreteEntries(x, distinct);
  const shape = {
    ambient,
    intrinsic,
    intrinsicError,
    byScale,
    rank,
    constant,
    repeated,
    discrete,
    outlier,
  };
  const degenerate = degeneracy(shape, () => axes && fullDimension(rows, axes, seed));
  return { ...shape, components: componentsOf(neighbours.indices, intrinsic < 1.5), degenerate };
}

/** `full`: the estimate for samples that fill the space, with the same covariance; null where a sample has too many numbers for it. */
function degeneracy(
  {
    ambient,
    intrinsic,
    intrinsicError,
    rank,
    constant,
    repeated,
    discrete,
    outlier,
  }: Omit<DataShape, 'byScale' | 'components' | 'degenerate'>,
  full: () => number | null,
): Degeneracy | null {
  if (constant > 0) {
    return { kind: 'constant', text: `${constant} of the ${ambient} numbers of a sample never change` };
  }
  // Beside it the others cannot be judged.
  if (outlier !== null) return null;
  const [first, ...others] = discrete;
  if (first !== undefined) return discreteness(first, others.length);
  if (rank !== null && rank < ambient) {
    return {
      kind: 'dependent',
      text: `the ${ambient} numbers of a sample depend on each other linearly: the samples lie in a space of dimension ${rank}`,
    };
  }
  if (repeated > REPEATED) {
    return { kind: 'repeated', text: `${Math.round(100 * repeated)} % of the samples occur more than once` };
  }
  const atMost = intrinsic + 3 * intrinsicError;
  if (atMost >= ambient - 0.5) return null;
  // In many dimensions, and where some directions are short, the estimate is too low for samples that fill the space, too.
  const filled = full();
  if (atMost >= (filled === null ? 0.5 * ambient : 0.95 * filled)) return null;
  return {
    kind: 'surface',
    text: `the samples seem to lie on a set of dimension ${intrinsic.toFixed(1)} in a space of dimension ${ambient}`,
  };
}

function discreteness({ entry, value, share, values }: DiscreteEntry, others: number): Degeneracy {
  const more = others > 0 ? `, and ${others} more are like it` : '';
  if (values === null) {
    const text = `number ${entry} of a sample is exactly ${showNumber(value)} in ${(100 * share).toPrecision(2)} % of the samples${more}`;
    return { kind: 'favoured', text };
  }
  return {
    kind: 'discrete',
    text: `number ${entry} of a sample is discrete: it has ${values} values${more}`,
  };
}

/** A float32 number without the digits of its float64. */
const showNumber = (value: number): string => String(Number(value.toPrecision(7)));

/**
 * At most so many samples of x `[n, ...]`, drawn by a seed, each entry with mean 0 and deviation 1; an entry that never changes is 0.
 * Row by row.
 */
export function standardizedSubset({ data, shape }: NDArray, most: number, seed = 0): Float64Array {
  const order = permutation(key(seed), shape[0]).subarray(0, most);
  const d = data.length / shape[0];
  const rows = new Float64Array(order.length * d);
  order.forEach((from, to) => rows.set(data.subarray(from * d, (from + 1) * d), to * d));
  const { mean, variance } = entryMoments(rows, d);
  const factors = variance.map((v) => (v > 0 ? 1 / Math.sqrt(v) : 0));
  return rows.map((v, i) => (v - mean[i % d]) * factors[i % d]);
}

/** The share of samples that occur more than once, and of every sample its first row, by two hashes of 32 bits. */
function repeatedRows({ data, shape: [n] }: NDArray): {
  readonly repeated: number;
  readonly distinct: Int32Array;
} {
  const d = data.length / n;
  const number = new Float64Array(1);
  const words = new Uint32Array(number.buffer);
  const counts = new Map<number, { readonly row: number; count: number }>();
  for (let row = 0; row < n; row++) {
    let [a, b] = [0x811c9dc5, 0x9747b28c];
    for (let i = row * d; i < (row + 1) * d; i++) {
      // −0 is 0.
      number[0] = data[i] + 0;
      for (const word of words) {
        a = Math.imul(a ^ word, 0x85ebca6b);
        a ^= a >>> 13;
        b = Math.imul(b ^ word, 0xc2b2ae35);
        b ^= b >>> 16;
      }
    }
    // 53 bits of the two.
    const hash = (a >>> 0) * 2 ** 21 + (b >>> 11);
    const found = counts.get(hash);
    if (found) found.count++;
    else counts.set(hash, { row, count: 1 });
  }
  const groups = [...counts.values()];
  const repeated = groups.reduce((total, { count }) => total + (count > 1 ? count : 0), 0) / n;
  return { repeated, distinct: Int32Array.from(groups, ({ row }) => row) };
}

/**
 * Entries one value of which more than `FAVOURED` of the samples have, or half of whose numbers repeat others. Copies of samples are left
 * out of the second count; where a sample is one number they cannot be told from it, and values are few when they are a tenth.
 */
function discreteEntries({ data, shape: [n] }: NDArray, distinct: Int32Array): DiscreteEntry[] {
  const d = data.length / n;
  const few = d > 1 ? 0.5 : 0.1;
  const own = d > 1 && distinct.length < n ? distinct : null;
  const found: DiscreteEntry[] = [];
  for (let entry = 0; entry < d; entry++) {
    const all = runsOf(Float64Array.from({ length: n }, (_, i) => data[i * d + entry]));
    if (all.values === 1) continue;
    const once = own ? runsOf(Float64Array.from(own, (row) => data[row * d + entry])) : all;
    // Besides the most frequent value.
    const [values, numbers] = [once.values - 1, once.numbers - once.count];
    const discrete = numbers === 0 ? once.values < 2 : values < few * numbers;
    const share = all.count / n;
    if (!discrete && (all.count < 3 || share <= FAVOURED)) continue;
    found.push({ entry, value: all.value, share, values: discrete ? all.values : null });
  }
  return found;
}

/** How many numbers and different values there are, and the most frequent one with its count. The numbers are sorted in place. */
function runsOf(numbers: Float64Array): Record<'numbers' | 'values' | 'value' | 'count', number> {
  numbers.sort();
  let [values, value, count] = [0, numbers[0], 0];
  for (let from = 0, to = 1; from < numbers.length; from = to++) {
    while (to < numbers.length && numbers[to] === numbers[from]) to++;
    values++;
    if (to - from > count) [value, count] = [numbers[from], to - from];
  }
  return { numbers: numbers.length, values, value, count };
}

/** The entry that is furthest from the median of its kind, where it is further than `FAR` interquartile ranges. */
function furthest({ data, shape: [n] }: NDArray): Outlier | null {
  const d = data.length / n;
  let worst: Omit<Outlier, 'sample'> | null = null;
  for (let entry = 0; entry < d; entry++) {
    const sorted = Float64Array.from({ length: n }, (_, i) => data[i * d + entry]).sort();
    const range = sorted[Math.floor(0.75 * (n - 1))] - sorted[Math.floor(0.25 * (n - 1))];
    if (range === 0) continue;
    for (const value of [sorted[0], sorted[n - 1]]) {
      const distance = Math.abs(value - sorted[n >> 1]) / range;
      if (distance > (worst?.distance ?? FAR)) worst = { value, entry, distance };
    }
  }
  if (worst === null) return null;
  const { value, entry } = worst;
  return { ...worst, sample: Math.floor(data.findIndex((v, i) => i % d === entry && v === value) / d) };
}

/**
 * Facco, d'Errico, Rodriguez & Laio 2017 (Scientific Reports 7): the ratio of the distances to the second and the first neighbour is
 * Pareto distributed with the dimension as its exponent, whatever the density; its likelihood is largest at n / Σ log(r₂ / r₁).
 */
function twoNearestNeighbours(distances: readonly (readonly number[])[]): {
  dimension: number;
  error: number;
} {
  const logs = distances.flatMap(([first, second]) => (first > 0 ? [Math.log(second / first)] : []));
  if (logs.length < 2) return { dimension: 0, error: 0 };
  const dimension = (logs.length - 1) / logs.reduce((total, value) => total + value, 0);
  return { dimension, error: dimension / Math.sqrt(logs.length) };
}

interface PrincipalAxes {
  /** Sums of squares along the axes. */
  readonly values: readonly number[];
  /** Columns. */
  readonly vectors: Matrix;
}

function principalAxes(rows: Float64Array, d: number): PrincipalAxes {
  const matrix = Matrix.from1DArray(rows.length / d, d, rows);
  const covariance = matrix.transpose().mmul(matrix);
  const { realEigenvalues: values, eigenvectorMatrix: vectors } = new EigenvalueDecomposition(covariance, {
    assumeSymmetric: true,
  });
  return { values, vectors };
}

/** Directions whose variance is above float32 rounding of the largest. */
function rankOf({ values }: PrincipalAxes): number {
  const largest = Math.max(...values);
  return values.filter((value) => value > 1e-10 * largest).length;
}

/**
 * What the estimate of the dimension is where coordinates do not depend on each other: the lower one of those of the rows whose entries
 * are permuted, each on its own, and of the rows whose principal coordinates are. The first keeps edges, the second the covariance.
 */
function fullDimension(rows: Float64Array, { vectors }: PrincipalAxes, seed: number): number {
  const d = vectors.rows;
  const principal = Float64Array.from(
    Matrix.from1DArray(rows.length / d, d, rows)
      .mmul(vectors)
      .to1DArray(),
  );
  const estimates = [rows, principal].map(
    (coordinates) => twoNearestNeighbours(nearest(permuted(coordinates, d, seed), d, 2).distances).dimension,
  );
  return Math.min(...estimates);
}

/** Every column permuted on its own. */
function permuted(rows: Float64Array, d: number, seed: number): Float64Array {
  const n = rows.length / d;
  const mixed = new Float64Array(rows.length);
  for (let column = 0; column < d; column++) {
    const order = permutation(foldIn(key(seed), column + 1), n);
    order.forEach((from, to) => (mixed[to * d + column] = rows[from * d + column]));
  }
  return mixed;
}

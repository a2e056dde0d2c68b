/** Centres of codes: k-means (Lloyd 1982) from a k-means++ start (Arthur & Vassilvitskii 2007). */
import { array, type NDArray } from '../../tensor/index.ts';
import { uniform, type Key } from '../../tensor/random.ts';

export interface Clusters {
  /** float64 `[K, e]` */
  readonly centres: NDArray;
  /** The nearest centre of each code. */
  readonly assignment: Int32Array;
  /** ‖e − v‖² to it. */
  readonly distances: Float64Array;
}

/** The nearest of the centres `[K, e]` to each of the codes `[n, e]`; of equally near ones the first. */
export function nearestCentres(codes: NDArray, centres: NDArray): Omit<Clusters, 'centres'> {
  const [n, e] = codes.shape;
  const [k] = centres.shape;
  const [x, v] = [codes.data, centres.data];
  const assignment = new Int32Array(n);
  const distances = new Float64Array(n).fill(Infinity);
  for (let i = 0; i < n; i++) {
    for (let c = 0; c < k; c++) {
      let d = 0;
      for (let j = 0; j < e; j++) d += (x[i * e + j] - v[c * e + j]) ** 2;
      if (d < distances[i]) [distances[i], assignment[i]] = [d, c];
    }
  }
  return { assignment, distances };
}

/**
 * At most `iterations` rounds of Lloyd's, fewer when no code changes its centre. A centre that loses all codes begins anew at the code
 * that is farthest from its own.
 *
 * @throws if there are fewer codes than centres.
 */
export function kMeans(
  key: Key,
  codes: NDArray,
  k: number,
  { iterations = 50 }: { readonly iterations?: number } = {},
): Clusters {
  const [n, e] = codes.shape;
  if (codes.shape.length !== 2 || n < k) {
    throw new Error(
      `k-means: ${k} centres of codes [${codes.shape.join(', ')}]; expected [n, e] with at least as many codes as centres`,
    );
  }
  let centres = array(plusPlus(key, codes, k), [k, e]);
  let { assignment, distances } = nearestCentres(codes, centres);
  for (let round = 0; round < iterations; round++) {
    centres = array(means(codes, k, assignment, distances), [k, e]);
    const next = nearestCentres(codes, centres);
    const moved = next.assignment.some((c, i) => c !== assignment[i]);
    ({ assignment, distances } = next);
    if (!moved) break;
  }
  return { centres, assignment, distances };
}

/** First centres: each further one is a code drawn with probability in proportion to its squared distance from those there are. */
function plusPlus(key: Key, { data, shape: [n, e] }: NDArray, k: number): Float64Array {
  const u = uniform(key, k);
  const centres = new Float64Array(k * e);
  const distances = new Float64Array(n).fill(1);
  for (let c = 0; c < k; c++) {
    const i = drawIndex(distances, u[c]);
    centres.set(data.slice(i * e, (i + 1) * e), c * e);
    for (let row = 0; row < n; row++) {
      let d = 0;
      for (let j = 0; j < e; j++) d += (data[row * e + j] - centres[c * e + j]) ** 2;
      if (c === 0 || d < distances[row]) distances[row] = d;
    }
  }
  return centres;
}

/** The index whose part of [0, 1), by weight, holds u; the last with any weight where rounding leaves none. */
export function drawIndex(weights: ArrayLike<number>, u: number): number {
  let total = 0;
  for (let i = 0; i < weights.length; i++) total += weights[i];
  let left = u * total;
  let last = 0;
  for (let i = 0; i < weights.length; i++) {
    if (!(weights[i] > 0)) continue;
    last = i;
    left -= weights[i];
    if (left < 0) break;
  }
  return last;
}

function means(
  { data, shape: [n, e] }: NDArray,
  k: number,
  assignment: Int32Array,
  distances: Float64Array,
): Float64Array {
  const total = new Float64Array(k * e);
  const count = new Int32Array(k);
  for (let i = 0; i < n; i++) {
    count[assignment[i]]++;
    for (let j = 0; j < e; j++) total[assignment[i] * e + j] += data[i * e + j];
  }
  const farthest = farthestFirst(distances);
  return total.map((sum, at) => {
    const c = Math.floor(at / e);
    if (count[c] > 0) return sum / count[c];
    return data[farthest(c) * e + (at % e)];
  });
}

/** A code for each empty centre: the farthest of all for the first that asks, the next for the next. */
function farthestFirst(distances: Float64Array): (centre: number) => number {
  const given = new Map<number, number>();
  let order: number[] | null = null;
  return (centre) => {
    order ??= Array.from(distances.keys()).sort((a, b) => distances[b] - distances[a]);
    const found = given.get(centre) ?? order[given.size];
    given.set(centre, found);
    return found;
  };
}

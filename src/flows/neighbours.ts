/** Nearest neighbours, and the pieces of a set that they join. */

/** Neighbours that a sample is joined to when pieces are counted. */
const JOINED = 10;
/** So many edges to further neighbours join two pieces of at least so many samples: not one sample half-way between them. */
const BRIDGE = 3;

export interface Neighbours {
  /** Of each sample, ascending. */
  readonly distances: readonly (readonly number[])[];
  readonly indices: readonly (readonly number[])[];
}

/** The k nearest other rows of each row, by all distances. */
export function nearest(rows: Float64Array, d: number, k: number): Neighbours {
  const n = rows.length / d;
  const distances: number[][] = [];
  const indices: number[][] = [];
  const squares = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let c = 0; c < d; c++) {
        const difference = rows[i * d + c] - rows[j * d + c];
        sum += difference * difference;
      }
      squares[j] = sum;
    }
    squares[i] = Infinity;
    const best: number[] = [];
    for (let j = 0; j < n; j++) {
      if (best.length === k && squares[j] >= squares[best[k - 1]]) continue;
      let at = best.length;
      while (at > 0 && squares[best[at - 1]] > squares[j]) at--;
      best.splice(at, 0, j);
      if (best.length > k) best.pop();
    }
    indices.push(best);
    distances.push(best.map((j) => Math.sqrt(squares[j])));
  }
  return { distances, indices };
}

/**
 * On a curve a gap between two samples is often wider than that to the k-th neighbour on one side: in one of 2^(k−1) gaps. With so many
 * neighbours that is one of 500 sets of n samples.
 */
export const furtherNeighbours = (n: number): number => Math.ceil(Math.log2(n)) + 10;

/**
 * Pieces of the graph that joins samples which are among the nearest neighbours of each other: `JOINED`, and on a curve all of those
 * given. Elsewhere pieces with `BRIDGE` edges or more to further neighbours are joined too. Those with less than 2 % of the samples do
 * not count.
 */
export function componentsOf(indices: readonly (readonly number[])[], curve: boolean): number {
  const n = indices.length;
  const parent = indices.map((_, i) => i);
  const rootOf = (i: number): number => {
    let root = i;
    while (parent[root] !== root) root = parent[root];
    parent[i] = root;
    return root;
  };
  const joined = curve ? n : JOINED;
  const further: (readonly [number, number])[] = [];
  indices.forEach((others, i) =>
    others.forEach((j, rank) => {
      const back = indices[j].indexOf(i);
      if (back < 0) return;
      if (Math.max(rank, back) < joined) parent[rootOf(i)] = rootOf(j);
      else if (i < j) further.push([i, j]);
    }),
  );
  for (;;) {
    const sizes = new Map<number, number>();
    indices.forEach((_, i) => sizes.set(rootOf(i), (sizes.get(rootOf(i)) ?? 0) + 1));
    const edges = new Map<number, number>();
    for (const pair of further) {
      const [a, b] = pair.map(rootOf).sort((p, q) => p - q);
      if (a === b || Math.min(sizes.get(a) ?? 0, sizes.get(b) ?? 0) < BRIDGE) continue;
      edges.set(a * n + b, (edges.get(a * n + b) ?? 0) + 1);
    }
    const bridges = [...edges].filter(([, count]) => count >= BRIDGE);
    if (bridges.length === 0) return [...sizes.values()].filter((size) => size >= 0.02 * n).length;
    for (const [pair] of bridges) parent[rootOf(Math.floor(pair / n))] = rootOf(pair % n);
  }
}

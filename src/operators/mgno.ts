/**
 * Multipole graph neural operator on a periodic line (Li et al. 2020, "Multipole Graph Neural Operator for Parametric Partial
 * Differential Equations", arXiv 2006.09535), with the orthogonal splitting of the fast multipole method: every pair of points
 * meets at exactly one level, neighbours at the finest, and pairs at distance 2 or 3 whose parents are neighbours at the level
 * where that is so. `depth` V-cycles
 *
 *   down:  w_0 = v,  w_{l+1} = average of pairs of w_l
 *   up:    z_l = relu(repeat each of z_{l+1} twice + W_l w_l + b_l + 𝒦_l w_l),  𝒦_near beside 𝒦_0,  v ← z_0
 *
 * with one kernel a level, shared by the cycles.
 *
 * Resolutions. A grid of s points has log₂(s) − 1 levels; the model has `levels` kernels, finest first, and uses as many
 * as there are levels. A finer grid than its finest level, of m · 2^(levels + 1) points, is m interleaved grids of that size,
 * each evaluated by itself: distances keep their meaning, so what was learned at 64 points (levels: 5) holds at 1024.
 */
import { z } from 'zod';
import { add, broadcastTo, concat, mean, relu, reshape, transpose, type Tensor } from '../tensor/index.ts';
import { split, type Key } from '../tensor/random.ts';
import { linear } from '../nn/index.ts';
import { coordinates } from './coordinates.ts';
import { edgeAttributes, inGroups, kernelIntegral, ringGraph, type Graph } from './graph.ts';
import { operator, type TensorsOf } from './operator.ts';

/** Fewest hidden units of a kernel, however coarse its level. */
const LEAST_KERNEL_WIDTH = 16;
/** Points of the coarsest level: with fewer there is no pair that is not adjacent. */
const COARSEST = 4;

const schema = z.strictObject({
  width: z.int().positive().default(64),
  /** Hidden units of the kernels at the finest level; half as many at every coarser one, but not below 16. */
  kernelWidth: z.int().min(LEAST_KERNEL_WIDTH).default(1024),
  /** V-cycles. */
  depth: z.int().positive().default(4),
  /** Kernels of interaction lists; the published grid of 1024 points has 9. */
  levels: z.int().min(1).max(20).default(9),
  /** Channels of the input field. */
  inputs: z.int().positive().default(1),
});
type Options = z.infer<typeof schema>;

export const mgno = operator('mgno', {
  title: 'Multipole graph neural operator',
  source: 'Li et al. 2020, arXiv 2006.09535',
  options: schema,
  publishedTraining: {
    learningRate: 1e-5,
    weightDecay: 5e-4,
    batchSize: 1,
    epochs: 200,
    schedule: { every: 10, gamma: 0.8 },
  },
  init: initialise,
  apply: (p, u, options) => {
    const { s, grids } = finestGrid(u.shape[1], options);
    const graphs = multipoleGraphs(s, options.levels);
    const edges = [graphs.near, ...graphs.interactions].reduce((sum, { sources }) => sum + sources.length, 0);
    const model = inGroups(
      (q: Parameters, nodes) => applyOn(graphs, q, nodes, options),
      edges * options.width ** 2,
    );
    return separate(model(p, interleave(concat([coordinates(u), u], 2), grids)), grids);
  },
  checkResolution: (s, options) => {
    finestGrid(s, options);
  },
  levels: (s, options) => levelsOf(finestGrid(s, options).s, options.levels),
});

function initialise(key: Key, { width, kernelWidth, levels, inputs }: Options) {
  const [lift, near, interactions, head] = split(key, 4);
  const attributes = 2 * (inputs + 1);
  return {
    lift: linear.init(lift, { inputs: inputs + 1, outputs: width }),
    near: kernelIntegral.init(near, { attributes, hidden: kernelWidth, width }),
    interactions: split(interactions, levels).map((level, l) =>
      kernelIntegral.init(level, {
        attributes,
        hidden: Math.max(Math.floor(kernelWidth / 2 ** l), LEAST_KERNEL_WIDTH),
        width,
      }),
    ),
    head: linear.init(head, { inputs: width, outputs: 1 }),
  };
}

type Parameters = TensorsOf<ReturnType<typeof initialise>>;

/** The V-cycles on one grid: nodes (x, u) [batch, s, 1 + inputs] → [batch, s, 1]. */
function applyOn(
  { near, interactions }: MultipoleGraphs,
  p: Parameters,
  nodes: Tensor,
  { depth }: Options,
): Tensor {
  const attributes = pyramid(nodes, interactions.length);
  const integralNear = kernelIntegral.prepare(p.near, near, edgeAttributes(near, nodes), depth);
  const integrals = interactions.map((graph, l) =>
    kernelIntegral.prepare(p.interactions[l], graph, edgeAttributes(graph, attributes[l]), depth),
  );

  let v = linear.apply(p.lift, nodes);
  for (let cycle = 0; cycle < depth; cycle++) {
    const far = pyramid(v, integrals.length).map((w, l) => integrals[l](w));
    far[0] = add(far[0], integralNear(v));
    const coarsest = relu(far[far.length - 1]);
    v = far.slice(0, -1).reduceRight((z, here) => relu(add(here, repeatTwice(z))), coarsest);
  }
  return linear.apply(p.head, v);
}

/** x, and averages of pairs of it again and again. */
function pyramid(x: Tensor, levels: number): Tensor[] {
  const out = [x];
  while (out.length < levels) out.push(averagePairs(out[out.length - 1]));
  return out;
}

export interface MultipoleGraphs {
  /** Adjacent points of the finest grid. */
  readonly near: Graph;
  /** Interaction lists, finest level first. */
  readonly interactions: readonly Graph[];
}

/** The graphs on a ring of s points, a power of two, with at most `levels` levels. */
export function multipoleGraphs(s: number, levels: number): MultipoleGraphs {
  return {
    near: ringGraph(s, () => [-1, 1]),
    interactions: Array.from({ length: levelsOf(s, levels) }, (_, l) => interactionList(s / 2 ** l)),
  };
}

/** How many of `levels` interaction lists a ring of s points, a power of two, has. */
const levelsOf = (s: number, levels: number): number => Math.min(levels, Math.log2(s / COARSEST) + 1);

/** Nodes 2 or 3 apart whose parents are the same or adjacent, on a ring of n. */
function interactionList(n: number): Graph {
  const distance = (a: number, b: number, length: number): number =>
    Math.min((((a - b) % length) + length) % length, (((b - a) % length) + length) % length);
  const parent = (i: number): number => Math.floor((((i % n) + n) % n) / 2);
  // On the ring of four, the node two before is the node two after.
  const candidates = n === COARSEST ? [2] : [-3, -2, 2, 3];
  return ringGraph(n, (i) =>
    candidates.filter((offset) => distance(parent(i), parent(i + offset), n / 2) <= 1),
  );
}

/** How many points the finest level has, and how many such grids the resolution is made of. */
function finestGrid(resolution: number, { levels }: Options): { s: number; grids: number } {
  const largest = COARSEST * 2 ** (levels - 1);
  if (resolution % largest === 0) return { s: largest, grids: resolution / largest };
  if (resolution >= COARSEST && Number.isInteger(Math.log2(resolution))) return { s: resolution, grids: 1 };
  throw new Error(
    `resolution ${resolution}: the levels need a power of two from ${COARSEST}, or a multiple of the ${largest} points of all ${levels}; take every n-th point or resample first`,
  );
}

/** [batch, m · s, c] → [batch · m, s, c]: every m-th point together. */
function interleave(x: Tensor, m: number): Tensor {
  if (m === 1) return x;
  const [batch, points, c] = x.shape;
  return reshape(transpose(reshape(x, [batch, points / m, m, c]), [0, 2, 1, 3]), [batch * m, points / m, c]);
}

/** The inverse of `interleave`. */
function separate(x: Tensor, m: number): Tensor {
  if (m === 1) return x;
  const [rows, s, c] = x.shape;
  return reshape(transpose(reshape(x, [rows / m, m, s, c]), [0, 2, 1, 3]), [rows / m, s * m, c]);
}

const averagePairs = (x: Tensor): Tensor => mean(reshape(x, [x.shape[0], x.shape[1] / 2, 2, x.shape[2]]), 2);

const repeatTwice = (x: Tensor): Tensor => {
  const [batch, s, c] = x.shape;
  return reshape(broadcastTo(reshape(x, [batch, s, 1, c]), [batch, s, 2, c]), [batch, 2 * s, c]);
};

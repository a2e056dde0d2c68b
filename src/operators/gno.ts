/**
 * Graph neural operator, also graph kernel network (Li et al. 2020, "Neural Operator: Graph Kernel Network for Partial
 * Differential Equations", arXiv 2003.03485): the points of the grid hear their neighbours within a radius, again and again
 * through one kernel of the two places and the input there,
 *
 *   v_i ← relu(W v_i + b + 1/|N(i)| Σ_{|x_i − x_j| ≤ r} κ(x_i, a_i, x_j, a_j) v_j).
 *
 * The distance is that of the periodic interval; the coordinates are those of [0, 1).
 */
import { z } from 'zod';
import { concat, relu, type Tensor } from '../tensor/index.ts';
import { split, type Key } from '../tensor/random.ts';
import { linear } from '../nn/index.ts';
import { coordinates } from './coordinates.ts';
import { edgeAttributes, inGroups, kernelIntegral, ringGraph, type Graph } from './graph.ts';
import { operator, type TensorsOf } from './operator.ts';

const schema = z.strictObject({
  width: z.int().positive().default(64),
  /** Hidden units of both hidden layers of the kernel. */
  kernelWidth: z.int().positive().default(1024),
  /** Rounds of messages. */
  depth: z.int().positive().default(6),
  /** In lengths of the periodic interval. */
  radius: z.number().positive().max(0.5).default(0.1),
  /** Channels of the input field. */
  inputs: z.int().positive().default(1),
});
type Options = z.infer<typeof schema>;

/** Floats of one array that a machine of ordinary size still holds some times over. */
const LARGEST_KERNEL = 2 ** 30;

export const gno = operator('gno', {
  title: 'Graph neural operator',
  source: 'Li et al. 2020, arXiv 2003.03485',
  options: schema,
  publishedTraining: {
    learningRate: 1e-4,
    // None is reported.
    weightDecay: 0,
    batchSize: 1,
    epochs: 200,
    schedule: { every: 50, gamma: 0.8 },
  },
  init: initialise,
  apply: (p, u, options) => {
    const graph = radiusGraph(u.shape[1], options);
    return inGroups(
      (q: Parameters, samples) => applyOn(graph, q, samples, options),
      kernelFloats(u.shape[1], options),
    )(p, u);
  },
  checkResolution: requireGraph,
});

function initialise(key: Key, { width, kernelWidth, inputs }: Options) {
  const [lift, integral, head] = split(key, 3);
  return {
    lift: linear.init(lift, { inputs: inputs + 1, outputs: width }),
    integral: kernelIntegral.init(integral, { attributes: 2 * (inputs + 1), hidden: kernelWidth, width }),
    head: linear.init(head, { inputs: width, outputs: 1 }),
  };
}

type Parameters = TensorsOf<ReturnType<typeof initialise>>;

function applyOn(graph: Graph, p: Parameters, u: Tensor, { depth }: Options): Tensor {
  const nodes = concat([coordinates(u), u], 2);
  const integral = kernelIntegral.prepare(p.integral, graph, edgeAttributes(graph, nodes), depth);
  let v = linear.apply(p.lift, nodes);
  for (let round = 0; round < depth; round++) v = relu(integral(v));
  return linear.apply(p.head, v);
}

/** Neighbours on either side; the far end of an even ring is on neither. */
const reachOf = (s: number, { radius }: Options): number =>
  // A radius that is a whole number of steps on paper may fall short of it by a rounding error.
  Math.min(Math.floor(radius * s + 1e-9), Math.floor((s - 1) / 2));

/** Every point hears itself and its neighbours within the radius. */
function radiusGraph(s: number, options: Options): Graph {
  requireGraph(s, options);
  const reach = reachOf(s, options);
  const offsets = Array.from({ length: 2 * reach + 1 }, (_, i) => i - reach);
  return ringGraph(s, () => offsets);
}

/** Hidden values of the kernel on all edges of a sample: the largest array of the model. */
const kernelFloats = (s: number, options: Options): number =>
  s * (2 * reachOf(s, options) + 1) * options.kernelWidth;

function requireGraph(s: number, options: Options): void {
  const { radius, kernelWidth } = options;
  if (reachOf(s, options) < 1) {
    const least = Math.max(3, Math.ceil(1 / radius));
    throw new Error(
      `resolution ${s}: no neighbour within the radius ${radius}; expected at least ${least} points, or a larger radius`,
    );
  }
  const floats = kernelFloats(s, options);
  if (floats > LARGEST_KERNEL) {
    const edges = floats / kernelWidth;
    throw new Error(
      `resolution ${s}: ${edges} edges within the radius ${radius}, whose kernel of width ${kernelWidth} takes ${(floats / 2 ** 28).toFixed(1)} GiB an array and sample; expected at most ${LARGEST_KERNEL / 2 ** 28}; take a smaller radius or kernelWidth, or every n-th point`,
    );
  }
}

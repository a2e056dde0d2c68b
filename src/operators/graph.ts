/**
 * Kernel integrals on graphs: message passing whose messages are a learned matrix of the edge times the field at its source
 * (Li et al. 2020, "Neural Operator: Graph Kernel Network", arXiv 2003.03485, eq. 6),
 *
 *   (𝒦 v)_i = 1/|N(i)| Σ_{j → i} κ(e_ij) v_j,   κ: a perceptron from edge attributes to width × width matrices.
 */
import {
  add,
  checkpoint,
  concat,
  constant,
  gather,
  matmul,
  mul,
  relu,
  reshape,
  scatterAdd,
  sliceAxis,
  sum,
  transpose,
  type NDArray,
  type Tensor,
} from '../tensor/index.ts';
import { split, type Key } from '../tensor/random.ts';
import { linear, mlp, type LinearParameters, type MlpParameters } from '../nn/index.ts';

/** A directed graph; edge e carries a message from node sources[e] to node targets[e]. */
export interface Graph {
  readonly nodes: number;
  readonly sources: Int32Array;
  readonly targets: Int32Array;
}

/**
 * The graph in which node i of a ring of `nodes` hears the nodes i + offset, in the order given.
 *
 * @throws if a node would hear another twice.
 */
export function ringGraph(nodes: number, offsetsOf: (node: number) => readonly number[]): Graph {
  const sources: number[] = [];
  const targets: number[] = [];
  for (let i = 0; i < nodes; i++) {
    const heard = offsetsOf(i).map((offset) => (((i + offset) % nodes) + nodes) % nodes);
    if (new Set(heard).size < heard.length) {
      throw new Error(`ringGraph: node ${i} of ${nodes} hears ${heard.join(', ')}; expected each once`);
    }
    sources.push(...heard);
    targets.push(...heard.map(() => i));
  }
  return { nodes, sources: Int32Array.from(sources), targets: Int32Array.from(targets) };
}

/** Attributes of both ends of every edge, target first: [batch, nodes, f] → [batch, edges, 2f]. */
export const edgeAttributes = ({ sources, targets }: Graph, nodes: Tensor): Tensor =>
  concat([gather(nodes, indices(targets), 1), gather(nodes, indices(sources), 1)], 2);

const indices = (data: Int32Array): Tensor => constant({ data, shape: [data.length], dtype: 'int32' });

/** W v + b, and the perceptron κ. */
export type KernelParameters<Leaf = NDArray> = {
  readonly local: LinearParameters<Leaf>;
  readonly kernel: MlpParameters<Leaf>;
};

export const kernelIntegral = {
  /** κ has two hidden layers of `hidden` units and width² outputs, input channel slowest. */
  init(
    key: Key,
    {
      attributes,
      hidden,
      width,
    }: { readonly attributes: number; readonly hidden: number; readonly width: number },
  ): KernelParameters {
    const [localKey, kernelKey] = split(key, 2);
    return {
      local: linear.init(localKey, { inputs: width, outputs: width }),
      kernel: mlp.init(kernelKey, { sizes: [attributes, hidden, hidden, width * width] }),
    };
  },

  /**
   * v ↦ W v + b + 𝒦 v on [batch, nodes, width], for edge attributes [batch, edges, attributes]. κ is evaluated here once,
   * whatever the number of `applications` to fields that follow.
   *
   * Two ways to the same numbers. General: a matrix an edge, the product with the field gathered from the sources, and a
   * scatter-add to the targets; it costs `width² · hidden` operations an edge once. Where every node hears equally many, the
   * sum over the edges can go before the last linear map of κ; this costs `width² · hidden` operations a node and
   * application, and stores no matrices. The second is chosen where it is the cheaper.
   */
  prepare(
    p: KernelParameters<Tensor>,
    graph: Graph,
    attributes: Tensor,
    applications: number,
  ): (v: Tensor) => Tensor {
    const degree = commonDegree(graph);
    const integrate =
      degree !== null && degree > applications
        ? throughMoments(p.kernel, graph, degree, attributes)
        : throughMatrices(p.kernel, graph, attributes);
    return (v) => add(linear.apply(p.local, v), integrate(v));
  },
};

/** Σ_j κ(e_ij) v_j with the matrices κ(e_ij) in memory. */
export function throughMatrices(
  kernel: MlpParameters<Tensor>,
  { nodes, sources, targets }: Graph,
  attributes: Tensor,
): (v: Tensor) => Tensor {
  const [batch, edges] = attributes.shape;
  const weights = mlp.apply(kernel, attributes);
  const inverseDegrees = constant(
    degreesOf({ nodes, targets }).map((degree) => 1 / Math.max(degree, 1)),
    [nodes, 1],
  );
  return (v) => {
    const width = v.shape[2];
    const heard = reshape(gather(v, indices(sources), 1), [batch * edges, 1, width]);
    const messages = matmul(heard, reshape(weights, [batch * edges, width, width]));
    const sums = scatterAdd(indices(targets), reshape(messages, [batch, edges, width]), nodes, 1);
    return mul(sums, inverseDegrees);
  };
}

/**
 * The same with κ(e)_co = Σ_k h_k(e) K_kco + B_co, h the last hidden layer: Σ_j κ(e_ij) v_j = Σ_kc (Σ_j h_k(e_ij) v_jc) K_kco
 * + Σ_c (Σ_j v_jc) B_co. Needs the edges of a target together, `degree` a node.
 */
export function throughMoments(
  kernel: MlpParameters<Tensor>,
  { nodes, sources }: Graph,
  degree: number,
  attributes: Tensor,
): (v: Tensor) => Tensor {
  const [batch] = attributes.shape;
  const { weight, bias } = kernel[kernel.length - 1];
  const units = weight.shape[0];
  const features = relu(mlp.apply(kernel.slice(0, -1), attributes));
  const perNode = transpose(reshape(features, [batch * nodes, degree, units]));
  return (v) => {
    const width = v.shape[2];
    const heard = reshape(gather(v, indices(sources), 1), [batch * nodes, degree, width]);
    const moments = reshape(matmul(perNode, heard), [batch * nodes, units * width]);
    const sums = add(
      matmul(moments, reshape(weight, [units * width, width])),
      matmul(sum(heard, 1), reshape(bias, [width, width])),
    );
    return mul(reshape(sums, [batch, nodes, width]), 1 / degree);
  };
}

/** Floats of the largest array of one group of samples: half a GiB, of which a training step of `gno` holds about a dozen. */
const GROUP = 2 ** 27;

/**
 * f [batch, …] → [batch, …], which treats samples alike and apart, in groups one after another, so that memory does not grow
 * with the batch: `floatsPerSample` says what the largest array of f is. The backward pass computes each group again.
 */
export function inGroups<P>(
  f: (parameters: P, u: Tensor) => Tensor,
  floatsPerSample: number,
  limit = GROUP,
): (parameters: P, u: Tensor) => Tensor {
  return (parameters, u) => {
    const size = Math.max(1, Math.floor(limit / floatsPerSample));
    const [batch] = u.shape;
    if (batch <= size) return f(parameters, u);
    const starts = Array.from({ length: Math.ceil(batch / size) }, (_, i) => i * size);
    const apart = checkpoint(f);
    return concat(
      starts.map((start) => apart(parameters, sliceAxis(u, 0, start, Math.min(start + size, batch)))),
      0,
    );
  };
}

function degreesOf({ nodes, targets }: Pick<Graph, 'nodes' | 'targets'>): Float64Array {
  const degrees = new Float64Array(nodes);
  targets.forEach((target) => degrees[target]++);
  return degrees;
}

/** How many edges end at every node, if that is one number and the edges are in the order of their targets. */
function commonDegree(graph: Graph): number | null {
  const degree = graph.targets.length / graph.nodes;
  const together = graph.targets.every((target, e) => target === Math.floor(e / degree));
  return Number.isInteger(degree) && together ? degree : null;
}

/**
 * Networks that give the parameters of a coupling from the entries it keeps and a context. Their last layer begins at zero, so
 * that a new coupling is the identity (Kingma & Dhariwal 2018).
 */
import { z } from 'zod';
import {
  concat,
  constant,
  gelu,
  mapTree,
  matmul,
  mul,
  relu,
  reshape,
  showShape,
  silu,
  sizeOf,
  tanh,
  transpose,
  type NDArray,
  type Shape,
  type Tensor,
} from '../tensor/index.ts';
import { convolution, linear, mlp, type ConvolutionParameters, type MlpParameters } from '../nn/index.ts';
import { split, type Key } from '../tensor/random.ts';
import type { Domain } from './layer.ts';
import { pick, type Mask } from './masks.ts';

export const activations = { relu, silu, gelu, tanh } as const;

/** Options of every layer that has a network. */
export const networkOptions = {
  hidden: z.array(z.int().positive()).default([64, 64]),
  activation: z.enum(['relu', 'silu', 'gelu', 'tanh']).default('relu'),
};

export interface NetworkOptions {
  readonly hidden: readonly number[];
  readonly activation: keyof typeof activations;
}

export type ConditionerParameters<Leaf = NDArray> =
  { readonly dense: MlpParameters<Leaf> } | ConvolutionalParameters<Leaf>;

interface ConvolutionalParameters<Leaf> {
  readonly convolutions: readonly ConvolutionParameters<Leaf>[];
  /** Makes of a context the planes that the first convolution sees beside the image: `[context, CONTEXT_PLANES · pixels]`. */
  readonly context?: Leaf;
}

/** Convolutions alone would show a context to all pixels alike: planes of its own say where in the image it means what. */
const CONTEXT_PLANES = 4;

const zeroed = <T>(tree: T): T =>
  mapTree(tree, (leaf: NDArray) => ({ ...leaf, data: new Float32Array(leaf.data.length) })) as unknown as T;

/** An mlp whose last layer is zero. */
export function initDense(
  key: Key,
  inputs: number,
  outputs: number,
  hidden: readonly number[],
): MlpParameters {
  const layers = mlp.init(key, { sizes: [inputs, ...hidden, outputs] });
  return layers.map((layer, i) => (i === layers.length - 1 ? zeroed(layer) : layer));
}

/** Kernels of 3×3 outside and 1×1 between them, as in Glow. */
function initConvolutions(
  key: Key,
  visible: VisibleImages,
  outputs: number,
  context: number,
  { hidden }: NetworkOptions,
): ConvolutionalParameters<NDArray> {
  const planes = context > 0 ? CONTEXT_PLANES : 0;
  const sizes = [visible.inputs + planes, ...hidden, visible.changed * outputs];
  const last = sizes.length - 2;
  const [contextKey, ...keys] = split(key, sizes.length);
  const convolutions = keys.map((own, i) => {
    const side = i === 0 || i === last ? 3 : 1;
    const made = convolution.init(own, { inputs: sizes[i], outputs: sizes[i + 1], kernel: [side, side] });
    return i === last ? zeroed(made) : made;
  });
  if (planes === 0) return { convolutions };
  const maps = planes * sizeOf(visible.pixels);
  return { convolutions, context: linear.init(contextKey, { inputs: context, outputs: maps }).weight };
}

interface VisibleImages {
  /** Planes that a network sees of a sample, and planes with an entry that changes. */
  readonly inputs: number;
  readonly changed: number;
  /** Height and width of a plane. */
  readonly pixels: Shape;
}

/**
 * What the networks of a mask see and make of images of a shape: the planes of the mask, or where it has none the whole image with changed
 * entries 0, and a number for each of its entries, of which those that change count.
 */
function visibleImages(shape: Shape, { plane, kept, changed }: Mask): VisibleImages {
  if (!plane) return { inputs: shape[0], changed: shape[0], pixels: shape.slice(1) };
  const size = sizeOf(plane);
  return { inputs: kept.length / size, changed: changed.length / size, pixels: plane };
}

export const conditioner = {
  /** `outputs`: numbers for each changed entry. Images get convolutions, vectors dense layers. */
  init(
    key: Key,
    { shape, context }: Domain,
    mask: Mask,
    outputs: number,
    network: NetworkOptions,
  ): ConditionerParameters {
    if (shape.length === 3) {
      return initConvolutions(key, visibleImages(shape, mask), outputs, context, network);
    }
    const inputs = mask.kept.length + context;
    if (inputs === 0) {
      throw new Error(
        `coupling: samples ${showShape(shape)} without context leave nothing to condition on; use an autoregressive or elementwise layer`,
      );
    }
    return { dense: initDense(key, inputs, mask.changed.length * outputs, network.hidden) };
  },

  /** Flattened samples x `[batch, size]` of a shape → `[batch, changed, outputs]`. */
  apply(p: ConditionerParameters<Tensor>, x: Tensor, call: ConditionerCall): Tensor {
    const { mask, outputs, context, activation } = call;
    if ('dense' in p) {
      const inputs = joinContext(pick(x, mask.kept), context, p.dense[0].weight.shape[0]);
      return reshape(mlp.apply(p.dense, inputs, activations[activation]), [
        x.shape[0],
        mask.changed.length,
        outputs,
      ]);
    }
    return applyConvolutions(p, x, call);
  },
};

function applyConvolutions(
  { convolutions, context: weight }: ConvolutionalParameters<Tensor>,
  x: Tensor,
  { shape, mask, outputs, context, activation }: ConditionerCall,
): Tensor {
  const [batch] = x.shape;
  const { inputs, changed, pixels } = visibleImages(shape, mask);
  const planes = contextPlanes(weight, context);
  const seen = mask.plane ? pick(x, mask.kept) : mul(x, constant(indicatorOf(mask.kept, x.shape[1])));
  const image = reshape(seen, [batch, inputs, ...pixels]);
  const out = convolutions.reduce(
    (v, layer, i) => {
      const w = convolution.apply(layer, v, { padding: 'same' });
      return i < convolutions.length - 1 ? activations[activation](w) : w;
    },
    planes ? concat([image, reshape(planes, [batch, -1, ...pixels])], 1) : image,
  );
  // The numbers of a pixel lie in neighbouring channels: [batch, channels, outputs, pixels] → [batch, size, outputs].
  const numbers = transpose(reshape(out, [batch, changed, outputs, sizeOf(pixels)]));
  const all = reshape(numbers, [batch, changed * sizeOf(pixels), outputs]);
  return mask.plane ? all : pick(all, mask.changed);
}

function indicatorOf(positions: Int32Array, size: number): Float64Array {
  const visible = new Float64Array(size);
  positions.forEach((i) => (visible[i] = 1));
  return visible;
}

/** The planes of a context, row by row. @throws if it is not the context the network was made for. */
function contextPlanes(weight: Tensor | undefined, context: Tensor | undefined): Tensor | null {
  if (!weight && !context) return null;
  if (!weight) throw otherContext(0, context);
  return matmul(requireContext(context, weight.shape[0]), weight);
}

/** The context `[batch, expected]`. @throws if there is none or one of another length. */
export function requireContext(context: Tensor | undefined, expected: number): Tensor {
  if (context?.shape[1] === expected) return context;
  throw otherContext(expected, context);
}

const otherContext = (expected: number, context: Tensor | undefined): Error =>
  new Error(
    `flow: a network made for ${expected} numbers of context got ${context?.shape[1] ?? 'none'}; ${PASS_CONTEXT}`,
  );

export interface ConditionerCall {
  /** Of one sample. */
  readonly shape: Shape;
  readonly mask: Mask;
  /** Numbers for each changed entry. */
  readonly outputs: number;
  readonly context: Tensor | undefined;
  readonly activation: NetworkOptions['activation'];
}

/** Features and context side by side on axis 1, as many as the network was made for. */
export function joinContext(features: Tensor, context: Tensor | undefined, expected: number): Tensor {
  const joined = context ? concat([features, context], 1) : features;
  if (joined.shape[1] === expected) return joined;
  throw new Error(
    `flow: a network made for ${expected} inputs got ${joined.shape[1]} (${context ? `${context.shape[1]} of context` : 'no context'}); ${PASS_CONTEXT}`,
  );
}

const PASS_CONTEXT = 'pass the context [batch, n] that the flow was initialised for';

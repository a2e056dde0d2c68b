/**
 * Networks that give the parameters of a coupling from the entries it keeps and a context. Their last layer begins at zero, so
 * that a new coupling is the identity (Kingma & Dhariwal 2018).
 */
import { z } from 'zod';
import {
  broadcastTo,
  concat,
  constant,
  expandDims,
  gelu,
  mapTree,
  mul,
  relu,
  reshape,
  showShape,
  silu,
  tanh,
  transpose,
  type NDArray,
  type Shape,
  type Tensor,
} from '../tensor/index.ts';
import { convolution, mlp, type ConvolutionParameters, type MlpParameters } from '../nn/index.ts';
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
  { readonly dense: MlpParameters<Leaf> } | { readonly convolutions: readonly ConvolutionParameters<Leaf>[] };

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
  inputs: number,
  outputs: number,
  hidden: readonly number[],
): ConvolutionParameters[] {
  const sizes = [inputs, ...hidden, outputs];
  const last = sizes.length - 2;
  return split(key, sizes.length - 1).map((own, i) => {
    const side = i === 0 || i === last ? 3 : 1;
    const made = convolution.init(own, { inputs: sizes[i], outputs: sizes[i + 1], kernel: [side, side] });
    return i === last ? zeroed(made) : made;
  });
}

export const conditioner = {
  /** `outputs`: numbers for each changed entry. Images get convolutions, vectors dense layers. */
  init(
    key: Key,
    { shape, context }: Domain,
    mask: Mask,
    outputs: number,
    { hidden }: NetworkOptions,
  ): ConditionerParameters {
    if (shape.length === 3) {
      const [channels] = shape;
      return { convolutions: initConvolutions(key, channels + context, channels * outputs, hidden) };
    }
    const inputs = mask.kept.length + context;
    if (inputs === 0) {
      throw new Error(
        `coupling: samples ${showShape(shape)} without context leave nothing to condition on; use an autoregressive or elementwise layer`,
      );
    }
    return { dense: initDense(key, inputs, mask.changed.length * outputs, hidden) };
  },

  /** Flattened samples x `[batch, size]` of a shape → `[batch, changed, outputs]`. */
  apply(
    p: ConditionerParameters<Tensor>,
    x: Tensor,
    { shape, mask, outputs, context, activation }: ConditionerCall,
  ): Tensor {
    const f = activations[activation];
    const [batch] = x.shape;
    if ('dense' in p) {
      const inputs = joinContext(pick(x, mask.kept), context, p.dense[0].weight.shape[0]);
      return reshape(mlp.apply(p.dense, inputs, f), [batch, mask.changed.length, outputs]);
    }
    const [channels, height, width] = shape;
    const visible = new Float64Array(x.shape[1]);
    mask.kept.forEach((i) => (visible[i] = 1));
    const image = reshape(mul(x, constant(visible)), [batch, ...shape]);
    const maps =
      context && broadcastTo(expandDims(context, [2, 3]), [batch, context.shape[1], height, width]);
    const { convolutions } = p;
    const out = convolutions.reduce(
      (v, layer, i) => {
        const w = convolution.apply(layer, v, { padding: 'same' });
        return i < convolutions.length - 1 ? f(w) : w;
      },
      joinContext(image, maps, convolutions[0].weight.shape[1]),
    );
    // The numbers of a pixel lie in neighbouring channels: [batch, channels, outputs, pixels] → [batch, size, outputs].
    const numbers = transpose(reshape(out, [batch, channels, outputs, height * width]));
    return pick(reshape(numbers, [batch, channels * height * width, outputs]), mask.changed);
  },
};

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
    `flow: a network made for ${expected} inputs got ${joined.shape[1]} (${context ? `${context.shape[1]} of context` : 'no context'}); pass the context [batch, n] that the flow was initialised for`,
  );
}

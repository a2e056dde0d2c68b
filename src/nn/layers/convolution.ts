/** Convolution layers over any number of spatial axes, channels first. */
import { add, conv, convTranspose, reshape, type NDArray, type Tensor } from '../../tensor/index.ts';
import type { ConvolutionOptions, TransposedConvolutionOptions } from '../../tensor/index.ts';
import { split, type Key } from '../../tensor/random.ts';
import { convolutionFans, fanInUniform, type Initialiser } from '../initialisers.ts';

export type ConvolutionParameters<Leaf = NDArray> = {
  /** `[outputs, inputs / groups, ...kernel]`, as PyTorch's; transposed: `[inputs, outputs / groups, ...kernel]`. */
  readonly weight: Leaf;
  /** `[outputs]` */
  readonly bias: Leaf;
};

export interface ConvolutionLayerOptions {
  readonly inputs: number;
  readonly outputs: number;
  /** Sizes of the kernel, one for each spatial axis. */
  readonly kernel: readonly number[];
  readonly groups?: number;
  /** Default for both: uniform on ±1/√fanIn, as PyTorch's convolutions. */
  readonly weight?: Initialiser;
  readonly bias?: Initialiser;
}

function initConvolution(
  key: Key,
  { inputs, outputs, kernel, groups = 1, ...initialisers }: ConvolutionLayerOptions,
  transposed: boolean,
): ConvolutionParameters {
  for (const [name, channels] of Object.entries({ inputs, outputs })) {
    if (channels % groups !== 0) {
      throw new Error(`convolution: ${groups} groups do not divide the ${channels} ${name}`);
    }
  }
  const shape = transposed ? [inputs, outputs / groups, ...kernel] : [outputs, inputs / groups, ...kernel];
  const { fanIn } = convolutionFans(shape);
  const { weight = fanInUniform(fanIn), bias = fanInUniform(fanIn) } = initialisers;
  const [weightKey, biasKey] = split(key, 2);
  return { weight: weight(weightKey, shape), bias: bias(biasKey, [outputs]) };
}

/** A value for each channel of `[batch, channels, ...spatial]`. */
const perChannel = (values: Tensor, rank: number): Tensor =>
  reshape(values, [-1, ...Array.from({ length: rank - 2 }, () => 1)]);

export const convolution = {
  init: (key: Key, options: ConvolutionLayerOptions): ConvolutionParameters =>
    initConvolution(key, options, false),

  /** `[batch, inputs, ...spatial]` → `[batch, outputs, ...spatial']`. */
  apply: (
    { weight, bias }: ConvolutionParameters<Tensor>,
    x: Tensor,
    options: ConvolutionOptions = {},
  ): Tensor => add(conv(x, weight, options), perChannel(bias, x.rank)),
};

export const transposedConvolution = {
  init: (key: Key, options: ConvolutionLayerOptions): ConvolutionParameters =>
    initConvolution(key, options, true),

  /** `[batch, inputs, ...spatial]` → `[batch, outputs, ...spatial']`. */
  apply: (
    { weight, bias }: ConvolutionParameters<Tensor>,
    x: Tensor,
    options: TransposedConvolutionOptions = {},
  ): Tensor => add(convTranspose(x, weight, options), perChannel(bias, x.rank)),
};

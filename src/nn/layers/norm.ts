/** Normalisation layers: the core's normalisations with a learned scale and shift. */
import * as core from '../../tensor/index.ts';
import type { ChannelStatistics, NDArray, Tensor } from '../../tensor/index.ts';
import type { Key } from '../../tensor/random.ts';
import { onesInitialiser, zerosInitialiser } from '../initialisers.ts';

export type NormParameters<Leaf = NDArray> = {
  /** Scale `[size]`, one at the start. */
  readonly weight: Leaf;
  /** Shift `[size]`, zero at the start. */
  readonly bias: Leaf;
};

export interface NormOptions {
  /** Added to the variance, default 1e-5. */
  readonly epsilon?: number;
}

/** Initial parameters of a norm over `size` features or channels. */
function init(key: Key, { size }: { readonly size: number }): NormParameters {
  return { weight: onesInitialiser(key, [size]), bias: zerosInitialiser(key, [size]) };
}

const learned = <O extends NormOptions>({ weight, bias }: NormParameters<Tensor>, options: O) => ({
  ...options,
  scale: weight,
  shift: bias,
});

/** Over the last axis of each position: `[..., size]` → the same shape. */
export const layerNorm = {
  init,
  apply: (params: NormParameters<Tensor>, x: Tensor, options: NormOptions = {}): Tensor =>
    core.layerNorm(x, learned(params, options)),
};

/** Over the channels of a group and all positions of a sample: `[batch, size, ...spatial]` → the same shape. */
export const groupNorm = {
  init,
  apply: (
    params: NormParameters<Tensor>,
    x: Tensor,
    { groups, ...options }: NormOptions & { readonly groups: number },
  ): Tensor => core.groupNorm(x, groups, learned(params, options)),
};

/** Over all positions of each channel of each sample: `[batch, size, ...spatial]` → the same shape. */
export const instanceNorm = {
  init,
  apply: (params: NormParameters<Tensor>, x: Tensor, options: NormOptions = {}): Tensor =>
    core.instanceNorm(x, learned(params, options)),
};

/**
 * Over the batch and all positions of each channel: `[batch, size, ...spatial]` → the same shape. A pure function keeps no
 * running averages: pass `statistics` (of the whole training split, say) to normalise a sample independently of its batch.
 */
export const batchNorm = {
  init,
  apply: (
    params: NormParameters<Tensor>,
    x: Tensor,
    { statistics, ...options }: NormOptions & { readonly statistics?: ChannelStatistics } = {},
  ): Tensor =>
    statistics
      ? core.batchNormInference(x, statistics, learned(params, options))
      : core.batchNorm(x, learned(params, options)).y,

  /** Mean and population variance of each channel of `[batch, size, ...spatial]`. */
  statistics: (x: Tensor): ChannelStatistics => core.batchNorm(x).statistics,
};

/** Normalisation layers: values standardised over some axes, then scaled and shifted by learned amounts. */
import {
  add,
  div,
  mean,
  mul,
  reshape,
  showShape,
  sqrt,
  square,
  sub,
  variance,
  type NDArray,
  type Tensor,
} from '../../tensor/index.ts';
import type { Key } from '../../tensor/random.ts';
import { onesInitialiser, zerosInitialiser } from '../initialisers.ts';

export type NormParameters<Leaf = NDArray> = {
  /** Scale, one at the start. */
  readonly weight: Leaf;
  /** Shift, zero at the start. */
  readonly bias: Leaf;
};

export interface NormOptions {
  /** Added to the variance, default 1e-5. */
  readonly epsilon?: number;
}

/** Initial parameters of a norm over `size` features or channels. */
function initNorm(key: Key, { size }: { readonly size: number }): NormParameters {
  return { weight: onesInitialiser(key, [size]), bias: zerosInitialiser(key, [size]) };
}

function standardize(x: Tensor, axes: readonly number[], { epsilon = 1e-5 }: NormOptions): Tensor {
  const centred = sub(x, mean(x, axes, { keepDims: true }));
  return div(centred, sqrt(add(mean(square(centred), axes, { keepDims: true }), epsilon)));
}

const affine = ({ weight, bias }: NormParameters<Tensor>, x: Tensor): Tensor => add(mul(x, weight), bias);

/** Scale and shift of the channels of `[batch, channels, ...spatial]`. */
function channelAffine({ weight, bias }: NormParameters<Tensor>, x: Tensor): Tensor {
  const shape = [weight.shape[0], ...x.shape.slice(2).map(() => 1)];
  return affine({ weight: reshape(weight, shape), bias: reshape(bias, shape) }, x);
}

const requireSize = (where: string, actual: number, params: NormParameters<Tensor>, x: Tensor): void => {
  const [size] = params.weight.shape;
  if (actual !== size) {
    throw new Error(`${where}: the input is ${showShape(x.shape)}, its parameters are for ${size} features`);
  }
};

const spatialAxes = (x: Tensor): number[] => x.shape.slice(2).map((_, i) => i + 2);

/** Over the last axis of each position (Ba, Kiros & Hinton 2016). */
export const layerNorm = {
  init: initNorm,
  /** `[..., size]` → the same shape. */
  apply(params: NormParameters<Tensor>, x: Tensor, options: NormOptions = {}): Tensor {
    requireSize('layerNorm', x.shape[x.rank - 1], params, x);
    return affine(params, standardize(x, [x.rank - 1], options));
  },
};

/** Over the channels of a group and all positions of a sample (Wu & He 2018). */
export const groupNorm = {
  init: initNorm,
  /** `[batch, size, ...spatial]` → the same shape. */
  apply(
    params: NormParameters<Tensor>,
    x: Tensor,
    { groups, ...options }: NormOptions & { readonly groups: number },
  ): Tensor {
    requireSize('groupNorm', x.shape[1], params, x);
    const [batch, channels] = x.shape;
    if (!Number.isInteger(groups) || groups < 1 || channels % groups !== 0) {
      throw new Error(`groupNorm: ${groups} groups do not divide ${channels} channels`);
    }
    const grouped = standardize(reshape(x, [batch, groups, -1]), [2], options);
    return channelAffine(params, reshape(grouped, x.shape));
  },
};

/** Over all positions of each channel of each sample (Ulyanov, Vedaldi & Lempitsky 2016). */
export const instanceNorm = {
  init: initNorm,
  /** `[batch, size, ...spatial]` → the same shape. */
  apply(params: NormParameters<Tensor>, x: Tensor, options: NormOptions = {}): Tensor {
    requireSize('instanceNorm', x.shape[1], params, x);
    if (x.rank < 3) {
      throw new Error(
        `instanceNorm: the input is ${showShape(x.shape)}, expected [batch, channels, ...spatial]`,
      );
    }
    return channelAffine(params, standardize(x, spatialAxes(x), options));
  },
};

/** Mean and variance of each channel, `[size]`. */
export interface BatchStatistics {
  readonly mean: Tensor;
  readonly variance: Tensor;
}

/**
 * Over the batch and all positions of each channel (Ioffe & Szegedy 2015). A pure function keeps no running averages: pass
 * `statistics` (of the whole training split, say, by `batchNorm.statistics`) to normalise a sample independently of its
 * batch.
 */
export const batchNorm = {
  init: initNorm,
  /** `[batch, size, ...spatial]` → the same shape. */
  apply(
    params: NormParameters<Tensor>,
    x: Tensor,
    { statistics, epsilon = 1e-5 }: NormOptions & { readonly statistics?: BatchStatistics } = {},
  ): Tensor {
    requireSize('batchNorm', x.shape[1], params, x);
    const given = statistics ?? batchNorm.statistics(x);
    const shape = [x.shape[1], ...spatialAxes(x).map(() => 1)];
    const deviation = sqrt(add(reshape(given.variance, shape), epsilon));
    return channelAffine(params, div(sub(x, reshape(given.mean, shape)), deviation));
  },

  /** Mean and population variance of each channel of `[batch, size, ...spatial]`. */
  statistics(x: Tensor): BatchStatistics {
    const axes = [0, ...spatialAxes(x)];
    return { mean: mean(x, axes), variance: variance(x, axes) };
  },
};

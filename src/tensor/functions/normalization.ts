/** Normalisation: subtract the mean, divide by the standard deviation, over the axes that give each kind its name. */
import { add, div, mul, sqrt, sub } from '../ops/arithmetic.ts';
import { mean, variance } from '../ops/reduction.ts';
import { reshape } from '../ops/shape.ts';
import { standardize } from '../ops/standardize.ts';
import { sameShape, showShape, sizeOf, type Shape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

export interface NormalizationOptions {
  /** Factor for each feature (layerNorm: the normalised axes; others: [channels]). */
  readonly scale?: Tensor;
  /** Added to each feature, of the shape of `scale`. */
  readonly shift?: Tensor;
  /** Added to the variance; 1e-5 by default. */
  readonly epsilon?: number;
}

/** Scale and shift, each of shape `features`, laid out as `layout` to broadcast over x. */
function affine(
  x: Tensor,
  { scale, shift }: NormalizationOptions,
  features: Shape,
  layout: Shape,
  name: string,
): Tensor {
  for (const [what, value] of Object.entries({ scale, shift })) {
    if (value && !sameShape(value.shape, features))
      throw new Error(`${name}: ${what} is ${showShape(value.shape)}, expected ${showShape(features)}`);
  }
  const scaled = scale ? mul(x, reshape(scale, layout)) : x;
  return shift ? add(scaled, reshape(shift, layout)) : scaled;
}

/** [channels] laid along axis 1 of x [batch, channels, …]. */
const channelLayout = (x: Tensor): Shape => x.shape.slice(1).map((n, i) => (i === 0 ? n : 1));

function requireChannels(x: Tensor, least: number, name: string): void {
  if (x.rank < least)
    throw new Error(
      `${name}: x is ${showShape(x.shape)}, expected [batch, channels${least > 2 ? ', …spatial' : ''}]`,
    );
}

/**
 * Layer normalisation over the last `axes` axes of each sample (Ba, Kiros & Hinton 2016, arXiv 1607.06450);
 * scale and shift have the shape of those axes.
 */
export function layerNorm(
  x: Tensor,
  { axes = 1, epsilon = 1e-5, ...options }: NormalizationOptions & { readonly axes?: number } = {},
): Tensor {
  if (!Number.isInteger(axes) || axes < 1 || axes > x.rank)
    throw new Error(`layerNorm: axes ${axes} of x ${showShape(x.shape)}, expected 1 … ${x.rank}`);
  const features = x.shape.slice(x.rank - axes);
  const samples = reshape(x, [...x.shape.slice(0, x.rank - axes), sizeOf(features)]);
  const normal = reshape(standardize(samples, epsilon), x.shape);
  return affine(normal, options, features, features, 'layerNorm');
}

/**
 * Group normalisation: over the spatial axes and the channels of each group, x [batch, channels, …spatial]
 * (Wu & He 2018, arXiv 1803.08494); scale and shift [channels].
 *
 * @throws if groups does not divide the channels.
 */
export function groupNorm(
  x: Tensor,
  groups: number,
  { epsilon = 1e-5, ...options }: NormalizationOptions = {},
): Tensor {
  requireChannels(x, 2, 'groupNorm');
  const [batch, channels] = x.shape;
  if (!Number.isInteger(groups) || groups < 1 || channels % groups !== 0)
    throw new Error(
      `groupNorm: ${groups} groups of ${channels} channels; the groups must divide the channels`,
    );
  const split = reshape(x, [batch, groups, sizeOf(x.shape.slice(1)) / groups]);
  const normal = reshape(standardize(split, epsilon), x.shape);
  return affine(normal, options, [channels], channelLayout(x), 'groupNorm');
}

/** Instance normalisation: over the spatial axes of each channel of each sample, x [batch, channels, …spatial]. */
export function instanceNorm(x: Tensor, options: NormalizationOptions = {}): Tensor {
  requireChannels(x, 3, 'instanceNorm');
  return groupNorm(x, x.shape[1], options);
}

/** Mean and variance of each channel, both [channels]. */
export interface ChannelStatistics {
  readonly mean: Tensor;
  readonly variance: Tensor;
}

/**
 * Batch normalisation of x [batch, channels, …spatial] for training (Ioffe & Szegedy 2015, arXiv 1502.03167): over batch
 * and spatial axes. Returns the statistics of this batch beside y; the variance divides by n, and `updateStatistics`
 * keeps running ones.
 */
export function batchNorm(
  x: Tensor,
  options: NormalizationOptions = {},
): { readonly y: Tensor; readonly statistics: ChannelStatistics } {
  requireChannels(x, 2, 'batchNorm');
  const axes = x.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]));
  const statistics = { mean: mean(x, axes), variance: variance(x, axes) };
  return { y: batchNormInference(x, statistics, options), statistics };
}

/** Batch normalisation with given statistics, as in inference. */
export function batchNormInference(
  x: Tensor,
  statistics: ChannelStatistics,
  { epsilon = 1e-5, ...options }: NormalizationOptions = {},
): Tensor {
  requireChannels(x, 2, 'batchNorm');
  const layout = channelLayout(x);
  const channels = [x.shape[1]];
  for (const [what, value] of Object.entries(statistics) as [string, Tensor][]) {
    if (!sameShape(value.shape, channels))
      throw new Error(`batchNorm: the ${what} is ${showShape(value.shape)}, expected ${showShape(channels)}`);
  }
  const centred = sub(x, reshape(statistics.mean, layout));
  const normal = div(centred, reshape(sqrt(add(statistics.variance, epsilon)), layout));
  return affine(normal, options, channels, layout, 'batchNorm');
}

/**
 * Running statistics moved towards those of a batch of `count` values a channel: (1 − momentum)·running + momentum·batch,
 * the batch's variance corrected to divide by count − 1.
 */
export function updateStatistics(
  running: ChannelStatistics,
  batch: ChannelStatistics,
  count: number,
  momentum = 0.1,
): ChannelStatistics {
  if (!Number.isInteger(count) || count < 2)
    throw new Error(`updateStatistics: count ${count}, expected a whole number ≥ 2 of values a channel`);
  const blend = (old: Tensor, now: Tensor, factor: number): Tensor =>
    add(mul(1 - momentum, old), mul(momentum * factor, now));
  return {
    mean: blend(running.mean, batch.mean, 1),
    variance: blend(running.variance, batch.variance, count / (count - 1)),
  };
}

/** ActNorm and batch norm: channels brought to mean 0 and variance 1. */
import { z } from 'zod';
import {
  add,
  exp,
  log,
  mean,
  mul,
  neg,
  square,
  sub,
  sum,
  type NDArray,
  type Tensor,
} from '../../tensor/index.ts';
import { zerosInitialiser } from '../../nn/index.ts';
import { layer } from '../layer.ts';
import { scaleConstants } from '../lipschitzConstants.ts';
import { channelMoments } from '../moments.ts';
import { alongChannels, channelsOf, perSample, pixelsOf } from '../samples.ts';
import { identityScaleShift } from '../scaleShift.ts';

const float32 = (data: Float64Array): NDArray => ({
  data: Float32Array.from(data),
  shape: [data.length],
  dtype: 'float32',
});

/** y = eˢ (x + b) a channel; set by the first data it sees, in whatever units they are, learned from there. */
export const actNorm = layer('act-norm', {
  title: 'ActNorm',
  source: 'Kingma & Dhariwal 2018 (Glow), section 3.1',
  options: z.strictObject({}),
  examples: [{ shape: [3] }, { shape: [2, 2, 1] }],
  init: (key, { shape }) => identityScaleShift(key, [channelsOf(shape)]),
  forward({ logScale, shift }, x) {
    const shape = x.shape.slice(1);
    return {
      y: mul(add(x, alongChannels(shift, shape)), alongChannels(exp(logScale), shape)),
      logDet: perSample(mul(pixelsOf(shape), sum(logScale)), x),
    };
  },
  inverse({ logScale, shift }, y) {
    const shape = y.shape.slice(1);
    return {
      x: sub(mul(y, alongChannels(exp(neg(logScale)), shape)), alongChannels(shift, shape)),
      logDet: perSample(mul(-pixelsOf(shape), sum(logScale)), y),
    };
  },
  lipschitz: ({ logScale }) => scaleConstants(logScale),
  calibrate(p, x, stage) {
    if (stage === 'end') return p;
    const { mean: centre, variance } = channelMoments(x);
    return {
      logScale: float32(variance.map((v) => (v > 0 ? -0.5 * Math.log(v) : 0))),
      shift: float32(centre.map((m) => -m)),
    };
  },
});

/** What is added to a variance before its root. */
const EPSILON = 1e-5;

/**
 * Batch norm (Dinh et al. 2017, section 3.7): y = e^γ (x − μ) / √(σ² + ε) + β. While training, μ and σ² are those of the batch, and so
 * they are in its validation; after it they are those of the data, stored beside the parameters, and samples no longer depend on each other.
 */
export const batchNorm = layer('batch-norm', {
  title: 'Batch norm',
  source: 'Dinh, Sohl-Dickstein & Bengio 2017, section 3.7',
  options: z.strictObject({}),
  mixesSamples: true,
  examples: [{ shape: [3] }, { shape: [2, 2, 1] }],
  init(key, { shape }) {
    const zeros = zerosInitialiser(key, [channelsOf(shape)]);
    return { logGain: zeros, bias: zeros, mean: zeros, logVariance: zeros };
  },
  forward(p, x, { training }) {
    const shape = x.shape.slice(1);
    const { centre, logScale } = statistics(p, training ? x : null);
    const scaled = mul(sub(x, alongChannels(centre, shape)), alongChannels(exp(logScale), shape));
    return {
      y: add(scaled, alongChannels(p.bias, shape)),
      logDet: perSample(mul(pixelsOf(shape), sum(logScale)), x),
    };
  },
  inverse(p, y) {
    const shape = y.shape.slice(1);
    const { centre, logScale } = statistics(p, null);
    const scaled = mul(sub(y, alongChannels(p.bias, shape)), alongChannels(exp(neg(logScale)), shape));
    return {
      x: add(scaled, alongChannels(centre, shape)),
      logDet: perSample(mul(-pixelsOf(shape), sum(logScale)), y),
    };
  },
  calibrate(p, x) {
    const { mean: centre, variance } = channelMoments(x);
    return { ...p, mean: float32(centre), logVariance: float32(variance.map((v) => Math.log(v + 1e-30))) };
  },
});

type BatchNormTensors = Readonly<Record<'logGain' | 'mean' | 'logVariance', Tensor>>;

/** Centre and logarithm of the whole scale of each channel, of a batch or as stored. */
function statistics(p: BatchNormTensors, batch: Tensor | null): { centre: Tensor; logScale: Tensor } {
  const root = (variance: Tensor): Tensor => mul(-0.5, log(add(variance, EPSILON)));
  if (!batch) return { centre: p.mean, logScale: add(p.logGain, root(exp(p.logVariance))) };
  const axes = batch.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]));
  const centre = mean(batch, axes);
  const centred = sub(batch, alongChannels(centre, batch.shape.slice(1)));
  return { centre, logScale: add(p.logGain, root(mean(square(centred), axes))) };
}

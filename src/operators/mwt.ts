/**
 * Multiwavelet operator (Gupta, Xiao & Bogdan 2021, "Multiwavelet-based Operator Learning for Differential Equations",
 * arXiv 2109.13459). Per level, with kernels A, B, C shared by all levels and a linear map T̄ at the coarsest:
 *
 *   U_d = A d + B s,   U_s = C d,   s ← T̄ s at the top,   going down again: s ← reconstruct(s + U_s, U_d).
 *
 * The kernels are linear, so this is evaluated on the Fourier modes of all levels at once (wavelet.ts).
 */
import { z } from 'zod';
import { add, matmul, relu, reshape, sliceAxis, type Tensor } from '../tensor/index.ts';
import { split, type Key } from '../tensor/random.ts';
import { linear, xavierNormal } from '../nn/index.ts';
import { operator, type TensorsOf } from './operator.ts';
import {
  bandsOf,
  initKernels,
  kernelOn,
  levelsToModes,
  mixChannels,
  modesToLevels,
  pair,
  unpair,
  waveletTransform,
  type WaveletOptions,
} from './wavelet.ts';

/** Options that every operator on the multiwavelet pyramid has. */
export const pyramidOptions = {
  basis: z.enum(['legendre', 'chebyshev']).default('legendre'),
  /** Polynomials a cell. */
  k: z.int().min(1).max(8).default(4),
  channels: z.int().positive().default(16),
  /** Fourier modes kept at each level. */
  modes: z.int().positive().default(10),
};

export const mwt = operator('mwt', {
  title: 'Multiwavelet operator',
  source: 'Gupta, Xiao & Bogdan 2021, arXiv 2109.13459',
  options: z.strictObject({ ...pyramidOptions, layers: z.int().positive().default(2) }),
  init: (key, options) => initPyramid(key, options, (layer) => initLayer(layer, options)),
  apply: (p, u, options) => applyPyramid(p, u, (layer, x) => applyLayer(layer, x, options)),
  checkResolution: requirePowerOfTwo,
});

const initLayer = (key: Key, { k, channels, modes }: WaveletOptions) => {
  const [kernels, coarsest] = split(key, 2);
  return {
    kernels: initKernels(kernels, 3, modes, channels * k),
    coarsest: linear.init(coarsest, { inputs: k, outputs: k }),
  };
};

type LayerParameters = TensorsOf<ReturnType<typeof initLayer>>;

function applyLayer(p: LayerParameters, x: Tensor, options: WaveletOptions): Tensor {
  const { modes } = options;
  const w = waveletTransform(options);
  const { pairs, top } = descend(x, w.toScaling);

  const sizes = pairs.map((field) => field.shape[1]);
  const bands = bandsOf(sizes, modes);
  const corrections = bands.map((band) => {
    const { s, d } = scalingAndDetail(mixChannels(levelsToModes(pairs, band), w.toScalingAndDetail), w.width);
    const [A, B, C] = [0, 1, 2].map((i) => kernelOn(p.kernels, i, modes, band));
    const updateD = add(matmul(d, A), matmul(s, B));
    return add(mixChannels(updateD, w.fromDetail), mixChannels(matmul(d, C), w.fromScaling));
  });
  return ascend(
    applyCoarsest(p.coarsest, top, options),
    modesToLevels(corrections, bands, sizes),
    w.fromScaling,
  );
}

/** The pairs [even | odd] of every level, finest first, and the scaling coefficients of the single cell at the top. */
export function descend(x: Tensor, toScaling: Tensor): { pairs: Tensor[]; top: Tensor } {
  const pairs: Tensor[] = [];
  let s = x;
  while (s.shape[1] > 1) {
    pairs.push(pair(s));
    s = matmul(pairs[pairs.length - 1], toScaling);
  }
  return { pairs, top: s };
}

/** From the top down again: s ← [s · R_s + correction] as twice as many cells, coarsest level first. */
export function ascend(top: Tensor, corrections: readonly Tensor[], fromScaling: Tensor): Tensor {
  return corrections.reduceRight((s, correction) => unpair(add(matmul(s, fromScaling), correction)), top);
}

/** Real and imaginary parts of s and of d from modes of [s | d]: each [modes, rows, 2w]. */
export function scalingAndDetail(pyramid: Tensor, width: number): { s: Tensor; d: Tensor } {
  const [modes, rows] = pyramid.shape;
  const split4 = reshape(pyramid, [modes, rows, 2, 2 * width]);
  const half = (start: number): Tensor =>
    reshape(sliceAxis(split4, 3, start, start + width), [modes, rows, 2 * width]);
  return { s: half(0), d: half(width) };
}

/** The map of the coarsest cell acts on the k polynomials of every channel alike. */
export function applyCoarsest(
  p: TensorsOf<ReturnType<typeof linear.init>>,
  top: Tensor,
  { k, channels }: WaveletOptions,
): Tensor {
  const [batch] = top.shape;
  return reshape(linear.apply(p, reshape(top, [batch, channels, k])), top.shape);
}

/** Lift to ck channels, layers with ReLU between them, a head of two linear maps (Xavier-normal weights, as published). */
export function initPyramid<Layer>(
  key: Key,
  { k, channels, layers }: WaveletOptions & { readonly layers: number },
  initOne: (key: Key) => Layer,
) {
  const [lift, body, first, last] = split(key, 4);
  const width = channels * k;
  const xavier = { weight: xavierNormal() };
  return {
    lift: linear.init(lift, { inputs: 1, outputs: width }),
    layers: split(body, layers).map(initOne),
    head: [
      linear.init(first, { inputs: width, outputs: 128, ...xavier }),
      linear.init(last, { inputs: 128, outputs: 1, ...xavier }),
    ] as const,
  };
}

interface PyramidParameters<Layer> {
  readonly lift: TensorsOf<ReturnType<typeof linear.init>>;
  readonly layers: readonly Layer[];
  readonly head: readonly [
    TensorsOf<ReturnType<typeof linear.init>>,
    TensorsOf<ReturnType<typeof linear.init>>,
  ];
}

export function applyPyramid<Layer>(
  p: PyramidParameters<Layer>,
  u: Tensor,
  applyOne: (layer: Layer, x: Tensor) => Tensor,
): Tensor {
  requirePowerOfTwo(u.shape[1]);
  let x = linear.apply(p.lift, u);
  p.layers.forEach((layer, i) => (x = i === 0 ? applyOne(layer, x) : applyOne(layer, relu(x))));
  return linear.apply(p.head[1], relu(linear.apply(p.head[0], x)));
}

export function requirePowerOfTwo(s: number): void {
  if (s < 2 || (s & (s - 1)) !== 0) {
    throw new Error(
      `resolution ${s}: the dyadic wavelet transform needs a power of two; take every n-th point or resample first`,
    );
  }
}

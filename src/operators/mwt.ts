/**
 * Multiwavelet operator (Gupta, Xiao & Bogdan 2021, "Multiwavelet-based Operator Learning for Differential Equations",
 * arXiv 2109.13459). Per level, with kernels A, B, C shared by all levels and a linear map T̄ at the coarsest:
 *
 *   U_d = A d + B s,   U_s = C d,   s ← T̄ s at the top,   going down again: s ← reconstruct(s + U_s, U_d).
 *
 * The kernels are linear, so this is evaluated on the Fourier modes of all levels at once (wavelet.ts).
 */
import { z } from 'zod';
import { add, concat, matmul, relu, reshape, sliceAxis, transpose, type Tensor } from '../tensor/index.ts';
import { split, type Key } from '../tensor/random.ts';
import { linear, xavierNormal } from '../nn/index.ts';
import { coarseCells, coarsePyramid, type ScalingAndDetail } from './coarsePyramid.ts';
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
  levels: waveletLevels,
});

const initLayer = (key: Key, { k, channels, modes }: WaveletOptions) => {
  const [kernels, coarsest] = split(key, 2);
  return {
    /** A: d → d, B: s → d, C: d → s. */
    kernels: initKernels(kernels, 3, modes, channels * k),
    coarsest: linear.init(coarsest, { inputs: k, outputs: k }),
  };
};

type LayerParameters = TensorsOf<ReturnType<typeof initLayer>>;

function applyLayer(p: LayerParameters, x: Tensor, options: WaveletOptions): Tensor {
  const { k, modes } = options;
  const w = waveletTransform(options);
  const { pairs, top: coarse } = descend(x, w, coarseCells(k));

  // The levels of a band: long ones first, which are pairs of fields, then those of the coarse field, treated at once.
  const fine = pairs.map((field) => field.shape[1]);
  const bands = bandsOf([...fine, ...halvings(coarse.shape[1])], modes);
  const fineBands = bands.map((band) => ({ ...band, sizes: band.sizes.slice(0, fine.length) }));
  const coarseBands = bands.flatMap((band) =>
    band.sizes.length > fine.length ? [{ ...band, sizes: band.sizes.slice(fine.length) }] : [],
  );
  const pyramid = coarsePyramid(options, coarse.shape[1], coarseBands);
  const { modes: coarseModes, top } = pyramid.toModes(coarse);

  const updates = bands.map((band, i): ScalingAndDetail => {
    const levels = coarseModes.slice(i, i + 1);
    if (fine.length > 0)
      levels.unshift(
        scalingAndDetail(mixChannels(levelsToModes(pairs, fineBands[i]), w.toScalingAndDetail), w.width),
      );
    const [s, d] = (['s', 'd'] as const).map((kind) =>
      concat(
        levels.map((each) => each[kind]),
        1,
      ),
    );
    const [A, B, C] = p.kernels.map((kernel) => kernelOn(kernel, band));
    return { s: matmul(d, C), d: add(matmul(d, A), matmul(s, B)) };
  });

  const fineRows = fineBands.map(({ sizes }) => sizes.length * x.shape[0]);
  const coarseUpdates = coarseBands.map((_, i) => rowsOf(updates[i], fineRows[i]));
  const below = pyramid.fromModes(coarseUpdates, applyCoarsest(p.coarsest, top, options));
  if (fine.length === 0) return below;
  const corrections = updates.map((update, i) => {
    const { s, d } = rowsOf(update, 0, fineRows[i]);
    return add(mixChannels(d, w.fromDetail), mixChannels(s, w.fromScaling));
  });
  return ascend(below, modesToLevels(corrections, fineBands, fine), w);
}

/** Numbers of pairs of cells on the levels of a field of n cells, n/2 … 1. */
const halvings = (n: number): number[] => (n < 2 ? [] : [n / 2, ...halvings(n / 2)]);

const rowsOf = ({ s, d }: ScalingAndDetail, from: number, to?: number): ScalingAndDetail => ({
  s: sliceAxis(s, 1, from, to),
  d: sliceAxis(d, 1, from, to),
});

/** The pairs [even | odd] of every level, finest first, and the scaling coefficients above them, in at most so many cells. */
export function descend(
  x: Tensor,
  { coarsen }: ReturnType<typeof waveletTransform>,
  cells = 1,
): { pairs: Tensor[]; top: Tensor } {
  const pairs: Tensor[] = [];
  let s = x;
  for (; s.shape[1] > cells; s = coarsen(s)) pairs.push(pair(s));
  return { pairs, top: s };
}

/** From the top down again: s ← reconstruct(s) + correction, twice as many cells each time, coarsest level first. */
export const ascend = (
  top: Tensor,
  corrections: readonly Tensor[],
  { refine }: ReturnType<typeof waveletTransform>,
): Tensor => corrections.reduceRight((s, correction) => add(refine(s), unpair(correction)), top);

/** Real and imaginary parts of s and of d from modes of [s | d]: each [modes, rows, 2w]. */
export function scalingAndDetail(pyramid: Tensor, width: number): ScalingAndDetail {
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
  const byChannel = transpose(reshape(top, [batch, k, channels]), [0, 2, 1]);
  return reshape(transpose(linear.apply(p, byChannel), [0, 2, 1]), top.shape);
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

/** Levels of the wavelet transform of s points: s/2 pairs of cells, s/4, … 1. */
export function waveletLevels(s: number): number {
  return Math.log2(s);
}

export function requirePowerOfTwo(s: number): void {
  if (s < 2 || (s & (s - 1)) !== 0) {
    throw new Error(
      `resolution ${s}: the dyadic wavelet transform needs a power of two; take every n-th point or resample first`,
    );
  }
}

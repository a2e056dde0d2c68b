/**
 * Conformal bijections of Rⁿ: JᵀJ = λ² I, so log |det J| = n log λ. By Liouville's theorem, for n ≥ 3 they are all Möbius maps. With a
 * zero-padding they are the conformal embeddings of injective.ts (Ross & Cresswell 2021).
 *
 * With a context, a network adds to the parameters, sample by sample; its last layer begins at zero.
 */
import { z } from 'zod';
import {
  add,
  div,
  exp,
  log,
  maximum,
  mul,
  neg,
  reshape,
  sizeOf,
  sliceAxis,
  square,
  sub,
  sum,
  abs,
  type NDArray,
  type Tensor,
} from '../../tensor/index.ts';
import { mlp, normalInitialiser, zerosInitialiser, type MlpParameters } from '../../nn/index.ts';
import { split, type Key } from '../../tensor/random.ts';
import { activations, initDense, networkOptions, type NetworkOptions } from '../conditioner.ts';
import { layer, type Domain, type Given } from '../layer.ts';
import { flattenSamples } from '../samples.ts';

interface Numbers<Leaf = NDArray> {
  /** The parameters of the map one after the other. */
  readonly own: Leaf;
  /** Of a flow with a context: what is added to them. */
  readonly network?: MlpParameters<Leaf>;
}

const network = { hidden: networkOptions.hidden.default([32]), activation: networkOptions.activation };

function initNumbers(key: Key, own: NDArray, { context }: Domain, { hidden }: NetworkOptions): Numbers {
  if (context === 0) return { own };
  return { own, network: initDense(key, context, own.shape[0], hidden) };
}

/** The parameters, cut into parts of the given sizes: each `[1 or batch, size]`. */
function numbersOf(
  { own, network: added }: Numbers<Tensor>,
  sizes: readonly number[],
  { context, options }: Given & { readonly options: NetworkOptions },
): Tensor[] {
  if ((added === undefined) !== (context === undefined)) {
    throw new Error(
      `flow: a conformal layer made ${added ? 'for a' : 'without'} context got ${context ? 'one' : 'none'}; pass the context [batch, n] that the flow was initialised for`,
    );
  }
  const base = reshape(own, [1, -1]);
  const all = added && context ? add(base, mlp.apply(added, context, activations[options.activation])) : base;
  let start = 0;
  return sizes.map((size) => sliceAxis(all, 1, start, (start += size)));
}

const examples = [
  { shape: [1] },
  { shape: [2] },
  { shape: [3], context: 2, options: { hidden: [4] } },
  { shape: [2, 2, 1] },
];

/** ‖x‖² of rows, `[batch, 1]`. */
const squaredLength = (x: Tensor): Tensor => sum(square(x), 1, { keepDims: true });

/** A sum over each row, made of something that may be the same for all rows: `[1 or batch, 1]` → `[batch]`. */
const forEachRow = (value: Tensor, rows: Tensor): Tensor =>
  add(reshape(value, [value.shape[0]]), mul(0, reshape(sliceAxis(rows, 1, 0, 1), [rows.shape[0]])));

/** y = eˢ x + b with one scale for all entries; λ = eˢ. */
export const scaleShift = layer('scale-shift', {
  title: 'Scale and shift, one scale',
  source: 'Ross & Cresswell 2021 (Conformal embedding flows)',
  options: z.strictObject(network),
  conformal: true,
  examples,
  init(key, domain, options) {
    return initNumbers(key, zerosInitialiser(key, [1 + sizeOf(domain.shape)]), domain, options);
  },
  forward(p, x, call) {
    const flat = flattenSamples(x);
    const [logScale, shift] = numbersOf(p, [1, flat.shape[1]], call);
    return {
      y: reshape(add(mul(exp(logScale), flat), shift), x.shape),
      logDet: mul(flat.shape[1], forEachRow(logScale, flat)),
    };
  },
  inverse(p, y, call) {
    const flat = flattenSamples(y);
    const [logScale, shift] = numbersOf(p, [1, flat.shape[1]], call);
    return {
      x: reshape(mul(exp(neg(logScale)), sub(flat, shift)), y.shape),
      logDet: mul(-flat.shape[1], forEachRow(logScale, flat)),
    };
  },
});

/** Reflections one after the other, x ← x − 2 v (vᵀx)/‖v‖²: vectors `[1 or batch, n · count]`. */
function reflect(x: Tensor, vectors: Tensor, order: 'forward' | 'backward'): Tensor {
  const n = x.shape[1];
  const count = vectors.shape[1] / n;
  const parts = Array.from({ length: count }, (_, i) => sliceAxis(vectors, 1, i * n, (i + 1) * n));
  if (order === 'backward') parts.reverse();
  return parts.reduce((rows, v) => {
    const along = div(sum(mul(v, rows), 1, { keepDims: true }), squaredLength(v));
    return sub(rows, mul(2, mul(along, v)));
  }, x);
}

/** Held above 0: at the pole itself a map has no value. */
const awayFromPole = (squared: Tensor): Tensor => maximum(squared, 1e-30);

/**
 * Möbius map y = b + α (A x − a) / ‖A x − a‖², A orthogonal, α > 0; λ = α / ‖A x − a‖². Its inverse is x = Aᵀ(a + α (y − b) / ‖y − b‖²). It
 * begins with the origin mapped to itself at λ = 1 and the pole three units away, or as far as the option says.
 */
export const mobius = layer('mobius', {
  title: 'Möbius',
  source: 'Ross & Cresswell 2021 (Conformal embedding flows)',
  options: z.strictObject({
    ...network,
    reflections: z.int().positive().optional(),
    /** Distance of the pole from the origin at the beginning. */
    pole: z.number().positive().default(3),
  }),
  conformal: true,
  examples,
  init(key, domain, options) {
    const n = sizeOf(domain.shape);
    const [vectors, direction, networkKey] = split(key, 3);
    const reflections = normalInitialiser()(vectors, [(options.reflections ?? n) * n]);
    const pole = normalInitialiser()(direction, [n]).data as Float32Array;
    const length = Math.hypot(...pole);
    const a = pole.map((v) => (options.pole * v) / length);
    const own = Float32Array.from([2 * Math.log(options.pole), ...a, ...a, ...reflections.data]);
    return initNumbers(networkKey, { data: own, shape: [own.length], dtype: 'float32' }, domain, options);
  },
  forward(p, x, call) {
    const flat = flattenSamples(x);
    const { logAlpha, a, b, vectors } = mobiusNumbers(p, flat, call);
    const offset = sub(reflect(flat, vectors, 'forward'), a);
    const squared = awayFromPole(squaredLength(offset));
    return {
      y: reshape(add(b, mul(div(exp(logAlpha), squared), offset)), x.shape),
      logDet: inversionLogDet(logAlpha, squared, flat),
    };
  },
  inverse(p, y, call) {
    const flat = flattenSamples(y);
    const { logAlpha, a, b, vectors } = mobiusNumbers(p, flat, call);
    const offset = sub(flat, b);
    const squared = awayFromPole(squaredLength(offset));
    const x = reflect(add(a, mul(div(exp(logAlpha), squared), offset)), vectors, 'backward');
    return { x: reshape(x, y.shape), logDet: inversionLogDet(logAlpha, squared, flat) };
  },
});

function mobiusNumbers(
  p: Numbers<Tensor>,
  flat: Tensor,
  call: Given & { readonly options: NetworkOptions & { readonly reflections?: number | undefined } },
): Record<'logAlpha' | 'a' | 'b' | 'vectors', Tensor> {
  const n = flat.shape[1];
  const [logAlpha, a, b, vectors] = numbersOf(p, [1, n, n, (call.options.reflections ?? n) * n], call);
  return { logAlpha, a, b, vectors };
}

/** n log λ of an inversion in a sphere, λ = α / r². */
const inversionLogDet = (logAlpha: Tensor, squared: Tensor, flat: Tensor): Tensor =>
  mul(flat.shape[1], forEachRow(sub(logAlpha, log(squared)), flat));

/**
 * Special conformal map y = (x − b‖x‖²) / D, D = 1 − 2 bᵀx + ‖b‖²‖x‖²; λ = 1/|D|, so log |det J| = −n log |D|. Its inverse is the same
 * map with −b.
 */
export const specialConformal = layer('special-conformal', {
  title: 'Special conformal',
  source: 'Ross & Cresswell 2021 (Conformal embedding flows)',
  options: z.strictObject(network),
  conformal: true,
  examples,
  init: (key, domain, options) =>
    initNumbers(key, normalInitialiser(0, 0.01)(key, [sizeOf(domain.shape)]), domain, options),
  forward(p, x, call) {
    const flat = flattenSamples(x);
    const [b] = numbersOf(p, [flat.shape[1]], call);
    const { value, logDet } = specialConformalMap(flat, b);
    return { y: reshape(value, x.shape), logDet };
  },
  inverse(p, y, call) {
    const flat = flattenSamples(y);
    const [b] = numbersOf(p, [flat.shape[1]], call);
    const { value, logDet } = specialConformalMap(flat, neg(b));
    return { x: reshape(value, y.shape), logDet };
  },
});

function specialConformalMap(x: Tensor, b: Tensor): { value: Tensor; logDet: Tensor } {
  const squared = squaredLength(x);
  const along = sum(mul(b, x), 1, { keepDims: true });
  const denominator = add(sub(1, mul(2, along)), mul(squaredLength(b), squared));
  return {
    value: div(sub(x, mul(b, squared)), denominator),
    logDet: mul(-x.shape[1], forEachRow(log(abs(denominator)), x)),
  };
}

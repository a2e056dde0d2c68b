/**
 * Densities of images whose pixels have grey levels 0 … L − 1, scaled to [0, 1). Noise that is uniform over a level makes a density of
 * them (Uria, Murray & Larochelle 2013): x = (level + u) / L. Its mean negative log-likelihood, as `bitsPerDimension`, is an upper
 * bound of the bits that coding the levels takes (Theis, van den Oord & Bethge 2016).
 */
import { add, allocate, type NDArray } from '../tensor/index.ts';
import { foldIn, key as seedKey, uniform, type Key } from '../tensor/random.ts';
import type { Density, FitOptions, FlowSplit } from './density.ts';
import { logit } from './layers/elementwise.ts';

/** Images x in [0, 1) with their levels' places filled by noise of a key: (level + u) / L, like x. */
export function dequantize(x: NDArray, levels: number, key: Key): NDArray {
  const noise = uniform(key, x.data.length);
  return { ...x, data: Float32Array.from(x.data, (v, i) => (levelOf(v, levels) + noise[i]) / levels) };
}

/** Rounding of single precision must not turn a level into the one below. */
const levelOf = (v: number, levels: number): number => Math.floor(v * levels + 1e-3);

/** Middles of the levels of images x in [0, 1). */
const middles = (x: NDArray, levels: number): NDArray => ({
  ...x,
  data: Float32Array.from(x.data, (v) => (levelOf(v, levels) + 0.5) / levels),
});

/** A density that is trained on images with levels, by new noise in every batch; what it is a density of does not change. */
export function dequantized<P>(inner: Density<P>, levels = 256): Density<P> {
  return {
    ...inner,
    fit({ data: { train, validation }, augment = (batch) => batch, ...options }) {
      const { x, ...beside } = validation ?? {};
      return inner.fit({
        ...options,
        data: {
          train: { ...train, x: middles(train.x, levels) },
          // The same noise in every epoch, and another than any batch has.
          ...(x && {
            validation: { ...beside, x: dequantize(x, levels, foldIn(seedKey(options.seed), 2)) },
          }),
        },
        augment(batch, key) {
          const { x: images, ...rest } = augment(batch, foldIn(key, 0));
          return { ...rest, x: dequantize(images, levels, foldIn(key, 1)) };
        },
      });
    },
  };
}

/**
 * The model of logits as a density of images in [0, 1): y = logit(α + (1 − 2α) x), with the determinant of that map (Dinh et al. 2017,
 * section 4.1).
 */
export function inLogits<P>(inner: Density<P>, alpha = 0.05): Density<P> {
  const map = logit.create({ alpha });
  const toLogits = (x: NDArray): NDArray => logitsOf(x, alpha);
  const toImages = mapped((v) => (1 / (1 + Math.exp(-v)) - alpha) / (1 - 2 * alpha));
  const splitInLogits = (split: FlowSplit): FlowSplit => ({ ...split, x: toLogits(split.x) });
  return {
    ...inner,
    logProb(p, x, given) {
      const { y, logDet } = map.forward({}, x);
      return add(inner.logProb(p, y, given), logDet);
    },
    sample: (p, rows, given) => map.inverse({}, inner.sample(p, rows, given)).x,
    fit({ data: { train, validation }, augment, ...options }) {
      return inner.fit({
        ...options,
        data: {
          train: splitInLogits(train),
          ...(validation && { validation: splitInLogits(validation) }),
        },
        ...(augment && { augment: augmentBehind(augment, toImages, toLogits) }),
      });
    },
  };
}

/** logit(α + (1 − 2α) x) of images x, like x: what the model behind `inLogits` sees. */
export const logitsOf = (x: NDArray, alpha = 0.05): NDArray =>
  mapped((v) => Math.log((alpha + (1 - 2 * alpha) * v) / (1 - alpha - (1 - 2 * alpha) * v)))(x);

const mapped =
  (f: (v: number) => number) =>
  (x: NDArray): NDArray => {
    const data = allocate('float32', x.data.length);
    for (let i = 0; i < data.length; i++) data[i] = f(x.data[i]);
    return { ...x, data, dtype: 'float32' };
  };

type Augment = NonNullable<FitOptions<unknown>['augment']>;

/** What changes a batch of x, for a model that is trained on y = `to`(x); `from` goes back. */
export const augmentBehind =
  (augment: Augment, from: (y: NDArray) => NDArray, to: (x: NDArray) => NDArray): Augment =>
  (batch, key) => {
    const changed = augment({ ...batch, x: from(batch.x) }, key);
    return { ...changed, x: to(changed.x) };
  };

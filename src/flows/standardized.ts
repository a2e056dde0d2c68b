/** A density of samples brought to mean 0 and deviation 1, as a density of the samples themselves. */
import { add, exp, mean, mul, neg, sub, sum, type NDArray, type Tensor } from '../tensor/index.ts';
import { mapParameters } from '../nn/index.ts';
import { entryMoments } from './moments.ts';
import type { Density, FlowSplit, Measure } from './density.ts';
import type { TensorsOf } from './layer.ts';
import { augmentBehind } from './pixels.ts';
import { identityScaleShift, type ScaleShift } from './scaleShift.ts';

export interface StandardizedParameters<P> {
  /** Deviation and mean of every entry of the training samples. */
  readonly scale: ScaleShift;
  readonly model: P;
}

/**
 * The model behind that map; `fit` measures the map on the training samples and leaves it as it is. Volume allows a scale for every
 * entry; area is stretched alike in all directions by one common scale only.
 */
export function standardized<P>(inner: Density<P>): Density<StandardizedParameters<P>> {
  const { shape, context, measure } = inner;
  type Tensors = TensorsOf<StandardizedParameters<P>>;
  const scaleOf = (p: Tensors): ScaleShift<Tensor> => p.scale;
  /** log of the factor by which the map from samples to `inner` shrinks volume or area. */
  const logFactor = (logScale: Tensor): Tensor =>
    measure.kind === 'volume' ? sum(logScale) : mul(measure.dimension, mean(logScale));
  return {
    shape,
    context,
    measure,
    init: (key) => ({ scale: identityScaleShift(key, shape), model: inner.init(key) }),
    logProb(p, x, given) {
      const { logScale, shift } = scaleOf(p);
      const z = mul(sub(x, shift), exp(neg(logScale)));
      return sub(inner.logProb(p.model, z, given), logFactor(logScale));
    },
    draw: (key, n) => inner.draw(key, n),
    sample(p, rows, given) {
      const { logScale, shift } = scaleOf(p);
      return add(mul(inner.sample(p.model, rows, given), exp(logScale)), shift);
    },
    async fit({ from, data, augment, ...options }) {
      const scale = from?.scale ?? measureScale(data.train.x, measure.kind);
      const whole = (model: P): StandardizedParameters<P> => ({ scale, model });
      const result = await inner.fit({
        ...options,
        ...(from && { from: from.model }),
        ...(augment && {
          augment: augmentBehind(
            augment,
            (z) => samplesOfStandardized(z, scale),
            (x) => standardizedSamples(x, scale),
          ),
        }),
        data: {
          train: standardizedSplit(data.train, scale),
          validation: data.validation && standardizedSplit(data.validation, scale),
        },
      });
      return mapParameters(result, whole);
    },
  };
}

/**
 * Logarithm of the deviation, and mean, of every entry of x `[n, ...shape]`; for areas the root mean square of the deviations in
 * the place of each. An entry that never changes keeps its scale.
 */
function measureScale({ data, shape: [n, ...shape] }: NDArray, kind: Measure['kind']): ScaleShift {
  const size = data.length / n;
  const { mean: centre, variance } = entryMoments(data, size);
  if (kind === 'area') variance.fill(variance.reduce((total, v) => total + v / size, 0));
  const leaf = (values: Float64Array): NDArray => ({
    data: Float32Array.from(values),
    shape,
    dtype: 'float32',
  });
  return { logScale: leaf(variance.map((v) => (v > 0 ? 0.5 * Math.log(v) : 0))), shift: leaf(centre) };
}

const standardizedSplit = (split: FlowSplit, scale: ScaleShift): FlowSplit => ({
  ...split,
  x: standardizedSamples(split.x, scale),
});

/** What the model behind the map sees of samples x `[n, ...shape]`. */
export function standardizedSamples(x: NDArray, { logScale, shift }: ScaleShift): NDArray {
  const factors = Float64Array.from(logScale.data, (s) => Math.exp(-s));
  return entrywise(x, shift, (v, j) => (v - shift.data[j]) * factors[j]);
}

/** The samples that the model behind the map sees as z. */
export function samplesOfStandardized(z: NDArray, { logScale, shift }: ScaleShift): NDArray {
  const factors = Float64Array.from(logScale.data, Math.exp);
  return entrywise(z, shift, (v, j) => v * factors[j] + shift.data[j]);
}

function entrywise(
  { data, shape }: NDArray,
  { data: { length: size } }: NDArray,
  f: (v: number, entry: number) => number,
): NDArray {
  return { data: Float32Array.from(data, (v, i) => f(v, i % size)), shape, dtype: 'float32' };
}

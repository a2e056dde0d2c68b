/**
 * Losses. Each gives one number a sample, reduced over axis 0 (the batch): `mean` (default), `sum`, or `none` for the
 * values themselves, `[batch]`. Within a sample, mse, mae, huber and crossEntropy are means over all other axes.
 */
import {
  abs,
  constant,
  div,
  equal,
  expandDims,
  less,
  softplus,
  mean,
  mul,
  logSumExp,
  sameShape,
  select,
  showShape,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
} from '../tensor/index.ts';

export type Reduction = 'mean' | 'sum' | 'none';

export interface LossOptions {
  readonly reduction?: Reduction;
}

function reduceSamples(samples: Tensor, { reduction = 'mean' }: LossOptions): Tensor {
  if (reduction === 'none') return samples;
  return reduction === 'mean' ? mean(samples) : sum(samples);
}

const sampleAxes = (x: Tensor): number[] => x.shape.slice(1).map((_, i) => i + 1);

function requirePair(where: string, prediction: Tensor, target: Tensor): void {
  if (prediction.rank > 0 && sameShape(prediction.shape, target.shape)) return;
  throw new Error(
    `${where}: the prediction is ${showShape(prediction.shape)} and the target ${showShape(target.shape)}; expected one shape, [batch, ...]`,
  );
}

const pointwise =
  (where: string, f: (difference: Tensor) => Tensor) =>
  (prediction: Tensor, target: Tensor, options: LossOptions = {}): Tensor => {
    requirePair(where, prediction, target);
    return reduceSamples(mean(f(sub(prediction, target)), sampleAxes(prediction)), options);
  };

/** Mean squared error of `[batch, ...]`. */
export const mse = pointwise('mse', (d) => square(d));

/** Mean absolute error of `[batch, ...]`. */
export const mae = pointwise('mae', (d) => abs(d));

/** Huber's loss of `[batch, ...]`: d²/2 for |d| ≤ delta, else delta (|d| − delta/2) (Huber 1964). */
export function huber(
  prediction: Tensor,
  target: Tensor,
  { delta = 1, ...options }: LossOptions & { readonly delta?: number } = {},
): Tensor {
  if (!(delta > 0)) throw new Error(`huber: delta is ${delta}, expected a number above 0`);
  const loss = pointwise('huber', (d) => {
    const size = abs(d);
    return select(less(delta, size), mul(delta, sub(size, delta / 2)), mul(0.5, square(d)), d.dtype);
  });
  return loss(prediction, target, options);
}

/** √Σx² over all axes but the first, `[batch]`; its derivative at 0 is 0, where √'s own would be infinite. */
function sampleNorm(x: Tensor): Tensor {
  const total = sum(square(x), sampleAxes(x));
  const positive = less(0, total);
  return select(positive, sqrt(select(positive, total, 1, x.dtype)), 0, x.dtype);
}

/**
 * Relative L2 error ‖prediction − target‖₂ / ‖target‖₂ of each sample of `[batch, ...]`, the norms over all axes but the
 * batch. A target that is zero everywhere has no relative error: the value is infinite or NaN.
 */
export function relativeL2(prediction: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  requirePair('relativeL2', prediction, target);
  return reduceSamples(div(sampleNorm(sub(prediction, target)), sampleNorm(target)), options);
}

/**
 * Cross entropy −log softmax(logits)[label] of logits `[batch, ..., classes]` and labels `[batch, ...]` (int32), in nats.
 */
export function crossEntropy(logits: Tensor, labels: Tensor, options: LossOptions = {}): Tensor {
  if (labels.dtype !== 'int32' || logits.rank < 2 || !sameShape(labels.shape, logits.shape.slice(0, -1))) {
    throw new Error(
      `crossEntropy: logits ${showShape(logits.shape)} and labels ${labels.dtype}${showShape(labels.shape)}; expected logits [batch, ..., classes] and int32 labels [batch, ...]`,
    );
  }
  const classes = constant(Int32Array.from({ length: logits.shape[logits.rank - 1] }, (_, i) => i));
  const isLabel = equal(expandDims(labels, labels.rank), classes);
  const chosen = sum(select(isLabel, logits, 0), -1);
  const values = sub(logSumExp(logits, -1), chosen);
  return reduceSamples(mean(values, sampleAxes(values)), options);
}

/** Binary cross entropy of logits and 0/1 targets of one shape `[batch, ...]`, in nats, stable for large logits. */
export function binaryCrossEntropy(logits: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  requirePair('binaryCrossEntropy', logits, target);
  return reduceSamples(mean(sub(softplus(logits), mul(logits, target)), sampleAxes(logits)), options);
}

/** Reductions over axes, cumulative sums and positions of maxima. */
import { allocate } from '../array.ts';
import { defineOp, type OpDefinition } from '../op.ts';
import { normalizeAxes, normalizeAxis, rowMajorStrides, sizeOf } from '../shape.ts';
import { apply, type Tensor } from '../tensor.ts';
import { add, div, exp, log, mul, neg, square, sub } from './arithmetic.ts';
import { requireFloat } from './broadcast.ts';
import { cast, equal, select } from './logic.ts';
import { reshape } from './shape.ts';
import {
  finish,
  reduce,
  spread,
  sum,
  toData,
  withoutAxes,
  type AxesAttribute,
  type ReduceOptions,
} from './sum.ts';
import { stopGradient } from './identity.ts';

export { sum, type ReduceOptions } from './sum.ts';

const maxOp: OpDefinition<AxesAttribute> = defineOp<AxesAttribute>({
  name: 'max',
  infer: ([x], { axes }) => {
    if (axes.some((axis) => x.shape[axis] === 0))
      throw new Error('max: an axis to reduce has size 0 and so no maximum');
    return { shape: withoutAxes(x.shape, axes), dtype: x.dtype };
  },
  // Ties share the cotangent equally.
  vjp: ({ inputs: [x], output, cotangent, attributes: { axes } }) => {
    const hits = cast(equal(x, spread(output, x, axes)), x.dtype);
    return [mul(hits, spread(div(cotangent, sum(hits, axes)), x, axes))];
  },
  batch: ([x], _, { axes }) => apply(maxOp, [x], { axes: axes.map((axis) => axis + 1) }),
  onnx: (writer, { attributes }, [x]) =>
    writer.node('ReduceMax', [x, writer.int64((attributes as AxesAttribute).axes)], { keepdims: 0 }),
  tfjs: (tf, [x], { attributes }) => tf.max(x, [...(attributes as AxesAttribute).axes]),
  reference: ([x], { shape, dtype, attributes: { axes } }) =>
    toData(reduce(x, axes, shape, -Infinity, Math.max), dtype),
  examples: [
    { inputs: [{ shape: [3, 4] }], attributes: { axes: [1] } },
    { inputs: [{ shape: [2, 3, 4] }], attributes: { axes: [0, 2] } },
  ],
});

/** Maximum over axes (all by default). */
export function max(x: Tensor, axes?: number | readonly number[], options: ReduceOptions = {}): Tensor {
  const list = normalizeAxes(axes, x.rank, 'max');
  return finish(list.length === 0 ? x : apply(maxOp, [x], { axes: list }), x, list, options);
}

export const min = (x: Tensor, axes?: number | readonly number[], options: ReduceOptions = {}): Tensor =>
  neg(max(neg(x), axes, options));

export function mean(x: Tensor, axes?: number | readonly number[], options: ReduceOptions = {}): Tensor {
  const list = normalizeAxes(axes, x.rank, 'mean');
  const count = list.reduce((n, axis) => n * x.shape[axis], 1);
  return mul(sum(x, list, options), 1 / count);
}

/** Variance over axes, dividing by n − correction (0: population, 1: sample). */
export function variance(
  x: Tensor,
  axes?: number | readonly number[],
  { correction = 0, ...options }: ReduceOptions & { readonly correction?: number } = {},
): Tensor {
  const list = normalizeAxes(axes, x.rank, 'variance');
  const count = list.reduce((n, axis) => n * x.shape[axis], 1);
  return mul(sum(square(sub(x, mean(x, list, { keepDims: true }))), list, options), 1 / (count - correction));
}

/** log Σ e^x over axes, without overflow. */
export function logSumExp(x: Tensor, axes?: number | readonly number[], options: ReduceOptions = {}): Tensor {
  const list = normalizeAxes(axes, x.rank, 'logSumExp');
  const largest = stopGradient(max(x, list, { keepDims: true }));
  // Where all terms are e^(−∞) nothing may be subtracted: −∞ − (−∞) is not a number.
  const top = select(equal(largest, -Infinity), 0, largest);
  const total = log(sum(exp(sub(x, top)), list, { keepDims: true }));
  return finish(reshape(add(total, top), withoutAxes(x.shape, list)), x, list, options);
}

// ── cumulative sum ───────────────────────────────────────────────────────────────────────────────────────────────

type CumulativeAttributes = { readonly axis: number; readonly reverse: boolean };

const cumulativeSumOp: OpDefinition<CumulativeAttributes> = defineOp<CumulativeAttributes>({
  name: 'cumulativeSum',
  infer: ([x]) => {
    requireFloat('cumulativeSum', x);
    return x;
  },
  vjp: ({ cotangent, attributes: { axis, reverse } }) => [
    cumulativeSum(cotangent, axis, { reverse: !reverse }),
  ],
  batch: ([x], _, { axis, reverse }) => cumulativeSum(x, axis + 1, { reverse }),
  onnx: (writer, { attributes }, [x]) => {
    const { axis, reverse } = attributes as CumulativeAttributes;
    return writer.node('CumSum', [x, writer.int64([axis], [])], { reverse: reverse ? 1 : 0 });
  },
  tfjs: (tf, [x], { attributes }) => {
    const { axis, reverse } = attributes as CumulativeAttributes;
    return tf.cumsum(x, axis, false, reverse);
  },
  reference: ([x], { dtype, attributes: { axis, reverse } }) => {
    const out = allocate(dtype, x.data.length);
    const step = rowMajorStrides(x.shape)[axis];
    const n = x.shape[axis];
    for (let i = 0; i < out.length; i++) {
      const position = Math.floor(i / step) % n;
      if (position !== 0) continue;
      let total = 0;
      for (let k = 0; k < n; k++) {
        const at = i + (reverse ? n - 1 - k : k) * step;
        total += x.data[at];
        out[at] = total;
      }
    }
    return out;
  },
  examples: [
    { inputs: [{ shape: [3, 4] }], attributes: { axis: 1, reverse: false } },
    { inputs: [{ shape: [3, 4, 2] }], attributes: { axis: 1, reverse: true } },
  ],
});

/** Running sum along an axis, from the end with `reverse`. */
export const cumulativeSum = (
  x: Tensor,
  axis: number,
  { reverse = false }: { reverse?: boolean } = {},
): Tensor => apply(cumulativeSumOp, [x], { axis: normalizeAxis(axis, x.rank, 'cumulativeSum'), reverse });

// ── argmax ───────────────────────────────────────────────────────────────────────────────────────────────────────

const argMaxOp: OpDefinition<{ readonly axis: number }> = defineOp<{ readonly axis: number }>({
  name: 'argMax',
  infer: ([x], { axis }) => ({ shape: withoutAxes(x.shape, [axis]), dtype: 'int32' }),
  vjp: 'none',
  batch: ([x], _, { axis }) => argMax(x, axis + 1),
  onnx: (writer, { attributes }, [x]) =>
    writer.cast(
      writer.node('ArgMax', [x], { axis: (attributes as { axis: number }).axis, keepdims: 0 }),
      'int32',
    ),
  tfjs: (tf, [x], { attributes }) => tf.argMax(x, (attributes as { axis: number }).axis),
  reference: ([x], { shape, attributes: { axis } }) => {
    const out = new Int32Array(sizeOf(shape));
    const step = rowMajorStrides(x.shape)[axis];
    const n = x.shape[axis];
    for (let o = 0; o < out.length; o++) {
      const start = Math.floor(o / step) * step * n + (o % step);
      let best = 0;
      for (let k = 1; k < n; k++) if (x.data[start + k * step] > x.data[start + best * step]) best = k;
      out[o] = best;
    }
    return out;
  },
  examples: [
    { inputs: [{ shape: [3, 5] }], attributes: { axis: 1 } },
    { inputs: [{ shape: [3, 5, 2] }], attributes: { axis: 1 } },
  ],
});

/** Position of the (first) maximum along an axis, int32. */
export const argMax = (x: Tensor, axis: number): Tensor =>
  apply(argMaxOp, [x], { axis: normalizeAxis(axis, x.rank, 'argMax') });

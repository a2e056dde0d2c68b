/** Softmax and its logarithm along one axis. */
import { allocate, type NDArray } from '../array.ts';
import { defineOp, type OpDefinition, type OpExample } from '../op.ts';
import { normalizeAxis, rowMajorStrides } from '../shape.ts';
import { apply, type Tensor } from '../tensor.ts';
import { exp, mul, sub } from './arithmetic.ts';
import { requireFloat } from './broadcast.ts';
import { sum } from './sum.ts';

type AxisAttribute = { readonly axis: number };

const examples: OpExample<AxisAttribute>[] = [
  { inputs: [{ shape: [3, 5], range: [-4, 4] }], attributes: { axis: 1 } },
  { inputs: [{ shape: [2, 4, 3] }], attributes: { axis: 1 } },
];

const axisOf = (node: Tensor): number => (node.attributes as AxisAttribute).axis;

/** Visits each line along the axis with the largest value in it and log Σ e^(x − largest). */
function alongLines(
  x: NDArray,
  axis: number,
  write: (position: number, value: number, logTotal: number) => void,
): void {
  const step = rowMajorStrides(x.shape)[axis];
  const n = x.shape[axis];
  for (let start = 0; start < x.data.length; start++) {
    if (Math.floor(start / step) % n !== 0) continue;
    let top = -Infinity;
    for (let k = 0; k < n; k++) top = Math.max(top, x.data[start + k * step]);
    let total = 0;
    for (let k = 0; k < n; k++) total += Math.exp(x.data[start + k * step] - top);
    for (let k = 0; k < n; k++) {
      const position = start + k * step;
      write(position, x.data[position] - top, Math.log(total));
    }
  }
}

const softmaxOp: OpDefinition<AxisAttribute> = defineOp<AxisAttribute>({
  name: 'softmax',
  infer: ([x]) => {
    requireFloat('softmax', x);
    return x;
  },
  vjp: ({ output, cotangent, attributes: { axis } }) => {
    const weighted = mul(cotangent, output);
    return [sub(weighted, mul(output, sum(weighted, axis, { keepDims: true })))];
  },
  batch: ([x], _, { axis }) => softmax(x, axis + 1),
  onnx: (writer, node, [x]) => writer.node('Softmax', [x], { axis: axisOf(node) }),
  // TensorFlow.js has a kernel for the last axis only.
  tfjs: (tf, [x], node) => {
    const axis = axisOf(node);
    const last = node.rank - 1;
    const exchange = node.shape.map((_, i) => (i === axis ? last : i === last ? axis : i));
    return tf.transpose(tf.softmax(tf.transpose(x, exchange)), exchange);
  },
  reference: ([x], { dtype, attributes: { axis } }) => {
    const out = allocate(dtype, x.data.length);
    alongLines(x, axis, (i, value, logTotal) => (out[i] = Math.exp(value - logTotal)));
    return out;
  },
  examples,
});

/** e^(xᵢ) / Σⱼ e^(xⱼ) along an axis, without overflow. */
export const softmax = (x: Tensor, axis = -1): Tensor =>
  apply(softmaxOp, [x], { axis: normalizeAxis(axis, x.rank, 'softmax') });

const logSoftmaxOp: OpDefinition<AxisAttribute> = defineOp<AxisAttribute>({
  name: 'logSoftmax',
  infer: ([x]) => {
    requireFloat('logSoftmax', x);
    return x;
  },
  vjp: ({ output, cotangent, attributes: { axis } }) => [
    sub(cotangent, mul(exp(output), sum(cotangent, axis, { keepDims: true }))),
  ],
  batch: ([x], _, { axis }) => logSoftmax(x, axis + 1),
  onnx: (writer, node, [x]) => writer.node('LogSoftmax', [x], { axis: axisOf(node) }),
  tfjs: (tf, [x], node) => {
    const top = tf.max(x, axisOf(node), true);
    const shifted = tf.sub(x, top);
    return tf.sub(shifted, tf.log(tf.sum(tf.exp(shifted), axisOf(node), true)));
  },
  reference: ([x], { dtype, attributes: { axis } }) => {
    const out = allocate(dtype, x.data.length);
    alongLines(x, axis, (i, value, logTotal) => (out[i] = value - logTotal));
    return out;
  },
  examples,
});

/** xᵢ − log Σⱼ e^(xⱼ) along an axis, without overflow. */
export const logSoftmax = (x: Tensor, axis = -1): Tensor =>
  apply(logSoftmaxOp, [x], { axis: normalizeAxis(axis, x.rank, 'logSoftmax') });

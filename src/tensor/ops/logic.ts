/** Comparisons, boolean algebra, selection and casts. */
import { allocate, isFloat, type DType } from '../array.ts';
import { defineOp, type OpDefinition } from '../op.ts';
import { broadcastShapes } from '../shape.ts';
import { apply, asTensor, defaultDType, Tensor, zerosLike, type Operand } from '../tensor.ts';
import { mul } from './arithmetic.ts';
import { broadcastMap } from './broadcast.ts';
import { binary } from './elementwise.ts';
import { sum } from './reduction.ts';
import { alignRanks, sumToShape } from './shape.ts';

export const less = binary('less', {
  vjp: 'none',
  onnx: 'Less',
  tfjs: (tf, a, b) => tf.less(a, b),
  reference: (a, b) => Number(a < b),
  result: 'bool',
});

export const equal = binary('equal', {
  vjp: 'none',
  onnx: 'Equal',
  tfjs: (tf, a, b) => tf.equal(a, b),
  reference: (a, b) => Number(a === b),
  result: 'bool',
});

export const lessEqual = binary('lessEqual', {
  vjp: 'none',
  onnx: 'LessOrEqual',
  tfjs: (tf, a, b) => tf.lessEqual(a, b),
  reference: (a, b) => Number(a <= b),
  result: 'bool',
});

export const greater = (a: Operand, b: Operand): Tensor => less(b, a);
export const greaterEqual = (a: Operand, b: Operand): Tensor => lessEqual(b, a);
export const notEqual = (a: Operand, b: Operand): Tensor => not(equal(a, b));

export const and = binary('and', {
  vjp: 'none',
  onnx: 'And',
  tfjs: (tf, a, b) => tf.logicalAnd(a, b),
  reference: (a, b) => a & b,
  accepts: 'bool',
});

export const or = binary('or', {
  vjp: 'none',
  onnx: 'Or',
  tfjs: (tf, a, b) => tf.logicalOr(a, b),
  reference: (a, b) => a | b,
  accepts: 'bool',
});

const notOp: OpDefinition = defineOp({
  name: 'not',
  elementwise: true,
  infer: ([x]) => {
    if (x.dtype !== 'bool') throw new Error(`not: the operand is ${x.dtype}, expected bool`);
    return x;
  },
  vjp: 'none',
  batch: ([x]) => not(x),
  onnx: (writer, _, inputs) => writer.node('Not', inputs),
  tfjs: (tf, [x]) => tf.logicalNot(x),
  reference: ([x]) => Uint8Array.from(x.data, (value) => 1 - value),
  examples: [{ inputs: [{ shape: [7], dtype: 'bool' }] }],
});
export const not = (x: Tensor): Tensor => apply(notOp, [x], {});

const isNaNOp: OpDefinition = defineOp({
  name: 'isNaN',
  elementwise: true,
  infer: ([x]) => ({ shape: x.shape, dtype: 'bool' }),
  vjp: 'none',
  batch: ([x]) => isNaN(x),
  onnx: (writer, _, inputs) => writer.node('IsNaN', inputs),
  tfjs: (tf, [x]) => tf.isNaN(x),
  reference: ([x]) => Uint8Array.from(x.data, (value) => Number(Number.isNaN(value))),
  examples: [{ inputs: [{ shape: [5] }] }],
});
/** True where x is not a number. */
export const isNaN = (x: Tensor): Tensor => apply(isNaNOp, [x], {});

const selectOp: OpDefinition = defineOp({
  name: 'select',
  elementwise: true,
  infer: ([condition, a, b]) => {
    if (condition.dtype !== 'bool')
      throw new Error(`select: the condition is ${condition.dtype}, expected bool`);
    if (a.dtype !== b.dtype)
      throw new Error(`select: the branches are ${a.dtype} and ${b.dtype}; cast one of them first`);
    return {
      shape: broadcastShapes(broadcastShapes(condition.shape, a.shape, 'select'), b.shape, 'select'),
      dtype: a.dtype,
    };
  },
  vjp: ({ inputs: [condition, a, b], cotangent }) => [
    null,
    isFloat(a.dtype) ? sumToShape(select(condition, cotangent, zerosLike(cotangent)), a.shape) : null,
    isFloat(b.dtype) ? sumToShape(select(condition, zerosLike(cotangent), cotangent), b.shape) : null,
  ],
  batch: (inputs, batched) => {
    const [condition, a, b] = alignRanks(inputs, batched);
    return apply(selectOp, [condition, a, b], {});
  },
  onnx: (writer, _, inputs) => writer.node('Where', inputs),
  // ONNX Runtime 1.30 has no Where of bools.
  onnxLacks: ['bool'],
  expand: ([condition, a, b]) => or(and(condition, a), and(not(condition), b)),
  tfjs: (tf, [condition, a, b], node) => {
    const shape = [...node.shape];
    return tf.where(tf.broadcastTo(condition, shape), tf.broadcastTo(a, shape), tf.broadcastTo(b, shape));
  },
  reference: (inputs, node) => broadcastMap(inputs, node, ([condition, a, b]) => (condition ? a : b)),
  examples: [
    { inputs: [{ shape: [3, 4], dtype: 'bool' }, { shape: [3, 4] }, { shape: [3, 4] }] },
    { inputs: [{ shape: [3, 1], dtype: 'bool' }, { shape: [4] }, { shape: [] }] },
    {
      inputs: [
        { shape: [3, 1], dtype: 'bool' },
        { shape: [4], dtype: 'bool' },
        { shape: [3, 4], dtype: 'bool' },
      ],
    },
  ],
});

/** a where the condition holds, b elsewhere; the branch not taken receives no gradient (not even NaN·0). */
export function select(condition: Tensor, a: Operand, b: Operand, dtype: DType = defaultDType()): Tensor {
  const beside = a instanceof Tensor ? a : b instanceof Tensor ? b : zerosOf(dtype);
  return apply(selectOp, [condition, asTensor(a, beside), asTensor(b, beside)], {});
}

/** Whether the condition holds anywhere: a scalar bool. */
export const any = (condition: Tensor): Tensor => greater(sum(cast(condition, defaultDType())), 0);

const zerosOf = (dtype: DType): Tensor => cast(asTensor(0), dtype);

type CastAttributes = { readonly to: DType };

const castOp: OpDefinition<CastAttributes> = defineOp<CastAttributes>({
  name: 'cast',
  elementwise: true,
  infer: ([x], { to }) => ({ shape: x.shape, dtype: to }),
  vjp: ({ inputs: [x], cotangent }) => [
    isFloat(x.dtype) && isFloat(cotangent.dtype) ? cast(cotangent, x.dtype) : null,
  ],
  batch: ([x], _, { to }) => cast(x, to),
  onnx: (writer, node, [x]) => writer.cast(x, node.dtype),
  tfjs: (tf, [x], node) => tf.cast(x, node.dtype === 'float64' ? 'float32' : node.dtype),
  reference: ([x], { dtype }) => {
    const out = allocate(dtype, x.data.length);
    for (let i = 0; i < out.length; i++) out[i] = dtype === 'bool' ? Number(x.data[i] !== 0) : x.data[i];
    return out;
  },
  examples: [
    { inputs: [{ shape: [4], dtype: 'bool' }], attributes: { to: 'int32' } },
    { inputs: [{ shape: [4], range: [0, 9] }], attributes: { to: 'int32' } },
  ],
});

/** The same values in another dtype; floats are truncated towards zero on the way to int32. */
export const cast = (x: Tensor, to: DType): Tensor => (x.dtype === to ? x : apply(castOp, [x], { to }));

/** 1 where the condition holds, 0 elsewhere, in the float dtype being traced. */
export const indicator = (condition: Tensor): Tensor => cast(condition, defaultDType());

/** Clamps x into [low, high]; no gradient outside. */
export const clip = (x: Tensor, low: number, high: number): Tensor =>
  select(less(x, low), low, select(less(high, x), high, x), x.dtype);

/** x times a 0/1 mask given as a condition. */
export const mask = (condition: Tensor, x: Tensor): Tensor => mul(cast(condition, x.dtype), x);

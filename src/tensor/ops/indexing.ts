/**
 * Reading and adding by index. Indices are int32 in [0, n). Outside of that range the reference throws; a constant is
 * checked when the graph is built; what an engine does with an index that is wrong at run time is undefined.
 */
import { allocate, type NDArray } from '../array.ts';
import { defineOp, type OpDefinition, type Signature } from '../op.ts';
import { broadcastShapes, normalizeAxis, rowMajorStrides, sameShape, showShape, sizeOf } from '../shape.ts';
import { apply, constant, constantValue, defaultDType, isConstant, type Tensor } from '../tensor.ts';
import type { DType } from '../array.ts';
import type { Shape } from '../shape.ts';
import { add, mul } from './arithmetic.ts';
import { scatterAddOnnx } from './scatterOnnx.ts';
import { cast, equal } from './logic.ts';
import { broadcastTo, expandDims, moveAxis, reshape, tileLeading, transpose } from './shape.ts';

function requireIndices(name: string, indices: Signature): void {
  if (indices.dtype !== 'int32')
    throw new Error(`${name}: the indices are ${indices.dtype}, expected int32; cast them first`);
}

function checkIndex(index: number, n: number, name: string): number {
  if (index < 0 || index >= n)
    throw new Error(`${name}: index ${index} is outside an axis of size ${n} (expected 0 … ${n - 1})`);
  return index;
}

function checkConstant(indices: Tensor, n: number, name: string): void {
  if (isConstant(indices)) constantValue(indices).data.forEach((index) => checkIndex(index, n, name));
}

/** [B, …] indices into rows of B blocks of n rows laid end to end. */
function intoBlocks(indices: Tensor, n: number): Tensor {
  const size = indices.shape[0];
  const starts = Int32Array.from({ length: size }, (_, i) => i * n);
  return add(
    indices,
    constant({ data: starts, shape: [size, ...indices.shape.slice(1).map(() => 1)], dtype: 'int32' }),
  );
}

// ── gather ───────────────────────────────────────────────────────────────────────────────────────────────────────

type AxisAttribute = { readonly axis: number };

const gatherOp: OpDefinition<AxisAttribute> = defineOp<AxisAttribute>({
  name: 'gather',
  infer: ([x, indices], { axis }) => {
    requireIndices('gather', indices);
    return {
      shape: [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)],
      dtype: x.dtype,
    };
  },
  vjp: ({ inputs: [x, indices], cotangent, attributes: { axis } }) => [
    scatterAdd(indices, cotangent, x.shape[axis], axis),
    null,
  ],
  batch: ([x, indices], [xBatched, indicesBatched], { axis }) => {
    if (!indicesBatched) return gather(x, indices, axis + 1);
    if (!xBatched) return moveAxis(gather(x, indices, axis), axis, 0);
    // Both: one gather from B blocks of n rows.
    const rows = moveAxis(x, axis + 1, 1);
    const [size, n, ...rest] = rows.shape;
    const found = gather(reshape(rows, [size * n, ...rest]), intoBlocks(indices, n), 0);
    return transpose(found, moveBlock(found.rank, 1, indices.rank - 1, axis));
  },
  onnx: (writer, { attributes }, inputs) =>
    writer.node('Gather', inputs, { axis: (attributes as AxisAttribute).axis }),
  tfjs: (tf, [x, indices], { attributes }) => tf.gather(x, indices, (attributes as AxisAttribute).axis),
  reference: ([x, indices], { dtype, shape, attributes: { axis } }) => {
    const out = allocate(dtype, sizeOf(shape));
    const n = x.shape[axis];
    const inner = sizeOf(x.shape.slice(axis + 1));
    const outer = sizeOf(x.shape.slice(0, axis));
    let to = 0;
    for (let o = 0; o < outer; o++) {
      for (const index of indices.data) {
        const from = (o * n + checkIndex(index, n, 'gather')) * inner;
        out.set(x.data.subarray(from, from + inner), to);
        to += inner;
      }
    }
    return out;
  },
  examples: [
    {
      inputs: [{ shape: [5, 3] }, { shape: [4], dtype: 'int32', range: [0, 5] }],
      attributes: { axis: 0 },
    },
    {
      inputs: [{ shape: [2, 4, 3] }, { shape: [2, 5], dtype: 'int32', range: [0, 4] }],
      attributes: { axis: 1 },
    },
    { inputs: [{ shape: [2, 4] }, { shape: [], dtype: 'int32', range: [0, 4] }], attributes: { axis: 1 } },
  ],
});

/** The permutation that takes the `count` axes at place `from` past the `before` axes that follow them. */
function moveBlock(rank: number, from: number, count: number, before: number): number[] {
  const axes = Array.from({ length: rank }, (_, i) => i);
  const moved = axes.splice(from, count);
  axes.splice(from + before, 0, ...moved);
  return axes;
}

/**
 * Slices of x at the positions `indices` of an axis: x [a…, n, b…] and indices [i…] give [a…, i…, b…].
 *
 * @throws if the indices are not int32, or are constants outside 0 … n − 1.
 */
export function gather(x: Tensor, indices: Tensor, axis = 0): Tensor {
  const where = normalizeAxis(axis, x.rank, 'gather');
  checkConstant(indices, x.shape[where], 'gather');
  return apply(gatherOp, [x, indices], { axis: where });
}

// ── scatter-add ──────────────────────────────────────────────────────────────────────────────────────────────────

type ScatterAttributes = { readonly axis: number; readonly size: number };

const scatterAddOp: OpDefinition<ScatterAttributes> = defineOp<ScatterAttributes>({
  name: 'scatterAdd',
  infer: ([indices, updates], { axis, size }) => {
    requireIndices('scatterAdd', indices);
    const rank = indices.shape.length;
    if (!sameShape(updates.shape.slice(axis, axis + rank), indices.shape)) {
      throw new Error(
        `scatterAdd: updates ${showShape(updates.shape)} do not hold the axes ${showShape(indices.shape)} of the indices at axis ${axis}`,
      );
    }
    return {
      shape: [...updates.shape.slice(0, axis), size, ...updates.shape.slice(axis + rank)],
      dtype: updates.dtype,
    };
  },
  vjp: ({ inputs: [indices], cotangent, attributes: { axis } }) => [null, gather(cotangent, indices, axis)],
  batch: ([indices, updates], [indicesBatched, updatesBatched], { axis, size }, count) => {
    const whole = updatesBatched ? updates : tileLeading(updates, count);
    if (!indicesBatched) return scatterAdd(indices, whole, size, axis + 1);
    const rank = indices.rank - 1;
    const order = whole.shape.map((_, i) => i);
    const indexAxes = order.splice(1 + axis, rank);
    order.splice(1, 0, ...indexAxes);
    const added = scatterAdd(intoBlocks(indices, size), transpose(whole, order), count * size, 0);
    return moveAxis(reshape(added, [count, size, ...added.shape.slice(1)]), 1, axis + 1);
  },
  onnx: scatterAddOnnx,
  tfjs: (tf, [indices, updates], node) => {
    const { axis, size } = node.attributes as ScatterAttributes;
    const rank = indices.shape.length;
    const order = updates.shape.map((_, i) => i);
    const rows = tf.transpose(updates, [...order.splice(axis, rank), ...order]);
    const rest = rows.shape.slice(rank);
    const count = sizeOf(indices.shape);
    const inner = sizeOf(rest);
    const added = tf.scatterND(tf.reshape(indices, [count, 1]), tf.reshape(rows, [count, inner]), [
      size,
      inner,
    ]);
    const back = [...rest.keys()].map((i) => i + 1);
    back.splice(axis, 0, 0);
    return tf.transpose(tf.reshape(added, [size, ...rest]), back);
  },
  reference: ([indices, updates], { shape, dtype, attributes: { axis, size } }) => {
    const sums = new Float64Array(sizeOf(shape));
    const inner = sizeOf(shape.slice(axis + 1));
    const outer = sizeOf(shape.slice(0, axis));
    let from = 0;
    for (let o = 0; o < outer; o++) {
      for (const index of indices.data) {
        const to = (o * size + checkIndex(index, size, 'scatterAdd')) * inner;
        for (let i = 0; i < inner; i++) sums[to + i] += updates.data[from++];
      }
    }
    const out = allocate(dtype, sums.length);
    out.set(sums);
    return out;
  },
  examples: [
    {
      inputs: [{ shape: [6], dtype: 'int32', range: [0, 4] }, { shape: [6, 3] }],
      attributes: { axis: 0, size: 4 },
    },
    {
      inputs: [{ shape: [2, 3], dtype: 'int32', range: [0, 4] }, { shape: [2, 2, 3, 2] }],
      attributes: { axis: 1, size: 5 },
    },
    {
      inputs: [{ shape: [], dtype: 'int32', range: [0, 3] }, { shape: [2, 2] }],
      attributes: { axis: 1, size: 3 },
    },
  ],
});

/**
 * Adds slices of `updates` into zeros: updates [a…, i…, b…] and indices [i…] give [a…, size, b…]. Slices with the same
 * index add up. The transpose of `gather`.
 *
 * @throws if the indices are not int32, are constants outside 0 … size − 1, or do not fit the updates.
 */
export function scatterAdd(indices: Tensor, updates: Tensor, size: number, axis = 0): Tensor {
  // The result has this rank: the axes of the indices become one.
  const where = normalizeAxis(axis, updates.rank - indices.rank + 1, 'scatterAdd');
  checkConstant(indices, size, 'scatterAdd');
  return apply(scatterAddOp, [indices, updates], { axis: where, size });
}

// ── along an axis ────────────────────────────────────────────────────────────────────────────────────────────────

const others = (shape: Shape, axis: number, size: number): Shape =>
  shape.map((n, i) => (i === axis ? size : n));

/** Flat positions in an array of shape `others(shape, axis, n)` of what the indices (of `shape`) name. */
function flatPositions(indices: Tensor, axis: number, n: number): Tensor {
  const strides = rowMajorStrides(others(indices.shape, axis, n));
  const own = rowMajorStrides(indices.shape);
  const base = Int32Array.from({ length: sizeOf(indices.shape) }, (_, flat) =>
    own.reduce(
      (sum, stride, i) =>
        i === axis ? sum : sum + (Math.floor(flat / stride) % indices.shape[i]) * strides[i],
      0,
    ),
  );
  return add(mul(indices, strides[axis]), constant({ data: base, shape: indices.shape, dtype: 'int32' }));
}

/** Visits every element of the indices with its own flat position and the flat position that it names. */
function visitAlong(
  indices: NDArray,
  axis: number,
  n: number,
  name: string,
  visit: (own: number, named: number) => void,
): void {
  const inner = sizeOf(indices.shape.slice(axis + 1));
  const count = indices.shape[axis];
  indices.data.forEach((index, own) => {
    const outer = Math.floor(own / (inner * count));
    visit(own, (outer * n + checkIndex(index, n, name)) * inner + (own % inner));
  });
}

const takeAlongOp: OpDefinition<AxisAttribute> = defineOp<AxisAttribute>({
  name: 'takeAlongAxis',
  infer: ([x, indices], { axis }) => {
    requireIndices('takeAlongAxis', indices);
    if (!sameShape(others(x.shape, axis, 0), others(indices.shape, axis, 0))) {
      throw new Error(
        `takeAlongAxis: indices ${showShape(indices.shape)} for ${showShape(x.shape)}; sizes may differ on axis ${axis} only`,
      );
    }
    return { shape: indices.shape, dtype: x.dtype };
  },
  vjp: ({ inputs: [x, indices], cotangent, attributes: { axis } }) => [
    scatterAlongAxis(indices, cotangent, x.shape[axis], axis),
    null,
  ],
  batch: (inputs, batched, { axis }, size) => {
    const [x, indices] = inputs.map((input, i) => (batched[i] ? input : tileLeading(input, size)));
    return takeAlongAxis(x, indices, axis + 1);
  },
  onnx: (writer, { attributes }, inputs) =>
    writer.node('GatherElements', inputs, { axis: (attributes as AxisAttribute).axis }),
  expand: ([x, indices], { axis }) =>
    gather(reshape(x, [-1]), flatPositions(indices, axis, x.shape[axis]), 0),
  reference: ([x, indices], { shape, dtype, attributes: { axis } }) => {
    const out = allocate(dtype, sizeOf(shape));
    visitAlong(indices, axis, x.shape[axis], 'takeAlongAxis', (own, named) => (out[own] = x.data[named]));
    return out;
  },
  examples: [
    {
      inputs: [{ shape: [3, 4] }, { shape: [3, 2], dtype: 'int32', range: [0, 4] }],
      attributes: { axis: 1 },
    },
    {
      inputs: [{ shape: [3, 2, 2] }, { shape: [5, 2, 2], dtype: 'int32', range: [0, 3] }],
      attributes: { axis: 0 },
    },
  ],
});

/**
 * One value for each index along an axis: result[.., i, ..] = x[.., indices[.., i, ..], ..]. The other axes of x and of
 * the indices broadcast.
 *
 * @throws if the indices are not int32, are constants out of range, or have another rank than x.
 */
export function takeAlongAxis(x: Tensor, indices: Tensor, axis: number): Tensor {
  const where = normalizeAxis(axis, x.rank, 'takeAlongAxis');
  requireSameRank('takeAlongAxis', x, indices);
  checkConstant(indices, x.shape[where], 'takeAlongAxis');
  const shared = broadcastShapes(others(x.shape, where, 1), others(indices.shape, where, 1), 'takeAlongAxis');
  return apply(
    takeAlongOp,
    [x, indices].map((y) => broadcastTo(y, others(shared, where, y.shape[where]))),
    { axis: where },
  );
}

const scatterAlongOp: OpDefinition<ScatterAttributes> = defineOp<ScatterAttributes>({
  name: 'scatterAlongAxis',
  infer: ([indices, updates], { axis, size }) => {
    requireIndices('scatterAlongAxis', indices);
    if (!sameShape(indices.shape, updates.shape)) {
      throw new Error(
        `scatterAlongAxis: indices ${showShape(indices.shape)} for updates ${showShape(updates.shape)}; the shapes must agree`,
      );
    }
    return { shape: others(updates.shape, axis, size), dtype: updates.dtype };
  },
  vjp: ({ inputs: [indices], cotangent, attributes: { axis } }) => [
    null,
    takeAlongAxis(cotangent, indices, axis),
  ],
  batch: (inputs, batched, { axis, size }, count) => {
    const [indices, updates] = inputs.map((input, i) => (batched[i] ? input : tileLeading(input, count)));
    return scatterAlongAxis(indices, updates, size, axis + 1);
  },
  onnx: (writer, node, [indices, updates]) => {
    const { axis } = node.attributes as ScatterAttributes;
    const zeros = writer.node('Expand', [writer.scalar(0, node.dtype), writer.int64(node.shape)]);
    return writer.node('ScatterElements', [zeros, indices, updates], { axis, reduction: 'add' });
  },
  expand: ([indices, updates], { axis, size }) => {
    const shape = others(updates.shape, axis, size);
    const flat = reshape(flatPositions(indices, axis, size), [-1]);
    return reshape(scatterAdd(flat, reshape(updates, [-1]), sizeOf(shape), 0), shape);
  },
  reference: ([indices, updates], { shape, dtype, attributes: { axis, size } }) => {
    const sums = new Float64Array(sizeOf(shape));
    visitAlong(indices, axis, size, 'scatterAlongAxis', (own, named) => (sums[named] += updates.data[own]));
    const out = allocate(dtype, sums.length);
    out.set(sums);
    return out;
  },
  examples: [
    {
      inputs: [{ shape: [3, 6], dtype: 'int32', range: [0, 4] }, { shape: [3, 6] }],
      attributes: { axis: 1, size: 4 },
    },
    {
      inputs: [{ shape: [4, 2], dtype: 'int32', range: [0, 3] }, { shape: [4, 2] }],
      attributes: { axis: 0, size: 5 },
    },
  ],
});

/**
 * Adds each update at its index along an axis of zeros: result[.., indices[.., i, ..], ..] += updates[.., i, ..]. The
 * transpose of `takeAlongAxis`; indices broadcast to the updates.
 */
export function scatterAlongAxis(indices: Tensor, updates: Tensor, size: number, axis: number): Tensor {
  const where = normalizeAxis(axis, updates.rank, 'scatterAlongAxis');
  checkConstant(indices, size, 'scatterAlongAxis');
  return apply(scatterAlongOp, [broadcastTo(indices, updates.shape), updates], { axis: where, size });
}

function requireSameRank(name: string, x: Tensor, indices: Tensor): void {
  if (x.rank !== indices.rank)
    throw new Error(
      `${name}: indices ${showShape(indices.shape)} for ${showShape(x.shape)}; the ranks must agree`,
    );
}

/** 1 at the position each index names on a new last axis of length `size`, 0 elsewhere; all 0 for an index outside. */
export function oneHot(indices: Tensor, size: number, dtype: DType = defaultDType()): Tensor {
  requireIndices('oneHot', indices);
  const positions = constant({
    data: Int32Array.from({ length: size }, (_, i) => i),
    shape: [size],
    dtype: 'int32',
  });
  return cast(equal(expandDims(indices, indices.rank), positions), dtype);
}

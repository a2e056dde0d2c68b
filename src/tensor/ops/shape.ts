/** Ops that rearrange all values of tensors: reshape, transpose, broadcast, concatenate. Slices and padding: slice.ts. */
import { allocate } from '../array.ts';
import { defineOp, type OpDefinition } from '../op.ts';
import {
  checkShape,
  normalizeAxis,
  rowMajorStrides,
  sameShape,
  showShape,
  sizeOf,
  type Shape,
} from '../shape.ts';
import { apply, type Tensor } from '../tensor.ts';
import { broadcastOffsets, gatherByStrides } from './broadcast.ts';
import { sliceAxis } from './slice.ts';
import { sum } from './sum.ts';

// ── reshape ──────────────────────────────────────────────────────────────────────────────────────────────────────

type ShapeAttribute = { readonly shape: Shape };

const reshapeOp: OpDefinition<ShapeAttribute> = defineOp<ShapeAttribute>({
  name: 'reshape',
  infer: ([x], { shape }) => {
    checkShape(shape, 'reshape');
    if (sizeOf(shape) !== sizeOf(x.shape)) {
      throw new Error(
        `reshape: ${showShape(x.shape)} has ${sizeOf(x.shape)} values, ${showShape(shape)} needs ${sizeOf(shape)}`,
      );
    }
    return { shape, dtype: x.dtype };
  },
  vjp: ({ inputs: [x], cotangent }) => [reshape(cotangent, x.shape)],
  batch: ([x], _, { shape }, size) => reshape(x, [size, ...shape]),
  onnx: (writer, node, [x]) => writer.node('Reshape', [x, writer.int64(node.shape)], { allowzero: 1 }),
  tfjs: (tf, [x], node) => tf.reshape(x, [...node.shape]),
  reference: ([x]) => x.data.slice(),
  examples: [{ inputs: [{ shape: [2, 6] }], attributes: { shape: [3, 4] } }],
});

/** The same values in another shape; one size may be −1 and is then inferred. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const unknown = shape.indexOf(-1);
  const known = unknown < 0 ? shape : shape.map((n, i) => (i === unknown ? inferSize(x.shape, shape) : n));
  return sameShape(x.shape, known) ? x : apply(reshapeOp, [x], { shape: known });
}

function inferSize(from: Shape, to: Shape): number {
  const rest = to.reduce((product, n) => (n === -1 ? product : product * n), 1);
  const size = sizeOf(from) / rest;
  if (!Number.isInteger(size))
    throw new Error(`reshape: ${showShape(from)} does not divide into ${showShape(to)}`);
  return size;
}

// ── transpose ────────────────────────────────────────────────────────────────────────────────────────────────────

type TransposeAttributes = { readonly permutation: readonly number[] };

const transposeOp: OpDefinition<TransposeAttributes> = defineOp<TransposeAttributes>({
  name: 'transpose',
  infer: ([x], { permutation }) => {
    const seen = new Set(permutation);
    if (permutation.length !== x.shape.length || x.shape.some((_, axis) => !seen.has(axis))) {
      throw new Error(
        `transpose: ${showShape(permutation)} is no permutation of the axes of ${showShape(x.shape)}`,
      );
    }
    return { shape: permutation.map((axis) => x.shape[axis]), dtype: x.dtype };
  },
  vjp: ({ cotangent, attributes: { permutation } }) => [
    transpose(
      cotangent,
      permutation.map((_, axis) => permutation.indexOf(axis)),
    ),
  ],
  batch: ([x], _, { permutation }) => transpose(x, [0, ...permutation.map((axis) => axis + 1)]),
  onnx: (writer, { attributes }, [x]) =>
    writer.node('Transpose', [x], { perm: (attributes as TransposeAttributes).permutation }),
  tfjs: (tf, [x], { attributes }) => tf.transpose(x, [...(attributes as TransposeAttributes).permutation]),
  reference: ([x], node) => {
    const strides = rowMajorStrides(x.shape);
    return gatherByStrides(
      x,
      node,
      node.attributes.permutation.map((axis) => strides[axis]),
      0,
    );
  },
  examples: [
    { inputs: [{ shape: [2, 3, 4] }], attributes: { permutation: [2, 0, 1] } },
    { inputs: [{ shape: [3, 5] }], attributes: { permutation: [1, 0] } },
  ],
});

/** Permutes axes; without a permutation the last two are exchanged. */
export function transpose(x: Tensor, permutation?: readonly number[]): Tensor {
  const order = permutation ?? swapLast(x.rank);
  return order.every((axis, i) => axis === i) && order.length === x.rank
    ? x
    : apply(transposeOp, [x], { permutation: order });
}

const swapLast = (rank: number): number[] => {
  if (rank < 2)
    throw new Error(`transpose: a tensor of rank ${rank} has no two axes to exchange; give a permutation`);
  const order = Array.from({ length: rank }, (_, i) => i);
  [order[rank - 2], order[rank - 1]] = [rank - 1, rank - 2];
  return order;
};

/** Moves one axis to another place, keeping the order of the rest. */
export function moveAxis(x: Tensor, from: number, to: number): Tensor {
  const source = normalizeAxis(from, x.rank, 'moveAxis');
  const order = x.shape.map((_, i) => i).filter((i) => i !== source);
  order.splice(normalizeAxis(to, x.rank, 'moveAxis'), 0, source);
  return transpose(x, order);
}

// ── broadcast ────────────────────────────────────────────────────────────────────────────────────────────────────

const broadcastOp: OpDefinition<ShapeAttribute> = defineOp<ShapeAttribute>({
  name: 'broadcastTo',
  infer: ([x], { shape }) => {
    const shift = shape.length - x.shape.length;
    if (shift < 0 || x.shape.some((n, axis) => n !== 1 && n !== shape[axis + shift])) {
      throw new Error(`broadcastTo: ${showShape(x.shape)} does not broadcast to ${showShape(shape)}`);
    }
    return { shape, dtype: x.dtype };
  },
  vjp: ({ inputs: [x], cotangent }) => [sumToShape(cotangent, x.shape)],
  batch: ([x], _, { shape }, size) => {
    const inner = x.shape.slice(1);
    const padding = new Array<number>(shape.length - inner.length).fill(1);
    return broadcastTo(reshape(x, [size, ...padding, ...inner]), [size, ...shape]);
  },
  onnx: (writer, node, [x]) => writer.node('Expand', [x, writer.int64(node.shape)]),
  tfjs: (tf, [x], node) => tf.broadcastTo(x, [...node.shape]),
  reference: ([x], node) => {
    const offset = broadcastOffsets(x.shape, node.shape);
    const out = allocate(node.dtype, sizeOf(node.shape));
    for (let i = 0; i < out.length; i++) out[i] = x.data[offset(i)];
    return out;
  },
  examples: [
    { inputs: [{ shape: [3, 1] }], attributes: { shape: [2, 3, 4] } },
    { inputs: [{ shape: [] }], attributes: { shape: [5] } },
  ],
});

export const broadcastTo = (x: Tensor, shape: Shape): Tensor =>
  sameShape(x.shape, shape) ? x : apply(broadcastOp, [x], { shape });

/** Sums a cotangent over the axes that broadcasting repeated, back to `shape`. */
export function sumToShape(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const shift = x.rank - shape.length;
  const axes = x.shape.flatMap((n, axis) =>
    axis < shift || (shape[axis - shift] === 1 && n !== 1) ? [axis] : [],
  );
  return reshape(sum(x, axes), shape);
}

/**
 * For batching an op that broadcasts: brings the leading batch axis of the batched operands in front of the ranks of all,
 * so that [B, 4] beside an unbatched [3, 4] becomes [B, 1, 4].
 */
export function alignRanks(inputs: readonly Tensor[], batched: readonly boolean[]): Tensor[] {
  const rank = Math.max(...inputs.map((x, i) => x.rank - (batched[i] ? 1 : 0)));
  return inputs.map((x, i) => {
    if (!batched[i]) return x;
    const [size, ...inner] = x.shape;
    return reshape(x, [size, ...new Array<number>(rank - inner.length).fill(1), ...inner]);
  });
}

/** Inserts axes of size 1; `axes` count in the result. */
export function expandDims(x: Tensor, axes: number | readonly number[]): Tensor {
  const list = typeof axes === 'number' ? [axes] : axes;
  const rank = x.rank + list.length;
  const where = new Set(list.map((axis) => normalizeAxis(axis, rank, 'expandDims')));
  const rest = [...x.shape];
  return reshape(
    x,
    Array.from({ length: rank }, (_, i) => (where.has(i) ? 1 : (rest.shift() as number))),
  );
}

/** Removes axes of size 1. */
export function squeeze(x: Tensor, axes: number | readonly number[]): Tensor {
  const where = new Set(
    (typeof axes === 'number' ? [axes] : axes).map((axis) => normalizeAxis(axis, x.rank, 'squeeze')),
  );
  for (const axis of where) {
    if (x.shape[axis] !== 1)
      throw new Error(`squeeze: axis ${axis} of ${showShape(x.shape)} has size ${x.shape[axis]}, expected 1`);
  }
  return reshape(
    x,
    x.shape.filter((_, axis) => !where.has(axis)),
  );
}

// ── concatenate ──────────────────────────────────────────────────────────────────────────────────────────────────

type AxisAttribute = { readonly axis: number };

const concatOp: OpDefinition<AxisAttribute> = defineOp<AxisAttribute>({
  name: 'concat',
  infer: (inputs, { axis }) => {
    const [first, ...rest] = inputs;
    for (const x of rest) {
      const fits =
        x.shape.length === first.shape.length && x.shape.every((n, i) => i === axis || n === first.shape[i]);
      if (!fits || x.dtype !== first.dtype) {
        throw new Error(
          `concat: ${x.dtype}${showShape(x.shape)} does not join ${first.dtype}${showShape(first.shape)} on axis ${axis}; other sizes and dtype must agree`,
        );
      }
    }
    const total = inputs.reduce((n, x) => n + x.shape[axis], 0);
    return { shape: first.shape.map((n, i) => (i === axis ? total : n)), dtype: first.dtype };
  },
  vjp: ({ inputs, cotangent, attributes: { axis } }) => {
    let start = 0;
    return inputs.map((x) => sliceAxis(cotangent, axis, start, (start += x.shape[axis])));
  },
  batch: (inputs, batched, { axis }, size) =>
    concat(
      inputs.map((x, i) => (batched[i] ? x : broadcastTo(expandDims(x, 0), [size, ...x.shape]))),
      axis + 1,
    ),
  onnx: (writer, { attributes }, inputs) =>
    writer.node('Concat', inputs, { axis: (attributes as AxisAttribute).axis }),
  tfjs: (tf, inputs, { attributes }) => tf.concat([...inputs], (attributes as AxisAttribute).axis),
  reference: (inputs, { shape, dtype, attributes: { axis } }) => {
    const out = allocate(dtype, sizeOf(shape));
    const inner = sizeOf(shape.slice(axis + 1));
    const outer = sizeOf(shape.slice(0, axis));
    let start = 0;
    for (const x of inputs) {
      const block = x.shape[axis] * inner;
      for (let o = 0; o < outer; o++) {
        out.set(x.data.subarray(o * block, (o + 1) * block), o * shape[axis] * inner + start);
      }
      start += block;
    }
    return out;
  },
  examples: [
    { inputs: [{ shape: [2, 3] }, { shape: [2, 1] }, { shape: [2, 2] }], attributes: { axis: 1 } },
    { inputs: [{ shape: [1, 3] }, { shape: [2, 3] }], attributes: { axis: 0 } },
  ],
});

export function concat(tensors: readonly Tensor[], axis = 0): Tensor {
  if (tensors.length === 0) throw new Error('concat: no tensors given, expected at least one');
  if (tensors.length === 1) return tensors[0];
  return apply(concatOp, tensors, { axis: normalizeAxis(axis, tensors[0].rank, 'concat') });
}

/** Joins tensors of one shape along a new axis. */
export function stack(tensors: readonly Tensor[], axis = 0): Tensor {
  const where = normalizeAxis(axis, tensors[0].rank + 1, 'stack');
  return concat(
    tensors.map((x) => expandDims(x, where)),
    where,
  );
}

/** Repeats a tensor along a new leading axis. */
export const tileLeading = (x: Tensor, size: number): Tensor =>
  broadcastTo(expandDims(x, 0), [size, ...x.shape]);

/** Ops that move values without computing: reshape, transpose, broadcast, concatenate, slice, pad. */
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
import { broadcastOffsets } from './broadcast.ts';
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

function gatherByStrides(
  x: { data: ArrayLike<number> },
  node: { shape: Shape; dtype: Tensor['dtype'] },
  steps: readonly number[],
  start: number,
): ReturnType<typeof allocate> {
  const out = allocate(node.dtype, sizeOf(node.shape));
  const position = new Array<number>(node.shape.length).fill(0);
  let offset = start;
  for (let i = 0; i < out.length; i++) {
    out[i] = x.data[offset];
    for (let axis = node.shape.length - 1; axis >= 0; axis--) {
      offset += steps[axis];
      if (++position[axis] < node.shape[axis]) break;
      offset -= steps[axis] * node.shape[axis];
      position[axis] = 0;
    }
  }
  return out;
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

// ── slice ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Per axis: first index, size of the result, and step (which may be negative). */
type SliceAttributes = {
  readonly starts: readonly number[];
  readonly sizes: readonly number[];
  readonly steps: readonly number[];
};

const sliceOp: OpDefinition<SliceAttributes> = defineOp<SliceAttributes>({
  name: 'slice',
  infer: ([x], { starts, sizes, steps }) => {
    x.shape.forEach((n, axis) => {
      const last = starts[axis] + (sizes[axis] - 1) * steps[axis];
      const inside = sizes[axis] === 0 || (starts[axis] >= 0 && starts[axis] < n && last >= 0 && last < n);
      if (sizes.length !== x.shape.length || sizes[axis] < 0 || !inside) {
        throw new Error(
          `slice: start ${starts[axis]}, size ${sizes[axis]}, step ${steps[axis]} leaves axis ${axis} of ${showShape(x.shape)}`,
        );
      }
    });
    return { shape: sizes, dtype: x.dtype };
  },
  vjp: ({ inputs: [x], cotangent, attributes: { starts, sizes, steps } }) => {
    // The transpose puts values back: reverse axes with negative steps, spread by |step|, pad to the old size.
    const backwards = steps.map((step) => step < 0);
    const forward = backwards.includes(true)
      ? reverse(
          cotangent,
          backwards.flatMap((flip, axis) => (flip ? [axis] : [])),
        )
      : cotangent;
    const low = starts.map((start, axis) =>
      backwards[axis] ? start + (sizes[axis] - 1) * steps[axis] : start,
    );
    const interior = steps.map((step) => Math.abs(step) - 1);
    const high = x.shape.map(
      (n, axis) => n - low[axis] - sizes[axis] - Math.max(0, sizes[axis] - 1) * interior[axis],
    );
    return [pad(forward, low, high, interior)];
  },
  batch: ([x], _, { starts, sizes, steps }, size) =>
    apply(sliceOp, [x], { starts: [0, ...starts], sizes: [size, ...sizes], steps: [1, ...steps] }),
  onnx: (writer, { attributes, inputs: [x] }, [name]) => {
    const { starts, sizes, steps } = attributes as SliceAttributes;
    const axes = sizes.flatMap((n, axis) => (n === x.shape[axis] && steps[axis] === 1 ? [] : [axis]));
    // Past the first element going backwards ONNX wants an end below −n.
    const end = (axis: number): number => {
      const stop = starts[axis] + sizes[axis] * steps[axis];
      return stop < 0 ? -x.shape[axis] - 1 : stop;
    };
    const list = (f: (axis: number) => number): string => writer.int64(axes.map(f));
    return writer.node('Slice', [
      name,
      list((a) => starts[a]),
      list(end),
      list((a) => a),
      list((a) => steps[a]),
    ]);
  },
  tfjs: (tf, [x], { attributes, inputs }) => {
    const { starts, sizes, steps } = attributes as SliceAttributes;
    if (steps.every((step) => step === 1)) return tf.slice(x, [...starts], [...sizes]);
    // gather by index covers negative and long steps alike on every backend.
    return steps.reduce((y: typeof x, step, axis) => {
      const whole = step === 1 && sizes[axis] === inputs[0].shape[axis];
      const indices = Array.from({ length: sizes[axis] }, (_, i) => starts[axis] + i * step);
      return whole ? y : tf.gather(y, tf.tensor1d(indices, 'int32'), axis);
    }, x);
  },
  reference: ([x], node) => {
    const { starts, steps } = node.attributes;
    const strides = rowMajorStrides(x.shape);
    const start = strides.reduce((offset, stride, axis) => offset + stride * starts[axis], 0);
    return gatherByStrides(
      x,
      node,
      strides.map((stride, axis) => stride * steps[axis]),
      start,
    );
  },
  examples: [
    { inputs: [{ shape: [4, 5] }], attributes: { starts: [1, 0], sizes: [2, 5], steps: [1, 1] } },
    { inputs: [{ shape: [4, 6] }], attributes: { starts: [3, 1], sizes: [4, 2], steps: [-1, 3] } },
    { inputs: [{ shape: [7] }], attributes: { starts: [5], sizes: [3], steps: [-2] } },
  ],
});

/** x[start : stop : step] on one axis; negative positions count from the end. */
export function sliceAxis(x: Tensor, axis: number, start: number, stop?: number, step = 1): Tensor {
  const where = normalizeAxis(axis, x.rank, 'slice');
  const n = x.shape[where];
  if (!Number.isInteger(step) || step === 0)
    throw new Error(`slice: step ${step}, expected a whole number other than 0`);
  const from = start < 0 ? start + n : start;
  const to = stop === undefined ? (step > 0 ? n : -1) : stop < 0 ? stop + n : stop;
  const size = Math.max(0, Math.ceil((to - from) / step));
  if (from === 0 && size === n && step === 1) return x;
  return apply(sliceOp, [x], {
    starts: x.shape.map((_, i) => (i === where ? from : 0)),
    sizes: x.shape.map((m, i) => (i === where ? size : m)),
    steps: x.shape.map((_, i) => (i === where ? step : 1)),
  });
}

/** Cuts a block given by first indices and sizes, one for each axis. */
export const slice = (x: Tensor, starts: readonly number[], sizes: readonly number[]): Tensor =>
  sameShape(sizes, x.shape) ? x : apply(sliceOp, [x], { starts, sizes, steps: x.shape.map(() => 1) });

/** One position of an axis, with the axis removed. */
export const take = (x: Tensor, axis: number, index: number): Tensor => {
  const where = normalizeAxis(axis, x.rank, 'take');
  const i = index < 0 ? index + x.shape[where] : index;
  return squeeze(sliceAxis(x, where, i, i + 1), where);
};

/** Cuts an axis into parts of the given sizes. */
export function split(x: Tensor, sizes: readonly number[], axis = 0): Tensor[] {
  const where = normalizeAxis(axis, x.rank, 'split');
  const total = sizes.reduce((a, b) => a + b, 0);
  if (total !== x.shape[where])
    throw new Error(
      `split: sizes ${showShape(sizes)} add up to ${total}, axis ${axis} of ${showShape(x.shape)} has ${x.shape[where]}`,
    );
  let start = 0;
  return sizes.map((size) => sliceAxis(x, where, start, (start += size)));
}

/** Reverses the order along axes. */
export const reverse = (x: Tensor, axes: number | readonly number[]): Tensor => {
  const flip = new Set(
    (typeof axes === 'number' ? [axes] : axes).map((axis) => normalizeAxis(axis, x.rank, 'reverse')),
  );
  return apply(sliceOp, [x], {
    starts: x.shape.map((n, axis) => (flip.has(axis) ? n - 1 : 0)),
    sizes: x.shape,
    steps: x.shape.map((_, axis) => (flip.has(axis) ? -1 : 1)),
  });
};

// ── pad ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Zeros before, after and between the values of each axis (the transpose of a strided slice). */
type PadAttributes = {
  readonly low: readonly number[];
  readonly high: readonly number[];
  readonly interior: readonly number[];
};

const paddedSize = (n: number, low: number, high: number, interior: number): number =>
  n + low + high + Math.max(0, n - 1) * interior;

const padOp: OpDefinition<PadAttributes> = defineOp<PadAttributes>({
  name: 'pad',
  infer: ([x], { low, high, interior }) => {
    const wrong = [...low, ...high, ...interior].some((n) => !Number.isInteger(n) || n < 0);
    if (wrong || low.length !== x.shape.length || high.length !== x.shape.length) {
      throw new Error(
        `pad: amounts ${showShape(low)} … ${showShape(high)} for ${showShape(x.shape)}; expected whole numbers ≥ 0, one for each axis`,
      );
    }
    return { shape: x.shape.map((n, i) => paddedSize(n, low[i], high[i], interior[i])), dtype: x.dtype };
  },
  vjp: ({ inputs: [x], cotangent, attributes: { low, interior } }) => [
    apply(sliceOp, [cotangent], { starts: low, sizes: x.shape, steps: interior.map((n) => n + 1) }),
  ],
  batch: ([x], _, { low, high, interior }) =>
    apply(padOp, [x], { low: [0, ...low], high: [0, ...high], interior: [0, ...interior] }),
  onnx: (writer, node, [x]) => {
    const { low, high, interior } = node.attributes as PadAttributes;
    const [input] = node.inputs;
    const spread = spreadOnnx(writer, x, input.shape, interior);
    if (low.every((n) => n === 0) && high.every((n) => n === 0)) return spread;
    return writer.node('Pad', [spread, writer.int64([...low, ...high])]);
  },
  tfjs: (tf, [x], node) => {
    const { low, high, interior } = node.attributes as PadAttributes;
    let y = x;
    interior.forEach((gap, axis) => {
      const n = y.shape[axis];
      if (gap === 0 || n < 2) return;
      const before = y.shape.slice(0, axis);
      const after = y.shape.slice(axis + 1);
      const widened = tf.pad(
        tf.reshape(y, [...before, n, 1, ...after]),
        [...before, n, 1, ...after].map((_, i): [number, number] => [0, i === axis + 1 ? gap : 0]),
      );
      const flat = tf.reshape(widened, [...before, n * (gap + 1), ...after]);
      y = tf.slice(
        flat,
        flat.shape.map(() => 0),
        [...before, n * (gap + 1) - gap, ...after],
      );
    });
    return tf.pad(
      y,
      low.map((n, axis) => [n, high[axis]] as [number, number]),
    );
  },
  reference: ([x], { shape, dtype, attributes: { low, interior } }) => {
    const out = allocate(dtype, sizeOf(shape));
    const to = rowMajorStrides(shape);
    const from = rowMajorStrides(x.shape);
    for (let i = 0; i < x.data.length; i++) {
      let rest = i;
      let offset = 0;
      for (let axis = 0; axis < shape.length; axis++) {
        const position = Math.floor(rest / from[axis]);
        rest -= position * from[axis];
        offset += (low[axis] + position * (interior[axis] + 1)) * to[axis];
      }
      out[offset] = x.data[i];
    }
    return out;
  },
  examples: [
    { inputs: [{ shape: [2, 3] }], attributes: { low: [1, 0], high: [0, 2], interior: [0, 0] } },
    { inputs: [{ shape: [3, 2] }], attributes: { low: [0, 1], high: [1, 0], interior: [2, 1] } },
  ],
});

/** Spreads values apart by zeros: [.., n, ..] → [.., n, 1, ..], pad the new axis, merge, cut the tail. */
function spreadOnnx(
  writer: Parameters<NonNullable<OpDefinition['onnx']>>[0],
  name: string,
  shape: Shape,
  interior: readonly number[],
): string {
  let current = name;
  const sizes = [...shape];
  interior.forEach((gap, axis) => {
    const n = sizes[axis];
    if (gap === 0 || n < 2) return;
    const split = [...sizes.slice(0, axis), n, 1, ...sizes.slice(axis + 1)];
    const zeros = split.map(() => 0);
    const after = split.map((_, i) => (i === axis + 1 ? gap : 0));
    current = writer.node('Reshape', [current, writer.int64(split)]);
    current = writer.node('Pad', [current, writer.int64([...zeros, ...after])]);
    sizes[axis] = n * (gap + 1);
    current = writer.node('Reshape', [current, writer.int64(sizes)]);
    sizes[axis] -= gap;
    current = writer.node('Slice', [
      current,
      writer.int64([0]),
      writer.int64([sizes[axis]]),
      writer.int64([axis]),
    ]);
  });
  return current;
}

/** Zeros around (and, with `interior`, between) the values; amounts for each axis. */
export function pad(
  x: Tensor,
  low: readonly number[],
  high: readonly number[],
  interior: readonly number[] = x.shape.map(() => 0),
): Tensor {
  const nothing = [...low, ...high, ...interior].every((n) => n === 0);
  return nothing && low.length === x.rank ? x : apply(padOp, [x], { low, high, interior });
}

/** Cyclic shift along an axis: result[i] = x[i − shift]. */
export function roll(x: Tensor, shift: number, axis: number): Tensor {
  const n = x.shape[normalizeAxis(axis, x.rank, 'roll')];
  const by = n === 0 ? 0 : ((shift % n) + n) % n;
  return by === 0 ? x : concat([sliceAxis(x, axis, n - by), sliceAxis(x, axis, 0, n - by)], axis);
}

/** Repeats a tensor along a new leading axis. */
export const tileLeading = (x: Tensor, size: number): Tensor =>
  broadcastTo(expandDims(x, 0), [size, ...x.shape]);

/** Parts of tensors and their transpose: slices (strided, reversed) and padding (around and between values). */
import { allocate } from '../array.ts';
import { defineOp, type OpDefinition } from '../op.ts';
import { normalizeAxis, rowMajorStrides, sameShape, showShape, sizeOf, type Shape } from '../shape.ts';
import { apply, type Tensor } from '../tensor.ts';
import { gatherByStrides } from './broadcast.ts';
import { concat, squeeze } from './shape.ts';

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

/**
 * Convolution over any number of spatial axes, channels first: x [batch, in, …spatial], weights [out, in/groups, …kernel].
 *
 * There is one trilinear form, T(x, w, g) = Σ x[n, c, p·stride + k·dilation − low] w[o, c, k] g[n, o, p], and three ops:
 * its derivatives in g (convolution), in x (input gradient, which is transposed convolution) and in w (weight gradient).
 * Each is bilinear in the two that are left, so the vjp of each is made of the two others, and all share one geometry.
 */
import { allocate, type NDArray, type NumericData } from '../array.ts';
import { defineOp, type OpDefinition, type OpExample, type Signature } from '../op.ts';
import { sameShape, showShape, sizeOf, type Shape } from '../shape.ts';
import { apply, constant, type Tensor } from '../tensor.ts';
import { requireFloat } from './broadcast.ts';
import { convolutionOnnx } from './convolutionOnnx.ts';
import { gather } from './indexing.ts';
import { matmul } from './matmul.ts';
import { moveAxis, reshape, tileLeading, transpose } from './shape.ts';
import { pad, reverse, slice } from './slice.ts';
import { sum } from './sum.ts';
import {
  convolutionGeometry,
  extent,
  forEachTerm,
  highPadding,
  operandShapes,
  tapIndices,
  transposedGeometry,
  withUnitAxis,
  withoutUnitAxes,
  type ConvolutionOptions,
  type Geometry,
  type Operands,
  type TransposedConvolutionOptions,
} from './convolutionGeometry.ts';

export type { ConvolutionOptions, TransposedConvolutionOptions } from './convolutionGeometry.ts';

/** Slices of x along an axis at constant indices; the index one past the end reads zeros. */
function gatherOrZero(x: Tensor, indices: Int32Array, shape: Shape, axis: number): Tensor {
  const n = x.shape[axis];
  if (indices.length === n && indices.every((at, i) => at === i))
    return reshape(x, [...x.shape.slice(0, axis), ...shape, ...x.shape.slice(axis + 1)]);
  const none = x.shape.map(() => 0);
  const padded = indices.includes(n)
    ? pad(
        x,
        none,
        none.map((_, i) => (i === axis ? 1 : 0)),
      )
    : x;
  return gather(padded, constant({ data: indices, shape, dtype: 'int32' }), axis);
}

// ── the three ops ────────────────────────────────────────────────────────────────────────────────────────────────

function inferOperand(
  name: string,
  [a, b]: readonly Signature[],
  shapes: Operands,
  operands: readonly [keyof Operands, keyof Operands],
  result: keyof Operands,
): Signature {
  requireFloat(name, a);
  requireFloat(name, b);
  if (a.dtype !== b.dtype)
    throw new Error(`${name}: operands are ${a.dtype} and ${b.dtype}; cast one of them first`);
  const [first, second] = operands.map((key) => shapes[key]);
  if (!sameShape(a.shape, first) || !sameShape(b.shape, second)) {
    throw new Error(
      `${name}: operands ${showShape(a.shape)} and ${showShape(b.shape)}, expected ${showShape(first)} and ${showShape(second)}`,
    );
  }
  return { shape: shapes[result], dtype: a.dtype };
}

/** Under vmap: the leading axis of x [size, a, b, …] merged into axis 0 or 1 of what follows, and the way back. */
const mergeInto = (x: Tensor, axis: 0 | 1): Tensor => {
  const [size, ...inner] = x.shape;
  const shape = inner.map((n, i) => (i === axis ? size * n : n));
  return reshape(moveAxis(x, 0, axis), shape);
};
const divideFrom = (y: Tensor, axis: 0 | 1, size: number): Tensor =>
  moveAxis(
    reshape(y, [...y.shape.slice(0, axis), size, y.shape[axis] / size, ...y.shape.slice(axis + 1)]),
    axis,
    0,
  );

const grouped = (geometry: Geometry, size: number): Geometry => ({
  ...geometry,
  groups: geometry.groups * size,
});

/** Both operands with a leading axis, the one that has none repeated. */
const bothBatched = (inputs: readonly Tensor[], batched: readonly boolean[], size: number): Tensor[] =>
  inputs.map((x, i) => (batched[i] ? x : tileLeading(x, size)));

const convolutionOp: OpDefinition<Geometry> = defineOp<Geometry>({
  name: 'convolution',
  infer: ([x, w], geometry) =>
    inferOperand(
      'conv',
      [x, w],
      operandShapes(geometry, x.shape[0], x.shape[1], w.shape[0]),
      ['x', 'w'],
      'g',
    ),
  vjp: ({ inputs: [x, w], cotangent, needs, attributes }) => [
    needs[0] ? inputGradient(cotangent, w, attributes) : null,
    needs[1] ? weightGradient(x, cotangent, attributes) : null,
  ],
  batch: (inputs, batched, geometry, size) => {
    const [x, w] = inputs;
    if (!batched[1]) return divideFrom(convolution(mergeInto(x, 0), w, geometry), 0, size);
    if (!batched[0] && geometry.groups === 1)
      return divideFrom(convolution(x, mergeInto(w, 0), geometry), 1, size);
    const [xs, ws] = bothBatched(inputs, batched, size);
    return divideFrom(convolution(mergeInto(xs, 1), mergeInto(ws, 0), grouped(geometry, size)), 1, size);
  },
  onnx: convolutionOnnx,
  onnxLacks: ['float64'],
  // One product a group: [outputs, taps·in] @ [taps·in, out].
  expand: ([x, w], geometry) => {
    const { groups, input, kernel, output } = geometry;
    const [batch, inChannels] = x.shape;
    const outChannels = w.shape[0];
    const [perIn, perOut] = [inChannels / groups, outChannels / groups];
    const [inputs, taps, outputs] = [input, kernel, output].map(sizeOf);
    const channelsLast = transpose(reshape(x, [batch, groups, perIn, inputs]), [0, 1, 3, 2]);
    const patches = gatherOrZero(channelsLast, tapIndices(geometry, 0), [outputs, taps], 2);
    const weights = transpose(reshape(w, [groups, perOut, perIn, taps]), [0, 3, 2, 1]);
    const product = matmul(
      reshape(patches, [batch, groups, outputs, taps * perIn]),
      reshape(weights, [1, groups, taps * perIn, perOut]),
    );
    return reshape(transpose(product, [0, 1, 3, 2]), [batch, outChannels, ...output]);
  },
  reference: ([x, w], { shape, dtype, attributes }) =>
    accumulate(shape, dtype, (out) =>
      forEachTerm(attributes, { x: x.shape, w: w.shape, g: shape }, (i, k, o) => {
        out[o] += x.data[i] * w.data[k];
      }),
    ),
  examples: examplesOf('x', 'w'),
});

const inputGradientOp: OpDefinition<Geometry> = defineOp<Geometry>({
  name: 'convolutionInputGradient',
  infer: ([g, w], geometry) =>
    inferOperand(
      'convTranspose',
      [g, w],
      operandShapes(geometry, g.shape[0], w.shape[1] * geometry.groups, w.shape[0]),
      ['g', 'w'],
      'x',
    ),
  vjp: ({ inputs: [g, w], cotangent, needs, attributes }) => [
    needs[0] ? convolution(cotangent, w, attributes) : null,
    needs[1] ? weightGradient(cotangent, g, attributes) : null,
  ],
  batch: (inputs, batched, geometry, size) => {
    const [g, w] = inputs;
    if (!batched[1]) return divideFrom(inputGradient(mergeInto(g, 0), w, geometry), 0, size);
    const [gs, ws] = bothBatched(inputs, batched, size);
    return divideFrom(inputGradient(mergeInto(gs, 1), mergeInto(ws, 0), grouped(geometry, size)), 1, size);
  },
  // Two to seven times faster at strides above 1 than a convolution over spread values; see `asConvolution` for stride 1.
  onnx: (writer, node, inputs) => {
    const geometry = node.attributes as Geometry;
    const { input, kernel, strides, dilations, low, groups } = geometry;
    const high = input.map((_, axis) => highPadding(geometry, axis));
    return writer.node('ConvTranspose', inputs, {
      kernel_shape: kernel,
      strides,
      dilations,
      pads: [...low, ...high.map((n) => Math.max(0, n))],
      output_padding: high.map((n) => Math.max(0, -n)),
      group: groups,
    });
  },
  onnxLacks: ['float64'],
  expand: expandInputGradient,
  reference: ([g, w], { shape, dtype, attributes }) =>
    accumulate(shape, dtype, (out) =>
      forEachTerm(attributes, { x: shape, w: w.shape, g: g.shape }, (i, k, o) => {
        out[i] += g.data[o] * w.data[k];
      }),
    ),
  examples: examplesOf('g', 'w'),
});

/** The convolution at stride 1, with the turned kernel, of g with its values spread by the stride. */
function expandInputGradient([g, w]: readonly Tensor[], geometry: Geometry): Tensor {
  const { groups, input, kernel, output, strides, dilations, low } = geometry;
  const [outChannels, perIn] = w.shape;
  const flipped = reverse(
    w,
    kernel.map((_, axis) => axis + 2),
  );
  const turned = moveAxis(reshape(flipped, [groups, outChannels / groups, perIn, ...kernel]), 1, 2);
  const before = input.map((_, axis) => extent(kernel[axis], dilations[axis]) - 1 - low[axis]);
  const spread = output.map((n, axis) => (n - 1) * strides[axis] + 1);
  const after = input.map(
    (n, axis) => n + extent(kernel[axis], dilations[axis]) - 1 - before[axis] - spread[axis],
  );
  const none = [0, 0, ...before.map(() => 0)];
  const apart = pad(g, none, none, [0, 0, ...strides.map((s) => s - 1)]);
  // Padding less than nothing means cropping, which the convolution cannot do by itself.
  const crop = (n: number): number => Math.max(0, -n);
  const whole = slice(
    apart,
    [0, 0, ...before.map(crop)],
    [...g.shape.slice(0, 2), ...spread.map((n, axis) => n - crop(before[axis]) - crop(after[axis]))],
  );
  return convolution(whole, reshape(turned, [perIn * groups, outChannels / groups, ...kernel]), {
    input: whole.shape.slice(2),
    kernel,
    output: input,
    strides: strides.map(() => 1),
    dilations,
    low: before.map((n) => Math.max(0, n)),
    groups,
  });
}

/**
 * An input gradient at stride 1 as the convolution with the turned kernel, which takes ONNX Runtime half the time; null where it
 * is none.
 */
export function asConvolution({ inputs, attributes }: Tensor): Tensor | null {
  const geometry = attributes as Geometry;
  const { input, kernel, strides, dilations, low } = geometry;
  const uncropped = input.every((_, axis) => {
    const reach = extent(kernel[axis], dilations[axis]) - 1;
    return low[axis] <= reach && highPadding(geometry, axis) <= reach;
  });
  return uncropped && strides.every((s) => s === 1) ? expandInputGradient(inputs, geometry) : null;
}

const weightGradientOp: OpDefinition<Geometry> = defineOp<Geometry>({
  name: 'convolutionWeightGradient',
  infer: ([x, g], geometry) =>
    inferOperand(
      'convolutionWeightGradient',
      [x, g],
      operandShapes(geometry, x.shape[0], x.shape[1], g.shape[1]),
      ['x', 'g'],
      'w',
    ),
  vjp: ({ inputs: [x, g], cotangent, needs, attributes }) => [
    needs[0] ? inputGradient(g, cotangent, attributes) : null,
    needs[1] ? convolution(x, cotangent, attributes) : null,
  ],
  batch: (inputs, batched, geometry, size) => {
    const [x, g] = inputs;
    if (geometry.groups === 1 && !batched[1])
      return divideFrom(weightGradient(mergeInto(x, 1), g, geometry), 1, size);
    if (geometry.groups === 1 && !batched[0])
      return divideFrom(weightGradient(x, mergeInto(g, 1), geometry), 0, size);
    const [xs, gs] = bothBatched(inputs, batched, size);
    return divideFrom(weightGradient(mergeInto(xs, 1), mergeInto(gs, 1), grouped(geometry, size)), 0, size);
  },
  expand: ([x, g], geometry) => weightProduct(x, g, geometry),
  reference: ([x, g], { shape, dtype, attributes }) =>
    accumulate(shape, dtype, (out) =>
      forEachTerm(attributes, { x: x.shape, w: shape, g: g.shape }, (i, k, o) => {
        out[k] += x.data[i] * g.data[o];
      }),
    ),
  examples: examplesOf('x', 'g'),
});

/**
 * The weight gradient as one long matrix product that shares the taps between its sides: g is copied once for each tap of
 * the first spatial axis, x once for each tap of the others. A 3×3 kernel so costs 3 + 3 copies instead of the 9 of
 * im2col, and [3·out, pixels] @ [pixels, 3·in] is a better shape than [out, pixels] @ [pixels, 9·in].
 */
function weightProduct(x: Tensor, g: Tensor, given: Geometry): Tensor {
  const geometry = given.input.length > 1 ? given : withUnitAxis(given);
  const { input, kernel, output, strides, dilations, low, groups } = geometry;
  const [batch, inChannels] = x.shape;
  const outChannels = g.shape[1];
  const [perIn, perOut] = [inChannels / groups, outChannels / groups];
  const [rows, inner] = [input[0], sizeOf(input.slice(1))];
  const [taps, outputs] = [sizeOf(kernel.slice(1)), sizeOf(output.slice(1))];

  const channelsLast = transpose(reshape(x, [batch, groups, perIn, rows, inner]), [0, 1, 3, 4, 2]);
  const right = gatherOrZero(channelsLast, tapIndices(geometry, 1), [outputs, taps], 3);

  // Row r of x meets, through tap k, the row (r + low − k·dilation) / stride of g, if there is one.
  const meets = Int32Array.from({ length: kernel[0] * rows }, (_, i) => {
    const [k, r] = [Math.floor(i / rows), i % rows];
    const row = (r + low[0] - k * dilations[0]) / strides[0];
    return Number.isInteger(row) && row >= 0 && row < output[0] ? row : output[0];
  });
  const wide = reshape(g, [batch, groups, perOut, output[0], outputs]);
  const left = gatherOrZero(wide, meets, [kernel[0], rows], 3);

  const product = matmul(
    reshape(left, [batch, groups, perOut * kernel[0], rows * outputs]),
    reshape(right, [batch, groups, rows * outputs, taps * perIn]),
  );
  const total = reshape(sum(product, 0), [groups, perOut, kernel[0], taps, perIn]);
  return reshape(moveAxis(total, 4, 2), [outChannels, perIn, ...given.kernel]);
}

function accumulate(shape: Shape, dtype: NDArray['dtype'], fill: (out: Float64Array) => void): NumericData {
  const sums = new Float64Array(sizeOf(shape));
  fill(sums);
  const out = allocate(dtype, sums.length);
  out.set(sums);
  return out;
}

const convolution = (x: Tensor, w: Tensor, geometry: Geometry): Tensor =>
  apply(convolutionOp, [x, w], geometry);
const inputGradient = (g: Tensor, w: Tensor, geometry: Geometry): Tensor =>
  apply(inputGradientOp, [g, w], geometry);
const weightGradient = (x: Tensor, g: Tensor, geometry: Geometry): Tensor =>
  apply(weightGradientOp, [x, g], geometry);

// ── what users call ──────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Convolution (cross-correlation, as all networks call it) of x [batch, in, …spatial] with w [out, in/groups, …kernel],
 * over as many spatial axes as there are: [batch, out, …⌊(n + low + high − (k−1)·dilation − 1)/stride⌋ + 1].
 *
 * @throws if shapes, groups or options do not fit together, or the kernel is larger than the padded input.
 */
export function conv(x: Tensor, w: Tensor, options: ConvolutionOptions = {}): Tensor {
  const geometry = convolutionGeometry(x.shape, w.shape, options);
  // ONNX Runtime is much faster along two axes than along three.
  const narrow = withoutUnitAxes(geometry);
  const result = convolution(
    reshape(x, [...x.shape.slice(0, 2), ...narrow.input]),
    reshape(w, [...w.shape.slice(0, 2), ...narrow.kernel]),
    narrow,
  );
  return reshape(result, [...result.shape.slice(0, 2), ...geometry.output]);
}

/**
 * Transposed convolution: the input gradient of `conv` with the same options as a layer of its own. x [batch, in, …n],
 * w [in, out/groups, …kernel] → [batch, out, …(n−1)·stride + (k−1)·dilation + 1 − low − high + outputPadding]; with
 * padding 'same' the sizes are n·stride.
 *
 * @throws if shapes, groups or options do not fit together.
 */
export const convTranspose = (x: Tensor, w: Tensor, options: TransposedConvolutionOptions = {}): Tensor =>
  inputGradient(x, w, transposedGeometry(x.shape, w.shape, options));

// ── examples for the generic tests ───────────────────────────────────────────────────────────────────────────────

/** 2-D strided and unevenly padded; grouped and dilated; 1-D strided and grouped; depthwise; a crop in the gradient. */
function examplesOf(first: keyof Operands, second: keyof Operands): OpExample<Geometry>[] {
  const cases: [x: Shape, w: Shape, options: ConvolutionOptions][] = [
    [
      [2, 3, 5, 6],
      [4, 3, 3, 2],
      {
        strides: [2, 1],
        padding: [
          [1, 0],
          [2, 1],
        ],
      },
    ],
    [[1, 4, 5, 5], [6, 2, 2, 3], { dilations: [1, 2], groups: 2, padding: 'same' }],
    [[2, 4, 9], [2, 2, 3], { strides: 2, groups: 2, dilations: 2, padding: [[3, 1]] }],
    [[2, 3, 6], [3, 1, 3], { groups: 3, padding: 'same' }],
    [[2, 2, 4], [3, 2, 1], { padding: [[1, 2]] }],
  ];
  return cases.map(([x, w, options]) => {
    const geometry = convolutionGeometry(x, w, options);
    const shapes = operandShapes(geometry, x[0], x[1], w[0]);
    return { inputs: [{ shape: shapes[first] }, { shape: shapes[second] }], attributes: geometry };
  });
}

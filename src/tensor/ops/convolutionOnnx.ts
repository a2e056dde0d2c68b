/**
 * Convolution for ONNX Runtime. With constant weights its kernels compute blocks of sixteen output channels whether there are so
 * many or not; fewer are therefore joined by what neighbouring rows would compute, or written as a plain product.
 */
import { allocate, type NDArray } from '../array.ts';
import type { OnnxWriter } from '../engines/onnx/writer.ts';
import { sizeOf } from '../shape.ts';
import { constantValue, isConstant, type Tensor } from '../tensor.ts';
import { highPadding, type Geometry } from './convolutionGeometry.ts';

/** Output channels that are computed together. */
const BLOCK = 16;

/** Writes the convolution of x with w; see ops/convolution.ts for the shapes. */
export function convolutionOnnx(writer: OnnxWriter, node: Tensor, [x, w]: readonly string[]): string {
  const geometry = node.attributes as Geometry;
  if (sizeOf(node.shape) === 0) return convolutionNode(writer, geometry, [x, w]);
  if (isProduct(geometry) && node.shape[1] < BLOCK) return productOnnx(writer, node, [x, w]);
  const phases = phasesOf(node, geometry);
  return phases === 1
    ? convolutionNode(writer, geometry, [x, w])
    : rowsTogether(writer, node, x, { geometry, phases });
}

function convolutionNode(writer: OnnxWriter, geometry: Geometry, operands: readonly string[]): string {
  const high = geometry.input.map((_, axis) => Math.max(0, highPadding(geometry, axis)));
  return writer.node('Conv', operands, {
    kernel_shape: geometry.kernel,
    strides: geometry.strides,
    dilations: geometry.dilations,
    pads: [...geometry.low, ...high],
    group: geometry.groups,
  });
}

/** One tap at every input: nothing but a product over the channels. */
const isProduct = ({ kernel, strides, input, output, low, groups }: Geometry): boolean =>
  groups === 1 &&
  kernel.every((k) => k === 1) &&
  strides.every((s) => s === 1) &&
  low.every((n) => n === 0) &&
  input.every((n, axis) => n === output[axis]);

function productOnnx(writer: OnnxWriter, node: Tensor, [x, w]: readonly string[]): string {
  const [batch, outputs] = node.shape;
  const inputs = node.inputs[0].shape[1];
  const columns = writer.node('Reshape', [x, writer.int64([batch, inputs, sizeOf(node.shape.slice(2))])]);
  const matrix = writer.node('Reshape', [w, writer.int64([outputs, inputs])]);
  return writer.node('Reshape', [writer.node('MatMul', [matrix, columns]), writer.int64(node.shape)]);
}

/** How many rows of the result fill a block of channels; 1 where rows cannot be taken together. */
function phasesOf({ shape: [, channels, rows], inputs: [, w] }: Tensor, geometry: Geometry): number {
  const { kernel, strides, dilations, groups } = geometry;
  const joins =
    isConstant(w) && groups === 1 && kernel.length > 1 && kernel[0] > 1 && strides[0] * dilations[0] === 1;
  if (!joins) return 1;
  let phases = Math.max(1, Math.floor(BLOCK / channels));
  while (rows % phases !== 0) phases--;
  return phases;
}

/**
 * `phases` successive rows of each output channel as as many channels: a convolution of that stride with a kernel that is
 * `phases` − 1 rows taller. Its result moves back by whole rows.
 */
function rowsTogether(
  writer: OnnxWriter,
  node: Tensor,
  x: string,
  { geometry, phases }: { readonly geometry: Geometry; readonly phases: number },
): string {
  const [batch, channels, rows, ...rest] = node.shape;
  const weights = shiftedKernels(constantValue(node.inputs[1]), phases);
  const tall: Geometry = {
    ...geometry,
    kernel: weights.shape.slice(2),
    output: [rows / phases, ...rest],
    strides: [phases, ...geometry.strides.slice(1)],
  };
  const joined = convolutionNode(writer, tall, [x, writer.initializer(weights)]);
  const split = writer.node('Reshape', [
    joined,
    writer.int64([batch, channels, phases, rows / phases, sizeOf(rest)]),
  ]);
  const ordered = writer.node('Transpose', [split], { perm: [0, 1, 3, 2, 4] });
  return writer.node('Reshape', [ordered, writer.int64(node.shape)]);
}

/** w [out, in, k, …] → [out·phases, in, k + phases − 1, …]: each kernel once for every row it is shifted down by. */
function shiftedKernels({ data, shape, dtype }: NDArray, phases: number): NDArray {
  const [outputs, inputs, taps, ...rest] = shape;
  const row = sizeOf(rest);
  const tall = taps + phases - 1;
  const shifted = allocate(dtype, outputs * phases * inputs * tall * row);
  for (let o = 0; o < outputs; o++)
    for (let shift = 0; shift < phases; shift++)
      for (let c = 0; c < inputs; c++) {
        const from = (o * inputs + c) * taps * row;
        const to = (((o * phases + shift) * inputs + c) * tall + shift) * row;
        shifted.set(data.subarray(from, from + taps * row), to);
      }
  return { data: shifted, shape: [outputs * phases, inputs, tall, ...rest], dtype };
}

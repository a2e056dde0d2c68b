/** Broadcasting of concrete arrays, for reference evaluation. */
import { allocate, isFloat, type DType, type NDArray, type NumericData } from '../array.ts';
import type { Signature } from '../op.ts';
import { rowMajorStrides, sizeOf, type Shape } from '../shape.ts';

/** Evaluates f over operands broadcast to the output's shape. */
export function broadcastMap(
  inputs: readonly NDArray[],
  node: Signature,
  f: (values: number[]) => number,
): NumericData {
  const out = allocate(node.dtype, sizeOf(node.shape));
  const offsets = inputs.map((x) => broadcastOffsets(x.shape, node.shape));
  const values = new Array<number>(inputs.length);
  for (let i = 0; i < out.length; i++) {
    for (let k = 0; k < inputs.length; k++) values[k] = inputs[k].data[offsets[k](i)];
    out[i] = f(values);
  }
  return out;
}

/** Maps a flat index of `to` to the flat index of `from` that broadcasting reads there. */
export function broadcastOffsets(from: Shape, to: Shape): (index: number) => number {
  const inner = rowMajorStrides(from);
  const outer = rowMajorStrides(to);
  const shift = to.length - from.length;
  const steps = to.map((_, axis) => (axis < shift || from[axis - shift] === 1 ? 0 : inner[axis - shift]));
  return (index) => {
    let rest = index;
    let offset = 0;
    for (let axis = 0; axis < to.length; axis++) {
      const position = Math.floor(rest / outer[axis]);
      rest -= position * outer[axis];
      offset += position * steps[axis];
    }
    return offset;
  };
}

export function requireFloat(name: string, x: Signature): void {
  if (!isFloat(x.dtype))
    throw new Error(`${name}: the operand is ${x.dtype}, expected float32 or float64; cast it first`);
}

/** Reads values in the order of steps through a flat array: one step size an axis, from a first position. */
export function gatherByStrides(
  x: { data: ArrayLike<number> },
  node: { shape: Shape; dtype: DType },
  steps: readonly number[],
  start: number,
): NumericData {
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

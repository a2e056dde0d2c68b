/** Complex arrays at the border of the core: what a compiled program takes and gives where its function has a `Complex`. */
import { array, type NDArray } from './array.ts';
import { sizeOf, type Shape } from './shape.ts';

/** re + i·im; both of one shape and dtype. */
export interface ComplexArray {
  readonly re: NDArray;
  readonly im: NDArray;
}

/** @throws if a part does not fill the shape. */
export const complexArray = (
  re: Float32Array | Float64Array,
  im: Float32Array | Float64Array,
  shape: Shape,
): ComplexArray => ({ re: array(re, shape), im: array(im, shape) });

/** From the order of files, [re, im, re, im, …]. @throws if there are not two numbers to an element. */
export function deinterleave(values: Float32Array | Float64Array, shape: Shape): ComplexArray {
  const size = sizeOf(shape);
  if (values.length !== 2 * size) {
    throw new Error(
      `deinterleave: ${values.length} numbers for shape [${shape.join(', ')}], expected ${2 * size}: real and imaginary parts in turn`,
    );
  }
  const Container = values instanceof Float32Array ? Float32Array : Float64Array;
  const [re, im] = [new Container(size), new Container(size)];
  for (let i = 0; i < size; i++) {
    re[i] = values[2 * i];
    im[i] = values[2 * i + 1];
  }
  return complexArray(re, im, shape);
}

/** [re, im, re, im, …] in the precision of the array. */
export function interleave({ re, im }: ComplexArray): Float32Array | Float64Array {
  const values =
    re.dtype === 'float32' ? new Float32Array(2 * re.data.length) : new Float64Array(2 * re.data.length);
  for (let i = 0; i < re.data.length; i++) {
    values[2 * i] = re.data[i];
    values[2 * i + 1] = im.data[i];
  }
  return values;
}

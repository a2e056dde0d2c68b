/** Concrete arrays at the border of the core: a typed array with a shape. */
import { checkShape, showShape, sizeOf, type Shape } from './shape.ts';

export type DType = 'float32' | 'float64' | 'int32' | 'bool';
export type FloatDType = 'float32' | 'float64';
export type NumericData = Float32Array | Float64Array | Int32Array | Uint8Array;

/** A dense row-major array. Booleans are bytes, 0 or 1. */
export interface NDArray {
  readonly data: NumericData;
  readonly shape: Shape;
  readonly dtype: DType;
}

const constructors = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  bool: Uint8Array,
} as const;

export const isFloat = (dtype: DType): dtype is FloatDType => dtype === 'float32' || dtype === 'float64';

export function allocate(dtype: DType, size: number): NumericData {
  return new constructors[dtype](size);
}

/**
 * An array of the given shape. A typed array keeps its kind (Float64Array → float64 …); plain numbers become `dtype`
 * (float64 by default).
 *
 * @throws if the number of values does not fit the shape.
 */
export function array(values: ArrayLike<number> | NumericData, shape?: Shape, dtype?: DType): NDArray {
  const dims = shape ?? [values.length];
  checkShape(dims, 'array');
  if (values.length !== sizeOf(dims)) {
    throw new Error(
      `array: ${values.length} values do not fill shape ${showShape(dims)} (${sizeOf(dims)} expected)`,
    );
  }
  const own = dtypeOf(values);
  const kind = dtype ?? own ?? 'float64';
  return {
    data: kind === own ? (values as NumericData) : constructors[kind].from(values),
    shape: dims,
    dtype: kind,
  };
}

function dtypeOf(values: ArrayLike<number>): DType | null {
  if (values instanceof Float32Array) return 'float32';
  if (values instanceof Float64Array) return 'float64';
  if (values instanceof Int32Array) return 'int32';
  if (values instanceof Uint8Array) return 'bool';
  return null;
}

export const castArray = (a: NDArray, dtype: DType): NDArray =>
  a.dtype === dtype ? a : { data: castData(a.data, dtype), shape: a.shape, dtype };

function castData(data: NumericData, dtype: DType): NumericData {
  return dtype === 'bool' ? Uint8Array.from(data, (x) => (x === 0 ? 0 : 1)) : constructors[dtype].from(data);
}

export const isNDArray = (x: unknown): x is NDArray =>
  typeof x === 'object' &&
  x !== null &&
  ArrayBuffer.isView((x as NDArray).data) &&
  Array.isArray((x as NDArray).shape);

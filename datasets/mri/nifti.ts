/** NIfTI-1 images, written as one uncompressed .nii file (nifti1.h, 2007; little endian). */
import { interleave, type ComplexArray, type NDArray } from '../../src/tensor/index.ts';

const HEADER_BYTES = 348;
/** The header, and four bytes that say there are no extensions. */
const DATA_OFFSET = 352;
const CODES = { float32: 16, float64: 64, complex64: 32, complex128: 1792 } as const;
const BITS = { float32: 32, float64: 64, complex64: 64, complex128: 128 } as const;
/** xyzt_units: millimetres. */
const MILLIMETRES = 2;
/** qform and sform: coordinates of the scanner. */
const SCANNER = 1;

export interface NiftiOptions {
  /** Size of a voxel in mm along columns, rows and slices; default 1. */
  readonly voxelMm?: readonly [column: number, row: number, slice: number];
  /** At most 79 bytes, such as the unit of the values. */
  readonly description?: string;
}

/**
 * The bytes of a .nii of an image [height, width] or volume [slices, height, width] (further axes in front follow as t, u, …),
 * real or complex, in its own precision. Columns run along +x and rows, from the top, along −y; the origin is the middle of the
 * image.
 *
 * @throws if there are fewer than 2 or more than 7 axes, or the type is not a float.
 */
export function encodeNifti(
  image: NDArray | ComplexArray,
  { voxelMm = [1, 1, 1], description = '' }: NiftiOptions = {},
): Uint8Array {
  const part = 'im' in image ? image.re : image;
  const { shape, dtype } = part;
  if (shape.length < 2 || shape.length > 7 || shape.some((n) => n < 1 || n > 32767))
    throw new Error(`encodeNifti: the image is [${shape.join(', ')}], expected 2 to 7 axes of 1 … 32767`);
  if (dtype !== 'float32' && dtype !== 'float64')
    throw new Error(`encodeNifti: the image is ${dtype}, expected float32 or float64`);
  const type = 'im' in image ? (dtype === 'float32' ? 'complex64' : 'complex128') : dtype;
  const values = 'im' in image ? interleave(image) : (image.data as Float32Array | Float64Array);
  const file = new Uint8Array(DATA_OFFSET + values.byteLength);
  const view = new DataView(file.buffer);
  // Row-major [.., height, width] is NIfTI's column-major (width, height, ..).
  const dimensions = [...shape].reverse();
  view.setInt32(0, HEADER_BYTES, true);
  [dimensions.length, ...Array.from({ length: 7 }, (_, i) => dimensions[i] ?? 1)].forEach((n, i) =>
    view.setInt16(40 + 2 * i, n, true),
  );
  view.setInt16(70, CODES[type], true);
  view.setInt16(72, BITS[type], true);
  const [dx, dy, dz] = voxelMm;
  // pixdim[0] = −1 turns the slice axis of the qform, so that it agrees with the sform below.
  [-1, dx, dy, dz, 1, 1, 1, 1].forEach((size, i) => view.setFloat32(76 + 4 * i, size, true));
  view.setFloat32(108, DATA_OFFSET, true);
  view.setFloat32(112, 1, true);
  view.setUint8(123, MILLIMETRES);
  file.set(new TextEncoder().encode(description).subarray(0, 79), 148);
  view.setInt16(252, SCANNER, true);
  view.setInt16(254, SCANNER, true);
  const [nx, ny, nz] = [0, 1, 2].map((axis) => dimensions[axis] ?? 1);
  const origin = [(-dx * (nx - 1)) / 2, (dy * (ny - 1)) / 2, (-dz * (nz - 1)) / 2];
  // Half a turn about x, quaternion (0, 1, 0, 0), maps y to −y and z to −z; pixdim[0] = −1 turns z back.
  [1, 0, 0, ...origin].forEach((value, i) => view.setFloat32(256 + 4 * i, value, true));
  [dx, 0, 0, origin[0], 0, -dy, 0, origin[1], 0, 0, dz, origin[2]].forEach((value, i) =>
    view.setFloat32(280 + 4 * i, value, true),
  );
  file.set(new TextEncoder().encode('n+1\0'), 344);
  file.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), DATA_OFFSET);
  return file;
}

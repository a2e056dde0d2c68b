/** One slice of k-space from any of the files that hold it, recognised by what is inside. */
import { array, deinterleave, type ComplexArray, type NDArray } from '../../src/tensor/index.ts';
import { readBytes, readHead } from '../files.ts';
import { numbersOf, readNpy, type NpyArray } from '../npy.ts';
import { decodeNpz, type NpzArrays } from '../npz.ts';
import { readCfl } from './cfl.ts';
import { fastMriOf } from './fastMri.ts';
import { isHdf5, withHdf5, type Hdf5File, type Hdf5Options } from './hdf5.ts';
import { isIsmrmrd, ismrmrdOf, noiseReadouts } from './ismrmrd.ts';
import { cartesianKspace } from './ismrmrdCartesian.ts';

export interface KspaceFile {
  readonly format: 'npy' | 'npz' | 'cfl' | 'fastMRI' | 'ISMRMRD';
  /** [coils, height, width]. */
  readonly kspace: ComplexArray;
  /** [1, w] or [h, w]; null where the file has none and k-space has zeros instead. */
  readonly mask: NDArray | null;
  /** [coils, height, width]. */
  readonly sensitivities: ComplexArray | null;
  /** Noise readouts [coils, samples]. */
  readonly noise: ComplexArray | null;
  /** mm along columns and rows of the image; null where the file does not say. */
  readonly pixelMm: readonly [column: number, row: number] | null;
}

const bare = { mask: null, sensitivities: null, noise: null, pixelMm: null };

/**
 * Reads slice `slice` of a .npy or .cfl of k-space ([coils, h, w], or [slices, coils, h, w]), of an .npz of `kspace` and, if it has
 * them, `mask`, `sensitivities` and `noise`, of a fastMRI volume, or of ISMRMRD raw data.
 *
 * @throws one sentence when the file is missing, cut short, or holds something else.
 */
export async function readKspace(file: string, slice = 0, options?: Hdf5Options): Promise<KspaceFile> {
  if (/\.(cfl|hdr)$/.test(file)) {
    const kspace = fromBart(await readCfl(file), file);
    return { ...bare, format: 'cfl', kspace: sliceOf(kspace, slice, file) };
  }
  const head = await readHead(file, 6);
  if (head.length === 0) throw new Error(`${file}: the file is empty, expected k-space`);
  const startsWith = (...bytes: number[]): boolean => bytes.every((byte, i) => head[i] === byte);
  if (startsWith(0x93, 0x4e)) {
    const kspace = complexOf(readNpy(await readBytes(file), file), file);
    return { ...bare, format: 'npy', kspace: sliceOf(kspace, slice, file) };
  }
  if (startsWith(0x50, 0x4b)) return fromNpz(decodeNpz(await readBytes(file), file), slice, file);
  if (await isHdf5(file)) return withHdf5(file, (opened) => fromHdf5(opened, slice, file), options);
  throw new Error(`${file}: not a file of k-space; expected .npy, .npz, .cfl, or HDF5 of fastMRI or ISMRMRD`);
}

function fromNpz(arrays: NpzArrays, slice: number, file: string): KspaceFile {
  const { kspace, mask, sensitivities, noise } = arrays;
  if (!kspace)
    throw new Error(
      `${file}: there is no array kspace; it holds ${Object.keys(arrays).join(', ') || 'nothing'}`,
    );
  const optional = (a: NpyArray | undefined, name: string): ComplexArray | null =>
    a ? complexOf(a, `${file}, ${name}`) : null;
  return {
    ...bare,
    format: 'npz',
    kspace: sliceOf(complexOf(kspace, `${file}, kspace`), slice, file),
    mask: mask
      ? array(numbersOf(mask, `${file}, mask`), mask.shape.length === 1 ? [1, ...mask.shape] : mask.shape)
      : null,
    sensitivities: optional(sensitivities, 'sensitivities'),
    noise: optional(noise, 'noise'),
  };
}

async function fromHdf5(opened: Hdf5File, slice: number, file: string): Promise<KspaceFile> {
  if (!(await isIsmrmrd(opened))) {
    const { kspace, mask, header } = await fastMriOf(opened, file, [slice, slice + 1]);
    const space = header?.encoded;
    return {
      ...bare,
      format: 'fastMRI',
      kspace: sliceOf(kspace, 0, file),
      mask: mask && array(mask.data, [1, mask.data.length]),
      pixelMm: space
        ? [space.fieldOfViewMm[1] / space.matrix[1], space.fieldOfViewMm[0] / space.matrix[0]]
        : null,
    };
  }
  const raw = await ismrmrdOf(opened, file);
  const { encoded, reconstructed } = raw.header;
  return {
    ...bare,
    format: 'ISMRMRD',
    kspace: await cartesianKspace(raw, { slice }),
    noise: noiseReadouts(raw),
    pixelMm: [
      encoded.fieldOfViewMm[1] / encoded.matrix[1],
      reconstructed.fieldOfViewMm[0] / reconstructed.matrix[0],
    ],
  };
}

function complexOf({ data, shape, dtype }: NpyArray, name: string): ComplexArray {
  if (dtype !== '<c8' && dtype !== '<c16')
    throw new Error(`${name}: numbers are ${dtype}, expected complex ones (complex64 or complex128)`);
  return deinterleave(data as Float32Array | Float64Array, shape);
}

/** BART's [x, y, 1, coils] or [1, y, z, coils], read as [coils, z, y, x], with the readout or first phase encode along rows. */
function fromBart({ re, im }: ComplexArray, file: string): ComplexArray {
  const [coils, ...rest] = re.shape;
  const sides = rest.length === 3 && rest.includes(1) ? rest.toSpliced(rest.indexOf(1), 1) : rest;
  if (sides.length !== 2)
    throw new Error(
      `${file}: dimensions are ${re.shape.toReversed().join(' × ')}, expected one slice: x, y, z of which one is 1, and coils`,
    );
  const [w, h] = sides;
  const part = ({ data }: NDArray): NDArray =>
    array(
      Float32Array.from(
        data,
        (_, i) => data[(Math.floor(i / (h * w)) * w + (i % w)) * h + (Math.floor(i / w) % h)],
      ),
      [coils, h, w],
    );
  return { re: part(re), im: part(im) };
}

/** One slice [coils, h, w]. */
function sliceOf({ re, im }: ComplexArray, slice: number, file: string): ComplexArray {
  const { shape } = re;
  if (shape.length !== 3 && shape.length !== 4)
    throw new Error(
      `${file}: k-space is [${shape.join(', ')}], expected [coils, height, width] or [slices, coils, height, width]`,
    );
  const slices = shape.length === 4 ? shape[0] : 1;
  if (slice >= slices)
    throw new Error(`${file}: there is no slice ${slice}; the file holds ${slices}, from 0 to ${slices - 1}`);
  const size = shape.slice(-3).reduce((product, n) => product * n, 1);
  const part = ({ data }: NDArray): NDArray =>
    array(data.slice(slice * size, (slice + 1) * size), shape.slice(-3));
  return { re: part(re), im: part(im) };
}

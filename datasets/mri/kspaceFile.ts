/** k-space of one slice from any of the files that are read: .npy, .npz, BART .cfl, fastMRI .h5. */
import path from 'node:path';
import {
  array,
  complexArray,
  deinterleave,
  type ComplexArray,
  type NDArray,
} from '../../src/tensor/index.ts';
import { readBytes } from '../files.ts';
import { readNpy, type NpyArray } from '../npy.ts';
import { decodeNpz } from '../npz.ts';
import { readCfl } from './cfl.ts';
import { readFastMri } from './fastMri.ts';

export interface KspaceSlice {
  /** [coils, h, w], zero where nothing was sampled. */
  readonly kspace: ComplexArray;
  /** [1, w] where whole columns were sampled, [h, w] otherwise. */
  readonly mask: NDArray;
  /** How many slices the file has. */
  readonly slices: number;
}

/**
 * Reads slice number `slice` of k-space [coils, h, w] or [slices, coils, h, w]. The mask is where any coil is not zero.
 *
 * @throws one sentence when the file is missing, damaged, of no known kind, not complex, holds what is no number, has a coil that is
 * zero everywhere, or no such slice.
 */
export async function readKspaceSlice(file: string, slice = 0): Promise<KspaceSlice> {
  const all = await readKspace(file);
  const shape = all.re.shape.filter((n, i) => n > 1 || i >= all.re.shape.length - 3);
  if (shape.length !== 3 && shape.length !== 4) {
    throw new Error(
      `${file}: k-space is [${all.re.shape.join(', ')}], expected complex [coils, height, width] or [slices, coils, height, width]`,
    );
  }
  const slices = shape.length === 4 ? shape[0] : 1;
  if (slice >= slices) throw new Error(`${file}: slice ${slice} of ${slices}, expected 0 … ${slices - 1}`);
  const [coils, h, w] = shape.slice(-3);
  const size = coils * h * w;
  const part = ({ data }: NDArray): Float32Array =>
    Float32Array.from(data.subarray(slice * size, (slice + 1) * size));
  const kspace = complexArray(part(all.re), part(all.im), [coils, h, w]);
  return { kspace, mask: sampledPoints(kspace, file), slices };
}

async function readKspace(file: string): Promise<ComplexArray> {
  switch (path.extname(file)) {
    case '.npy':
      return complexOf(readNpy(await readBytes(file), file), file);
    case '.npz': {
      const arrays = Object.entries(decodeNpz(await readBytes(file), file));
      const found =
        arrays.find(([name]) => name === 'kspace') ?? arrays.find(([, { dtype }]) => dtype.startsWith('<c'));
      if (!found) throw new Error(`${file}: there is no complex array in it, expected one named kspace`);
      return complexOf(found[1], `${file}, array ${found[0]}`);
    }
    case '.cfl':
    case '.hdr':
      return readCfl(file);
    case '.h5':
    case '.hdf5':
      return (await readFastMri(file)).kspace;
    default:
      throw new Error(`${file}: expected k-space as .npy, .npz, .cfl or .h5`);
  }
}

function complexOf({ data, shape, dtype }: NpyArray, name: string): ComplexArray {
  if (dtype === '<c8' || dtype === '<c16') return deinterleave(data as Float32Array | Float64Array, shape);
  throw new Error(`${name}: the numbers are ${dtype}, expected complex64 or complex128`);
}

function sampledPoints({ re, im }: ComplexArray, file: string): NDArray {
  const [coils, h, w] = re.shape;
  const points = new Float64Array(h * w);
  for (let c = 0; c < coils; c++) {
    let any = false;
    for (let i = 0; i < h * w; i++) {
      const [x, y] = [re.data[c * h * w + i], im.data[c * h * w + i]];
      if (!Number.isFinite(x) || !Number.isFinite(y))
        throw new Error(
          `${file}: coil ${c} holds ${x} + ${y}i at row ${Math.floor(i / w)}, column ${i % w}, expected numbers`,
        );
      if (x === 0 && y === 0) continue;
      points[i] = 1;
      any = true;
    }
    if (!any) throw new Error(`${file}: coil ${c} is zero everywhere; leave dead coils out`);
  }
  const columns = points.subarray(0, w);
  const whole = points.every((value, i) => value === columns[i % w]);
  return whole ? array(columns.slice(), [1, w]) : array(points, [h, w]);
}

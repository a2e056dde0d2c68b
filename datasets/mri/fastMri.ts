/** fastMRI's HDF5 files (Zbontar et al. 2018): multi-coil k-space of one volume. */
import { deinterleave, array, type ComplexArray, type NDArray } from '../../src/tensor/index.ts';
import { withHdf5, type Hdf5File, type Hdf5Options } from './hdf5.ts';
import { parseIsmrmrdHeader, type IsmrmrdHeader } from './ismrmrdHeader.ts';

export interface FastMriVolume {
  /** [slices, coils, height, width]: rows are the readout, columns the phase encodes. Single-coil files have one coil. */
  readonly kspace: ComplexArray;
  /** [slices, height, width] of the published root of sum of squares, cropped; null in test files. */
  readonly reconstruction: NDArray | null;
  /** [width], 1 where a test file was sampled; null where everything was. */
  readonly mask: NDArray | null;
  readonly header: IsmrmrdHeader | null;
  readonly acquisition: string | null;
  /** Of `reconstruction`. */
  readonly maximum: number | null;
}

/**
 * Reads a volume, or the slices [from, to) of it.
 *
 * @throws one sentence when the file is missing, cut short, damaged, or not of this form.
 */
export const readFastMri = (
  file: string,
  slices?: readonly [from: number, to: number],
  options?: Hdf5Options,
): Promise<FastMriVolume> => withHdf5(file, (opened) => fastMriOf(opened, file, slices), options);

/** The same of an open file; `name` stands in messages. */
export async function fastMriOf(
  opened: Hdf5File,
  name: string,
  slices?: readonly [from: number, to: number],
): Promise<FastMriVolume> {
  const whole = await opened.shape('kspace');
  const [first, last] = [slices?.[0] ?? 0, (slices?.[1] ?? whole[0]) - 1];
  if (first < 0 || last >= whole[0])
    throw new Error(
      `${name}: there is no slice ${first < 0 ? first : last}; the file holds ${whole[0]}, from 0 to ${whole[0] - 1}`,
    );
  const raw = await opened.numbers('kspace', slices);
  const { shape } = raw;
  if (!raw.complex || (shape.length !== 4 && shape.length !== 3)) {
    throw new Error(
      `${name}: kspace is [${whole.join(', ')}]${raw.complex ? '' : ' of real numbers'}; expected complex [slices, coils, height, width], or [slices, height, width] of one coil`,
    );
  }
  const [count, height, width] = [shape[0], shape[shape.length - 2], shape[shape.length - 1]];
  const [hasImage, hasEmulated, hasMask, hasHeader] = await Promise.all(
    ['reconstruction_rss', 'reconstruction_esc', 'mask', 'ismrmrd_header'].map((path) => opened.has(path)),
  );
  const image =
    hasImage || hasEmulated
      ? await opened.numbers(hasImage ? 'reconstruction_rss' : 'reconstruction_esc', slices)
      : null;
  const mask = hasMask ? await opened.numbers('mask') : null;
  if (mask && mask.data.length !== width)
    throw new Error(`${name}: the mask has ${mask.data.length} columns and k-space ${width}`);
  const acquisition = await opened.attribute('acquisition');
  const maximum = await opened.attribute('max');
  return {
    kspace: deinterleave(raw.data, [count, shape.length === 4 ? shape[1] : 1, height, width]),
    reconstruction: image && array(image.data, image.shape),
    mask: mask && array(mask.data, [width]),
    header: hasHeader ? parseIsmrmrdHeader(await opened.text('ismrmrd_header'), name) : null,
    acquisition: typeof acquisition === 'string' ? acquisition : null,
    maximum: typeof maximum === 'number' ? maximum : null,
  };
}

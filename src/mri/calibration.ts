/** Calibration data: the fully sampled block at the centre of k-space, on arrays. */
import { complexArray, type ComplexArray, type NDArray } from '../tensor/index.ts';
import { calibrationBlock, type Block, type SamplingMask } from './masks.ts';

export interface CalibrationOptions {
  /** At most so many rows and columns are taken, those around the centre; default 24. */
  readonly side?: number;
  /** At least so many of each are needed; default 1. */
  readonly least?: number;
  /** Who asks, for messages. */
  readonly name?: string;
}

/**
 * The fully sampled block around the centre of k-space [c, h, w]: [c, rows, columns].
 *
 * @throws if the mask has no such block, or a smaller one than needed.
 */
export function calibrationData(
  kspace: ComplexArray,
  mask: SamplingMask,
  { side = 24, least = 1, name = 'calibration' }: CalibrationOptions = {},
): ComplexArray {
  const [, h, w] = kspace.re.shape;
  const block = calibrationBlock(mask, h);
  if (block.height < least || block.width < least) {
    throw new Error(
      `${name}: the mask has ${block.width === 0 ? 'no ACS lines: its centre is not sampled' : `a fully sampled centre of ${block.height} × ${block.width}`}, expected at least ${least} × ${least}; acquire ACS lines, or give sensitivities`,
    );
  }
  return crop(kspace, centred(block, [h, w], side));
}

/** The part of a block within `side` around the centre of k-space. */
function centred(block: Block, [h, w]: readonly [number, number], side: number): Block {
  const range = (start: number, length: number, n: number): [number, number] => {
    const first = Math.max(start, Math.floor(n / 2) - Math.floor(side / 2));
    return [first, Math.min(start + length - first, side)];
  };
  const [top, height] = range(block.top, block.height, h);
  const [left, width] = range(block.left, block.width, w);
  return { top, left, height, width };
}

function crop({ re, im }: ComplexArray, { top, left, height, width }: Block): ComplexArray {
  const [coils, h, w] = re.shape;
  const part = ({ data }: NDArray): Float64Array =>
    Float64Array.from({ length: coils * height * width }, (_, i) => {
      const [c, row, column] = [Math.floor(i / (height * width)), Math.floor(i / width) % height, i % width];
      return data[(c * h + top + row) * w + left + column];
    });
  return complexArray(part(re), part(im), [coils, height, width]);
}

/** Combs of pixels for `comb` probing: sites q apart in both directions, which undersampling must not fold onto each other. */
import type { Colouring } from '../uncertainty/localCovariance.ts';
import type { SamplingMask } from './masks.ts';
import { pointSpread } from './pointSpread.ts';

/** Where the point spread exceeds this share of its peak, two pixels are taken to fold onto each other. */
const ALIASING = 0.3;

/**
 * The q² colours of a comb of spacing q on an image [h, w]. Pixels of one colour are probed together: where the mask folds them onto
 * each other their errors add up, so such a spacing is refused. For every R-th of N columns that is one which divides a multiple
 * of N/R below N, such as 4 or 8 for N/R = 16; 12 serves there.
 *
 * @throws if q is no whole number ≥ 2, or the point spread of the mask has a side lobe at a distance within the comb.
 */
export function combColouring(
  spacing: number,
  [h, w]: readonly [number, number],
  mask: SamplingMask,
): Colouring {
  if (!Number.isInteger(spacing) || spacing < 2 || spacing > Math.min(h, w))
    throw new Error(`combColouring: spacing ${spacing}, expected a whole number 2 … ${Math.min(h, w)}`);
  const { re, im } = pointSpread(mask, [h, w]);
  for (let dy = 0; dy < h; dy += spacing)
    for (let dx = 0; dx < w; dx += spacing) {
      const lobe = Math.hypot(re.data[dy * w + dx], im.data[dy * w + dx]) / re.data[0];
      if ((dx > 0 || dy > 0) && lobe > ALIASING) {
        throw new Error(
          `combColouring: pixels ${dy} rows and ${dx} columns apart are on one comb of spacing ${spacing}, and the mask folds them onto each other (point spread ${lobe.toFixed(2)} of its peak); take a spacing that does not divide that distance`,
        );
      }
    }
  const colours = Int32Array.from({ length: h * w }, (_, i) => {
    const [row, column] = [Math.floor(i / w), i % w];
    return (row % spacing) * spacing + (column % spacing);
  });
  return { colours, count: spacing ** 2 };
}

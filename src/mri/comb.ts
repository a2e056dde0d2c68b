/** Combs of pixels for `comb` probing: sites q apart in both directions, which undersampling must not fold onto each other. */
import type { NDArray } from '../tensor/index.ts';
import type { Colouring } from '../uncertainty/localCovariance.ts';

/** Where the point spread exceeds this share of its peak, two pixels are taken to fold onto each other. */
const ALIASING = 0.3;

/**
 * The q² colours of a comb of spacing q on an image [h, w]. Pixels of one colour are probed together: where the mask folds them onto
 * each other their errors add up, so such a spacing is refused. For every R-th of N columns that is one which divides a multiple
 * of N/R below N, such as 4 or 8 for N/R = 16; 12 serves there.
 *
 * @throws if q is no whole number ≥ 2, or the point spread of the mask has a side lobe at a distance within the comb.
 */
export function combColouring(spacing: number, [h, w]: readonly [number, number], mask: NDArray): Colouring {
  if (!Number.isInteger(spacing) || spacing < 2 || spacing > Math.min(h, w))
    throw new Error(`combColouring: spacing ${spacing}, expected a whole number 2 … ${Math.min(h, w)}`);
  const spread = pointSpread(mask, [h, w]);
  for (let dy = 0; dy < h; dy += spacing)
    for (let dx = 0; dx < w; dx += spacing) {
      const lobe = spread[dy * w + dx] / spread[0];
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

/** |point spread function| [h, w] of a mask [1, w] or [h, w] by its distance; the centre of the mask does not matter to its size. */
function pointSpread({ data, shape }: NDArray, [h, w]: readonly [number, number]): Float64Array {
  const columns = shape.length === 1 || shape[0] === 1;
  const rows = columns ? 1 : h;
  // Along columns for each row of the mask, then along rows.
  const re = new Float64Array(rows * w);
  const im = new Float64Array(rows * w);
  for (let row = 0; row < rows; row++)
    for (let k = 0; k < w; k++) {
      if (data[row * w + k] === 0) continue;
      for (let x = 0; x < w; x++) {
        const angle = (2 * Math.PI * ((k * x) % w)) / w;
        re[row * w + x] += Math.cos(angle);
        im[row * w + x] += Math.sin(angle);
      }
    }
  const spread = new Float64Array(h * w);
  if (columns) {
    // All rows are sampled: the point spread is a point along them.
    for (let x = 0; x < w; x++) spread[x] = Math.hypot(re[x], im[x]);
    return spread;
  }
  for (let y = 0; y < h; y++)
    for (let x = 0; x < w; x++) {
      let [a, b] = [0, 0];
      for (let row = 0; row < h; row++) {
        const angle = (2 * Math.PI * ((row * y) % h)) / h;
        const [c, s] = [Math.cos(angle), Math.sin(angle)];
        a += re[row * w + x] * c - im[row * w + x] * s;
        b += re[row * w + x] * s + im[row * w + x] * c;
      }
      spread[y * w + x] = Math.hypot(a, b);
    }
  return spread;
}

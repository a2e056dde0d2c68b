/**
 * The inserted-lesion test: a small structure that the training did not show is put into the object; how much of its contrast is
 * left in the reconstruction? (Antun, Renna, Poon, Adcock & Hansen, PNAS 2020, ask this of details that networks lose.)
 */
import {
  add,
  complex,
  fft2c,
  ifft2c,
  mul,
  type Complex,
  type NDArray,
  type Tensor,
} from '../tensor/index.ts';

/** A round lesion that changes the intensity of the object by a share of it. */
export interface Lesion {
  /** 0.2: a fifth brighter. */
  readonly contrast: number;
  /** Pixels. */
  readonly radius: number;
}

/**
 * 1 inside a disc [h, w] and 0 outside, around the pixel whose neighbourhood of twice the radius varies least (by its deviation over
 * its mean), so that the lesion lies within one tissue.
 *
 * @throws if no such neighbourhood lies wholly inside `interest` (1 inside, 0 outside, [h, w]).
 */
export function lesionDisc(
  { data, shape }: NDArray,
  interest: ArrayLike<number>,
  { radius }: Pick<Lesion, 'radius'>,
): NDArray {
  const [h, w] = shape;
  const around = offsets(2 * radius);
  let [best, least] = [-1, Infinity];
  for (let row = 0; row < h; row++) {
    for (let column = 0; column < w; column++) {
      const variation = variationAt(row, column);
      if (variation < least) [best, least] = [row * w + column, variation];
    }
  }
  if (best < 0)
    throw new Error(
      `lesion: no place in the object has room for a radius of ${radius} pixels and as much around it; expected a smaller radius`,
    );
  const disc = new Float64Array(h * w);
  for (const [y, x] of offsets(radius)) disc[best + y * w + x] = 1;
  return { data: disc, shape, dtype: 'float64' };

  function variationAt(row: number, column: number): number {
    let [sum, square] = [0, 0];
    for (const [y, x] of around) {
      const [r, c] = [row + y, column + x];
      const i = r * w + c;
      if (r < 0 || r >= h || c < 0 || c >= w || interest[i] === 0) return Infinity;
      sum += data[i];
      square += data[i] ** 2;
    }
    const mean = sum / around.length;
    return Math.sqrt(Math.max(0, square / around.length - mean * mean)) / mean;
  }
}

/** Pixels of a disc around 0. */
function offsets(radius: number): [row: number, column: number][] {
  const reach = Math.floor(radius);
  const found: [number, number][] = [];
  for (let y = -reach; y <= reach; y++)
    for (let x = -reach; x <= reach; x++) if (x * x + y * y <= radius * radius) found.push([y, x]);
  return found;
}

/**
 * Fully sampled k-space [.., c, h, w] of the object with a lesion: its coil images times 1 + contrast · disc, the disc [.., 1, h, w].
 * The sensitivities need not be known, and the phase of the object stays.
 */
export const withLesion = (kspace: Complex, disc: Tensor, contrast: number): Complex => {
  const factor = add(1, mul(contrast, disc));
  return fft2c(complex.mapParts(ifft2c(kspace), (part) => mul(part, factor)));
};

/** Share of the lesion's contrast that a reconstruction shows: the sum over the disc of its change over that of the true image. */
export function recoveredContrast(
  change: ArrayLike<number>,
  trueChange: ArrayLike<number>,
  { data: disc }: NDArray,
): number {
  let [found, expected] = [0, 0];
  for (let i = 0; i < disc.length; i++) {
    found += disc[i] * change[i];
    expected += disc[i] * trueChange[i];
  }
  return found / expected;
}

/** What a density of images must beat: pixels that do not know of each other, one Gaussian, and a plane instead of a curved surface. */
import { Matrix } from 'ml-matrix';
import type { LabelledImages } from '../../datasets/images.ts';
import { dequantize, principalDirections } from '../flows/index.ts';
import type { NDArray } from '../tensor/index.ts';
import { uniform, type Key } from '../tensor/random.ts';
import { LEVELS, numbersOf } from './imageData.ts';
import { bestGaussian, type GaussianFit } from './pointStatistics.ts';

export interface PixelHistograms {
  /** −log₂ of the probability of the levels of each image, by pixel: `[n]`, bits. */
  bitsPerPixel(images: LabelledImages): Float64Array;
  /** Levels of n images. */
  sample(key: Key, n: number): Pick<LabelledImages, 'levels' | 'shape'>;
}

/**
 * A histogram of the levels of each pixel by itself, every level counted `prior` times beforehand. Of all densities of independent
 * pixels the likeliest, but for the prior.
 */
export function pixelHistograms({ levels, shape }: LabelledImages, prior: number): PixelHistograms {
  const [n, height, width] = shape;
  const pixels = height * width;
  const counts = new Float64Array(pixels * LEVELS).fill(prior);
  levels.forEach((level, i) => counts[(i % pixels) * LEVELS + level]++);
  const total = n + LEVELS * prior;
  return {
    bitsPerPixel({ levels: held, shape: [m] }) {
      const bits = new Float64Array(m);
      held.forEach((level, i) => {
        const share = counts[(i % pixels) * LEVELS + level] / total;
        bits[Math.floor(i / pixels)] -= Math.log2(share) / pixels;
      });
      return bits;
    },
    sample(key, m) {
      const numbers = uniform(key, m * pixels);
      const drawn = Uint8Array.from(numbers, (u, i) => {
        const first = (i % pixels) * LEVELS;
        let level = 0;
        for (let left = u * total - counts[first]; left > 0 && level < LEVELS - 1;) {
          level++;
          left -= counts[first + level];
        }
        return level;
      });
      return { levels: drawn, shape: [m, height, width] };
    },
  };
}

/** The Gaussian of images `[n, 1, h, w]` with noise that fills their levels, in [0, 1). */
export const imageGaussian = (images: LabelledImages, key: Key): GaussianFit =>
  bestGaussian(dequantize(numbersOf(images), LEVELS, key));

/**
 * Root mean square of what is lost of a pixel of test images `[m, ...]` when each is told by k numbers, its coordinates along the
 * principal directions of training images `[n, ...]`: of all flat surfaces the nearest.
 */
export function principalError(train: NDArray, test: NDArray, k: number): number {
  const { mean, directions } = principalDirections(train, k);
  const d = mean.length;
  const centred = Matrix.from1DArray(
    test.shape[0],
    d,
    Float64Array.from(test.data, (v, i) => v - mean[i % d]),
  );
  // Orthonormal directions: what is lost is what they do not hold.
  const lost = squares(centred) - squares(centred.mmul(directions));
  return Math.sqrt(Math.max(0, lost) / centred.size);
}

const squares = (matrix: Matrix): number => matrix.to1DArray().reduce((total, v) => total + v * v, 0);

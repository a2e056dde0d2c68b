/** The noise of k-space from k-space itself, where no noise scan came with it. */
import { complexArray, type ComplexArray, type NDArray } from '../tensor/index.ts';
import type { SamplingMask } from './masks.ts';
import { noiseCovariance } from './noise.ts';

export interface EdgeNoise {
  /** Ψ = E[n nᴴ] [c, c] of the outermost samples. */
  readonly covariance: ComplexArray;
  /** √(trace Ψ / 2c): standard deviation of one real component, a mean over coils. */
  readonly sigma: number;
  /** Samples of a coil that it was taken from. */
  readonly samples: number;
}

/**
 * Ψ of the sampled points of k-space [c, h, w] that lie farthest from its centre, where signal is least: an estimate from above,
 * since some signal is left there. Distances count in half widths, so that corners are farthest.
 *
 * @throws when there are not four times as many samples as coils.
 */
export function edgeNoise(kspace: ComplexArray, mask: SamplingMask, { share = 0.1 } = {}): EdgeNoise {
  const [coils, h, w] = kspace.re.shape;
  const distance = (i: number): number => Math.hypot((2 * Math.floor(i / w)) / h - 1, (2 * (i % w)) / w - 1);
  const sampled = Array.from({ length: h * w }, (_, i) => i).filter(
    (i) => mask.data[mask.shape[0] === 1 ? i % w : i] !== 0,
  );
  const outermost = sampled
    .sort((a, b) => distance(b) - distance(a))
    .slice(0, Math.floor(share * sampled.length));
  if (outermost.length < 4 * coils) {
    throw new Error(
      `edgeNoise: ${outermost.length} outermost samples of ${coils} coils, expected at least ${4 * coils}; give the noise level`,
    );
  }
  const pick = ({ data }: NDArray): Float64Array =>
    Float64Array.from({ length: coils * outermost.length }, (_, j) => {
      const [c, k] = [Math.floor(j / outermost.length), j % outermost.length];
      return data[c * h * w + outermost[k]];
    });
  const samples = complexArray(pick(kspace.re), pick(kspace.im), [coils, outermost.length]);
  const covariance = noiseCovariance(samples, { divisor: 'samples' });
  let trace = 0;
  for (let c = 0; c < coils; c++) trace += covariance.re.data[c * (coils + 1)];
  return { covariance, sigma: Math.sqrt(trace / (2 * coils)), samples: outermost.length };
}

/**
 * Receiver noise: its covariance from noise readouts, whitening, SNR units, and synthetic noise with any covariance.
 *
 * **Conventions.** Noise is n = a + ib with a and b independent. σ is the standard deviation of *one real component*, so that
 * E|n|² = 2σ². The covariance between coils is Ψ = E[n nᴴ]: its diagonal is 2σ². Two scalings of white noise are in use, and
 * differ by √2; both are here, by name:
 *
 * - `whiteningMatrix(Ψ, 'unitVariance')` = L⁻¹ with L Lᴴ = Ψ: E|n|² = 1, each real component has standard deviation 1/√2 (BART).
 * - `whiteningMatrix(Ψ, 'snrUnits')` = √2 L⁻¹: each real component has standard deviation 1, E|n|² = 2 (Kellman & McVeigh, Magnetic
 *   Resonance in Medicine 54, 2005; ISMRMRD, Gadgetron). A magnitude image then reads as signal to noise ratio.
 */
import { array, complexArray, type ComplexArray, type NDArray } from '../tensor/index.ts';
import { normal, split, type Key } from '../tensor/random.ts';
import { choleskyFactor, conjugateTranspose, invertLower, multiply } from './hermitian.ts';

export interface CovarianceOptions {
  /**
   * What the sum over samples is divided by. 'samples − 1' as BART does, 'samples' as MRpro does; the mean is never subtracted,
   * because noise has none and a mean that was measured is interference.
   */
  readonly divisor?: 'samples − 1' | 'samples';
}

/**
 * Ψ = Σ n nᴴ / (N − 1) [coils, coils] of noise readouts [coils, samples].
 *
 * @throws if there are not more samples than coils, or one is not finite.
 */
export function noiseCovariance(
  noise: ComplexArray,
  { divisor = 'samples − 1' }: CovarianceOptions = {},
): ComplexArray {
  const [coils, samples] = noise.re.shape;
  if (noise.re.shape.length !== 2 || samples <= coils) {
    throw new Error(
      `noiseCovariance: noise is [${noise.re.shape.join(', ')}], expected [coils, samples] with more samples than coils`,
    );
  }
  for (const { data } of [noise.re, noise.im]) {
    const bad = data.findIndex((x) => !Number.isFinite(x));
    if (bad >= 0)
      throw new Error(
        `noiseCovariance: sample ${bad % samples} of coil ${Math.floor(bad / samples)} is ${data[bad]}, expected finite numbers`,
      );
  }
  const factor = 1 / (divisor === 'samples' ? samples : samples - 1);
  const { re, im } = multiply(noise, conjugateTranspose(noise));
  const scaled = (part: NDArray): Float64Array => Float64Array.from(part.data, (x) => factor * x);
  return complexArray(scaled(re), scaled(im), [coils, coils]);
}

/** Scaling of white noise; the head of this file says what each means. */
export type WhiteNoiseScale = 'unitVariance' | 'snrUnits';

/**
 * W [coils, coils] with W Ψ Wᴴ = 1 ('unitVariance') or 2 ('snrUnits'). To be applied to k-space *and* to sensitivities and
 * calibration data.
 *
 * @throws if Ψ is not Hermitian and positive definite: a dead coil, or one twice.
 */
export function whiteningMatrix(covariance: ComplexArray, scale: WhiteNoiseScale): ComplexArray {
  const { re, im } = invertLower(choleskyFactor(covariance, 'noise covariance'));
  const factor = scale === 'snrUnits' ? Math.SQRT2 : 1;
  const scaled = (part: NDArray): Float64Array => Float64Array.from(part.data, (x) => factor * x);
  return complexArray(scaled(re), scaled(im), re.shape);
}

/** M x over coils, on arrays: M [m, coils], x [coils, ..] → [m, ..]. Whitens (M = W) or compresses (M = `compressionMatrix`). */
export function mixCoils(matrix: ComplexArray, x: ComplexArray): ComplexArray {
  const [coils, ...rest] = x.re.shape;
  const flat = (part: NDArray): NDArray => array(part.data, [coils, part.data.length / coils], part.dtype);
  const { re, im } = multiply(matrix, { re: flat(x.re), im: flat(x.im) });
  const back = (part: NDArray): NDArray => array(part.data, [part.shape[0], ...rest]);
  return { re: back(re), im: back(im) };
}

/**
 * Circular complex Gaussian noise of a shape: standard deviation `componentSd` for each real component, so E|n|² = 2 componentSd².
 */
export function whiteNoise(key: Key, shape: readonly number[], componentSd: number): ComplexArray {
  const size = shape.reduce((product, n) => product * n, 1);
  const [re, im] = split(key, 2).map((k) => normal(k, size).map((x) => componentSd * x));
  return complexArray(re, im, shape);
}

/** Noise [coils, ..] with covariance Ψ = E[n nᴴ] between coils, independent along the other axes: n = L w, L Lᴴ = Ψ, E|w|² = 1. */
export function correlatedNoise(
  key: Key,
  covariance: ComplexArray,
  shape: readonly [coils: number, ...rest: number[]],
): ComplexArray {
  if (covariance.re.shape[0] !== shape[0]) {
    throw new Error(
      `correlatedNoise: a covariance [${covariance.re.shape.join(', ')}] for ${shape[0]} coils, expected [${shape[0]}, ${shape[0]}]`,
    );
  }
  return mixCoils(choleskyFactor(covariance, 'noise covariance'), whiteNoise(key, shape, Math.SQRT1_2));
}

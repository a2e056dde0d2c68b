/** Measured k-space before anything is made of it: checks, and whitening. */
import { type ComplexArray, type NDArray } from '../tensor/index.ts';
import { mixCoils, noiseCovariance, whiteningMatrix } from './noise.ts';

/**
 * @throws one sentence if k-space is not [coils, h, w], holds a number that is not finite, or has a coil that is zero everywhere.
 */
export function checkKspace({ re, im }: ComplexArray, name = 'k-space'): void {
  const { shape } = re;
  if (shape.length !== 3 || shape.some((n) => n < 1))
    throw new Error(
      `${name}: the shape is [${shape.join(', ')}], expected [coils, height, width] of one slice`,
    );
  const [, h, w] = shape;
  const finite = (part: NDArray): void => {
    const at = part.data.findIndex((value) => !Number.isFinite(value));
    if (at < 0) return;
    const [coil, row, column] = [Math.floor(at / (h * w)), Math.floor(at / w) % h, at % w];
    throw new Error(
      `${name}: coil ${coil} holds ${part.data[at]} at row ${row}, column ${column}; expected finite numbers`,
    );
  };
  finite(re);
  finite(im);
  for (let coil = 0; coil < shape[0]; coil++) {
    const isZero = (part: NDArray): boolean =>
      part.data.subarray(coil * h * w, (coil + 1) * h * w).every((value) => value === 0);
    if (isZero(re) && isZero(im))
      throw new Error(
        `${name}: coil ${coil} of ${shape[0]} is zero everywhere; leave it out, or check the order of the axes: [coils, height, width]`,
      );
  }
}

/**
 * k-space [c, ..] in SNR units by noise readouts [c, samples]: independent coils, standard deviation 1 for each real component.
 *
 * @throws if the covariance of the noise is singular, or channels do not agree.
 */
export function whitenByNoise(kspace: ComplexArray, noise: ComplexArray): ComplexArray {
  const [coils, channels] = [kspace.re.shape[0], noise.re.shape[0]];
  if (coils !== channels)
    throw new Error(`noise readouts have ${channels} channels and k-space ${coils}, expected the same`);
  return mixCoils(whiteningMatrix(noiseCovariance(noise), 'snrUnits'), kspace);
}

/** Fewer virtual coils that hold nearly all of the signal (Buehrer et al., Magnetic Resonance in Medicine 57, 2007). */
import { complexArray, type ComplexArray } from '../tensor/index.ts';
import { conjugateTranspose, multiply } from './hermitian.ts';
import { hermitianEigen } from './hermitianEigen.ts';

export interface CoilCompression {
  /** Orthonormal rows [virtual, coils], for `mixCoils`: white noise stays white. */
  readonly matrix: ComplexArray;
  /** Share of the energy of the calibration data that the virtual coils keep, 0 … 1. */
  readonly energy: number;
}

/**
 * The first left singular vectors of calibration data [coils, ..], conjugated: virtual coils in order of energy. Whiten first, so
 * that noise does not steer the choice.
 *
 * @throws unless 1 ≤ virtualCoils ≤ coils, or if the data are all zero.
 */
export function compressCoils(calibration: ComplexArray, virtualCoils: number): CoilCompression {
  const [coils, ...rest] = calibration.re.shape;
  if (!Number.isInteger(virtualCoils) || virtualCoils < 1 || virtualCoils > coils)
    throw new Error(`compressCoils: ${virtualCoils} virtual coils of ${coils}, expected 1 … ${coils}`);
  const samples = rest.reduce((product, n) => product * n, 1);
  const flat = complexArray(Float64Array.from(calibration.re.data), Float64Array.from(calibration.im.data), [
    coils,
    samples,
  ]);
  const { values, vectors } = hermitianEigen(multiply(flat, conjugateTranspose(flat)), 'calibration energy');
  const sum = (v: Float64Array): number => v.reduce((total, x) => total + Math.max(0, x), 0);
  if (sum(values) === 0)
    throw new Error('compressCoils: the calibration data are zero everywhere, expected signal');
  const all = conjugateTranspose(vectors);
  const keep = (data: ArrayLike<number>): Float64Array =>
    Float64Array.from({ length: virtualCoils * coils }, (_, i) => data[i]);
  return {
    matrix: complexArray(keep(all.re.data), keep(all.im.data), [virtualCoils, coils]),
    energy: sum(values.slice(0, virtualCoils)) / sum(values),
  };
}

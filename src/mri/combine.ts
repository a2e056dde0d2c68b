/** Images from coil images without a model of acceleration: root of sum of squares, and adaptive combination. */
import {
  complex,
  constant,
  div,
  expandDims,
  greater,
  matmul,
  select,
  sliceAxis,
  sqrt,
  sum,
  type Complex,
  type Tensor,
} from '../tensor/index.ts';

/** √Σ_c |x_c|²: coil images [.., c, h, w] → [.., h, w]. */
export const rootSumOfSquares = (images: Complex): Tensor => sqrt(sum(complex.abs2(images), -3));

export interface WalshOptions {
  /** Side of the square neighbourhood over which the covariance of coils is taken; odd, default 5. */
  readonly neighbourhood?: number;
  /** Power iterations; default 12. */
  readonly iterations?: number;
}

/**
 * Sensitivities [.., c, h, w] with Σ_c |S_c|² = 1: at each pixel the dominant eigenvector of the covariance Σ x xᴴ of its
 * neighbourhood, with the phase that makes coil 0 real and not negative (Walsh, Gmitro & Marcellin, Magnetic Resonance in
 * Medicine 43, 2000). Where there is no signal they are 0. Derivatives go through the power iteration.
 *
 * @throws unless the neighbourhood is odd.
 */
export function walshSensitivities(
  images: Complex,
  { neighbourhood = 5, iterations = 12 }: WalshOptions = {},
): Complex {
  if (!Number.isInteger(neighbourhood) || neighbourhood < 1 || neighbourhood % 2 === 0)
    throw new Error(`walshSensitivities: neighbourhood is ${neighbourhood}, expected an odd whole number`);
  const [left, right] = [expandAt(images, -3), expandAt(complex.conj(images), -4)];
  // [.., c, c, h, w], summed over the neighbourhood as products with two banded matrices.
  const covariance = complex.mapParts(complex.mul(left, right), (part) => boxSum(part, neighbourhood));
  // A fixed start of no particular direction, which the dominant eigenvector is not orthogonal to but by accident.
  const coils = images.re.shape[images.re.rank - 3];
  const angles = Float64Array.from({ length: coils }, (_, c) => 2.4 * c * c);
  let vector = complex.mapParts(
    complex.mul(covariance, {
      re: constant(angles.map(Math.cos), [coils, 1, 1], images.re.dtype),
      im: constant(angles.map(Math.sin), [coils, 1, 1], images.re.dtype),
    }),
    (part) => sum(part, -3),
  );
  for (let i = 0; i < iterations; i++)
    vector = complex.mapParts(complex.mul(covariance, expandAt(unitSensitivities(vector), -4)), (part) =>
      sum(part, -3),
    );
  return withRealCoil(unitSensitivities(vector));
}

/** Σ_c S_c* x_c with the sensitivities of `walshSensitivities` [.., c, h, w] of the same images. */
export const adaptiveCombine = (images: Complex, options: WalshOptions = {}): Complex =>
  complex.mapParts(complex.mul(complex.conj(walshSensitivities(images, options)), images), (part) =>
    sum(part, -3),
  );

const expandAt = (z: Complex, axis: number): Complex => complex.mapParts(z, (part) => expandDims(part, axis));

/** v/|v| over the coils of v [.., c, h, w], so that Σ_c |S_c|² = 1; 0 where v is. */
export function unitSensitivities(v: Complex): Complex {
  const energy = sum(complex.abs2(v), -3, { keepDims: true });
  const positive = greater(energy, 0);
  const length = sqrt(select(positive, energy, 1, energy.dtype));
  return complex.mapParts(v, (part) => select(positive, div(part, length), 0, part.dtype));
}

/** Turned so that coil 0 is real and not negative. */
function withRealCoil(v: Complex): Complex {
  const first = complex.mapParts(v, (part) => sliceAxis(part, -3, 0, 1));
  const size = complex.abs(first);
  const positive = greater(size, 0);
  const phase = {
    re: select(positive, div(first.re, select(positive, size, 1, size.dtype)), 1, size.dtype),
    im: select(positive, div(first.im, select(positive, size, 1, size.dtype)), 0, size.dtype),
  };
  return complex.mul(v, complex.conj(phase));
}

/** Sums over squares of the given side around each pixel of [.., h, w], as products with two banded matrices. */
function boxSum(x: Tensor, side: number): Tensor {
  const band = (n: number): Tensor => {
    const near = (i: number): number => (Math.abs(Math.floor(i / n) - (i % n)) <= (side - 1) / 2 ? 1 : 0);
    return constant(
      Float64Array.from({ length: n * n }, (_, i) => near(i)),
      [n, n],
      x.dtype,
    );
  };
  return matmul(matmul(band(x.shape[x.rank - 2]), x), band(x.shape[x.rank - 1]));
}

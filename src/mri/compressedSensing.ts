/**
 * Compressed sensing (Lustig, Donoho & Pauly, Magnetic Resonance in Medicine 58, 2007): least squares with a penalty that prefers
 * images of few wavelet coefficients or of few edges. A fixed number of iterations is part of the traced program; the derivative is
 * that of what was computed.
 *
 * λ is given relative to the largest magnitude of the zero-filled image Aᴴx, so that it does not depend on the units of the data.
 * Both need ‖A‖ ≤ 1, which sensitivities with Σ|S|² ≤ 1 and the orthonormal transform give. Whiten first.
 */
import {
  add,
  complex,
  constant,
  div,
  greater,
  max,
  mul,
  pad,
  select,
  sliceAxis,
  sqrt,
  sub,
  zerosLike,
  type Complex,
  type Tensor,
} from '../tensor/index.ts';
import { encodeAdjoint, normalOperator, type AcquisitionModel } from './forwardModel.ts';
import { detailMask, inverseWaveletTransform, waveletTransform } from './wavelet.ts';

export interface CompressedSensingOptions {
  /** λ ≥ 0 as a share of max|Aᴴx|. */
  readonly lambda: number;
  readonly iterations: number;
}

export interface WaveletOptions extends CompressedSensingOptions {
  /** Levels of the transform, fewer where a side gets shorter than 4. */
  readonly levels: number;
}

/**
 * argmin_z ½|A z − x|² + λ |W z|₁ for k-space [.., c, h, w], W the details of an orthonormal wavelet transform, by FISTA (Beck &
 * Teboulle, SIAM Journal on Imaging Sciences 2, 2009).
 *
 * @throws unless λ ≥ 0 and there are at least one iteration and one level.
 */
export function waveletReconstruction(
  kspace: Complex,
  model: AcquisitionModel,
  { lambda, iterations, levels }: WaveletOptions,
): Complex {
  check('wavelet', lambda, iterations);
  if (!Number.isInteger(levels) || levels < 1)
    throw new Error(`wavelet: ${levels} levels, expected a whole number ≥ 1`);
  const start = encodeAdjoint(kspace, model);
  const [h, w] = start.re.shape.slice(-2);
  if (h < 4 || w < 4) throw new Error(`wavelet: images are ${h} × ${w}, expected at least 4 × 4`);
  const details = constant(detailMask([h, w], levels), [h, w], start.re.dtype);
  const threshold = mul(scaleOf(start, lambda), details);
  const shrink = (z: Complex): Complex =>
    complex.mapParts(
      softThreshold(
        complex.mapParts(z, (part) => waveletTransform(part, levels)),
        threshold,
      ),
      (part) => inverseWaveletTransform(part, levels),
    );
  let [image, point, t] = [start, start, 1];
  for (let i = 0; i < iterations; i++) {
    const next = shrink(complex.sub(point, residual(point, start, model)));
    const after = (1 + Math.sqrt(1 + 4 * t * t)) / 2;
    point = complex.add(next, complex.scale((t - 1) / after, complex.sub(next, image)));
    [image, t] = [next, after];
  }
  return image;
}

/** ‖∇‖² of forward differences along two axes. */
const GRADIENT_NORM = 8;

/**
 * argmin_z ½|A z − x|² + λ Σ √(|∂_y z|² + |∂_x z|²) for k-space [.., c, h, w], isotropic total variation with forward differences and
 * no flow over the edges, by the primal-dual method of Condat (Journal of Optimization Theory and Applications 158, 2013).
 *
 * @throws unless λ ≥ 0 and there is at least one iteration.
 */
export function totalVariationReconstruction(
  kspace: Complex,
  model: AcquisitionModel,
  { lambda, iterations }: CompressedSensingOptions,
): Complex {
  check('total-variation', lambda, iterations);
  const start = encodeAdjoint(kspace, model);
  const radius = scaleOf(start, lambda);
  // 1/τ − σ‖∇‖² ≥ ‖A‖²/2.
  const tau = 0.5;
  const sigma = (1 / tau - 1 / 2) / GRADIENT_NORM;
  let image = start;
  let dual: [Complex, Complex] = [complex.mapParts(start, zerosLike), complex.mapParts(start, zerosLike)];
  for (let i = 0; i < iterations; i++) {
    const slope = complex.add(
      residual(image, start, model),
      complex.add(adjointDifference(dual[0], -2), adjointDifference(dual[1], -1)),
    );
    const next = complex.sub(image, complex.scale(tau, slope));
    const ahead = complex.sub(complex.scale(2, next), image);
    dual = projected(
      complex.add(dual[0], complex.scale(sigma, difference(ahead, -2))),
      complex.add(dual[1], complex.scale(sigma, difference(ahead, -1))),
      radius,
    );
    image = next;
  }
  return image;
}

/** Aᴴ(A z − x), given Aᴴx. */
const residual = (z: Complex, start: Complex, model: AcquisitionModel): Complex =>
  complex.sub(normalOperator(z, model), start);

/** λ max|Aᴴx| of each image: [.., 1, 1]. */
const scaleOf = (start: Complex, lambda: number): Tensor =>
  mul(lambda, max(complex.abs(start), [-2, -1], { keepDims: true }));

/** z (1 − t/|z|) where |z| > t, else 0. */
function softThreshold(z: Complex, threshold: Tensor): Complex {
  const size = complex.abs(z);
  const above = greater(size, threshold);
  const factor = select(above, sub(1, div(threshold, select(above, size, 1, size.dtype))), 0, size.dtype);
  return complex.scale(factor, z);
}

/** The pair with its joint length at most the radius. */
function projected(a: Complex, b: Complex, radius: Tensor): [Complex, Complex] {
  const energy = add(complex.abs2(a), complex.abs2(b));
  const outside = greater(energy, mul(radius, radius));
  const factor = select(
    outside,
    div(radius, sqrt(select(outside, energy, 1, energy.dtype))),
    1,
    energy.dtype,
  );
  return [complex.scale(factor, a), complex.scale(factor, b)];
}

/** x(i + 1) − x(i), 0 at the end. */
const difference = (z: Complex, axis: number): Complex =>
  complex.mapParts(z, (x) => {
    const n = x.shape[x.rank + axis];
    return padAxis(sub(sliceAxis(x, axis, 1, n), sliceAxis(x, axis, 0, n - 1)), axis, 0, 1);
  });

/** The transpose of `difference`. */
const adjointDifference = (z: Complex, axis: number): Complex =>
  complex.mapParts(z, (x) => {
    const inner = sliceAxis(x, axis, 0, x.shape[x.rank + axis] - 1);
    return sub(padAxis(inner, axis, 1, 0), padAxis(inner, axis, 0, 1));
  });

function padAxis(x: Tensor, axis: number, low: number, high: number): Tensor {
  const along = (n: number): number[] => x.shape.map((_, i) => (i === x.rank + axis ? n : 0));
  return pad(x, along(low), along(high));
}

function check(name: string, lambda: number, iterations: number): void {
  if (!(lambda >= 0)) throw new Error(`${name}: lambda is ${lambda}, expected a number ≥ 0`);
  if (!Number.isInteger(iterations) || iterations < 1)
    throw new Error(`${name}: ${iterations} iterations, expected a whole number ≥ 1`);
}

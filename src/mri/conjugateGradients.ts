/**
 * SENSE for any mask by conjugate gradients on the normal equations (Pruessmann, Weiger, Börnert & Boesiger, Magnetic Resonance in
 * Medicine 46, 2001), with Tikhonov regularisation. Every iteration is part of the traced program: its derivative is that of
 * what was computed, which is the linear operator (AᴴA + λ)⁻¹Aᴴ once the iteration has converged.
 */
import {
  add,
  complex,
  div,
  greater,
  mul,
  select,
  sum,
  zerosLike,
  type Complex,
  type Tensor,
} from '../tensor/index.ts';
import { encode, encodeAdjoint, type AcquisitionModel } from './forwardModel.ts';

export interface CgSenseOptions {
  /** λ ≥ 0 in (AᴴA + λ) z = Aᴴ x, on the scale of AᴴA: at most 1 where Σ|S|² = 1. Default 0. */
  readonly tikhonov?: number;
  /** Default 30. */
  readonly iterations?: number;
}

/**
 * argmin_z |A z − x|² + λ|z|² for k-space [.., c, h, w], each image [.., h, w] by itself. Noise must be white between coils:
 * whiten k-space and sensitivities first.
 *
 * @throws unless λ ≥ 0 and there is at least one iteration.
 */
export function cgSense(
  kspace: Complex,
  model: AcquisitionModel,
  { tikhonov = 0, iterations = 30 }: CgSenseOptions = {},
): Complex {
  if (!(tikhonov >= 0)) throw new Error(`cgSense: tikhonov is ${tikhonov}, expected a number ≥ 0`);
  if (!Number.isInteger(iterations) || iterations < 1)
    throw new Error(`cgSense: ${iterations} iterations, expected a whole number ≥ 1`);
  const normal = (z: Complex): Complex =>
    complex.add(encodeAdjoint(encode(z, model), model), complex.scale(tikhonov, z));
  let residual = encodeAdjoint(kspace, model);
  let direction = residual;
  let image = complex.mapParts(residual, zerosLike);
  let energy = dot(residual, residual);
  for (let i = 0; i < iterations; i++) {
    const applied = normal(direction);
    const step = ratio(energy, dot(direction, applied));
    image = complex.add(image, complex.scale(step, direction));
    residual = complex.sub(residual, complex.scale(step, applied));
    const next = dot(residual, residual);
    direction = complex.add(residual, complex.scale(ratio(next, energy), direction));
    energy = next;
  }
  return image;
}

/** Re⟨a, b⟩ over the pixels of each image: [.., 1, 1]. */
const dot = (a: Complex, b: Complex): Tensor =>
  sum(add(mul(a.re, b.re), mul(a.im, b.im)), [-2, -1], { keepDims: true });

/** a/b, and 0 for an image that has converged to the last bit or is zero, where both are. */
function ratio(a: Tensor, b: Tensor): Tensor {
  const positive = greater(b, 1e-30);
  return select(positive, div(a, select(positive, b, 1, b.dtype)), 0, a.dtype);
}

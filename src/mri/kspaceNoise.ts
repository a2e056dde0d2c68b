/** A reconstruction of k-space under receiver noise: what noise maps, replicas and worst cases of `src/uncertainty` work on. */
import {
  complex,
  constant,
  showShape,
  sliceAxis,
  squeeze,
  stack,
  type Complex,
  type ComplexArray,
  type NDArray,
  type Tensor,
} from '../tensor/index.ts';
import type { Perturbed } from '../uncertainty/perturbed.ts';
import { applyToCoils } from './complexLinalg.ts';
import { applyMask } from './forwardModel.ts';
import { choleskyFactor } from './hermitian.ts';
import type { Acquisition, Reconstruct, ReconstructionTraits } from './reconstruction.ts';

/**
 * Noise of k-space, independent between samples. `sigma`: the same in all coils and independent between them, the standard deviation
 * of **one real component** (E|n|² = 2σ²). `covariance`: Ψ = E[n nᴴ] [c, c] between coils, whose diagonal is 2σ².
 */
export type ReceiverNoise = { readonly sigma: number } | { readonly covariance: ComplexArray };

/** What a reconstruction is given, and the noise of its k-space. */
export interface NoisyAcquisition extends Acquisition {
  /** Only sampled entries carry noise. */
  readonly noise: ReceiverNoise;
}

/** A traced reconstruction of one slice and what it gives. */
export interface ReconstructionAtHand extends Pick<ReconstructionTraits, 'output'> {
  readonly reconstruct: Reconstruct;
}

/** The acquisition as the program gets it. */
export type AcquiredArrays = Omit<Acquisition, 'sensitivities'> & { readonly sensitivities?: ComplexArray };

/**
 * z ↦ reconstruct(k + M L z) with z [2, c, h, w]: real and imaginary parts, [components, h, w] with one component for a magnitude
 * image and two, real and imaginary, for a complex one. Sensitivities that are given stay as they are; a reconstruction that
 * estimates its own is differentiated through the estimate.
 *
 * @throws if shapes do not agree, σ is not positive, Ψ is not a covariance, or the reconstruction does not give an image [h, w].
 */
export function perturbedReconstruction(
  { reconstruct, output }: ReconstructionAtHand,
  { kspace, mask, sensitivities, noise }: NoisyAcquisition,
): Perturbed<AcquiredArrays> {
  const shape = kspace.re.shape;
  const [rows, columns] = mask.shape;
  if (shape.length !== 3) throw new Error(`noise: k-space is ${showShape(shape)}, expected [coils, h, w]`);
  if (mask.shape.length !== 2 || columns !== shape[2] || (rows !== 1 && rows !== shape[1])) {
    throw new Error(
      `noise: the mask is ${showShape(mask.shape)}, expected [1, ${shape[2]}] or [${shape[1]}, ${shape[2]}] for k-space ${showShape(shape)}`,
    );
  }
  const { scale, colour } = noiseColour(noise, shape[0]);
  return {
    args: { kspace, mask, ...(sensitivities && { sensitivities }) },
    noise: [2, ...shape],
    scale,
    f: (z, given) => {
      const n = applyMask(colour(complexNoise(z)), given.mask);
      const image = reconstruct({ ...given, kspace: complex.add(given.kspace, n) });
      if (image.re.shape.length !== 2) {
        throw new Error(
          `noise: the reconstruction gave ${showShape(image.re.shape)} for k-space ${showShape(shape)}, expected one image [h, w]`,
        );
      }
      return stack(output === 'magnitude' ? [image.re] : [image.re, image.im], 0);
    },
  };
}

/** z [2, …]: real and imaginary parts of the noise. */
export function complexNoise(z: Tensor): Complex {
  const part = (i: number): Tensor => squeeze(sliceAxis(z, 0, i, i + 1), 0);
  return { re: part(0), im: part(1) };
}

/** w [c, h, w] with parts of standard deviation 1 ↦ noise / scale. */
function noiseColour(
  noise: ReceiverNoise,
  coils: number,
): { readonly scale: number; readonly colour: (w: Complex) => Complex } {
  if ('sigma' in noise) {
    const { sigma } = noise;
    if (!(sigma > 0 && Number.isFinite(sigma)))
      throw new Error(`noise: sigma is ${sigma}, expected a positive number`);
    return { scale: sigma, colour: (w) => w };
  }
  const { covariance } = noise;
  if (covariance.re.shape[0] !== coils) {
    throw new Error(
      `noise: a covariance ${showShape(covariance.re.shape)} for ${coils} coils, expected [${coils}, ${coils}]`,
    );
  }
  // n = L w with E|w|² = 1; here each part of w has variance 1.
  const { re, im } = choleskyFactor(covariance, 'noise covariance');
  let scale = 0;
  for (let i = 0; i < coils; i++) scale = Math.max(scale, re.data[i * (coils + 1)] * Math.SQRT1_2);
  const factor = (part: NDArray, { dtype }: Tensor): Tensor =>
    constant(
      Float64Array.from(part.data, (x) => (x * Math.SQRT1_2) / scale),
      [coils, coils],
      dtype,
    );
  return { scale, colour: (w) => applyToCoils({ re: factor(re, w.re), im: factor(im, w.re) }, w) };
}

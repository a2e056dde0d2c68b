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

/** k-space [c, h, w] ↦ image [h, w]: complex, or real such as a root of sum of squares. */
export type Reconstruction = (kspace: Complex) => Complex | Tensor;

/**
 * Noise of k-space, independent between samples. `sigma`: the same in all coils and independent between them, the standard deviation
 * of **one real component** (E|n|² = 2σ²). `covariance`: Ψ = E[n nᴴ] [c, c] between coils, whose diagonal is 2σ².
 */
export type ReceiverNoise = { readonly sigma: number } | { readonly covariance: ComplexArray };

export interface Acquisition {
  /** k-space [c, h, w], zero where nothing is sampled. */
  readonly kspace: ComplexArray;
  /** 1 where k-space is sampled and 0 elsewhere, [1, w] or [h, w]: only sampled entries carry noise. */
  readonly mask: NDArray;
  readonly noise: ReceiverNoise;
}

/** The k-space of an acquisition and its mask, as the program gets them. */
export interface AcquiredArrays {
  readonly kspace: ComplexArray;
  readonly mask: NDArray;
}

/**
 * z ↦ reconstruct(k + M L z) with z [2, c, h, w]: real and imaginary parts, [components, h, w] with one component for a real image
 * and two, real and imaginary, for a complex one.
 *
 * @throws if shapes do not agree, σ is not positive, Ψ is not a covariance, or the reconstruction does not give an image [h, w].
 */
export function perturbedReconstruction(
  reconstruct: Reconstruction,
  { kspace, mask, noise }: Acquisition,
): Perturbed<AcquiredArrays> {
  const shape = kspace.re.shape;
  const size = shape.slice(-2);
  if (shape.length !== 3) throw new Error(`noise: k-space is ${showShape(shape)}, expected [coils, h, w]`);
  const fits =
    mask.shape.length <= 2 && mask.shape.every((n, i) => n === 1 || n === size[i + 2 - mask.shape.length]);
  if (!fits) {
    throw new Error(
      `noise: the mask is ${showShape(mask.shape)}, expected [1, ${size[1]}] or [${size.join(', ')}] for k-space ${showShape(shape)}`,
    );
  }
  const { scale, colour } = noiseColour(noise, shape[0]);
  return {
    args: { kspace, mask },
    noise: [2, ...shape],
    scale,
    f: (z, given) => {
      const part = (i: number): Tensor => squeeze(sliceAxis(z, 0, i, i + 1), 0);
      const n = applyMask(colour({ re: part(0), im: part(1) }), given.mask);
      const image = reconstruct(complex.add(given.kspace, n));
      const [re] = partsOf(image);
      if (re.shape.length !== 2) {
        throw new Error(
          `noise: the reconstruction gave ${showShape(re.shape)} for k-space ${showShape(shape)}, expected one image [h, w]`,
        );
      }
      return stack(partsOf(image), 0);
    },
  };
}

/** Real and imaginary parts, or a real image alone. */
export const partsOf = (image: Complex | Tensor): Tensor[] =>
  'im' in image ? [image.re, image.im] : [image];

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
  const factor = (part: NDArray): Tensor =>
    constant(
      Float64Array.from(part.data, (x) => (x * Math.SQRT1_2) / scale),
      [coils, coils],
    );
  const L = { re: factor(re), im: factor(im) };
  return { scale, colour: (w) => applyToCoils(L, w) };
}

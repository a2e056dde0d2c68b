/**
 * The acquisition x_c = M F(S_c z) and its adjoint, traced. Images are [.., h, w], sensitivities [c, h, w], k-space
 * [.., c, h, w] with its centre in the middle: rows h are the readout, columns w the phase encodes.
 */
import {
  complex,
  expandDims,
  fft2c,
  ifft2c,
  mul,
  showShape,
  sum,
  type Complex,
  type Tensor,
} from '../tensor/index.ts';

export interface AcquisitionModel {
  /** [c, h, w], or [.., c, h, w] with maps of their own for each image. */
  readonly sensitivities: Complex;
  /** 1 where k-space is sampled and 0 elsewhere; broadcasts against [h, w]. */
  readonly mask: Tensor;
}

/** S_c z: image [.., h, w] → coil images [.., c, h, w]. */
export function coilImages(image: Complex, sensitivities: Complex): Complex {
  checkSensitivities(image, sensitivities, 'coilImages');
  return complex.mul(
    sensitivities,
    complex.mapParts(image, (part) => expandDims(part, -3)),
  );
}

/** Σ_c S_c* x_c: coil images [.., c, h, w] → image [.., h, w]; the adjoint of `coilImages`. */
export function combineCoils(images: Complex, sensitivities: Complex): Complex {
  checkSensitivities(images, sensitivities, 'combineCoils');
  return complex.mapParts(complex.mul(complex.conj(sensitivities), images), (part) => sum(part, -3));
}

/** A z = M F(S z): image [.., h, w] → k-space [.., c, h, w], zero where nothing is sampled. */
export const encode = (image: Complex, { sensitivities, mask }: AcquisitionModel): Complex =>
  applyMask(fft2c(coilImages(image, sensitivities)), mask);

/** Aᴴ x = Σ_c S_c* F⁻¹(M x_c): k-space [.., c, h, w] → image [.., h, w]. F is orthonormal, so F⁻¹ is its adjoint. */
export const encodeAdjoint = (kspace: Complex, { sensitivities, mask }: AcquisitionModel): Complex =>
  combineCoils(ifft2c(applyMask(kspace, mask)), sensitivities);

/** k-space with zeros where the mask [h, w] has them. */
export const applyMask = (kspace: Complex, mask: Tensor): Complex =>
  complex.mapParts(kspace, (part) => mul(part, mask));

function checkSensitivities(image: Complex, { re }: Complex, name: string): void {
  const [given, expected] = [re.shape, image.re.shape.slice(-2)];
  const [h, w] = given.slice(-2);
  if (given.length < 3 || expected.length !== 2 || h !== expected[0] || w !== expected[1]) {
    throw new Error(
      `${name}: the sensitivities are ${showShape(given)} and the images ${showShape(image.re.shape)}; expected sensitivities [.., coils, h, w] of the same h and w`,
    );
  }
}

/**
 * The acquisition x_c = M F(S_c z) and its adjoint, traced. Images are [.., h, w], sensitivities [c, h, w], k-space
 * [.., c, h, w] with its centre in the middle: rows h are the readout, columns w the phase encodes.
 */
import {
  complex,
  expandDims,
  fft2c,
  fftc,
  ifft2c,
  ifftc,
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

/**
 * AᴴA z of an image [.., h, w]. Where the mask samples whole columns ([1, w]), the transform along them cancels: only the one along
 * rows is computed.
 */
export function normalOperator(image: Complex, { sensitivities, mask }: AcquisitionModel): Complex {
  const { toData, toImages } = transformsUnder(mask);
  const sampled = applyMask(toData(coilImages(image, sensitivities)), mask);
  return combineCoils(toImages(sampled), sensitivities);
}

/** Between images and the data that a mask [.., h | 1, w] acts on, and from k-space to these data. */
export interface MaskedTransforms {
  readonly toData: (images: Complex) => Complex;
  readonly toImages: (data: Complex) => Complex;
  readonly fromKspace: (kspace: Complex) => Complex;
}

/**
 * The cheapest orthonormal transforms for iterations between images and sampled data. A mask of whole columns does not touch the
 * transform along them: it is undone once (`fromKspace`), and data are then k-space along rows and images along columns.
 */
export const transformsUnder = (mask: Tensor): MaskedTransforms =>
  mask.rank < 2 || mask.shape[mask.rank - 2] === 1
    ? { toData: (z) => fftc(z, -1), toImages: (z) => ifftc(z, -1), fromKspace: (z) => ifftc(z, -2) }
    : { toData: fft2c, toImages: ifft2c, fromKspace: (z) => z };

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

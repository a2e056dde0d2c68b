/**
 * The acquisition x_c = M F(S_c z) and its adjoint, traced. Images are [.., h, w], sensitivities [c, h, w], k-space
 * [.., c, h, w] with its centre in the middle: rows h are the readout, columns w the phase encodes.
 */
import {
  complex,
  constant,
  expandDims,
  fft2c,
  fftc,
  ifft2c,
  ifftc,
  mul,
  reshape,
  showShape,
  sizeOf,
  sum,
  type Complex,
  type DType,
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

/** AᴴA z of an image [.., h, w]. */
export function normalOperator(image: Complex, { sensitivities, mask }: AcquisitionModel): Complex {
  return combineCoils(sampledPart(coilImages(image, sensitivities), mask), sensitivities);
}

/** F⁻¹M F z: what a mask [.., h | 1, w] samples of coil images z [.., c, h, w]. */
export function sampledPart(images: Complex, mask: Tensor): Complex {
  if (!ofColumns(mask)) return ifft2c(applyMask(fft2c(images), mask));
  return mask.shape[mask.rank - 1] > WIDEST_PROJECTION
    ? ifftc(applyMask(fftc(images), mask))
    : complex.matmul(images, projection(mask));
}

/**
 * z − η F⁻¹M F z for η [1] and coil images z [.., c, h, w]: a step of gradient descent on ½|M F z|² for a mask [.., h | 1, w].
 */
export function lessSampledPart(images: Complex, mask: Tensor, step: Tensor): Complex {
  const w = mask.shape[mask.rank - 1];
  if (!ofColumns(mask) || w > WIDEST_PROJECTION)
    return complex.sub(images, complex.scale(step, sampledPart(images, mask)));
  const whole = complex.fromReal(identityMatrix(w, mask.dtype));
  return complex.matmul(images, complex.sub(whole, complex.scale(step, projection(mask))));
}

/** A mask of whole columns does not touch the transform along them, which cancels in F⁻¹M F: only the one along rows is left. */
const ofColumns = (mask: Tensor): boolean => mask.rank < 2 || mask.shape[mask.rank - 2] === 1;

/** Up to this width F⁻¹M F along rows is faster as one dense product than as two fast transforms and their moves of data. */
const WIDEST_PROJECTION = 512;

/** F⁻¹M F along rows for a mask [.., 1, w], as matrices [.., w, w] that rows are multiplied with; [w, w] for a single mask. */
function projection(mask: Tensor): Complex {
  const w = mask.shape[mask.rank - 1];
  const columns = sizeOf(mask.shape) === w ? reshape(mask, [w]) : mask;
  return ifftc(applyMask(fftc(complex.fromReal(identityMatrix(w, mask.dtype))), columns));
}

const identityMatrix = (n: number, dtype: DType): Tensor =>
  constant(
    Float64Array.from({ length: n * n }, (_, at) => (at % (n + 1) === 0 ? 1 : 0)),
    [n, n],
    dtype,
  );

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

/**
 * Noise of every pixel of a reconstruction, to first order: the diagonal of J Σ Jᵀ with the Jacobian J of the traced reconstruction
 * at the measured k-space. For a linear reconstruction it is exact and independent of the data.
 */
import { sizeOf, type ComplexArray, type NDArray } from '../tensor/index.ts';
import {
  localCovariance,
  type DeviationMap,
  type LocalCovarianceOptions,
  type LocalMethod,
} from '../uncertainty/localCovariance.ts';
import { combColouring } from './comb.ts';
import { perturbedReconstruction, type NoisyAcquisition, type ReconstructionAtHand } from './kspaceNoise.ts';

export interface NoiseMapOptions extends Omit<LocalCovarianceOptions, 'method' | 'colouring' | 'directions'> {
  /**
   * `rows`: exact, one reverse product a pixel (two for complex images), of all pixels or those in `sites`. `probing` (default):
   * random signs in image space. `sketching`: random k-space noise. `comb`: signs on combs of pixels.
   */
  readonly method?: LocalMethod | undefined;
  /** Distance of the pixels of a comb; default 12. */
  readonly spacing?: number | undefined;
}

/** Maps of a complex image beside that of its magnitude. */
export interface ComplexNoiseMaps {
  readonly real: DeviationMap;
  readonly imaginary: DeviationMap;
  /** Radians: the deviation across the direction of the pixel over its magnitude; Infinity where the image is 0. */
  readonly phase: DeviationMap;
  /** Covariance of real and imaginary part, [2, 2, h, w]: networks are not holomorphic, and their noise is not circular. */
  readonly covariance: NDArray;
}

export interface NoiseMaps {
  /** The image at the point of linearisation. */
  readonly image: NDArray | ComplexArray;
  /** |image|, [h, w]; a real image as it is. */
  readonly magnitude: NDArray;
  /** Standard deviation of the image value, or of the magnitude of a complex image (along the direction of each pixel), [h, w]. */
  readonly sd: NDArray;
  /** Null where the map is exact. */
  readonly standardError: NDArray | null;
  /** Null for a real image. */
  readonly complex: ComplexNoiseMaps | null;
  readonly method: LocalMethod;
  readonly probes: number;
  readonly products: number;
  /** ‖standard error‖₂ / ‖sd‖₂ over the pixels of interest; null where the map is exact. */
  readonly relativeError: number | null;
}

/**
 * Noise maps of a reconstruction at an acquisition.
 *
 * @throws as `perturbedReconstruction` and `localCovariance` do, and where the spacing of a comb aliases.
 */
export async function noiseMaps(
  reconstruction: ReconstructionAtHand,
  acquisition: NoisyAcquisition,
  { method = 'probing', spacing = 12, ...options }: NoiseMapOptions = {},
): Promise<NoiseMaps> {
  const [, h, w] = acquisition.kspace.re.shape;
  const found = await localCovariance(perturbedReconstruction(reconstruction, acquisition), {
    ...options,
    method,
    ...(method === 'comb' && { colouring: combColouring(spacing, [h, w], acquisition.mask) }),
    directions: imageDirections,
  });
  const { value, blocks, along, probes, products, relativeError } = found;
  const magnitude = magnitudeOf(value);
  const [{ deviation: sd, standardError }, ...others] = along;
  const common = { magnitude, sd, standardError, method, probes, products, relativeError };
  if (value.shape[0] === 1) {
    return { ...common, image: { ...value, shape: magnitude.shape }, complex: null };
  }
  const [real, imaginary, across] = others;
  const half = (from: number): NDArray => ({
    data: value.data.slice(from * h * w, (from + 1) * h * w),
    shape: [h, w],
    dtype: value.dtype,
  });
  const overMagnitude = (map: NDArray): NDArray => ({
    ...map,
    data: Float64Array.from(map.data, (s, i) => s / magnitude.data[i]),
  });
  const phase: DeviationMap = {
    deviation: overMagnitude(across.deviation),
    standardError: across.standardError && overMagnitude(across.standardError),
  };
  return {
    ...common,
    image: { re: half(0), im: half(1) },
    complex: { real, imaginary, phase, covariance: blocks },
  };
}

/** |x| of [components, h, w]; one component as it is. */
export function magnitudeOf({ data, shape }: NDArray): NDArray {
  const size = sizeOf(shape.slice(1));
  const values =
    shape[0] === 1
      ? Float64Array.from(data)
      : Float64Array.from({ length: size }, (_, i) => Math.hypot(data[i], data[size + i]));
  return { data: values, shape: shape.slice(1), dtype: 'float64' };
}

/** Unit vectors of a complex image along the phase of each pixel, of its parts, and across the phase; 1 for a real image. */
function imageDirections(value: NDArray): NDArray[] {
  const size = sizeOf(value.shape.slice(1));
  const field = (f: (i: number) => readonly number[]): NDArray => {
    const data = new Float64Array(value.data.length);
    for (let i = 0; i < size; i++) f(i).forEach((x, a) => (data[a * size + i] = x));
    return { data, shape: value.shape, dtype: 'float64' };
  };
  if (value.shape[0] === 1) return [field(() => [1])];
  const phase = (i: number): number => Math.atan2(value.data[size + i], value.data[i]);
  return [
    field((i) => [Math.cos(phase(i)), Math.sin(phase(i))]),
    field(() => [1, 0]),
    field(() => [0, 1]),
    field((i) => [-Math.sin(phase(i)), Math.cos(phase(i))]),
  ];
}

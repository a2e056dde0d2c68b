/** Gaussian noise of an input, as a linear map of independent standard normal numbers. */
import {
  constant,
  matmul,
  mul,
  reshape,
  sameShape,
  showShape,
  sizeOf,
  transpose,
  type NDArray,
  type Shape,
  type Tensor,
} from '../tensor/index.ts';

/**
 * Covariance Σ of the noise of an input of shape `[...input]`:
 * `deviation` a number σ is Σ = σ² I, an array `[...input]` a diagonal Σ = diag(deviation²);
 * `factor` `[size of the input, rank]` is any L with Σ = L Lᵀ, such as a Cholesky factor.
 */
export type InputNoise = { readonly deviation: number | NDArray } | { readonly factor: NDArray };

/** L of Σ = L Lᵀ as a map, apart from its size. */
export interface NoiseMap {
  /** Standard normal numbers for one input. */
  readonly rank: number;
  /** The largest entry of L; what is squared in float32 stays clear of its limits without it. */
  readonly scale: number;
  /** z `[n, rank]` ↦ L z / scale, `[n, ...input]`. */
  readonly colour: (z: Tensor) => Tensor;
}

/** @throws when the noise does not fit the shape of the input, is negative, or not finite. */
export function noiseMap(noise: InputNoise, input: Shape): NoiseMap {
  const size = sizeOf(input);
  const shaped = (z: Tensor): Tensor => reshape(z, [-1, ...input]);
  if ('factor' in noise) {
    const { shape, data } = noise.factor;
    if (shape.length !== 2 || shape[0] !== size) {
      throw new Error(
        `noise: the factor has shape ${showShape(shape)}, expected [${size}, rank] for an input of shape ${showShape(input)}`,
      );
    }
    const { scale, unit } = normalized(data, 'factor');
    return {
      rank: shape[1],
      scale,
      colour: (z) => shaped(matmul(z, transpose(constant(unit, shape)))),
    };
  }
  const { deviation } = noise;
  const values = typeof deviation === 'number' ? [deviation] : deviation.data;
  if (typeof deviation !== 'number' && !sameShape(deviation.shape, input)) {
    throw new Error(
      `noise: the deviation has shape ${showShape(deviation.shape)}, expected a number or ${showShape(input)}, the shape of one input`,
    );
  }
  if (values.some((value) => value < 0))
    throw new Error('noise: a deviation is negative, expected numbers ≥ 0');
  const { scale, unit } = normalized(values, 'deviation');
  return {
    rank: size,
    scale,
    colour: (z) => (typeof deviation === 'number' ? shaped(z) : mul(shaped(z), constant(unit, input))),
  };
}

function normalized(values: ArrayLike<number>, name: string): { scale: number; unit: Float64Array } {
  let scale = 0;
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i]))
      throw new Error(`noise: the ${name} holds ${values[i]}, expected numbers`);
    scale = Math.max(scale, Math.abs(values[i]));
  }
  return { scale, unit: Float64Array.from(values, (value) => (scale === 0 ? 0 : value / scale)) };
}

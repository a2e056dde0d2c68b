/** Initial values of parameters: float32 arrays that are pure functions of a key and a shape. */
import { Matrix, QrDecomposition } from 'ml-matrix';
import { showShape, sizeOf, type NDArray, type Shape } from '../tensor/index.ts';
import { normal as drawNormal, uniform as drawUniform, type Key } from '../tensor/random.ts';

export type Initialiser = (key: Key, shape: Shape) => NDArray;

/** Numbers of values that flow into and out of one unit of a weight. */
export interface Fans {
  readonly fanIn: number;
  readonly fanOut: number;
}

/** Fans of a dense weight `[inputs, outputs]`. */
export function denseFans(shape: Shape): Fans {
  if (shape.length !== 2) {
    throw new Error(`denseFans: shape ${showShape(shape)}; expected [inputs, outputs], or pass the fans`);
  }
  return { fanIn: shape[0], fanOut: shape[1] };
}

/** Fans of a convolution weight `[outputs, inputs, ...kernel]`. */
export function convolutionFans(shape: Shape): Fans {
  if (shape.length < 3) {
    throw new Error(`convolutionFans: shape ${showShape(shape)}; expected [outputs, inputs, ...kernel]`);
  }
  const field = sizeOf(shape.slice(2));
  return { fanIn: shape[1] * field, fanOut: shape[0] * field };
}

const float32 = (values: ArrayLike<number>, shape: Shape): NDArray => ({
  data: Float32Array.from(values),
  shape,
  dtype: 'float32',
});

export const zerosInitialiser: Initialiser = (_, shape) => float32(new Float32Array(sizeOf(shape)), shape);

export const onesInitialiser: Initialiser = (_, shape) =>
  float32(new Float32Array(sizeOf(shape)).fill(1), shape);

/** Uniform on [low, high). */
export const uniformInitialiser =
  (low: number, high: number): Initialiser =>
  (key, shape) =>
    float32(
      drawUniform(key, sizeOf(shape)).map((u) => low + (high - low) * u),
      shape,
    );

/** Normal with the given mean and standard deviation. */
export const normalInitialiser =
  (mean = 0, std = 1): Initialiser =>
  (key, shape) =>
    float32(
      drawNormal(key, sizeOf(shape)).map((z) => mean + std * z),
      shape,
    );

interface ScaleOptions {
  readonly gain?: number;
  /** Default: `denseFans(shape)`. */
  readonly fans?: Fans;
}

/** Variance gain² · 2 / (fanIn + fanOut), uniform (Glorot & Bengio 2010). */
export const xavierUniform =
  ({ gain = 1, fans }: ScaleOptions = {}): Initialiser =>
  (key, shape) => {
    const { fanIn, fanOut } = fans ?? denseFans(shape);
    const bound = gain * Math.sqrt(6 / (fanIn + fanOut));
    return uniformInitialiser(-bound, bound)(key, shape);
  };

/** Variance gain² · 2 / (fanIn + fanOut), normal (Glorot & Bengio 2010). */
export const xavierNormal =
  ({ gain = 1, fans }: ScaleOptions = {}): Initialiser =>
  (key, shape) => {
    const { fanIn, fanOut } = fans ?? denseFans(shape);
    return normalInitialiser(0, gain * Math.sqrt(2 / (fanIn + fanOut)))(key, shape);
  };

/** Variance gain² / fanIn, uniform; gain √2 is meant for ReLU (He et al. 2015). */
export const kaimingUniform =
  ({ gain = Math.SQRT2, fans }: ScaleOptions = {}): Initialiser =>
  (key, shape) => {
    const bound = gain * Math.sqrt(3 / (fans ?? denseFans(shape)).fanIn);
    return uniformInitialiser(-bound, bound)(key, shape);
  };

/** Variance gain² / fanIn, normal; gain √2 is meant for ReLU (He et al. 2015). */
export const kaimingNormal =
  ({ gain = Math.SQRT2, fans }: ScaleOptions = {}): Initialiser =>
  (key, shape) =>
    normalInitialiser(0, gain / Math.sqrt((fans ?? denseFans(shape)).fanIn))(key, shape);

/** Uniform on ±1/√fanIn: PyTorch's default for the weights and biases of linear and convolution layers. */
export const fanInUniform = (fanIn: number): Initialiser =>
  uniformInitialiser(-1 / Math.sqrt(fanIn), 1 / Math.sqrt(fanIn));

/**
 * `gain` times a matrix with orthonormal rows or columns (the fewer of the two), uniform among them (Saxe et al. 2014).
 * The sign of R's diagonal is moved into Q: without it the QR of a Gaussian matrix is not uniform (Mezzadri 2007).
 *
 * @throws if the shape is not a matrix.
 */
export const orthogonal =
  (gain = 1): Initialiser =>
  (key, shape) => {
    if (shape.length !== 2)
      throw new Error(`orthogonal: shape ${showShape(shape)}; expected [rows, columns]`);
    const [rows, columns] = shape;
    const tall = Math.max(rows, columns);
    const thin = Math.min(rows, columns);
    const qr = new QrDecomposition(Matrix.from1DArray(tall, thin, drawNormal(key, tall * thin)));
    const signs = qr.upperTriangularMatrix.diagonal().map((r) => (r < 0 ? -gain : gain));
    const q = qr.orthogonalMatrix.mulRowVector(signs);
    return float32((rows >= columns ? q : q.transpose()).to1DArray(), shape);
  };

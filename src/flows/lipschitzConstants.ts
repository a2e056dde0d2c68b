/** Lipschitz constants of layers by formula. */
import { Matrix, SingularValueDecomposition } from 'ml-matrix';
import type { NDArray } from '../tensor/index.ts';

/** Upper bounds over the whole space. */
export interface LipschitzConstants {
  /** Of the map from data to latent. */
  readonly forward: number;
  /** Of the map from latent to data. */
  readonly inverse: number;
}

export const isometry: LipschitzConstants = { forward: 1, inverse: 1 };

/** Of layers one after the other; null where one of them has none. */
export function product(constants: readonly (LipschitzConstants | null)[]): LipschitzConstants | null {
  let whole = isometry;
  for (const own of constants) {
    if (!own) return null;
    whole = { forward: whole.forward * own.forward, inverse: whole.inverse * own.inverse };
  }
  return whole;
}

type Plain = Pick<NDArray, 'data' | 'shape'>;

/** Largest and least singular value, by singular value decomposition. */
function rangeOf(matrix: Matrix): [number, number] {
  const values = new SingularValueDecomposition(matrix, { autoTranspose: true }).diagonal;
  return [Math.max(...values), Math.min(...values)];
}

/** Largest and least singular value of a matrix `[n, k]`. */
export const singularRange = ({ data, shape }: Plain): [number, number] =>
  rangeOf(Matrix.from1DArray(shape[0], shape[1], Float64Array.from(data)));

/** Of a linear map. */
export function matrixConstants(matrix: Matrix): LipschitzConstants {
  const [largest, least] = rangeOf(matrix);
  return { forward: largest, inverse: 1 / least };
}

/** The strict triangle of a matrix `[n, n]` with a diagonal: of one number, or of exponentials of logarithms. */
export function triangle(
  { data, shape: [n] }: Plain,
  part: 'lower' | 'upper',
  diagonal: 1 | ArrayLike<number>,
): Matrix {
  const entry = (i: number, j: number): number => {
    if (i === j) return diagonal === 1 ? 1 : Math.exp(diagonal[i]);
    return (part === 'lower' ? i > j : i < j) ? data[i * n + j] : 0;
  };
  return new Matrix(Array.from({ length: n }, (_, i) => Array.from({ length: n }, (__, j) => entry(i, j))));
}

/** σ_max of a matrix. */
export const spectralNorm = (matrix: Plain): number => singularRange(matrix)[0];

/** Of a scale e^s an entry. */
export const scaleConstants = (logScale: Pick<NDArray, 'data'>): LipschitzConstants => ({
  forward: Math.exp(Math.max(...logScale.data)),
  inverse: Math.exp(-Math.min(...logScale.data)),
});

/** Of x + t(x_B), Lip(t) ≤ ℓ, both ways: the largest singular value of [1 0; ℓ 1] (Verine et al. 2022). */
export function additiveConstants(l: number): LipschitzConstants {
  const constant = (l + Math.sqrt(l * l + 4)) / 2;
  return { forward: constant, inverse: constant };
}

/** Of x + g(x), Lip(g) ≤ κ < 1 (Behrmann et al. 2019, lemma 2). */
export const residualConstants = (kappa: number): LipschitzConstants => ({
  forward: 1 + kappa,
  inverse: 1 / (1 - kappa),
});

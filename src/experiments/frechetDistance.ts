/** Fréchet distance of two Gaussians, as a distance of two sets of feature vectors (Heusel et al. 2017 with other features). */
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { covarianceOf } from '../flows/index.ts';
import type { NDArray } from '../tensor/index.ts';

export interface GaussianMoments {
  readonly mean: ArrayLike<number>;
  readonly covariance: Matrix;
}

/**
 * ‖μ₁ − μ₂‖² + tr(Σ₁ + Σ₂ − 2 (Σ₁ Σ₂)^½) (Dowson & Landau 1982), in float64. The trace of the root is that of (Σ₁^½ Σ₂ Σ₁^½)^½, which is
 * symmetric.
 *
 * @throws if the sizes disagree.
 */
export function frechetDistance(a: GaussianMoments, b: GaussianMoments): number {
  if (a.mean.length !== b.mean.length) {
    throw new Error(`frechetDistance: means of ${a.mean.length} and ${b.mean.length} numbers`);
  }
  let apart = 0;
  for (let i = 0; i < a.mean.length; i++) apart += (a.mean[i] - b.mean[i]) ** 2;
  const root = squareRoot(a.covariance);
  const between = root.mmul(b.covariance).mmul(root);
  const shared = roots(between).values.reduce((total, value) => total + value, 0);
  // Equal sets are at 0, not at rounding error below it.
  return Math.max(0, apart + a.covariance.trace() + b.covariance.trace() - 2 * shared);
}

/** The same of features `[n, d]` and `[m, d]`. */
export const featureDistance = (a: NDArray, b: NDArray): number =>
  frechetDistance(covarianceOf(a), covarianceOf(b));

/** Roots of the eigenvalues of a positive semi-definite matrix, and its eigenvectors. */
function roots(matrix: Matrix): { readonly values: number[]; readonly vectors: Matrix } {
  const symmetric = Matrix.add(matrix, matrix.transpose()).div(2);
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(symmetric, {
    assumeSymmetric: true,
  });
  // Rounding makes eigenvalues that are 0 negative.
  return { values: realEigenvalues.map((v) => Math.sqrt(Math.max(0, v))), vectors: eigenvectorMatrix };
}

function squareRoot(matrix: Matrix): Matrix {
  const { values, vectors } = roots(matrix);
  return vectors.mmul(Matrix.diag(values)).mmul(vectors.transpose());
}

/** Principal directions of samples. */
import { EigenvalueDecomposition, type Matrix } from 'ml-matrix';
import type { NDArray } from '../tensor/index.ts';
import { covarianceOf } from './moments.ts';

export interface PrincipalDirections {
  /** Of the samples, `[d]`. */
  readonly mean: Float64Array;
  /** `[d, k]`, orthonormal: along the first the samples vary most. */
  readonly directions: Matrix;
}

/** The k directions along which samples x `[n, ...]` of d numbers vary most. */
export function principalDirections(x: NDArray, k: number): PrincipalDirections {
  const { mean, covariance } = covarianceOf(x);
  const { eigenvectorMatrix } = new EigenvalueDecomposition(covariance, { assumeSymmetric: true });
  // Eigenvalues of a symmetric matrix ascend.
  const columns = Array.from({ length: k }, (_, i) => mean.length - 1 - i);
  return { mean, directions: eigenvectorMatrix.subMatrixColumn(columns) };
}

/** One Gaussian with full covariance: what a flow must beat. */
import { CholeskyDecomposition, Matrix } from 'ml-matrix';
import type { NDArray } from '../tensor/index.ts';

/** Samples with more numbers get a diagonal covariance. */
const LARGEST_FULL = 256;

/**
 * Mean −log p of test samples `[m, ...]` under the Gaussian with mean and covariance of training samples `[n, ...]`, in nats; the
 * covariance is full up to 256 numbers a sample and diagonal above.
 */
export function gaussianNll(train: NDArray, test: NDArray): { value: number; parameters: number } {
  const [n, m] = [train.shape[0], test.shape[0]];
  const d = train.data.length / n;
  const full = d <= LARGEST_FULL;
  const centre = new Float64Array(d);
  train.data.forEach((v, i) => (centre[i % d] += v / n));
  const centred = (values: NDArray, rows: number): Matrix =>
    Matrix.from1DArray(
      rows,
      d,
      Float64Array.from(values.data, (v, i) => v - centre[i % d]),
    );
  const x = centred(train, n);
  const covariance = full
    ? x.transpose().mmul(x).div(n)
    : Matrix.diag(
        x
          .pow(2)
          .sum('column')
          .map((v) => v / n),
      );
  // As small as it may be without an entry that never changes making the matrix singular.
  const ridge = 1e-9 * (covariance.trace() / d) + 1e-300;
  covariance.add(Matrix.eye(d, d).mul(ridge));
  const factor = new CholeskyDecomposition(covariance);
  const y = centred(test, m).transpose();
  const whitened = Matrix.mul(y, factor.solve(y));
  const logDeterminant = 2 * factor.lowerTriangularMatrix.diag().reduce((total, v) => total + Math.log(v), 0);
  return {
    value: 0.5 * (d * Math.log(2 * Math.PI) + logDeterminant + whitened.sum() / m),
    parameters: d + (full ? (d * (d + 1)) / 2 : d),
  };
}

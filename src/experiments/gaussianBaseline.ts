/** One Gaussian with full covariance: what a flow must beat. */
import { CholeskyDecomposition, Matrix } from 'ml-matrix';
import { entryMoments } from '../flows/moments.ts';
import type { NDArray } from '../tensor/index.ts';

/** Samples with more numbers get a diagonal covariance. */
const LARGEST_FULL = 256;

/** Added to the variances of entries in units of their deviations. */
const RIDGE = 1e-9;

/**
 * Mean −log p of test samples `[m, ...]` under the Gaussian with mean and covariance of training samples `[n, ...]`, in nats; the
 * covariance is full up to 256 numbers a sample and diagonal above.
 */
export function gaussianNll(train: NDArray, test: NDArray): { value: number; parameters: number } {
  const [n, m] = [train.shape[0], test.shape[0]];
  const d = train.data.length / n;
  const full = d <= LARGEST_FULL;
  const { mean, variance } = entryMoments(train.data, d);
  // Entries in units of their deviations, so that the ridge is as small beside each; one that never changes is left in those of the others.
  const typical = Math.sqrt(variance.reduce((total, v) => total + v / d, 0)) || 1;
  const deviations = variance.map((v) => (v > 0 ? Math.sqrt(v) : typical));
  const standard = (values: NDArray, rows: number): Matrix =>
    Matrix.from1DArray(
      rows,
      d,
      Float64Array.from(values.data, (v, i) => (v - mean[i % d]) / deviations[i % d]),
    );
  const x = standard(train, n);
  const covariance = full
    ? x.transpose().mmul(x).div(n)
    : Matrix.diag(
        x
          .pow(2)
          .sum('column')
          .map((v) => v / n),
      );
  // As small as it may be without an entry that never changes making the matrix singular.
  covariance.add(Matrix.eye(d, d).mul(RIDGE));
  const factor = new CholeskyDecomposition(covariance);
  const y = standard(test, m).transpose();
  const whitened = Matrix.mul(y, factor.solve(y));
  const logs = (values: Iterable<number>): number => [...values].reduce((total, v) => total + Math.log(v), 0);
  const logDeterminant = 2 * (logs(factor.lowerTriangularMatrix.diag()) + logs(deviations));
  return {
    value: 0.5 * (d * Math.log(2 * Math.PI) + logDeterminant + whitened.sum() / m),
    parameters: d + (full ? (d * (d + 1)) / 2 : d),
  };
}

/** Statistics of clouds of points `[n, d]`: energy distance, trimmed means, and the best Gaussian as a trivial density. */
import { CholeskyDecomposition } from 'ml-matrix';
import { covarianceOf } from '../flows/index.ts';
import { array, type NDArray } from '../tensor/index.ts';
import { normal, type Key } from '../tensor/random.ts';
import { mean } from './statistics.ts';

/** Standard error of the mean. */
export function standardError(values: ArrayLike<number>): number {
  const centre = mean(values);
  const squares = Float64Array.from(values, (v) => (v - centre) ** 2);
  return Math.sqrt(mean(squares) / (values.length - 1));
}

/** The mean without the lowest share of the values. */
export function trimmedMean(values: ArrayLike<number>, share: number): number {
  const sorted = Float64Array.from(values).sort();
  return mean(sorted.subarray(Math.floor(share * sorted.length)));
}

export const median = (values: ArrayLike<number>): number => {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

/**
 * Squared energy distance 2 E‖X − Y‖ − E‖X − X′‖ − E‖Y − Y′‖ (Székely & Rizzo 2013), without bias: pairs of a point with itself are
 * left out, so that two samples of one distribution have a value around 0, which may be negative.
 */
export function energyDistance(x: NDArray, y: NDArray): number {
  return 2 * meanDistance(x, y, false) - meanDistance(x, x, true) - meanDistance(y, y, true);
}

function meanDistance(x: NDArray, y: NDArray, same: boolean): number {
  const [n, d] = x.shape;
  const [m] = y.shape;
  let total = 0;
  for (let i = 0; i < n; i++) {
    for (let j = same ? i + 1 : 0; j < m; j++) {
      let squared = 0;
      for (let k = 0; k < d; k++) squared += (x.data[i * d + k] - y.data[j * d + k]) ** 2;
      total += Math.sqrt(squared);
    }
  }
  return same ? (2 * total) / (n * (n - 1)) : total / (n * m);
}

export interface GaussianFit {
  /** log density of points `[n, d]`, nats. */
  logDensity(points: NDArray): Float64Array;
  sample(key: Key, n: number): NDArray;
}

/** The Gaussian with the mean and covariance of the points `[n, ...]`: of all Gaussians the likeliest. */
export function bestGaussian(points: NDArray): GaussianFit {
  const { mean: centre, covariance } = covarianceOf(points);
  const d = centre.length;
  const shape = points.shape.slice(1);
  const factor = Float64Array.from(new CholeskyDecomposition(covariance).lowerTriangularMatrix.to1DArray());
  let logDiagonal = 0;
  for (let j = 0; j < d; j++) logDiagonal += Math.log(factor[j * d + j]);
  /** Σ_{k < j} L_jk v_k. */
  const before = (v: Float64Array, j: number): number => {
    let total = 0;
    for (let k = 0; k < j; k++) total += factor[j * d + k] * v[k];
    return total;
  };
  return {
    logDensity({ data, shape: [n] }) {
      const whitened = new Float64Array(d);
      return Float64Array.from({ length: n }, (_, i) => {
        let squares = 0;
        for (let j = 0; j < d; j++) {
          const offset = data[i * d + j] - centre[j];
          whitened[j] = (offset - before(whitened, j)) / factor[j * d + j];
          squares += whitened[j] ** 2;
        }
        return -0.5 * (squares + d * Math.log(2 * Math.PI)) - logDiagonal;
      });
    },
    sample(key, n) {
      const z = normal(key, n * d);
      const drawn = new Float64Array(n * d);
      for (let i = 0; i < n; i++) {
        const own = z.subarray(i * d, (i + 1) * d);
        for (let j = 0; j < d; j++) {
          drawn[i * d + j] = centre[j] + before(own, j) + factor[j * d + j] * own[j];
        }
      }
      return array(drawn, [n, ...shape]);
    },
  };
}

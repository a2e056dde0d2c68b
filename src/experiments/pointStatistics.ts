/** Statistics of clouds of points `[n, d]`: energy distance, trimmed means, and the best Gaussian as a trivial density. */
import { array, type NDArray } from '../tensor/index.ts';
import { normal, type Key } from '../tensor/random.ts';

export const mean = (values: ArrayLike<number>): number => {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i];
  return total / values.length;
};

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

/** The Gaussian with the mean and covariance of the points `[n, d]`: of all Gaussians the likeliest. */
export function bestGaussian({ data, shape: [n, d] }: NDArray): GaussianFit {
  const centre = Array.from({ length: d }, (_, j) =>
    mean(Float64Array.from({ length: n }, (__, i) => data[i * d + j])),
  );
  const covariance = centre.map((a, j) =>
    centre.map((b, k) =>
      mean(Float64Array.from({ length: n }, (_, i) => (data[i * d + j] - a) * (data[i * d + k] - b))),
    ),
  );
  const factor = choleskyFactor(covariance);
  const logDiagonal = factor.reduce((total, row, i) => total + Math.log(row[i]), 0);
  return {
    logDensity: (points) =>
      Float64Array.from({ length: points.shape[0] }, (_, i) => {
        const u: number[] = [];
        for (let j = 0; j < d; j++) {
          const rest = factor[j].slice(0, j).reduce((total, v, k) => total + v * u[k], 0);
          u.push((points.data[i * d + j] - centre[j] - rest) / factor[j][j]);
        }
        return -0.5 * u.reduce((total, v) => total + v * v, d * Math.log(2 * Math.PI)) - logDiagonal;
      }),
    sample(key, count) {
      const z = normal(key, count * d);
      return array(
        z.map((_, at) => {
          const [i, j] = [Math.floor(at / d), at % d];
          return centre[j] + factor[j].slice(0, j + 1).reduce((total, v, k) => total + v * z[i * d + k], 0);
        }),
        [count, d],
      );
    },
  };
}

/** L of A = L Lᵀ, A symmetric and positive definite. */
function choleskyFactor(a: readonly (readonly number[])[]): number[][] {
  const factor = a.map((row) => row.map(() => 0));
  for (let i = 0; i < a.length; i++) {
    for (let j = 0; j <= i; j++) {
      const rest = a[i][j] - factor[i].slice(0, j).reduce((total, v, k) => total + v * factor[j][k], 0);
      factor[i][j] = i === j ? Math.sqrt(rest) : rest / factor[j][j];
    }
  }
  return factor;
}

/**
 * Linear regression by Huber's loss with a ridge (Huber 1964, "Robust Estimation of a Location Parameter"; solved by iteratively
 * reweighted least squares, Holland & Welsch 1977): the absolute error, but quadratic below a threshold, so that the objective
 *
 *   Σ_i ρ(y_i − x_i · c) + μ/2 ‖c‖²,   ρ(r) = r²/(2δ) below δ, |r| − δ/2 above,
 *
 * is convex with one minimum. In float64.
 */
import { CholeskyDecomposition, Matrix } from 'ml-matrix';

export interface HuberOptions {
  /** δ, in units of y. */
  readonly threshold: number;
  /** μ as a share of the mean diagonal of the normal matrix at c = 0. */
  readonly ridge: number;
  /** Where to begin, default 0; near the minimum saves iterations. */
  readonly start?: Float64Array | undefined;
}

/** Relative fall of the objective below which an iteration was the last. */
const TOLERANCE = 1e-4;
/** The objective falls in each iteration; far fewer than these are needed in practice. */
const MOST_ITERATIONS = 200;

/** Coefficients [features] of rows x [n, features], each feature of a size near one, and y [n]. */
export function huberRegression(
  x: Float64Array,
  y: Float64Array,
  features: number,
  { threshold, ridge, start = new Float64Array(features) }: HuberOptions,
): Float64Array {
  const { matrix: atZero } = normalEquations(x, y, features, new Float64Array(features), threshold);
  const penalty = (ridge * trace(atZero, features)) / features;
  // Without any feature nothing can be said of the coefficients.
  if (penalty === 0) return start;
  let coefficients = start;
  let objective = Infinity;
  for (let iteration = 0; iteration < MOST_ITERATIONS; iteration++) {
    const { matrix, moments, loss } = normalEquations(x, y, features, coefficients, threshold);
    const now = loss + (penalty / 2) * coefficients.reduce((sum, c) => sum + c * c, 0);
    if (objective - now <= TOLERANCE * now) break;
    objective = now;
    const a = Matrix.from1DArray(features, features, matrix);
    for (let k = 0; k < features; k++) a.set(k, k, a.get(k, k) + penalty);
    const cholesky = new CholeskyDecomposition(a);
    coefficients = Float64Array.from(cholesky.solve(Matrix.columnVector(moments)).to1DArray());
  }
  return coefficients;
}

/** Σ w_i x_i x_iᵀ, Σ w_i x_i y_i with the weights w = ρ′(r)/r at these coefficients, and Σ ρ(r) there. */
function normalEquations(
  x: Float64Array,
  y: Float64Array,
  features: number,
  coefficients: Float64Array,
  threshold: number,
) {
  const weights = new Float64Array(y.length);
  const moments = new Float64Array(features);
  let loss = 0;
  for (let i = 0, row = 0; i < y.length; i++, row += features) {
    let residual = y[i];
    for (let k = 0; k < features; k++) residual -= x[row + k] * coefficients[k];
    const size = Math.abs(residual);
    weights[i] = 1 / Math.max(size, threshold);
    loss += size < threshold ? (size * size) / (2 * threshold) : size - threshold / 2;
    for (let k = 0; k < features; k++) moments[k] += weights[i] * y[i] * x[row + k];
  }
  return { matrix: weightedGram(x, weights, features), moments, loss };
}

/** Σ w_i x_i x_iᵀ [features, features]. Four rows at a time: the sums are loaded and stored a quarter as often. */
function weightedGram(x: Float64Array, weights: Float64Array, features: number): Float64Array {
  const gram = new Float64Array(features * features);
  const rows = weights.length;
  // Beyond the last row: the last one again, with weight 0.
  const start = (i: number): number => Math.min(i, rows - 1) * features;
  const weightOf = (i: number): number => (i < rows ? weights[i] : 0);
  for (let i = 0; i < rows; i += 4) {
    const a = start(i);
    const b = start(i + 1);
    const c = start(i + 2);
    const d = start(i + 3);
    for (let k = 0; k < features; k++) {
      const wa = weightOf(i) * x[a + k];
      const wb = weightOf(i + 1) * x[b + k];
      const wc = weightOf(i + 2) * x[c + k];
      const wd = weightOf(i + 3) * x[d + k];
      const at = k * features;
      for (let l = 0; l <= k; l++)
        gram[at + l] += wa * x[a + l] + wb * x[b + l] + wc * x[c + l] + wd * x[d + l];
    }
  }
  for (let k = 0; k < features; k++)
    for (let l = 0; l < k; l++) gram[l * features + k] = gram[k * features + l];
  return gram;
}

function trace(matrix: Float64Array, size: number): number {
  let sum = 0;
  for (let k = 0; k < size; k++) sum += matrix[k * (size + 1)];
  return sum;
}

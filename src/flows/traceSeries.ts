/**
 * log |det(I + J)| of a contraction from products with J alone (Chen, Behrmann, Duvenaud & Jacobsen 2019, Residual flows):
 *
 *   log det(I + J) = Σ_{k≥1} (−1)^{k+1} / k tr(J^k),    tr(A) = E vᵀ A v  for probes v with mean 0 and covariance I.
 *
 * A truncated sum is biased; the Russian roulette stops at a random N and divides what it keeps by the probability that it was reached,
 * which is unbiased.
 */
import {
  add,
  indicator,
  less,
  mul,
  reshape,
  stopGradient,
  sub,
  sum,
  zeros,
  type Tensor,
} from '../tensor/index.ts';

export interface SeriesOptions {
  /** Terms that are always summed. */
  readonly exact: number;
  /** Terms in all: those beyond `exact` are reached with probability (1 − p)^j, or always where there is no roulette. */
  readonly terms: number;
  /** Probability p that the roulette stops after a term. */
  readonly stop: number;
}

/** Weights c_k of the terms k = 1 … terms: numbers, or `[batch]` where chance decides. */
export type Weights = readonly (number | Tensor)[];

/** c_k = 1: the sum is cut off. */
export const truncatedWeights = ({ terms }: Pick<SeriesOptions, 'terms'>): Weights =>
  Array.from({ length: terms }, () => 1);

/**
 * c_k = 1 for k ≤ n₀, and [N ≥ k − n₀] / P(N ≥ k − n₀) above, N geometric on 1, 2, …. N ≥ j where a uniform number u of the sample is
 * below (1 − p)^{j−1}. u: `[batch]`.
 */
export function rouletteWeights(u: Tensor, { exact, terms, stop }: SeriesOptions): Weights {
  return Array.from({ length: terms }, (_, i) => {
    if (i < exact) return 1;
    const reached = (1 - stop) ** (i - exact);
    return mul(1 / reached, indicator(less(u, reached)));
  });
}

/**
 * Terms that a roulette decided by uniform numbers of float32 can reach: the chance of the next is below 2⁻²⁴, their smallest step. With
 * fewer the estimate would have the bias of the sum cut off there.
 */
export const reachableTerms = ({ exact, stop }: Omit<SeriesOptions, 'terms'>): number =>
  exact + Math.ceil((-24 * Math.LN2) / Math.log(1 - stop));

/** Σ_k (−1)^{k+1} c_k / k vᵀ J^k v `[batch]` from v `[batch, d]` and the pull-back u ↦ Jᵀ u. */
export function seriesEstimate(pull: (u: Tensor) => Tensor, v: Tensor, weights: Weights): Tensor {
  let u = v;
  let total: Tensor = zeros([v.shape[0]], v.dtype);
  weights.forEach((weight, i) => {
    u = pull(u);
    const term = mul((i % 2 === 0 ? 1 : -1) / (i + 1), sum(mul(u, v), 1));
    total = add(total, mul(weight, term));
  });
  return total;
}

/**
 * A number whose gradient is that of log det(I + J) in expectation, made of one differentiable product with J: (wᵀ J) v with
 * w = v + Σ_{k≥1} (−1)^k c_k (Jᵀ)^k v held constant (the Neumann series of (I + J)^{−T}). Its value means nothing.
 */
export function neumannSurrogate(pull: (u: Tensor) => Tensor, v: Tensor, weights: Weights): Tensor {
  let u = v;
  let w = v;
  weights.forEach((weight, i) => {
    u = stopGradient(pull(u));
    const scale = typeof weight === 'number' ? weight : reshape(weight, [-1, 1]);
    w = add(w, mul(mul(i % 2 === 0 ? -1 : 1, scale), u));
  });
  return sum(mul(pull(stopGradient(w)), v), 1);
}

/** The value of the one with the gradient of the other. */
export const withGradientOf = (value: Tensor, surrogate: Tensor): Tensor =>
  add(stopGradient(value), sub(surrogate, stopGradient(surrogate)));

/**
 * (m, ε)-Voronoi charts (Sidheekh, Dock, Jain, Balan & Singh 2022, VQ-Flows): a code e belongs to the charts
 *
 *   U_k = {e : ‖e − v_k‖ ≤ (1 + ε) d_(m)},  d_(m) the distance from e to its m-th nearest centre.
 *
 * Every code is in at least m charts, and for ε → 0 in m of them almost everywhere.
 */
import {
  expandDims,
  indicator,
  less,
  lessEqual,
  max,
  min,
  mul,
  select,
  softmax,
  square,
  sub,
  sum,
  type Tensor,
} from '../../tensor/index.ts';

export interface Cover {
  /** m: charts that every code belongs to at least. */
  readonly nearest: number;
  /** ε: how much farther than the m-th nearest a further centre may be. */
  readonly epsilon: number;
}

/** ‖e − v_k‖² of codes `[n, e]` and centres `[K, e]`: `[n, K]`. */
export const squaredDistances = (codes: Tensor, centres: Tensor): Tensor =>
  sum(square(sub(expandDims(codes, 1), centres)), 2);

/** Whether each code is in each chart, from squared distances `[n, K]`: bool `[n, K]`. */
export function membership(distances: Tensor, { nearest, epsilon }: Cover): Tensor {
  return lessEqual(distances, mul((1 + epsilon) ** 2, nthSmallest(distances, nearest)));
}

/** The m-th smallest of each row: `[n, K]` → `[n, 1]`. */
function nthSmallest(rows: Tensor, m: number): Tensor {
  if (m === 1) return min(rows, 1, { keepDims: true });
  // Of the entries with fewer than m smaller ones, the largest.
  const smaller = sum(indicator(less(expandDims(rows, 1), expandDims(rows, 2))), 2);
  return max(select(less(smaller, m - 0.5), rows, Number.NEGATIVE_INFINITY), 1, { keepDims: true });
}

/** p̃_x(k) = p_k / Σ p_j over the charts j of x, 0 for other charts: `[n, K]`. */
export const chartProbabilities = (member: Tensor, logWeights: Tensor): Tensor =>
  softmax(select(member, logWeights, Number.NEGATIVE_INFINITY));

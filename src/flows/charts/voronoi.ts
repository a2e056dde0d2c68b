/**
 * (m, ε)-Voronoi charts (Sidheekh, Dock, Jain, Balan & Singh 2022, VQ-Flows): a code e belongs to the charts
 *
 *   U_k = {e : ‖e − v_k‖ ≤ (1 + ε) d_(m)},  d_(m) the distance from e to its m-th nearest centre.
 *
 * Every code is in at least m charts, and for ε → 0 in m of them almost everywhere. What of the data a chart is given ends at its edge
 * at once, as published, or fades out towards it.
 */
import {
  div,
  expandDims,
  indicator,
  less,
  lessEqual,
  max,
  maximum,
  min,
  mul,
  relu,
  select,
  softmax,
  sqrt,
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
  /** Whether the share of a chart in a code falls to zero at once where the chart ends, or along the way from d_(m) to there. */
  readonly edges: Edges;
}

export const edgeNames = ['fading', 'sharp'] as const;
export type Edges = (typeof edgeNames)[number];

/** ‖e − v_k‖² of codes `[n, e]` and centres `[K, e]`: `[n, K]`. */
export const squaredDistances = (codes: Tensor, centres: Tensor): Tensor =>
  sum(square(sub(expandDims(codes, 1), centres)), 2);

/** Whether each code is in each chart, from squared distances `[n, K]`: bool `[n, K]`. */
export function membership(
  distances: Tensor,
  { nearest, epsilon }: Pick<Cover, 'nearest' | 'epsilon'>,
): Tensor {
  return lessEqual(distances, mul((1 + epsilon) ** 2, nthSmallest(distances, nearest)));
}

/** The m-th smallest of each row: `[n, K]` → `[n, 1]`. */
function nthSmallest(rows: Tensor, m: number): Tensor {
  if (m === 1) return min(rows, 1, { keepDims: true });
  // Of the entries with fewer than m smaller ones, the largest.
  const smaller = sum(indicator(less(expandDims(rows, 1), expandDims(rows, 2))), 2);
  return max(select(less(smaller, m - 0.5), rows, Number.NEGATIVE_INFINITY), 1, { keepDims: true });
}

/**
 * A partition of unity subordinate to the charts, from squared distances `[n, K]`: φ_k / Σ_j φ_j with
 *
 *   φ_k = (1 − t)²,  t from 0 up to d_(m) to 1 at the edge of U_k, (1 + ε) d_(m), in proportion to d_k.
 *
 * It is continuous in the code for ε > 0, and its slope is 0 at the edge. A density that fades out is smoother than one that is cut off, so
 * that a flow can follow it and puts less outside the chart.
 */
export function fadingShares(distances: Tensor, { nearest, epsilon }: Omit<Cover, 'edges'>): Tensor {
  const all = sqrt(distances);
  const from = nthSmallest(all, nearest);
  // A code that lies on its centre is in no other chart.
  const beyond = div(relu(sub(all, from)), maximum(mul(epsilon, from), SMALLEST));
  const phi = square(relu(sub(1, beyond)));
  return div(phi, sum(phi, 1, { keepDims: true }));
}

/** Below every distance that counts, and no subnormal number of float32. */
const SMALLEST = 1e-30;

/** p̃_x(k) = p_k / Σ p_j over the charts j of x, 0 for other charts: `[n, K]`. */
export const sharpShares = (member: Tensor, logWeights: Tensor): Tensor =>
  softmax(select(member, logWeights, Number.NEGATIVE_INFINITY));

/** Roots of maps of independent rows, inside a program: superlinear like Newton's method, without Jacobians. */
import {
  add,
  div,
  expandDims,
  identityMatrix,
  maximum,
  mul,
  square,
  sub,
  sum,
  type Tensor,
} from '../tensor/index.ts';

/** Changes of F below this part of (1 + ‖x₀‖)² are rounding, and teach nothing about its slopes. */
const rounding = { float32: 1e-11, float64: 1e-26 } as const;

/**
 * x `[batch, d]` with F(x) = 0, from x₀: Broyden's second method (Broyden 1965). H, which stands for the inverse of the Jacobian of each row,
 * begins as I and is changed by one outer product a step, so that it maps the last change of F to the last step. For F = I + a contraction
 * the first step is that of the fixed-point iteration.
 */
export function broydenRoot(F: (x: Tensor) => Tensor, start: Tensor, evaluations: number): Tensor {
  const d = start.shape[1];
  const least = mul(
    rounding[start.dtype === 'float64' ? 'float64' : 'float32'],
    add(1, sum(square(start), 1, { keepDims: true })),
  );
  let x = start;
  let value = F(x);
  let H: Tensor | null = null;
  const times = (v: Tensor): Tensor => (H === null ? v : sum(mul(H, expandDims(v, 1)), 2));
  for (let i = 1; i < evaluations; i++) {
    const back = times(value);
    x = sub(x, back);
    const next = F(x);
    const change = sub(next, value);
    value = next;
    const missed = add(back, times(change));
    const direction = div(change, maximum(sum(square(change), 1, { keepDims: true }), least));
    H = sub(H ?? identityMatrix(d), mul(expandDims(missed, 2), expandDims(direction, 1)));
  }
  return sub(x, times(value));
}

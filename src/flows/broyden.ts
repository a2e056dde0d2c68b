/** Roots of maps of independent rows, inside a program: superlinear like Newton's method, without Jacobians. */
import {
  add,
  any,
  broadcastTo,
  div,
  expandDims,
  greater,
  identityMatrix,
  loop,
  maximum,
  mul,
  not,
  sub,
  sum,
  type Tensor,
} from '../tensor/index.ts';

/** Changes of F below this part of (1 + ‖x₀‖)² are rounding, and teach nothing about its slopes. */
const rounding = { float32: 1e-11, float64: 1e-26 } as const;

export interface RootOptions {
  /** |F| of every row, in units of √(1 + |x₀|²), after which one more step is taken, without another evaluation. */
  readonly tolerance: number;
  /** Most evaluations of F. */
  readonly evaluations: number;
}

/**
 * x `[batch, d]` with F(x) = 0, from x₀: Broyden's second method (Broyden 1965). H, which stands for the inverse of the Jacobian of each row,
 * begins as I and is changed by one outer product a step, so that it maps the last change of F to the last step. For F = I + a contraction
 * the first step is that of the fixed-point iteration. Ends when no row is beyond the tolerance. A loop: it has no derivative.
 */
export function broydenRoot(
  F: (x: Tensor) => Tensor,
  start: Tensor,
  { tolerance, evaluations }: RootOptions,
): Tensor {
  const [batch, d] = start.shape;
  const scale = add(1, dot(start, start));
  const least = mul(rounding[start.dtype === 'float64' ? 'float64' : 'float32'], scale);
  const small = mul(tolerance ** 2, scale);
  const first = F(start);
  return loop(
    [sub(start, first), first, broadcastTo(identityMatrix(d), [batch, d, d])],
    ([x, before, H]) => {
      const value = F(x);
      const change = sub(value, before);
      const direction = div(change, maximum(dot(change, change), least));
      // The step before was H before: what H makes of the change misses the step by H value.
      const missed = sum(mul(H, expandDims(value, 1)), 2);
      const step = mul(missed, sub(1, dot(direction, value)));
      return {
        state: [sub(x, step), value, sub(H, mul(expandDims(missed, 2), expandDims(direction, 1)))],
        // A row that is not a number is as done as it will be.
        done: not(any(greater(dot(value, value), small))),
      };
    },
    evaluations - 1,
  );
}

/** Of each row, `[batch, 1]`. */
const dot = (a: Tensor, b: Tensor): Tensor => sum(mul(a, b), 1, { keepDims: true });

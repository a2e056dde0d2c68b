/** Jacobians of maps that treat every row of a batch by itself. */
import {
  add,
  broadcastTo,
  expandDims,
  identityMatrix,
  log,
  logAbsDeterminant,
  mul,
  sub,
  take,
  transpose,
  vjp,
  vmap,
  abs,
  type Tensor,
} from '../tensor/index.ts';

/** Value `[batch, m]` and Jacobians `[batch, m, d]` of f at x `[batch, d]`: one pull-back for each of the m values, in one batch. */
export function batchJacobian(f: (x: Tensor) => Tensor, x: Tensor): { value: Tensor; jacobian: Tensor } {
  const [value, pull] = vjp(f, x);
  const m = value.shape[1];
  const cotangents = broadcastTo(expandDims(identityMatrix(m), 1), [m, ...value.shape]);
  const rows = vmap((cotangent: Tensor) => pull(cotangent)[0])(cotangents);
  return { value, jacobian: transpose(rows, [1, 0, 2]) };
}

/** log |det A| of A `[batch, d, d]`: by formula up to d = 2, by elimination above. */
export function logAbsDet(A: Tensor): Tensor {
  const d = A.shape[1];
  const entry = (i: number, j: number): Tensor => take(take(A, 1, i), 1, j);
  if (d === 1) return log(abs(entry(0, 0)));
  if (d > 2) return logAbsDeterminant(A);
  return log(abs(sub(mul(entry(0, 0), entry(1, 1)), mul(entry(0, 1), entry(1, 0)))));
}

/** A + I for A `[batch, d, d]`. */
export const plusIdentity = (A: Tensor): Tensor => add(A, identityMatrix(A.shape[1]));

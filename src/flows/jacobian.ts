/** Jacobians of maps that treat every row of a batch by itself. */
import {
  add,
  broadcastTo,
  constant,
  customVjp,
  div,
  expandDims,
  gather,
  identityMatrix,
  log,
  logAbsDeterminant,
  mul,
  sub,
  sum,
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

/** log |det A| of A `[batch, d, d]`: by formula up to d = 3, by elimination above. */
export function logAbsDet(A: Tensor): Tensor {
  const d = A.shape[1];
  const entry = (i: number, j: number): Tensor => take(take(A, 1, i), 1, j);
  if (d === 1) return log(abs(entry(0, 0)));
  if (d === 2) return log(abs(sub(mul(entry(0, 0), entry(1, 1)), mul(entry(0, 1), entry(1, 0)))));
  return d === 3 ? logAbsDetOfThree(A) : logAbsDeterminant(A);
}

/** Of d = 3, with the derivative A⁻ᵀ = C / det A. */
const logAbsDetOfThree = customVjp(
  (A: Tensor) => log(abs(cofactors(A).determinant)),
  ([A], cotangent) => {
    const { C, determinant } = cofactors(A);
    return [mul(C, expandDims(div(cotangent, determinant), [1, 2]))];
  },
  'log |det| of three rows',
);

/** C_ij = A_{i+1,j+1} A_{i+2,j+2} − A_{i+1,j+2} A_{i+2,j+1}, indices modulo 3, and det A = Σ_j A_0j C_0j. */
function cofactors(A: Tensor): { C: Tensor; determinant: Tensor } {
  const turned = (x: Tensor, axis: number, by: number): Tensor =>
    gather(
      x,
      constant({ data: Int32Array.from([0, 1, 2], (i) => (i + by) % 3), shape: [3], dtype: 'int32' }),
      axis,
    );
  const [next, second] = [turned(A, 1, 1), turned(A, 1, 2)];
  const C = sub(mul(turned(next, 2, 1), turned(second, 2, 2)), mul(turned(next, 2, 2), turned(second, 2, 1)));
  return { C, determinant: sum(mul(take(A, 1, 0), take(C, 1, 0)), 1) };
}

/** A + I for A `[batch, d, d]`. */
export const plusIdentity = (A: Tensor): Tensor => add(A, identityMatrix(A.shape[1]));

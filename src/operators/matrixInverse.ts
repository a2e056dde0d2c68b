/** Inverses of batches of square matrices that are not small, from matrix products alone. */
import {
  abs,
  add,
  customVjp,
  div,
  identityMatrix,
  lessEqual,
  loop,
  matmul,
  max,
  mul,
  neg,
  reshape,
  sub,
  sum,
  transpose,
  type Tensor,
} from '../tensor/index.ts';

/** Most iterations: they reach condition numbers of about 10⁴ where float64 does; it ends as soon as the residual is small. */
const MOST = 40;

/** Largest entry of I − MX after which one more iteration, which squares it, reaches rounding. */
const nearlyThere = { float32: 1e-4, float64: 1e-8 } as const;

/**
 * Newton–Schulz iteration X ← X(2I − MX) from X = Mᵀ / (‖M‖₁‖M‖∞), which converges for every invertible M
 * (Ben-Israel & Cohen 1966; Pan & Reif 1985). [batch, n, n] → [batch, n, n]. The derivative is that of the inverse,
 * d(M⁻¹) = −M⁻¹ dM M⁻¹, not that of the iteration.
 */
export const matrixInverse: (matrices: Tensor) => Tensor = customVjp(
  (matrices: Tensor) => newtonSchulz(matrices),
  ([matrices], cotangent) => {
    const inverse = transpose(matrixInverse(matrices));
    return [neg(matmul(matmul(inverse, cotangent), inverse))];
  },
  'matrixInverse',
);

function newtonSchulz(matrices: Tensor): Tensor {
  const [batch, n] = matrices.shape;
  const size = abs(matrices);
  const columns = max(sum(size, 1), 1);
  const rows = max(sum(size, 2), 1);
  const start = div(transpose(matrices), reshape(mul(columns, rows), [batch, 1, 1]));
  const tolerance = nearlyThere[matrices.dtype === 'float64' ? 'float64' : 'float32'];
  return loop(
    [start],
    ([inverse]) => {
      const residual = sub(identityMatrix(n), matmul(matrices, inverse));
      return {
        state: [add(inverse, matmul(inverse, residual))],
        done: lessEqual(max(abs(residual)), tolerance),
      };
    },
    MOST,
  );
}

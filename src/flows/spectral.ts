/** Upper bounds of spectral norms inside a program. */
import {
  add,
  div,
  exp,
  log,
  matmul,
  minimum,
  mul,
  square,
  sum,
  transpose,
  type Tensor,
} from '../tensor/index.ts';

/** Squarings of the Gram matrix: the bound is at most n^{1/2m} times the norm, m = 2^7, n the lesser side: 1.7 % for n = 64. */
const SQUARINGS = 7;

/**
 * An upper bound of σ_max(W), W `[n, k]`: the Schatten norm ‖W‖_{2m} = (tr (WᵀW)^m)^{1/2m} ≥ σ_max by repeated squaring of the Gram
 * matrix. Power iteration approaches σ_max from below and certifies nothing; this bound holds at every step of a training, without a
 * state, up to rounding, and is smooth.
 */
export function spectralNormBound(W: Tensor): Tensor {
  const [n, k] = W.shape;
  let power = n <= k ? matmul(W, transpose(W)) : matmul(transpose(W), W);
  // Each power is kept at Frobenius norm 1; logarithms of what it was divided by add up.
  let logScale: Tensor | null = null;
  for (let i = 0; i <= SQUARINGS; i++) {
    const size = add(sum(square(power)), 1e-37);
    const part = mul(0.5, log(size));
    logScale = logScale === null ? part : add(mul(2, logScale), part);
    if (i === SQUARINGS) break;
    const unit = mul(power, exp(mul(-1, part)));
    power = matmul(unit, unit);
  }
  // ‖G^{2^s}‖_F ≥ σ_max(G)^{2^s}, σ_max(G) = σ_max(W)².
  return exp(mul(logScale as Tensor, 0.5 ** (SQUARINGS + 1)));
}

/** W, made smaller where its norm may exceed a limit. Rounding of float32 is left room for. */
export const limitNorm = (W: Tensor, limit: number): Tensor =>
  mul(W, minimum(1, div(limit * (1 - 2e-7), spectralNormBound(W))));

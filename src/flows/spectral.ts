/** Upper bounds of spectral norms inside a program. */
import {
  add,
  constant,
  customVjp,
  div,
  exp,
  log,
  matmul,
  minimum,
  mul,
  sqrt,
  square,
  sum,
  transpose,
  type Tensor,
} from '../tensor/index.ts';

/**
 * Squarings of the Gram matrix between two scalings: m = 2^7 in all, and the bound is at most n^{1/4m} times the norm, n the lesser
 * side: 1.7 % for n = 64. Three squarings of a matrix of Frobenius norm 1 leave at least n^{-4}, far above the least float32.
 */
const SQUARINGS = [3, 3, 1];

interface Powers {
  /** G, G², G⁴ … G^m of the Gram matrix, each up to a factor. */
  readonly powers: readonly Tensor[];
  readonly bound: Tensor;
}

function powersOf(W: Tensor): Powers {
  let power = gramOf(W);
  const powers = [power];
  /** log of the number that `power` was divided by. */
  let logScale: Tensor = constant(0, [], W.dtype);
  let exponent = 1;
  for (const squarings of SQUARINGS) {
    const squared = squaredNorm(power);
    logScale = mul(2 ** squarings, add(logScale, mul(0.5, log(squared))));
    power = div(power, sqrt(squared));
    for (let i = 0; i < squarings; i++) {
      power = matmul(power, power);
      powers.push(power);
    }
    exponent *= 2 ** squarings;
  }
  // ‖G^m‖_F ≥ σ_max(G)^m, σ_max(G) = σ_max(W)².
  const logNorm = add(logScale, mul(0.5, log(squaredNorm(power))));
  return { powers, bound: exp(mul(0.5 / exponent, logNorm)) };
}

/** The lesser of W Wᵀ and Wᵀ W. */
const gramOf = (W: Tensor): Tensor =>
  W.shape[0] <= W.shape[1] ? matmul(W, transpose(W)) : matmul(transpose(W), W);

/**
 * An upper bound of σ_max(W), W `[n, k]`: the Schatten norm ‖W‖_{4m} = (tr (WᵀW)^{2m})^{1/4m} ≥ σ_max by repeated squaring of the Gram
 * matrix G. Power iteration approaches σ_max from below and certifies nothing; this bound holds at every step of a training, without a
 * state, up to rounding, and is smooth: the gradient of its logarithm is G^{2m−1} W / tr G^{2m}, with G^{2m−1} = G · G² · G⁴ … G^m.
 */
export const spectralNormBound = customVjp(
  (W: Tensor) => powersOf(W).bound,
  ([W], cotangent) => {
    const { powers, bound } = powersOf(W);
    const most = powers.reduce((product, power) => matmul(product, power));
    const gradient = W.shape[0] <= W.shape[1] ? matmul(most, W) : matmul(W, most);
    return [mul(gradient, div(mul(cotangent, bound), sum(mul(most, powers[0]))))];
  },
  'spectral norm',
);

/** ‖A‖_F², held above 0. */
const squaredNorm = (A: Tensor): Tensor => add(sum(square(A)), 1e-37);

/** W, made smaller where its norm may exceed a limit. Rounding of float32 is left room for. */
export const limitNorm = (W: Tensor, limit: number): Tensor =>
  mul(W, minimum(1, div(limit * (1 - 2e-7), spectralNormBound(W))));

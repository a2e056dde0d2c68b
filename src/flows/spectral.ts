/** Upper bounds of spectral norms inside a program. */
import {
  add,
  customVjp,
  div,
  matmul,
  max,
  minimum,
  mul,
  pow,
  sqrt,
  square,
  sum,
  transpose,
  type Tensor,
} from '../tensor/index.ts';

/**
 * Squarings of the Gram matrix after each scaling: m = 2^7 in all, and the bound is at most n^{1/4m} times the norm, n the lesser
 * side: 1.7 % for n = 64. A matrix whose largest entry is 1 has a norm from 1 to n, which three squarings take to n^8 at most.
 */
const SQUARINGS = [3, 3, 1];

interface Powers {
  /** G, G², G⁴ … G^m of the Gram matrix, each up to a factor. */
  readonly powers: readonly Tensor[];
  readonly bound: Tensor;
}

function powersOf(W: Tensor): Powers {
  // Above 0 even where W is 0.
  let power = add(gramOf(W), 1e-37);
  const powers = [power];
  const scales = SQUARINGS.map((squarings) => {
    // No entry of a positive semidefinite matrix is larger than the largest on its diagonal.
    const scale = max(power);
    power = div(power, scale);
    for (let i = 0; i < squarings; i++) {
      power = matmul(power, power);
      powers.push(power);
    }
    return scale;
  });
  // ‖G^m‖_F ≥ σ_max(G)^m, σ_max(G) = σ_max(W)². From the last scaling to the first: the root, then what the matrix was divided by.
  const norm = SQUARINGS.reduceRight(
    (t, squarings, i) => mul(scales[i], pow(t, 2 ** -squarings)),
    sqrt(sum(square(power))),
  );
  return { powers, bound: sqrt(norm) };
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

/** W, made smaller where its norm may exceed a limit. Rounding of float32 is left room for. */
export const limitNorm = (W: Tensor, limit: number): Tensor =>
  mul(W, minimum(1, div(limit * (1 - 2e-7), spectralNormBound(W))));

/** Activation functions of neural networks. `relu`, `tanh`, `sigmoid`, `softplus`, `leakyRelu` and `elu` are ops. */
import { exactGelu } from '../ops/activations.ts';
import { add, mul, sigmoid, softplus, square, tanh } from '../ops/arithmetic.ts';
import { clip } from '../ops/logic.ts';
import type { Tensor } from '../tensor.ts';

export { elu, leakyRelu } from '../ops/activations.ts';

/**
 * Gaussian error linear unit x Φ(x), Φ the normal distribution function (Hendrycks & Gimpel 2016, arXiv 1606.08415);
 * with `approximation: 'tanh'` ½ x (1 + tanh(√(2/π) (x + 0.044715 x³))), which differs by less than 5e-4.
 */
export function gelu(
  x: Tensor,
  { approximation = 'none' }: { readonly approximation?: 'none' | 'tanh' } = {},
): Tensor {
  if (approximation === 'none') return exactGelu(x);
  const inner = mul(mul(x, add(mul(square(x), 0.044715), 1)), Math.sqrt(2 / Math.PI));
  return mul(mul(x, 0.5), add(tanh(inner), 1));
}

/** x σ(x), also called swish (Ramachandran et al. 2017, arXiv 1710.05941). */
export const silu = (x: Tensor): Tensor => mul(x, sigmoid(x));

/** x tanh(softplus x) (Misra 2019, arXiv 1908.08681). */
export const mish = (x: Tensor): Tensor => mul(x, tanh(softplus(x)));

/** x clamped into [−1, 1]. */
export const hardTanh = (x: Tensor): Tensor => clip(x, -1, 1);

/**
 * One Padé block as on paper, y = A(L) σ(W B(L) x + b): the unit of the Lipschitz theorem, and the reference that the
 * merged evaluation in pade.ts is tested against.
 */
import { add, mul, relu, type NDArray, type Tensor } from '../tensor/index.ts';
import { linear } from '../nn/index.ts';
import { padeCoefficients } from './padeCoefficients.ts';
import { spectralConvolution } from './spectral.ts';

export interface PadeBlock<Leaf = NDArray> {
  /** Complex matrices of the multiplier L, one a mode: [modes, w, 2w]. */
  readonly kernel: Leaf;
  /** [w, w] */
  readonly weight: Leaf;
  /** [w] */
  readonly bias: Leaf;
}

export interface Degrees {
  readonly p: number;
  readonly q: number;
  readonly degrees: 'published' | 'full';
}

/** Coefficients of A and of B as they are applied: with 'published' the sums end one degree early, but not before the constant. */
export function appliedCoefficients({ p, q, degrees }: Degrees): {
  numerator: number[];
  denominator: number[];
} {
  const { a, b } = padeCoefficients(p, q);
  return degrees === 'full'
    ? { numerator: a, denominator: b }
    : { numerator: a.slice(0, Math.max(1, p)), denominator: b.slice(0, Math.max(1, q)) };
}

/** [batch, n, w] → [batch, n, w]. */
export function padeBlock({ kernel, weight, bias }: PadeBlock<Tensor>, x: Tensor, degrees: Degrees): Tensor {
  const { numerator, denominator } = appliedCoefficients(degrees);
  const polynomial = (coefficients: readonly number[], field: Tensor): Tensor => {
    let power = field;
    let total = mul(field, coefficients[0]);
    for (const c of coefficients.slice(1)) {
      power = spectralConvolution(kernel, power);
      total = add(total, mul(power, c));
    }
    return total;
  };
  return polynomial(numerator, relu(linear.apply({ weight, bias }, polynomial(denominator, x))));
}

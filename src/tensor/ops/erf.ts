/**
 * The error function to full float64 accuracy from elementary operations.
 * |x| < 2.5: the Kummer series erf x = (2/√π) e^(−x²) Σ 2ⁿ x^(2n+1) / (2n+1)!! (all terms positive, no cancellation).
 * |x| ≥ 2.5: 1 − erfc x with Laplace's continued fraction for erfc. (Abramowitz & Stegun 7.1.6 and 7.1.14.)
 */
import { abs, add, div, exp, mul, neg, sign, square, sub } from './arithmetic.ts';
import { less, select } from './logic.ts';
import type { Tensor } from '../tensor.ts';

const CUT = 2.5;
const TERMS = 60;
const DEPTH = 60;

export function erfReference(x: number): number {
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  const value = a < CUT ? series(a) : 1 - continuedFraction(a);
  return x < 0 ? -value : value;
}

function series(x: number): number {
  let sum = 0;
  for (let n = TERMS; n >= 0; n--) sum = 1 + (2 * x * x * sum) / (2 * n + 3);
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * x * sum;
}

function continuedFraction(x: number): number {
  let tail = x;
  for (let k = DEPTH; k >= 1; k--) tail = x + k / 2 / tail;
  return Math.exp(-x * x) / (Math.sqrt(Math.PI) * tail);
}

/** The same two formulas as a graph, for engines without an erf of the dtype. */
export function erfSeries(x: Tensor): Tensor {
  const a = abs(x);
  const small = select(less(a, CUT), a, CUT);
  const s2 = mul(2, square(small));
  let sum: Tensor = mul(small, 0);
  for (let n = TERMS; n >= 0; n--) sum = add(1, mul(mul(s2, 1 / (2 * n + 3)), sum));
  const inner = mul(mul(2 / Math.sqrt(Math.PI), exp(neg(square(small)))), mul(small, sum));

  const large = select(less(a, CUT), CUT, a);
  let tail: Tensor = large;
  for (let k = DEPTH; k >= 1; k--) tail = add(large, div(k / 2, tail));
  const outer = sub(1, div(exp(neg(square(large))), mul(Math.sqrt(Math.PI), tail)));
  return mul(sign(x), select(less(a, CUT), inner, outer));
}

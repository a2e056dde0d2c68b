/** y = eˢ x + t with |s| below a clamp c, s = c tanh(o / c): scales that cannot explode while the network learns. */
import { z } from 'zod';
import { add, div, exp, mul, neg, sub, take, tanh, type Tensor } from '../../tensor/index.ts';
import type { Transformer } from './transformer.ts';

interface AffineOptions {
  readonly clamp: number;
}

const parts = (raw: Tensor, { clamp }: AffineOptions): { s: Tensor; t: Tensor } => ({
  s: mul(clamp, tanh(div(take(raw, 2, 0), clamp))),
  t: take(raw, 2, 1),
});

export const affine: Transformer<AffineOptions> = {
  options: { clamp: z.number().positive().default(3) },
  numbers: () => 2,
  forward(x, raw, options) {
    const { s, t } = parts(raw, options);
    return { value: add(mul(x, exp(s)), t), logDerivative: s };
  },
  inverse(y, raw, options) {
    const { s, t } = parts(raw, options);
    return { value: mul(sub(y, t), exp(neg(s))), logDerivative: neg(s) };
  },
};

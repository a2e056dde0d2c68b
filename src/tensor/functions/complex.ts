/** Complex tensors as pairs of real ones, and their algebra. Operands broadcast as real tensors do. */
import {
  abs as realAbs,
  add as realAdd,
  cos,
  div,
  maximum,
  minimum,
  mul as realMul,
  neg,
  sin,
  sqrt,
  square,
  sub as realSub,
} from '../ops/arithmetic.ts';
import { equal, select } from '../ops/logic.ts';
import { matmul as realMatmul } from '../ops/matmul.ts';
import { zerosLike, type Operand, type Tensor } from '../tensor.ts';

/** re + i·im; both of one shape and dtype. */
export interface Complex {
  readonly re: Tensor;
  readonly im: Tensor;
}

export const fromReal = (re: Tensor): Complex => ({ re, im: zerosLike(re) });

/** The same function of both parts: for moves such as reshape, transpose and slice. */
export const mapParts = (z: Complex, f: (part: Tensor) => Tensor): Complex => ({ re: f(z.re), im: f(z.im) });

export const add = (a: Complex, b: Complex): Complex => ({
  re: realAdd(a.re, b.re),
  im: realAdd(a.im, b.im),
});

export const sub = (a: Complex, b: Complex): Complex => ({
  re: realSub(a.re, b.re),
  im: realSub(a.im, b.im),
});

export const mul = (a: Complex, b: Complex): Complex => ({
  re: realSub(realMul(a.re, b.re), realMul(a.im, b.im)),
  im: realAdd(realMul(a.re, b.im), realMul(a.im, b.re)),
});

/** Both parts times a real factor. */
export const scale = (factor: Operand, z: Complex): Complex => mapParts(z, (part) => realMul(factor, part));

export const conj = ({ re, im }: Complex): Complex => ({ re, im: neg(im) });

/** |z|². */
export const abs2 = ({ re, im }: Complex): Tensor => realAdd(square(re), square(im));

/** |z|, with derivative 0 at 0. The larger part is taken out of the root, so that squares neither overflow nor vanish. */
export function abs({ re, im }: Complex): Tensor {
  const [a, b] = [realAbs(re), realAbs(im)];
  const zero = equal(realAdd(a, b), 0);
  const [top, bottom] = [select(zero, 1, maximum(a, b)), minimum(a, b)];
  return select(zero, 0, realMul(top, sqrt(realAdd(1, square(div(bottom, top))))));
}

/** e^(iθ). */
export const expi = (theta: Tensor): Complex => ({ re: cos(theta), im: sin(theta) });

/** Product over the last two axes, batch axes broadcast; four real products, each as accurate as a real one. */
export const matmul = (a: Complex, b: Complex): Complex => ({
  re: realSub(realMatmul(a.re, b.re), realMatmul(a.im, b.im)),
  im: realAdd(realMatmul(a.re, b.im), realMatmul(a.im, b.re)),
});

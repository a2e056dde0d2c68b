/** Functions that flows need without loss of digits, made of the core's ops. */
import {
  abs,
  add,
  and,
  any,
  div,
  exp,
  greater,
  less,
  lessEqual,
  log,
  loop,
  maximum,
  mul,
  neg,
  not,
  or,
  select,
  sign,
  softplus,
  sqrt,
  square,
  stopGradient,
  sub,
  sum,
  type Tensor,
} from '../tensor/index.ts';

export const sinh = (x: Tensor): Tensor => mul(0.5, sub(exp(x), exp(neg(x))));

/** Odd by construction, so that large negative numbers keep their digits. */
export const asinh = (x: Tensor): Tensor => {
  const size = abs(x);
  return mul(sign(x), log(add(size, sqrt(add(square(size), 1)))));
};

/** log cosh x, for any x. */
export const logCosh = (x: Tensor): Tensor => {
  const size = abs(x);
  return sub(add(size, softplus(mul(-2, size))), Math.LN2);
};

/** log σ(x) = −softplus(−x). */
export const logSigmoid = (x: Tensor): Tensor => neg(softplus(neg(x)));

/** The number whose softplus is y > 0: log(eʸ − 1), by its series where eʸ is close to 1. */
export function inverseSoftplus(y: Tensor): Tensor {
  const small = less(y, 0.25);
  // A branch that is not taken must still be finite for its derivative.
  const near = select(small, y, 0.1, y.dtype);
  const far = select(small, 1, y, y.dtype);
  const s = square(near);
  // log((eʸ − 1)/y) = y/2 + y²/24 − y⁴/2880 + y⁶/181440 − y⁸/9676800 + …
  const series = mul(s, sub(1 / 24, mul(s, sub(1 / 2880, mul(s, sub(1 / 181440, mul(s, 1 / 9676800)))))));
  return select(small, add(log(near), add(mul(0.5, near), series)), add(far, log(sub(1, exp(neg(far))))));
}

/** The number whose softplus is y > 0, for constants. */
export const inverseSoftplusOf = (y: number): number => y + Math.log(-Math.expm1(-y));

/** ‖x‖ of each row of `[batch, d]`; held above 0, where its derivative has no direction. */
export const rowNorm = (x: Tensor): Tensor => sqrt(maximum(sum(square(x), 1), 1e-30));

/** The root r ≥ 0 of r² − b r − c = 0, c ≥ 0: of the two ways to write it, the one without cancellation. */
export function positiveRoot(b: Tensor, c: Tensor): Tensor {
  const root = sqrt(add(square(b), mul(4, c)));
  const right = greater(b, 0);
  return select(right, mul(0.5, add(b, root)), div(mul(2, c), select(right, 1, sub(root, b))));
}

/** Two units in the last place. */
const closest = { float32: 2 ** -22, float64: 2 ** -51 } as const;
/** Halvings of a bracket that leave no digit open, and as many more for steps that were of no use. */
const MOST_STEPS = 100;

/**
 * The root of an increasing function inside the bracket [low, high], elementwise: Newton's method, and bisection where that would leave the
 * bracket, until no element moves any more. Differentiable by the implicit function theorem: a further Newton step is taken from a
 * constant. The value of `f` is f(t) minus the target, `slope` is f′(t).
 */
export function increasingRoot(
  f: (t: Tensor) => { readonly value: Tensor; readonly slope: Tensor },
  { low, high }: { readonly low: Tensor; readonly high: Tensor },
): Tensor {
  const unit = closest[low.dtype === 'float64' ? 'float64' : 'float32'];
  const found = loop(
    [mul(0.5, add(low, high)), low, high],
    ([t, low, high]) => {
      const { value, slope } = f(t);
      const above = greater(value, 0);
      const [a, b] = [select(above, low, t), select(above, t, high)];
      const newton = sub(t, div(value, slope));
      const small = mul(unit, add(1, abs(t)));
      const stays = lessEqual(abs(sub(newton, t)), small);
      // Strictly inside, so that the bracket shrinks in every turn.
      const inside = and(and(less(a, newton), less(newton, b)), greater(slope, 0));
      const next = select(or(stays, inside), newton, mul(0.5, add(a, b)));
      return { state: [next, a, b], done: not(any(greater(abs(sub(next, t)), small))) };
    },
    MOST_STEPS,
  );
  const root = stopGradient(found);
  const { value, slope } = f(root);
  return sub(root, div(value, stopGradient(slope)));
}

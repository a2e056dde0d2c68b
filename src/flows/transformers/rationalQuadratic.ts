/**
 * Monotone rational-quadratic splines on [−B, B], the identity outside (Durkan et al. 2019, equations 4–8; Gregory & Delbourgo
 * 1982). In the bin [x_k, x_k + w] with values [y_k, y_k + h], slope s = h / w and derivatives δ_k, δ_{k+1} at its ends, with
 * ξ = (x − x_k) / w:
 *
 *   y = y_k + h (s ξ² + δ_k ξ(1 − ξ)) / (s + (δ_{k+1} + δ_k − 2s) ξ(1 − ξ)).
 *
 * Arguments are brought into the interval before the algebra, and the discriminant of the inverse is held above 0: rounding can then
 * give no NaN.
 */
import { z } from 'zod';
import {
  abs,
  add,
  clip,
  constant,
  cumulativeSum,
  div,
  expandDims,
  greaterEqual,
  indicator,
  less,
  lessEqual,
  log,
  maximum,
  mul,
  neg,
  pad,
  select,
  sliceAxis,
  softmax,
  softplus,
  sqrt,
  square,
  stopGradient,
  sub,
  sum,
  type Tensor,
} from '../../tensor/index.ts';
import { inverseSoftplusOf } from '../numerics.ts';
import type { Transformed, Transformer } from './transformer.ts';

interface SplineOptions {
  readonly bins: number;
  readonly bound: number;
}

/** Least width and height of a bin, as parts of the interval, and least derivative at a knot. */
const LEAST_BIN = 1e-3;
const LEAST_DERIVATIVE = 1e-3;

interface Spline {
  /** Knots `[batch, n, bins + 1]` on both axes. */
  readonly x: Tensor;
  readonly y: Tensor;
  /** Derivatives at the knots. */
  readonly d: Tensor;
}

export const rationalQuadratic: Transformer<SplineOptions> = {
  options: {
    bins: z.int().min(2).max(256).default(8),
    /** B: the spline lives on [−B, B]. */
    bound: z.number().positive().default(5),
  },
  numbers: ({ bins }) => 3 * bins - 1,

  forward(x, raw, options) {
    const spline = splineOf(raw, options);
    const { bound } = options;
    const inside = clip(x, -bound, bound);
    const { x0, w, y0, h, d0, d1 } = binOf(spline, spline.x, inside);
    const xi = clip(div(sub(inside, x0), w), 0, 1);
    const s = div(h, w);
    const at = splineAt(xi, { s, d0, d1, bend: sub(add(d0, d1), mul(2, s)) });
    const value = add(y0, mul(h, div(at.numerator, at.denominator)));
    return beyond(x, bound, { value, logDerivative: logSlope(s, at) });
  },

  inverse(y, raw, options) {
    const spline = splineOf(raw, options);
    const { bound } = options;
    const inside = clip(y, -bound, bound);
    const { x0, w, y0, h, d0, d1 } = binOf(spline, spline.y, inside);
    const s = div(h, w);
    const up = sub(inside, y0);
    // The spline looks the same from both ends. From the nearer one the discriminant is without cancellation.
    const fromTop = less(mul(0.5, h), up);
    const rise = select(fromTop, sub(h, up), up);
    const [near, far] = [select(fromTop, d1, d0), select(fromTop, d0, d1)];
    const bend = sub(add(d0, d1), mul(2, s));
    const a = add(mul(h, sub(s, near)), mul(rise, bend));
    const b = sub(mul(h, near), mul(rise, bend));
    const c = neg(mul(s, rise));
    const discriminant = maximum(sub(square(b), mul(4, mul(a, c))), 1e-30);
    const root = clip(div(mul(-2, c), add(b, sqrt(discriminant))), 0, 1);
    const at = (xi: Tensor): SplineAt => splineAt(xi, { s, d0: near, d1: far, bend });
    // (rise / h − (y − y_k) / h) · s / slope, in one fraction.
    const newton = (xi: Tensor): Tensor => {
      const { numerator, denominator, mixed } = at(xi);
      const residual = sub(mul(div(rise, h), denominator), numerator);
      return held(add(xi, div(mul(residual, denominator), mul(s, mixed))));
    };
    // Where the spline is nearly flat the root of the quadratic has few digits, and its derivative fewer: Newton steps on the spline itself
    // make both, from the root as a constant (two of them, so second derivatives too).
    const xi = newton(newton(stopGradient(root)));
    const along = mul(xi, w);
    const value = add(x0, select(fromTop, sub(w, along), along));
    return beyond(y, bound, { value, logDerivative: neg(logSlope(s, at(xi))) });
  },
};

/** Zeros make equal bins and derivatives of 1: the identity. */
function splineOf(raw: Tensor, { bins, bound }: SplineOptions): Spline {
  const part = (from: number, to: number): Tensor => sliceAxis(raw, 2, from, to);
  const shift = inverseSoftplusOf(1 - LEAST_DERIVATIVE);
  const inner = add(LEAST_DERIVATIVE, softplus(add(part(2 * bins, 3 * bins - 1), shift)));
  return {
    x: knots(part(0, bins), bound),
    y: knots(part(bins, 2 * bins), bound),
    d: between(1, inner, 1),
  };
}

/** Knots from −B to B whose distances are a softmax, none below `LEAST_BIN` of the interval. */
function knots(raw: Tensor, bound: number): Tensor {
  const bins = raw.shape[2];
  const parts = add(LEAST_BIN, mul(1 - LEAST_BIN * bins, softmax(raw)));
  const inner = cumulativeSum(sliceAxis(parts, 2, 0, bins - 1), 2);
  const positions = sub(mul(2 * bound, inner), bound);
  return between(-bound, positions, bound);
}

/** A number before and one after the values of the last axis. */
function between(first: number, values: Tensor, last: number): Tensor {
  const n = values.shape[2] + 2;
  const ends = new Float64Array(n);
  [ends[0], ends[n - 1]] = [first, last];
  return add(pad(values, [0, 0, 1], [0, 0, 1]), constant(ends));
}

interface Bin {
  readonly x0: Tensor;
  readonly w: Tensor;
  readonly y0: Tensor;
  readonly h: Tensor;
  readonly d0: Tensor;
  readonly d1: Tensor;
}

/** The bin of each value on the axis whose knots are given: sums against an indicator, which derivatives pass cheaply. */
function binOf(spline: Spline, axis: Tensor, value: Tensor): Bin {
  const bins = axis.shape[2] - 1;
  const inner = sliceAxis(axis, 2, 1, bins);
  // 1 for each inner knot at or below the value; differences leave the one bin.
  const passed = indicator(greaterEqual(expandDims(value, 2), inner));
  const edges = between(1, passed, 0);
  const one = sub(sliceAxis(edges, 2, 0, bins), sliceAxis(edges, 2, 1, bins + 1));
  const at = (values: Tensor, from: number): Tensor =>
    sum(mul(one, sliceAxis(values, 2, from, from + bins)), 2);
  const [x0, y0] = [at(spline.x, 0), at(spline.y, 0)];
  return {
    x0,
    w: sub(at(spline.x, 1), x0),
    y0,
    h: sub(at(spline.y, 1), y0),
    d0: at(spline.d, 0),
    d1: at(spline.d, 1),
  };
}

/** ξ in [0, 1] with the derivative of what is given: where only rounding leaves the bin, at a knot, the spline has a slope. */
const held = (xi: Tensor): Tensor => add(xi, stopGradient(sub(clip(xi, 0, 1), xi)));

interface SplineAt {
  readonly numerator: Tensor;
  readonly denominator: Tensor;
  readonly mixed: Tensor;
}

/**
 * (y − y_k) / h = numerator / denominator and dy/dx = s² mixed / denominator² at ξ, where mixed = δ₁ ξ² + 2 s ξ(1 − ξ) + δ₀ (1 − ξ)² and
 * bend = δ₀ + δ₁ − 2s.
 */
function splineAt(xi: Tensor, { s, d0, d1, bend }: Record<'s' | 'd0' | 'd1' | 'bend', Tensor>): SplineAt {
  const rest = sub(1, xi);
  const cross = mul(xi, rest);
  const whole = square(xi);
  return {
    numerator: add(mul(s, whole), mul(d0, cross)),
    denominator: add(s, mul(bend, cross)),
    mixed: add(add(mul(d1, whole), mul(mul(2, s), cross)), mul(d0, square(rest))),
  };
}

const logSlope = (s: Tensor, { mixed, denominator }: SplineAt): Tensor =>
  sub(add(mul(2, log(s)), log(mixed)), mul(2, log(denominator)));

/** The identity outside of [−B, B]. */
function beyond(x: Tensor, bound: number, { value, logDerivative }: Transformed): Transformed {
  const inside = lessEqual(abs(x), bound);
  return {
    value: select(inside, value, x),
    logDerivative: logDerivative && select(inside, logDerivative, 0),
  };
}

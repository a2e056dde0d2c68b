/** Layers that map every entry of a sample by itself. */
import { z } from 'zod';
import {
  add,
  div,
  exp,
  less,
  log,
  mul,
  neg,
  select,
  sigmoid,
  softplus as softplusOf,
  square,
  sub,
  sum,
  type Tensor,
} from '../../tensor/index.ts';
import { normalInitialiser } from '../../nn/index.ts';
import { split } from '../../tensor/random.ts';
import { layer } from '../layer.ts';
import { scaleConstants } from '../lipschitzConstants.ts';
import { asinh, inverseSoftplus, logCosh, logSigmoid, sinh } from '../numerics.ts';
import { perSample, sumSample } from '../samples.ts';
import { identityScaleShift } from '../scaleShift.ts';

/** y = e^s x + b with a scale and a shift for every entry. */
export const affine = layer('affine', {
  title: 'Affine, elementwise',
  source: 'Dinh, Krueger & Bengio 2015 (NICE), section 3.3',
  options: z.strictObject({}),
  examples: [{ shape: [3] }, { shape: [2, 2, 2] }],
  init: (key, { shape }) => identityScaleShift(key, shape),
  forward: ({ logScale, shift }, x) => ({
    y: add(mul(x, exp(logScale)), shift),
    logDet: perSample(sum(logScale), x),
  }),
  inverse: ({ logScale, shift }, y) => ({
    x: mul(sub(y, shift), exp(neg(logScale))),
    logDet: perSample(neg(sum(logScale)), y),
  }),
  lipschitz: ({ logScale }) => scaleConstants(logScale),
});

/** y = log(1 + eˣ), from the reals to the positive numbers. */
export const softplus = layer('softplus', {
  title: 'Softplus',
  source: 'Dugas et al. 2001',
  options: z.strictObject({}),
  examples: [{ shape: [2] }],
  init: () => ({}),
  forward: (_, x) => ({ y: softplusOf(x), logDet: sumSample(logSigmoid(x)) }),
  inverse(_, y) {
    const x = inverseSoftplus(y);
    return { x, logDet: neg(sumSample(logSigmoid(x))) };
  },
});

/** y = x above 0, a x below. Piecewise affine. */
export const leakyRelu = layer('leaky-relu', {
  title: 'Leaky ReLU',
  source: 'Maas, Hannun & Ng 2013',
  options: z.strictObject({ slope: z.number().positive().default(0.1) }),
  examples: [{ shape: [3] }, { shape: [2], options: { slope: 2.5 } }],
  init: () => ({}),
  forward(_, x, { options: { slope } }) {
    const negative = less(x, 0);
    const logSlope = Math.log(slope);
    return {
      y: select(negative, mul(slope, x), x),
      logDet: sumSample(select(negative, mul(logSlope, add(1, mul(0, x))), 0)),
    };
  },
  inverse(_, y, { options: { slope } }) {
    const negative = less(y, 0);
    return {
      x: select(negative, div(y, slope), y),
      logDet: sumSample(select(negative, mul(-Math.log(slope), add(1, mul(0, y))), 0)),
    };
  },
  lipschitz: (_, { slope }) => ({ forward: Math.max(1, slope), inverse: Math.max(1, 1 / slope) }),
});

/**
 * y = sinh(δ asinh(x) + ε): skewness ε, and tails that are lighter for δ > 1 and heavier for δ < 1; log dy/dx = log δ +
 * log cosh(δ asinh x + ε) − ½ log(1 + x²).
 */
export const sinhArcsinh = layer('sinh-arcsinh', {
  title: 'Sinh-arcsinh',
  source: 'Jones & Pewsey 2009 (Biometrika)',
  options: z.strictObject({}),
  examples: [{ shape: [2] }, { shape: [5] }],
  init(key, { shape }) {
    const [skew, tail] = split(key, 2);
    const small = normalInitialiser(0, 0.01);
    return { skewness: small(skew, shape), logTail: small(tail, shape) };
  },
  forward({ skewness, logTail }, x) {
    const inner = add(mul(exp(logTail), asinh(x)), skewness);
    return { y: sinh(inner), logDet: sumSample(sinhArcsinhSlope(x, inner, logTail)) };
  },
  inverse({ skewness, logTail }, y) {
    const inner = asinh(y);
    const x = sinh(mul(sub(inner, skewness), exp(neg(logTail))));
    return { x, logDet: neg(sumSample(sinhArcsinhSlope(x, inner, logTail))) };
  },
});

const sinhArcsinhSlope = (x: Tensor, inner: Tensor, logTail: Tensor): Tensor =>
  sub(add(logTail, logCosh(inner)), mul(0.5, log(add(1, square(x)))));

/**
 * y = log(u / (1 − u)) with u = α + (1 − 2α) x, from (0, 1) to the reals; α > 0 keeps 0 and 1 at finite places (Dinh et al.
 * 2017, section 4.1).
 */
export const logit = layer('logit', {
  title: 'Logit',
  source: 'Dinh, Sohl-Dickstein & Bengio 2017, section 4.1',
  options: z.strictObject({ alpha: z.number().min(0).lt(0.5).default(0.05) }),
  support: 'unit',
  examples: [{ shape: [2] }, { shape: [1, 2, 2], options: { alpha: 0 } }],
  init: () => ({}),
  forward(_, x, { options: { alpha } }) {
    const u = add(alpha, mul(1 - 2 * alpha, x));
    const y = sub(log(u), log(sub(1, u)));
    return { y, logDet: sumSample(logitSlope(y, alpha)) };
  },
  inverse(_, y, { options: { alpha } }) {
    const x = div(sub(sigmoid(y), alpha), 1 - 2 * alpha);
    return { x, logDet: neg(sumSample(logitSlope(y, alpha))) };
  },
});

/** log dy/dx = log(1 − 2α) − log u − log(1 − u). */
const logitSlope = (y: Tensor, alpha: number): Tensor =>
  sub(Math.log(1 - 2 * alpha), add(logSigmoid(y), logSigmoid(neg(y))));

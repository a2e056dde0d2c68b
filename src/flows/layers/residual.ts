/**
 * Residual layers: y = x + g(x) with Lip(g) ≤ κ < 1 (Behrmann et al. 2019; Chen, Behrmann, Duvenaud & Jacobsen 2019). g is a network
 * whose matrices have spectral norms at most `coefficient`, by a bound that holds at every step (spectral.ts), and whose activation
 * LipSwish x σ(softplus(b) x) / 1.1 has slopes at most 1: κ = coefficient^layers.
 *
 * Without `noise` the log-determinant is exact: the determinant of I + J, from d pull-backs. With it (and `roulette`) the value is the
 * unbiased estimate of the power series, and its gradient that of the Neumann series. The inverse is the fixed point x = y − g(x),
 * found by a loop that ends when all rows have converged.
 */
import { z } from 'zod';
import {
  add,
  any,
  customVjp,
  div,
  expandDims,
  greater,
  loop,
  matmul,
  mul,
  neg,
  not,
  reshape,
  sigmoid,
  sizeOf,
  softplus,
  solve,
  square,
  squeeze,
  stopGradient,
  sub,
  sum,
  transpose,
  vjp,
  zerosLike,
  type NDArray,
  type Tensor,
} from '../../tensor/index.ts';
import { linear, type LinearParameters } from '../../nn/index.ts';
import { split } from '../../tensor/random.ts';
import { broydenRoot } from '../broyden.ts';
import { batchJacobian, logAbsDet, plusIdentity } from '../jacobian.ts';
import { layer, type Given, type TensorsOf } from '../layer.ts';
import { residualConstants } from '../lipschitzConstants.ts';
import { flattenSamples } from '../samples.ts';
import { limitNorm } from '../spectral.ts';
import {
  neumannSurrogate,
  reachableTerms,
  rouletteWeights,
  seriesEstimate,
  truncatedWeights,
  withGradientOf,
} from '../traceSeries.ts';

export interface ResidualParameters<Leaf = NDArray> {
  readonly layers: readonly LinearParameters<Leaf>[];
  /** b of LipSwish, one a hidden layer; before softplus. */
  readonly steepness: readonly Leaf[];
  /** Of a conditional layer: `[context, width of the first layer]`. */
  readonly context?: Leaf;
}

interface ResidualOptions {
  readonly hidden: readonly number[];
  readonly coefficient: number;
  readonly exactTerms: number;
  readonly terms: number;
  readonly stop: number;
}

/** Entries up to which the inverse is found by Broyden's method, with a matrix a row. */
const SMALL = 8;
/**
 * Where iterations for the inverse end: |x + g(x) − y| of Broyden's method, which takes fewer than `evaluations` of g where that expands
 * along one direction by 0.91 too, and the distance to the fixed point that its last step leaves, both in units of √(1 + |y|²). Steps as
 * small as `rounding` are as good as none.
 */
const accuracy = {
  float32: { tolerance: 1e-6, evaluations: 20, rounding: 2 ** -21 },
  float64: { tolerance: 1e-13, evaluations: 40, rounding: 2 ** -50 },
} as const;

/**
 * x σ(x), whose pull-back is one product with its slope σ(x) (1 + x (1 − σ(x))): a Jacobian of d rows makes the slope once, not d times.
 */
const swish = customVjp(
  (x: Tensor) => mul(x, sigmoid(x)),
  ([x], cotangent) => {
    const s = sigmoid(x);
    return [mul(cotangent, mul(s, add(1, mul(x, sub(1, s)))))];
  },
  'swish',
);
/** Largest slope of swish, rounded up. */
const STEEPEST = 1.1;

/** κ of the layer: matrices times activations. */
const contraction = ({ hidden, coefficient }: Pick<ResidualOptions, 'hidden' | 'coefficient'>): number =>
  coefficient ** (hidden.length + 1);

/** g, its matrices limited once for all calls. x `[batch, d]`. */
function branch(
  { layers, steepness, context: weight }: TensorsOf<ResidualParameters>,
  given: Tensor | undefined,
  { coefficient }: ResidualOptions,
): (x: Tensor) => Tensor {
  if (!weight !== !given) {
    throw new Error(
      `residual: a layer made ${weight ? `for ${weight.shape[0]} numbers of` : 'without'} context got ${given ? 'one' : 'none'}; pass the context [batch, n] that the flow was initialised for`,
    );
  }
  const limited = layers.map((layer) => ({ ...layer, weight: limitNorm(layer.weight, coefficient) }));
  const shown = weight && given && matmul(given, weight);
  // LipSwish(h) = swish(b h) / 1.1 b: the factors go into the matrices before and behind it.
  const b = steepness.map((raw) => softplus(raw));
  const scaled = limited.map(({ weight: W, bias }, i) => {
    const behind = i === 0 ? W : div(W, mul(STEEPEST, b[i - 1]));
    return i === b.length ? { weight: behind, bias } : { weight: mul(behind, b[i]), bias: mul(bias, b[i]) };
  });
  const context = shown && mul(shown, b[0]);
  return (x) =>
    scaled.reduce((h, layer, i) => {
      const affine = linear.apply(layer, h);
      const whole = i === 0 && context ? add(affine, context) : affine;
      return i === b.length ? whole : swish(whole);
    }, x);
}

/** log |det(I + ∂g/∂x)| `[batch]` and g(x). */
function branchLogDet(
  g: (x: Tensor) => Tensor,
  x: Tensor,
  { noise, roulette }: Given,
  options: ResidualOptions,
): { value: Tensor; logDet: Tensor } {
  if (!noise) {
    const { value, jacobian } = batchJacobian(g, x);
    return { value, logDet: logAbsDet(plusIdentity(jacobian)) };
  }
  const [value, pullBack] = vjp(g, x);
  const pull = (u: Tensor): Tensor => pullBack(u)[0];
  const probes = flattenSamples(noise);
  const { exactTerms: exact, terms, stop } = options;
  const weights = roulette
    ? rouletteWeights(roulette, { exact, stop, terms: reachableTerms({ exact, stop }) })
    : truncatedWeights({ terms });
  return {
    value,
    logDet: withGradientOf(seriesEstimate(pull, probes, weights), neumannSurrogate(pull, probes, weights)),
  };
}

/** x with x + g(x) = y: by Broyden's method up to 8 entries, by fixed-point steps above. Right to first derivatives. */
function inverseOf(g: (x: Tensor) => Tensor, y: Tensor, kappa: number): Tensor {
  const { tolerance, evaluations, rounding } = accuracy[y.dtype === 'float64' ? 'float64' : 'float32'];
  if (y.shape[1] <= SMALL) {
    const x = stopGradient(broydenRoot((x) => sub(add(x, g(x)), y), y, { tolerance, evaluations }));
    return implicitly(g, y, x, (v) => {
      const slopes = plusIdentity(batchJacobian(g, x).jacobian);
      return squeeze(solve(transpose(slopes), expandDims(v, 2)), 2);
    });
  }
  const steps = Math.ceil(Math.log(tolerance * (1 - kappa)) / Math.log(kappa));
  // |x* − xₙ| ≤ κ/(1 − κ) |xₙ − xₙ₋₁|
  const least = Math.max((tolerance * (1 - kappa)) / kappa, rounding);
  const x = stopGradient(fixedPoint(g, y, { least, steps }));
  const [, pullBack] = vjp(g, x);
  return implicitly(g, y, x, (v) => {
    let u = v;
    for (let i = 0; i < steps; i++) u = sub(v, pullBack(u)[0]);
    return u;
  });
}

/** x ← y − g(x) until no row moves by more than `least` √(1 + |y|²). */
function fixedPoint(
  g: (x: Tensor) => Tensor,
  y: Tensor,
  { least, steps }: { readonly least: number; readonly steps: number },
): Tensor {
  const small = mul(least ** 2, add(1, sum(square(y), 1)));
  return loop(
    [y],
    ([x]) => {
      const next = sub(y, g(x));
      const moved = sum(square(sub(next, x)), 1);
      return { state: [next], done: not(any(greater(moved, small))) };
    },
    steps,
  );
}

/**
 * x, with the derivative that x + g(x) = y gives it: dx = (I + ∂g/∂x)⁻¹ (dy − dg) at constant x. `transposed` applies the inverse of the
 * transpose.
 */
function implicitly(
  g: (x: Tensor) => Tensor,
  y: Tensor,
  x: Tensor,
  transposed: (v: Tensor) => Tensor,
): Tensor {
  const solved = customVjp(
    (r: Tensor) => zerosLike(r),
    (_, cotangent) => [transposed(cotangent)],
    'implicit function',
  );
  return add(x, solved(sub(y, g(x))));
}

export const residual = layer('residual', {
  title: 'Residual',
  source: 'Behrmann et al. 2019; Chen, Behrmann, Duvenaud & Jacobsen 2019',
  options: z.strictObject({
    hidden: z.array(z.int().positive()).min(1).default([64, 64]),
    /** Largest spectral norm of a matrix of the network. */
    coefficient: z.number().gt(0).lt(1).default(0.97),
    /** Terms of the series where it is cut off. */
    terms: z.int().min(1).default(12),
    /** Terms that the roulette always sums, and the probability that it stops after a further one. */
    exactTerms: z.int().min(1).default(2),
    stop: z.number().gt(0).lt(1).default(0.5),
  }),
  inverseBy: 'iteration',
  examples: [
    { shape: [1], options: { hidden: [6] } },
    { shape: [2], options: { hidden: [8, 8] } },
    { shape: [3], options: { hidden: [8], coefficient: 0.9 }, context: 2 },
    { shape: [1, 3, 3], options: { hidden: [8], coefficient: 0.7 } },
  ],
  init(key, { shape, context }, { hidden }): ResidualParameters {
    const d = sizeOf(shape);
    const sizes = [d, ...hidden, d];
    const keys = split(key, sizes.length);
    const layers = sizes.slice(1).map((outputs, i) => linear.init(keys[i], { inputs: sizes[i], outputs }));
    const steepness = hidden.map((): NDArray => ({
      data: new Float32Array([0.5]),
      shape: [],
      dtype: 'float32',
    }));
    if (context === 0) return { layers, steepness };
    const given = linear.init(keys[sizes.length - 1], { inputs: context, outputs: hidden[0] });
    return { layers, steepness, context: given.weight };
  },
  forward(p, x, { options, ...given }) {
    const flat = flattenSamples(x);
    const { value, logDet } = branchLogDet(branch(p, given.context, options), flat, given, options);
    return { y: reshape(add(flat, value), x.shape), logDet };
  },
  inverse(p, y, { options, ...given }) {
    const g = branch(p, given.context, options);
    const x = inverseOf(g, flattenSamples(y), contraction(options));
    return { x: reshape(x, y.shape), logDet: neg(branchLogDet(g, x, given, options).logDet) };
  },
  lipschitz: (_, options) => residualConstants(contraction(options)),
});

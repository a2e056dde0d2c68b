/**
 * Residual layers: y = x + g(x) with Lip(g) ≤ κ < 1 (Behrmann et al. 2019; Chen, Behrmann, Duvenaud & Jacobsen 2019). g is a network
 * whose matrices have spectral norms at most `coefficient`, by a bound that holds at every step (spectral.ts), and whose activation
 * LipSwish x σ(softplus(b) x) / 1.1 has slopes at most 1: κ = coefficient^layers.
 *
 * Without `noise` the log-determinant is exact: the determinant of I + J, from d pull-backs. With it (and `roulette`) the value is the
 * unbiased estimate of the power series, and its gradient that of the Neumann series. The inverse is the fixed point x = y − g(x).
 */
import { z } from 'zod';
import {
  add,
  div,
  matmul,
  mul,
  neg,
  reshape,
  sigmoid,
  sizeOf,
  softplus,
  solve,
  squeeze,
  expandDims,
  stopGradient,
  sub,
  vjp,
  type NDArray,
  type Tensor,
} from '../../tensor/index.ts';
import { linear, type LinearParameters } from '../../nn/index.ts';
import { split } from '../../tensor/random.ts';
import { batchJacobian, logAbsDet, plusIdentity } from '../jacobian.ts';
import { layer, type Given, type TensorsOf } from '../layer.ts';
import { residualConstants } from '../lipschitzConstants.ts';
import { flattenSamples } from '../samples.ts';
import { limitNorm } from '../spectral.ts';
import {
  neumannSurrogate,
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

/** Entries up to which the inverse ends with Newton steps. */
const SMALL = 8;
/**
 * |x − x*| after the last fixed-point step, in units of the first; and where Newton steps follow, how many fixed-point steps come before
 * them and how many they are.
 */
const accuracy = {
  float32: { tolerance: 1e-7, first: 6, newton: 2 },
  float64: { tolerance: 1e-11, first: 20, newton: 5 },
} as const;

/** LipSwish (Chen et al. 2019, section 3.2): second derivatives that do not vanish, slopes between −1 and 1. */
const lipSwish = (x: Tensor, steepness: Tensor): Tensor =>
  div(mul(x, sigmoid(mul(softplus(steepness), x))), 1.1);

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
  return (x) =>
    limited.reduce((h, layer, i) => {
      const affine = linear.apply(layer, h);
      const whole = i === 0 && shown ? add(affine, shown) : affine;
      return i === limited.length - 1 ? whole : lipSwish(whole, steepness[i]);
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
  const weights = roulette ? rouletteWeights(roulette, { exact, terms, stop }) : truncatedWeights({ terms });
  return {
    value,
    logDet: withGradientOf(seriesEstimate(pull, probes, weights), neumannSurrogate(pull, probes, weights)),
  };
}

/**
 * x with x + g(x) = y: enough fixed-point steps that κⁿ |x₁ − x₀| / (1 − κ) is below the tolerance; up to 8 entries, a few of them and
 * Newton steps with the exact Jacobian, of which the last is taken from a constant, so that derivatives are those of the implicit function.
 */
function fixedPoint(g: (x: Tensor) => Tensor, y: Tensor, kappa: number): Tensor {
  const d = y.shape[1];
  const { tolerance, first, newton: steps } = accuracy[y.dtype === 'float64' ? 'float64' : 'float32'];
  const all = Math.ceil(Math.log(tolerance * (1 - kappa)) / Math.log(kappa));
  const small = d <= SMALL;
  let x = y;
  for (let i = 0; i < Math.min(all, small ? first : Infinity); i++) x = sub(y, g(x));
  if (!small) return x;
  const newton = (at: Tensor): Tensor => {
    const { value, jacobian } = batchJacobian(g, at);
    const residual = sub(add(at, value), y);
    return sub(at, squeeze(solve(stopGradient(plusIdentity(jacobian)), expandDims(residual, 2)), 2));
  };
  for (let i = 0; i < steps; i++) x = stopGradient(newton(x));
  return newton(x);
}

export const residual = layer('residual', {
  title: 'Residual',
  source: 'Behrmann et al. 2019; Chen, Behrmann, Duvenaud & Jacobsen 2019',
  options: z.strictObject({
    hidden: z.array(z.int().positive()).min(1).default([64, 64]),
    /** Largest spectral norm of a matrix of the network. */
    coefficient: z.number().gt(0).lt(1).default(0.97),
    /** Terms of the series that are always summed, and in all; beyond them the roulette decides. */
    exactTerms: z.int().min(1).default(2),
    terms: z.int().min(1).default(12),
    /** Probability that the roulette stops after a term. */
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
    const x = fixedPoint(g, flattenSamples(y), contraction(options));
    return { x: reshape(x, y.shape), logDet: neg(branchLogDet(g, x, given, options).logDet) };
  },
  lipschitz: (_, options) => residualConstants(contraction(options)),
});

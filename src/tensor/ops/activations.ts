/** Activation functions that ONNX Runtime computes in one pass (measured 8 to 15 times faster than their compositions). */
import type * as tfjs from '@tensorflow/tfjs-core';
import { allocate } from '../array.ts';
import { defineOp, type OpDefinition } from '../op.ts';
import { apply, type Tensor } from '../tensor.ts';
import { add, div, erf, exp, minimum, mul, square, sub, tanh } from './arithmetic.ts';
import { requireFloat } from './broadcast.ts';
import { unary } from './elementwise.ts';
import { erfReference } from './erf.ts';
import { less, select } from './logic.ts';

/** Φ(x), the standard normal distribution function. */
const normalDistribution = (x: Tensor): Tensor => mul(0.5, add(1, erf(mul(x, Math.SQRT1_2))));
const normalDensity = (x: Tensor): Tensor => mul(exp(mul(square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI));

/** x Φ(x), the Gaussian error linear unit in its exact form (Hendrycks & Gimpel 2016, arXiv 1606.08415). */
export const exactGelu = unary('gelu', {
  vjp: ({ x, cotangent }) => mul(cotangent, add(normalDistribution(x), mul(x, normalDensity(x)))),
  onnx: 'Gelu',
  onnxLacks: ['float64'],
  expand: (x) => mul(x, normalDistribution(x)),
  reference: (x) => (x / 2) * (1 + erfReference(x * Math.SQRT1_2)),
  range: [-4, 4],
});

interface ParametricRule {
  readonly vjp: (x: Tensor, output: Tensor, cotangent: Tensor, parameter: number) => Tensor;
  readonly onnx: string;
  readonly tfjs: (tf: typeof tfjs, x: tfjs.Tensor, parameter: number) => tfjs.Tensor;
  readonly expand: (x: Tensor, parameter: number) => Tensor;
  readonly reference: (x: number, parameter: number) => number;
}

type Parameter = { readonly alpha: number };

/** Defines y = f(x; α) elementwise for an ONNX operator with the attribute `alpha`, which has no float64 kernel. */
function parametric(name: string, rule: ParametricRule): (x: Tensor, alpha: number) => Tensor {
  const definition: OpDefinition<Parameter> = defineOp<Parameter>({
    name,
    elementwise: true,
    infer: ([x]) => {
      requireFloat(name, x);
      return x;
    },
    vjp: ({ inputs: [x], output, cotangent, attributes: { alpha } }) => [
      rule.vjp(x, output, cotangent, alpha),
    ],
    batch: ([x], _, attributes) => apply(definition, [x], attributes),
    onnx: (writer, { attributes }, inputs) =>
      writer.node(rule.onnx, inputs, { alpha: { float: (attributes as Parameter).alpha } }),
    onnxLacks: ['float64'],
    tfjs: (tf, [x], { attributes }) => rule.tfjs(tf, x, (attributes as Parameter).alpha),
    expand: ([x], { alpha }) => rule.expand(x, alpha),
    reference: ([x], { dtype, attributes: { alpha } }) => {
      const out = allocate(dtype, x.data.length);
      for (let i = 0; i < out.length; i++) out[i] = rule.reference(x.data[i], alpha);
      return out;
    },
    examples: [{ inputs: [{ shape: [3, 4] }], attributes: { alpha: 0.3 } }],
  });
  return (x, alpha) => apply(definition, [x], { alpha });
}

const leakyReluOp = parametric('leakyRelu', {
  // One factor: forward mode transposes a product with it to the same product, where a choice would become two.
  vjp: (x, _, cotangent, slope) => mul(cotangent, select(less(0, x), 1, slope, x.dtype)),
  onnx: 'LeakyRelu',
  tfjs: (tf, x, slope) => tf.leakyRelu(x, slope),
  expand: (x, slope) => select(less(0, x), x, mul(x, slope)),
  reference: (x, slope) => (x > 0 ? x : slope * x),
});

/** x for x > 0, slope · x otherwise. */
export const leakyRelu = (x: Tensor, slope = 0.01): Tensor => leakyReluOp(x, slope);

const eluOp = parametric('elu', {
  vjp: (x, output, cotangent, alpha) => select(less(0, x), cotangent, mul(cotangent, add(output, alpha))),
  onnx: 'Elu',
  tfjs: (tf, x, alpha) => tf.where(tf.greater(x, 0), x, tf.mul(tf.expm1(tf.minimum(x, 0)), alpha)),
  expand: (x, alpha) => {
    // e^x − 1 = 2t / (1 − t) with t = tanh(x/2): no cancellation near 0.
    const t = tanh(mul(minimum(x, 0), 0.5));
    return select(less(0, x), x, mul(div(t, sub(1, t)), 2 * alpha));
  },
  reference: (x, alpha) => (x > 0 ? x : alpha * Math.expm1(x)),
});

/** x for x > 0, α (e^x − 1) otherwise (Clevert et al. 2015, arXiv 1511.07289). */
export const elu = (x: Tensor, alpha = 1): Tensor => eluOp(x, alpha);

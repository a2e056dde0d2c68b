/** Arithmetic, powers, exponentials, trigonometric and other smooth or piecewise smooth functions, elementwise. */
import { binary, unary } from './elementwise.ts';
import { equal, less, select } from './logic.ts';
import { erfReference, erfSeries } from './erf.ts';
import type { Operand, Tensor } from '../tensor.ts';

export const add = binary('add', {
  vjp: ({ cotangent }) => [cotangent, cotangent],
  onnx: 'Add',
  tfjs: (tf, a, b) => tf.add(a, b),
  reference: (a, b) => a + b,
});

export const sub = binary('sub', {
  vjp: ({ cotangent }) => [cotangent, neg(cotangent)],
  onnx: 'Sub',
  tfjs: (tf, a, b) => tf.sub(a, b),
  reference: (a, b) => a - b,
});

export const mul = binary('mul', {
  vjp: ({ a, b, cotangent }) => [mul(cotangent, b), mul(cotangent, a)],
  onnx: 'Mul',
  tfjs: (tf, a, b) => tf.mul(a, b),
  reference: (a, b) => a * b,
});

/** a / b; on int32 the quotient is truncated. */
export const div = binary('div', {
  vjp: ({ b, output, cotangent }) => {
    const scaled = div(cotangent, b);
    return [scaled, neg(mul(scaled, output))];
  },
  onnx: 'Div',
  tfjs: (tf, a, b) => tf.div(a, b),
  reference: (a, b) => a / b,
  ranges: [
    [-2, 2],
    [0.5, 2],
  ],
});

/** a^b for a > 0, or for a whole number b; the derivative in b needs a > 0. */
export const pow = binary('pow', {
  vjp: ({ a, b, output, cotangent }) => [
    // d(x⁰)/dx is 0 at x = 0 too, where b a^(b−1) is 0 · ∞.
    mul(cotangent, select(equal(b, 0), 0, mul(b, pow(a, sub(b, 1))))),
    mul(cotangent, select(less(0, a), mul(output, log(select(less(0, a), a, 1))), 0)),
  ],
  onnx: 'Pow',
  tfjs: (tf, a, b) => tf.pow(a, b),
  reference: Math.pow,
  ranges: [
    [0.5, 2],
    [-2, 2],
  ],
});

/** Where a = b the cotangent is shared equally. */
export const maximum = binary('maximum', {
  vjp: ({ a, b, cotangent }) => {
    const share = shareOf(less(b, a), equal(a, b), cotangent.dtype);
    return [mul(cotangent, share), mul(cotangent, sub(1, share))];
  },
  onnx: 'Max',
  tfjs: (tf, a, b) => tf.maximum(a, b),
  reference: Math.max,
});

export const minimum = binary('minimum', {
  vjp: ({ a, b, cotangent }) => {
    const share = shareOf(less(a, b), equal(a, b), cotangent.dtype);
    return [mul(cotangent, share), mul(cotangent, sub(1, share))];
  },
  onnx: 'Min',
  tfjs: (tf, a, b) => tf.minimum(a, b),
  reference: Math.min,
});

const shareOf = (wins: Tensor, ties: Tensor, dtype: Tensor['dtype']): Tensor =>
  select(ties, 0.5, select(wins, 1, 0, dtype), dtype);

export const neg = unary('neg', {
  vjp: ({ cotangent }) => neg(cotangent),
  onnx: 'Neg',
  tfjs: (tf, x) => tf.neg(x),
  reference: (x) => -x,
});

/** |x|, with derivative sign(x), 0 at 0. */
export const abs = unary('abs', {
  vjp: ({ x, cotangent }) => mul(cotangent, sign(x)),
  onnx: 'Abs',
  tfjs: (tf, x) => tf.abs(x),
  reference: Math.abs,
});

export const sign = unary('sign', {
  vjp: 'none',
  onnx: 'Sign',
  tfjs: (tf, x) => tf.sign(x),
  reference: Math.sign,
});

export const floor = unary('floor', {
  vjp: 'none',
  onnx: 'Floor',
  tfjs: (tf, x) => tf.floor(x),
  reference: Math.floor,
});

export const exp = unary('exp', {
  vjp: ({ output, cotangent }) => mul(cotangent, output),
  onnx: 'Exp',
  tfjs: (tf, x) => tf.exp(x),
  reference: Math.exp,
});

export const log = unary('log', {
  vjp: ({ x, cotangent }) => div(cotangent, x),
  onnx: 'Log',
  tfjs: (tf, x) => tf.log(x),
  reference: Math.log,
  range: [0.2, 4],
});

export const sqrt = unary('sqrt', {
  vjp: ({ output, cotangent }) => div(mul(cotangent, 0.5), output),
  onnx: 'Sqrt',
  tfjs: (tf, x) => tf.sqrt(x),
  reference: Math.sqrt,
  range: [0.2, 4],
});

export const reciprocal = unary('reciprocal', {
  vjp: ({ output, cotangent }) => neg(mul(cotangent, square(output))),
  onnx: 'Reciprocal',
  tfjs: (tf, x) => tf.reciprocal(x),
  reference: (x) => 1 / x,
  range: [0.5, 2],
});

export const sin = unary('sin', {
  vjp: ({ x, cotangent }) => mul(cotangent, cos(x)),
  onnx: 'Sin',
  tfjs: (tf, x) => tf.sin(x),
  reference: Math.sin,
});

export const cos = unary('cos', {
  vjp: ({ x, cotangent }) => neg(mul(cotangent, sin(x))),
  onnx: 'Cos',
  tfjs: (tf, x) => tf.cos(x),
  reference: Math.cos,
});

export const tanh = unary('tanh', {
  vjp: ({ output, cotangent }) => mul(cotangent, sub(1, square(output))),
  onnx: 'Tanh',
  tfjs: (tf, x) => tf.tanh(x),
  reference: Math.tanh,
});

/** Logistic function 1 / (1 + e^(−x)). */
export const sigmoid = unary('sigmoid', {
  vjp: ({ output, cotangent }) => mul(cotangent, mul(output, sub(1, output))),
  onnx: 'Sigmoid',
  // There is a float64 kernel, but ONNX Runtime fuses x · Sigmoid(x) into a QuickGelu for which there is none.
  onnxLacks: ['float64'],
  expand: (x) => reciprocal(add(1, exp(neg(x)))),
  tfjs: (tf, x) => tf.sigmoid(x),
  reference: (x) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x))),
});

/** max(x, 0), with derivative 0 at 0. */
export const relu = unary('relu', {
  vjp: ({ output, cotangent }) => mul(cotangent, heaviside(output)),
  onnx: 'Relu',
  tfjs: (tf, x) => tf.relu(x),
  reference: (x) => (x > 0 ? x : 0),
});

/** 1 where x > 0, else 0. */
export const heaviside = unary('heaviside', {
  vjp: 'none',
  // One pass over memory instead of a comparison and a cast: min(1, max(0, x · 3·10³⁸)) is 1 for every normal x > 0.
  onnx: (writer, x, dtype) =>
    dtype === 'float32'
      ? writer.node('HardSigmoid', [x], { alpha: { float: 3e38 }, beta: { float: 0 } })
      : writer.cast(writer.node('Less', [writer.scalar(0, dtype), x]), dtype),
  tfjs: (tf, x) => tf.step(x, 0),
  reference: (x) => (x > 0 ? 1 : 0),
});

/** log(1 + e^x) without overflow. */
export const softplus = unary('softplus', {
  vjp: ({ x, cotangent }) => mul(cotangent, sigmoid(x)),
  onnx: 'Softplus',
  onnxLacks: ['float64'],
  tfjs: (tf, x) => tf.softplus(x),
  // max(x, 0) + log(1 + e^(−|x|)); the sum under the logarithm lies in (1, 2].
  expand: (x) => add(relu(x), log(add(1, exp(neg(abs(x)))))),
  reference: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
});

/** Gauss error function. */
export const erf = unary('erf', {
  vjp: ({ x, cotangent }) => mul(cotangent, mul(2 / Math.sqrt(Math.PI), exp(neg(square(x))))),
  onnx: 'Erf',
  onnxLacks: ['float64'],
  tfjs: (tf, x) => tf.erf(x),
  expand: erfSeries,
  reference: erfReference,
  range: [-4, 4],
});

/** arctan, through ONNX's Atan where it exists. */
export const atan = unary('atan', {
  vjp: ({ x, cotangent }) => div(cotangent, add(1, square(x))),
  onnx: 'Atan',
  onnxLacks: ['float64'],
  tfjs: (tf, x) => tf.atan(x),
  expand: atanSeries,
  reference: Math.atan,
  range: [-6, 6],
});

/**
 * arctan from elementary ops: arguments beyond 1 by arctan x = ±π/2 − arctan 1/x, then three halvings by
 * x → x / (1 + √(1 + x²)) bring |x| below tan(π/32), where 15 terms of the alternating Taylor series reach rounding.
 */
function atanSeries(x: Tensor): Tensor {
  const large = less(1, abs(x));
  const halve = (t: Tensor): Tensor => div(t, add(1, sqrt(add(1, square(t)))));
  const inner = select(large, reciprocal(select(large, x, 1)), x);
  const t = halve(halve(halve(inner)));
  const t2 = square(t);
  let series: Tensor = mul(t2, 0);
  for (let k = 14; k >= 0; k--) series = add(mul(series, t2), (k % 2 === 0 ? 1 : -1) / (2 * k + 1));
  const angle = mul(8, mul(t, series));
  return select(large, sub(mul(Math.PI / 2, sign(x)), angle), angle);
}

export const square = (x: Operand): Tensor => mul(x, x);

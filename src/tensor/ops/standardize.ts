/** Standardisation along the last axis, which all normalisation layers are made of. */
import { allocate } from '../array.ts';
import { defineOp, type OpDefinition } from '../op.ts';
import { apply, type Tensor } from '../tensor.ts';
import { add, div, mul, sqrt, square, sub } from './arithmetic.ts';
import { requireFloat } from './broadcast.ts';
import { mean } from './reduction.ts';

type EpsilonAttribute = { readonly epsilon: number };

const average = (x: Tensor): Tensor => mean(x, -1, { keepDims: true });

/**
 * 1/√(v + ε) of x with variance v, where y = (x − μ)/√(v + ε) is known: their covariance s = v/√(v + ε) has one solution for it. So the
 * centred values are not needed again. The mean of y is zero but for rounding, which μ would magnify.
 */
function inverseDeviation(x: Tensor, y: Tensor, epsilon: number): Tensor {
  const s = sub(average(mul(x, y)), mul(average(x), average(y)));
  return div(2, add(s, sqrt(add(square(s), 4 * epsilon))));
}

const standardizeOp: OpDefinition<EpsilonAttribute> = defineOp<EpsilonAttribute>({
  name: 'standardize',
  infer: ([x]) => {
    requireFloat('standardize', x);
    return x;
  },
  // The derivative is one symmetric map, J g = r (g − mean g − y mean(g y)): half the passes that those of the composition take.
  vjp: ({ inputs: [x], output: y, cotangent: g, attributes: { epsilon } }) => [
    mul(inverseDeviation(x, y, epsilon), sub(sub(g, average(g)), mul(y, average(mul(g, y))))),
  ],
  batch: ([x], _, attributes) => apply(standardizeOp, [x], attributes),
  // One operator that reads rows from the cache, where the composition goes through memory five times.
  onnx: (writer, { shape, dtype, attributes }, [x]) => {
    const n = shape[shape.length - 1];
    const one = (value: number): string =>
      writer.initializer({ data: allocate(dtype, 1).fill(value), shape: [1], dtype });
    const rows = writer.node('Reshape', [x, writer.int64([-1, 1, n])]);
    const y = writer.node('InstanceNormalization', [rows, one(1), one(0)], {
      epsilon: { float: (attributes as EpsilonAttribute).epsilon },
    });
    return writer.node('Reshape', [y, writer.int64(shape)], { allowzero: 1 });
  },
  onnxLacks: ['float64'],
  expand: ([x], { epsilon }) => {
    const centred = sub(x, average(x));
    return div(centred, sqrt(add(average(square(centred)), epsilon)));
  },
  reference: ([x], { shape, dtype, attributes: { epsilon } }) => {
    const out = allocate(dtype, x.data.length);
    const n = shape[shape.length - 1];
    for (let start = 0; start < out.length; start += n) {
      const row = x.data.subarray(start, start + n);
      let total = 0;
      for (const value of row) total += value;
      let squares = 0;
      for (const value of row) squares += (value - total / n) ** 2;
      row.forEach((value, i) => (out[start + i] = (value - total / n) / Math.sqrt(squares / n + epsilon)));
    }
    return out;
  },
  examples: [
    { inputs: [{ shape: [3, 6] }], attributes: { epsilon: 1e-5 } },
    { inputs: [{ shape: [2, 3, 5] }], attributes: { epsilon: 0.1 } },
  ],
});

/** (x − μ)/√(v + ε) with mean μ and variance v (dividing by n) along the last axis of x [.., n]. */
export const standardize = (x: Tensor, epsilon: number): Tensor => apply(standardizeOp, [x], { epsilon });

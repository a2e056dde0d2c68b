/** Builders for elementwise ops: broadcasting, batching and reference evaluation written once for all of them. */
import type * as tfjs from '@tensorflow/tfjs-core';
import { allocate, type DType } from '../array.ts';
import { defineOp, type ExampleInput, type OpDefinition, type Signature } from '../op.ts';
import type { OnnxWriter } from '../engines/onnx/writer.ts';
import { broadcastShapes } from '../shape.ts';
import { apply, asTensor, type Operand, type Tensor } from '../tensor.ts';
import { broadcastMap, requireFloat } from './broadcast.ts';
import { alignRanks, sumToShape } from './shape.ts';

interface UnaryRule {
  /** Derivative times cotangent, or 'none' for a step function. */
  readonly vjp: ((context: { x: Tensor; output: Tensor; cotangent: Tensor }) => Tensor) | 'none';
  /** Name of the ONNX operator, or a function that writes nodes. */
  readonly onnx?: string | ((writer: OnnxWriter, x: string, dtype: DType) => string);
  readonly onnxLacks?: readonly DType[];
  readonly tfjs?: (tf: typeof tfjs, x: tfjs.Tensor) => tfjs.Tensor;
  readonly expand?: (x: Tensor) => Tensor;
  readonly reference: (x: number) => number;
  /** Interval for random inputs in the generic tests. */
  readonly range?: readonly [number, number];
  readonly result?: DType;
}

/** Defines y = f(x) elementwise on floats and returns the function that applies it. */
export function unary(name: string, rule: UnaryRule): (x: Operand) => Tensor {
  const { vjp, onnx, tfjs: lower, expand } = rule;
  const definition: OpDefinition = defineOp({
    name,
    elementwise: true,
    infer: ([x]: readonly Signature[]) => {
      requireFloat(name, x);
      return { shape: x.shape, dtype: rule.result ?? x.dtype };
    },
    vjp: vjp === 'none' ? 'none' : ({ inputs: [x], output, cotangent }) => [vjp({ x, output, cotangent })],
    batch: ([x]) => apply(definition, [x], {}),
    ...(onnx !== undefined && {
      onnx: (writer, node, [x]) =>
        typeof onnx === 'string' ? writer.node(onnx, [x]) : onnx(writer, x, node.dtype),
    }),
    ...(rule.onnxLacks && { onnxLacks: rule.onnxLacks }),
    ...(lower && { tfjs: (tf, [x]) => lower(tf, x) }),
    ...(expand && { expand: ([x]) => expand(x) }),
    reference: ([x], node) => {
      const out = allocate(node.dtype, x.data.length);
      for (let i = 0; i < out.length; i++) out[i] = rule.reference(x.data[i]);
      return out;
    },
    examples: [
      { inputs: [{ shape: [3, 4], range: rule.range ?? [-2, 2] }] },
      { inputs: [{ shape: [], range: rule.range ?? [-2, 2] }] },
    ],
  });
  return (x) => apply(definition, [asTensor(x)], {});
}

interface BinaryRule {
  /** Cotangents before they are summed back over broadcast axes; `null` where there is none. */
  readonly vjp:
    | ((context: {
        a: Tensor;
        b: Tensor;
        output: Tensor;
        cotangent: Tensor;
      }) => readonly [Tensor | null, Tensor | null])
    | 'none';
  readonly onnx: string;
  readonly tfjs: (tf: typeof tfjs, a: tfjs.Tensor, b: tfjs.Tensor) => tfjs.Tensor;
  readonly reference: (a: number, b: number) => number;
  readonly ranges?: readonly [readonly [number, number], readonly [number, number]];
  /** Dtypes of the operands (both alike) and of the result. Default: numbers in, the same out. */
  readonly accepts?: 'numeric' | 'bool';
  readonly result?: DType;
}

/** Defines y = f(a, b) elementwise with NumPy broadcasting. */
export function binary(name: string, rule: BinaryRule): (a: Operand, b: Operand) => Tensor {
  const { vjp } = rule;
  const kind: ExampleInput['dtype'] = rule.accepts === 'bool' ? 'bool' : 'float';
  const [rangeA, rangeB] = rule.ranges ?? [
    [-2, 2],
    [-2, 2],
  ];
  const definition: OpDefinition = defineOp({
    name,
    elementwise: true,
    infer: ([a, b]: readonly Signature[]) => {
      if (a.dtype !== b.dtype) {
        throw new Error(`${name}: operands are ${a.dtype} and ${b.dtype}; cast one of them first`);
      }
      if ((a.dtype === 'bool') !== (rule.accepts === 'bool')) {
        throw new Error(
          `${name}: operands are ${a.dtype}, expected ${rule.accepts === 'bool' ? 'bool' : 'numbers'}`,
        );
      }
      return { shape: broadcastShapes(a.shape, b.shape, name), dtype: rule.result ?? a.dtype };
    },
    vjp:
      vjp === 'none'
        ? 'none'
        : ({ inputs: [a, b], output, cotangent }) => {
            const [da, db] = vjp({ a, b, output, cotangent });
            return [da && sumToShape(da, a.shape), db && sumToShape(db, b.shape)];
          },
    batch: (inputs, batched) => {
      const [a, b] = alignRanks(inputs, batched);
      return apply(definition, [a, b], {});
    },
    onnx: (writer, _, inputs) => writer.node(rule.onnx, inputs),
    tfjs: (tf, [a, b]) => rule.tfjs(tf, a, b),
    reference: ([a, b], node) => broadcastMap([a, b], node, ([x, y]) => rule.reference(x, y)),
    examples: [
      {
        inputs: [
          { shape: [3, 4], range: rangeA, dtype: kind },
          { shape: [3, 4], range: rangeB, dtype: kind },
        ],
      },
      {
        inputs: [
          { shape: [2, 3, 4], range: rangeA, dtype: kind },
          { shape: [3, 1], range: rangeB, dtype: kind },
        ],
      },
      {
        inputs: [
          { shape: [4], range: rangeA, dtype: kind },
          { shape: [2, 1], range: rangeB, dtype: kind },
        ],
      },
      {
        inputs: [
          { shape: [], range: rangeA, dtype: kind },
          { shape: [5], range: rangeB, dtype: kind },
        ],
      },
    ],
  });
  return (a, b) => apply(definition, [asTensor(a, b), asTensor(b, a)], {});
}

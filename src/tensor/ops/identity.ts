/** Ops that return their input and differ only in what transforms see: alias, stopGradient, after, custom derivatives. */
import { defineOp, type OpDefinition, type VjpContext } from '../op.ts';
import { apply, type Tensor } from '../tensor.ts';
import { broadcastTo, expandDims } from './shape.ts';

const aliasOp: OpDefinition = defineOp({
  name: 'alias',
  infer: ([x]) => x,
  vjp: ({ cotangent }) => [cotangent],
  batch: ([x]) => alias(x),
  onnx: (writer, _, inputs) => writer.node('Identity', inputs),
  tfjs: (tf, [x]) => tf.clone(x),
  reference: ([x]) => x.data.slice(),
  examples: [{ inputs: [{ shape: [3] }] }],
});

/** A new node with the same value: what a transform differentiates with respect to. Clean-up removes it. */
export const alias = (x: Tensor): Tensor => apply(aliasOp, [x], {});

const stopGradientOp: OpDefinition = defineOp({
  name: 'stopGradient',
  infer: ([x]) => x,
  vjp: 'none',
  batch: ([x]) => stopGradient(x),
  onnx: (writer, _, inputs) => writer.node('Identity', inputs),
  tfjs: (tf, [x]) => tf.clone(x),
  reference: ([x]) => x.data.slice(),
  examples: [{ inputs: [{ shape: [3] }] }],
});

/** x, treated as a constant by every derivative. */
export const stopGradient = (x: Tensor): Tensor => apply(stopGradientOp, [x], {});

const afterOp: OpDefinition = defineOp({
  name: 'after',
  infer: ([x]) => x,
  vjp: ({ inputs: [, token], cotangent }) => [after(cotangent, token), null],
  batch: ([x, token], [mapped], _, size) =>
    apply(afterOp, [mapped ? x : broadcastTo(expandDims(x, 0), [size, ...x.shape]), token], {}),
  // A condition that is always true but that no optimiser can know: the token is, or is not, a number.
  onnx: (writer, node, [x, token]) => {
    const flat = writer.node('Reshape', [token, writer.int64([-1])]);
    const first = writer.node('Slice', [flat, writer.int64([0]), writer.int64([1]), writer.int64([0])]);
    const nan = writer.node('IsNaN', [first]);
    const always = writer.node('Or', [nan, writer.node('Not', [nan])]);
    const ready = node.rank === 0 ? writer.node('Reshape', [always, writer.int64([])]) : always;
    return writer.node('Where', [ready, x, x]);
  },
  tfjs: (tf, [x]) => tf.clone(x),
  reference: ([x]) => x.data.slice(),
  examples: [{ inputs: [{ shape: [3] }, { shape: [2, 2] }] }],
});

/**
 * x, but not before `token` has been computed. It keeps what is computed from x afresh (checkpointing) from being merged
 * with, or scheduled beside, the same computation in the forward pass.
 */
export const after = (x: Tensor, token: Tensor): Tensor => apply(afterOp, [x, token], {});

/** Cotangents of the arguments, given the arguments and the cotangent of the value. */
export type CustomRule = (args: readonly Tensor[], cotangent: Tensor) => readonly (Tensor | null)[];

export interface CustomAttributes extends Record<string, unknown> {
  readonly rule: CustomRule;
  /** The same attributes for the value and arguments over one more leading axis (transforms/custom.ts). */
  readonly batched: (argsBatched: readonly boolean[], size: number) => CustomAttributes;
  /** Names for messages; arguments from this index on were captured by closure and must not be differentiated. */
  readonly name: string;
  readonly captures: number;
}

const customOp: OpDefinition<CustomAttributes> = defineOp<CustomAttributes>({
  name: 'customVjp',
  infer: ([value]) => value,
  vjp: ({
    inputs: [, ...args],
    cotangent,
    needs,
    attributes: { rule, name, captures },
  }: VjpContext<CustomAttributes>) => {
    if (needs.slice(1 + captures).includes(true)) {
      throw new Error(
        `${name}: the function captures a tensor that is being differentiated, and its rule says nothing about it; pass that tensor as an argument`,
      );
    }
    return [null, ...rule(args, cotangent)];
  },
  batch: ([value, ...args], [valueBatched, ...argsBatched], { batched }, size) => {
    const whole = valueBatched ? value : broadcastTo(expandDims(value, 0), [size, ...value.shape]);
    return apply(customOp, [whole, ...args], batched(argsBatched, size));
  },
  onnx: (writer, _, [value]) => writer.node('Identity', [value]),
  tfjs: (tf, [value]) => tf.clone(value),
  reference: ([value]) => value.data.slice(),
  examples: [],
});

/** A value whose derivative with respect to `args` is given by a rule instead of the graph behind it. */
export const customNode = (value: Tensor, args: readonly Tensor[], attributes: CustomAttributes): Tensor =>
  apply(customOp, [value, ...args], attributes);

/**
 * The definition of an op: one object that holds everything the core knows about it. Transforms, engines and the generic
 * tests read these fields and nothing else, so a new op is one definition in one file.
 */
import type * as tfjs from '@tensorflow/tfjs-core';
import type { DType, NDArray, NumericData } from './array.ts';
import type { Shape } from './shape.ts';
import type { Tensor } from './tensor.ts';
import type { OnnxWriter } from './engines/onnx/writer.ts';

/** Static parameters of a node. Values must survive JSON, except `data` of constants, rules of custom nodes and bodies of loops, whose JSON says which they are. */
export type Attributes = Readonly<Record<string, unknown>>;

export interface Signature {
  readonly shape: Shape;
  readonly dtype: DType;
}

export interface VjpContext<A extends Attributes> {
  readonly inputs: readonly Tensor[];
  readonly output: Tensor;
  readonly cotangent: Tensor;
  /** Which inputs the caller wants cotangents for; a rule may skip the others. */
  readonly needs: readonly boolean[];
  readonly attributes: A;
}

/** A sample application of the op for the generic tests. */
export interface OpExample<A extends Attributes = Attributes> {
  readonly inputs: readonly ExampleInput[];
  readonly attributes?: A;
}

/** Random values in `range` (default [-2, 2]); integers below `range[1]` for int32; `spd` makes well-conditioned matrices. */
export interface ExampleInput {
  readonly shape: Shape;
  readonly dtype?: 'float' | 'int32' | 'bool';
  readonly range?: readonly [number, number];
  readonly kind?: 'spd' | 'invertible' | 'lower';
}

export interface OpDefinition<A extends Attributes = Attributes> {
  readonly name: string;
  /** Shape and dtype of the output; throws an Error that names the op, what came and what was expected. */
  infer(inputs: readonly Signature[], attributes: A): Signature;
  /**
   * Cotangents of the inputs, `null` where the op is locally constant in an input; 'none' when it is in all.
   * The rule must be linear in `cotangent`: forward mode is its transpose.
   */
  readonly vjp: ((context: VjpContext<A>) => readonly (Tensor | null)[]) | 'none';
  /**
   * The op over one more leading axis: `inputs[i]` has it (size `size`) where `batched[i]`. The result must have it.
   */
  batch(inputs: readonly Tensor[], batched: readonly boolean[], attributes: A, size: number): Tensor;
  /** Writes ONNX nodes and returns the name of the result. Absent: lowered through `expand`. */
  onnx?(writer: OnnxWriter, node: Tensor, inputs: readonly string[]): string;
  /** Dtypes of the output for which ONNX Runtime's CPU provider lacks kernels; those go through `expand`. */
  readonly onnxLacks?: readonly DType[];
  /** TensorFlow.js lowering. Absent: lowered through `expand`. */
  tfjs?(tf: typeof tfjs, inputs: readonly tfjs.Tensor[], node: Tensor): tfjs.Tensor;
  /** The op written in other ops, for engines that have no kernel of their own. */
  expand?(inputs: readonly Tensor[], attributes: A): Tensor;
  /** Plain float64 evaluation into a fresh array of the output's size; the ground truth of every test. */
  reference(inputs: readonly NDArray[], node: Signature & { attributes: A }): NumericData;
  /** Whether each value of the output depends on the values of the inputs at its own place only (after broadcasting). */
  readonly elementwise?: boolean;
  readonly examples: readonly OpExample<A>[];
}

const registry = new Map<string, OpDefinition>();

/** Enters a definition into the registry that the engines and the generic tests sweep. */
export function defineOp<A extends Attributes>(definition: OpDefinition<A>): OpDefinition<A> {
  if (registry.has(definition.name)) throw new Error(`op '${definition.name}' is defined twice`);
  registry.set(definition.name, definition as unknown as OpDefinition);
  return definition;
}

export const allOps = (): readonly OpDefinition[] => [...registry.values()];

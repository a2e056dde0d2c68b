/**
 * Symbolic tensors: immutable nodes {op, inputs, attributes, shape, dtype} of a graph that plain functions build.
 * Nothing is computed here; see compile.ts.
 */
import {
  allocate,
  array,
  castArray,
  isFloat,
  isNDArray,
  type DType,
  type FloatDType,
  type NDArray,
} from './array.ts';
import { defineOp, type Attributes, type OpDefinition, type Signature } from './op.ts';
import { checkShape, showShape, sizeOf, type Shape } from './shape.ts';

let nextId = 0;

export class Tensor implements Signature {
  readonly id = nextId++;
  readonly op: OpDefinition;
  readonly inputs: readonly Tensor[];
  readonly attributes: Attributes;
  readonly shape: Shape;
  readonly dtype: DType;
  /** Where in the user's code the node was made; recorded only while call sites are traced (checkNumerics). */
  readonly site: string | undefined;

  constructor(op: OpDefinition, inputs: readonly Tensor[], attributes: Attributes, signature: Signature) {
    this.op = op;
    this.inputs = inputs;
    this.attributes = attributes;
    this.shape = signature.shape;
    this.dtype = signature.dtype;
    this.site = context.traceSites ? callSite() : undefined;
  }

  get rank(): number {
    return this.shape.length;
  }

  toString(): string {
    return `Tensor<${this.op.name}>(${this.dtype}${showShape(this.shape)})`;
  }
}

/** What an op accepts where a tensor may stand: a number takes the dtype of the tensor beside it. */
export type Operand = Tensor | number;

interface TraceContext {
  readonly dtype: FloatDType;
  readonly traceSites: boolean;
}

let context: TraceContext = { dtype: 'float32', traceSites: false };

/** The float dtype that constants and specs take while a program is traced. */
export const defaultDType = (): FloatDType => context.dtype;

/** Runs `body` with another trace context: `compile` sets the program's precision with it. */
export function withTraceContext<T>(changes: Partial<TraceContext>, body: () => T): T {
  const outer = context;
  context = { ...outer, ...changes };
  try {
    return body();
  } finally {
    context = outer;
  }
}

/** The first stack frame outside the tensor core and the network layers, as file:line:column. */
function callSite(): string | undefined {
  const frames = (new Error().stack ?? '').split('\n').slice(2);
  const frame = frames.find(
    (line) => !/[\\/]src[\\/](tensor|nn)[\\/]/.test(line) && !line.includes('node:internal'),
  );
  return frame?.trim().replace(/^at /, '');
}

/** Makes a node: checks shapes and dtypes through the op's own rule. */
export function apply<A extends Attributes>(
  op: OpDefinition<A>,
  inputs: readonly Tensor[],
  attributes: A,
): Tensor {
  return new Tensor(op as unknown as OpDefinition, inputs, attributes, op.infer(inputs, attributes));
}

type InputAttributes = { readonly shape: Shape; readonly dtype: DType; readonly name: string };

/** A placeholder that a program is fed with. Every call makes a new one. */
const inputOp: OpDefinition<InputAttributes> = defineOp<InputAttributes>({
  name: 'input',
  infer: (_, { shape, dtype }) => ({ shape, dtype }),
  vjp: 'none',
  batch: () => {
    throw new Error('input: a placeholder has no batching rule');
  },
  reference: () => {
    throw new Error('input: a placeholder has no value; feed it through a compiled program');
  },
  examples: [],
});

export function placeholder(shape: Shape, dtype: DType = context.dtype, name = ''): Tensor {
  checkShape(shape, 'placeholder');
  return apply(inputOp, [], { shape, dtype, name });
}

export const isPlaceholder = (tensor: Tensor): boolean => tensor.op.name === 'input';

type ConstantAttributes = { readonly value: NDArray };

const constantOp: OpDefinition<ConstantAttributes> = defineOp<ConstantAttributes>({
  name: 'constant',
  infer: (_, { value }) => ({ shape: value.shape, dtype: value.dtype }),
  vjp: 'none',
  batch: () => {
    throw new Error('constant: a constant is never batched');
  },
  onnx: (writer, node) => writer.initializer(constantValue(node)),
  tfjs: (tf, _, node) => {
    const { data, shape, dtype } = constantValue(node);
    const values = dtype === 'float64' ? Float32Array.from(data) : data;
    return tf.tensor(values, [...shape], dtype === 'float64' ? 'float32' : dtype);
  },
  reference: (_, { attributes }) => attributes.value.data.slice(),
  examples: [],
});

export const isConstant = (tensor: Tensor): boolean => tensor.op.name === 'constant';

/** The value of a constant node in the node's dtype. */
export const constantValue = (node: Tensor): NDArray => (node.attributes as ConstantAttributes).value;

/**
 * A constant tensor. Numbers and float arrays take the float dtype being traced (a program compiled for float64 keeps
 * all digits of a Float64Array) unless `dtype` says otherwise; integer and boolean arrays keep theirs.
 */
export function constant(value: number | NDArray | ArrayLike<number>, shape?: Shape, dtype?: DType): Tensor {
  if (typeof value === 'number') return full(shape ?? [], value, dtype);
  const given = isNDArray(value) ? value : array(value, shape);
  const kind = dtype ?? (isFloat(given.dtype) ? context.dtype : given.dtype);
  return apply(constantOp, [], { value: castArray(given, kind) });
}

function full(shape: Shape, value: number, dtype: DType = context.dtype): Tensor {
  return apply(constantOp, [], { value: { data: allocate(dtype, sizeOf(shape)).fill(value), shape, dtype } });
}

export const zeros = (shape: Shape, dtype?: DType): Tensor => full(shape, 0, dtype);
export const ones = (shape: Shape, dtype?: DType): Tensor => full(shape, 1, dtype);
export const zerosLike = (x: Tensor): Tensor => full(x.shape, 0, x.dtype);

/** `x` as a tensor; a number becomes a scalar constant with the dtype of `beside`. */
export const asTensor = (x: Operand, beside?: Operand): Tensor =>
  x instanceof Tensor ? x : full([], x, beside instanceof Tensor ? beside.dtype : context.dtype);

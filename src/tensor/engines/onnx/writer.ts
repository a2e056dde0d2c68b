/**
 * Writes a graph as an ONNX model (opset 20). Ops call `node`, `initializer`, `int64`; field numbers are those of
 * onnx.proto3.
 */
import type { DType, NDArray } from '../../array.ts';
import type { Shape } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { Message } from './protobuf.ts';

const OPSET = 20;
const IR_VERSION = 9;
const elementTypes = { float32: 1, float64: 11, int32: 6, bool: 9, int64: 7 } as const;
type ElementType = keyof typeof elementTypes;

/** Attributes of a node: whole numbers become INT, `{ float }` FLOAT, lists INTS, text STRING, `{ graph }` GRAPH. */
export type OnnxAttribute =
  number | { readonly float: number } | readonly number[] | string | { readonly graph: Message };

/** A size, or the name of one that is known when the model runs. */
type Dimension = number | string;

/** A graph inside a node: its own inputs, what it reads of the graph around it, by name there, and its outputs. */
export interface InnerGraph {
  readonly inputs: readonly Tensor[];
  readonly outside: ReadonlyMap<Tensor, string>;
  readonly outputs: readonly Tensor[];
}

/** Writes nodes and outputs of a graph inside a node. */
export type InnerLowering = (writer: OnnxWriter, graph: InnerGraph) => void;

export class OnnxWriter {
  private readonly nodes: Message[] = [];
  private readonly initializers: Message[] = [];
  private readonly known = new Map<string, string>();
  private readonly graphInputs: Message[] = [];
  private readonly graphOutputs: Message[] = [];
  private counter = 0;
  private readonly lowerInner: InnerLowering;
  private readonly prefix: string;

  /** Names of a graph inside another begin with `prefix`: ONNX wants them to differ from those outside. */
  constructor(lowerInner: InnerLowering, prefix = '') {
    this.lowerInner = lowerInner;
    this.prefix = prefix;
  }

  input(name: string, shape: readonly Dimension[], dtype: ElementType): string {
    const own = this.prefix + name;
    this.graphInputs.push(valueInfo(own, shape, dtype));
    return own;
  }

  output(name: string, from: string, shape: readonly Dimension[], dtype: DType): void {
    if (name !== from) this.namedNode('Identity', [from], [name]);
    this.graphOutputs.push(valueInfo(name, shape, dtype));
  }

  /** Adds a node and returns the name of its (first) output. */
  node(
    type: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
  ): string {
    const output = this.fresh();
    this.namedNode(type, inputs, [output], attributes);
    return output;
  }

  /** Adds a node with outputs of the given names. */
  namedNode(
    type: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
  ): void {
    const node = new Message();
    for (const input of inputs) node.string(1, input);
    for (const output of outputs) node.string(2, output);
    node.string(4, type);
    for (const [name, value] of Object.entries(attributes)) node.message(5, attribute(name, value));
    this.nodes.push(node);
  }

  /** A constant array, stored once however often it is asked for (small ones). */
  initializer(value: NDArray): string {
    return this.tensor(value.dtype, value.shape, bytesOf(value.data));
  }

  /** A list of 64-bit integers: shapes, axes, pads. */
  int64(values: readonly number[], shape: Shape = [values.length]): string {
    return this.tensor('int64', shape, bytesOf(BigInt64Array.from(values, BigInt)));
  }

  /** A constant scalar. */
  scalar(value: number, dtype: DType): string {
    const data =
      dtype === 'float32'
        ? Float32Array.of(value)
        : dtype === 'float64'
          ? Float64Array.of(value)
          : dtype === 'int32'
            ? Int32Array.of(value)
            : Uint8Array.of(value);
    return this.tensor(dtype, [], bytesOf(data));
  }

  cast(name: string, to: ElementType): string {
    return this.node('Cast', [name], { to: elementTypes[to] });
  }

  /** A graph for the node that makes `output`; `begin` may add inputs in front. */
  inner(output: string, begin: (inner: OnnxWriter) => InnerGraph): Message {
    const inner = new OnnxWriter(this.lowerInner, `${output}_`);
    this.lowerInner(inner, begin(inner));
    return inner.graph(`${output}_body`);
  }

  /** The finished graph, for a node that runs it. */
  graph(name: string): Message {
    const graph = new Message();
    for (const node of this.nodes) graph.message(1, node);
    graph.string(2, name);
    for (const initializer of this.initializers) graph.message(5, initializer);
    for (const input of this.graphInputs) graph.message(11, input);
    for (const output of this.graphOutputs) graph.message(12, output);
    return graph;
  }

  /** The finished model as the bytes of an `.onnx` file. */
  finish(graphName: string): Uint8Array {
    return new Message()
      .integer(1, IR_VERSION)
      .string(2, 'sextant')
      .message(7, this.graph(graphName))
      .message(8, new Message().string(1, '').integer(2, OPSET))
      .finish();
  }

  /** A name that nothing has. */
  fresh(): string {
    return `${this.prefix}t${this.counter++}`;
  }

  private tensor(type: ElementType, shape: Shape, bytes: Uint8Array): string {
    const key =
      bytes.length <= 4096 ? `${type}:${shape.join(',')}:${Buffer.from(bytes).toString('latin1')}` : null;
    const known = key === null ? undefined : this.known.get(key);
    if (known !== undefined) return known;
    const name = `${this.prefix}c${this.counter++}`;
    const message = new Message();
    for (const n of shape) message.integer(1, n);
    message.integer(2, elementTypes[type]).string(8, name).bytes(9, bytes);
    this.initializers.push(message);
    if (key !== null) this.known.set(key, name);
    return name;
  }
}

const bytesOf = (data: ArrayBufferView): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

function attribute(name: string, value: OnnxAttribute): Message {
  const message = new Message().string(1, name);
  if (typeof value === 'number') return message.integer(3, value).integer(20, 2);
  if (typeof value === 'string') return message.string(4, value).integer(20, 3);
  if ('float' in value) return message.float(2, value.float).integer(20, 1);
  if ('graph' in value) return message.message(6, value.graph).integer(20, 5);
  for (const item of value) message.integer(8, item);
  return message.integer(20, 7);
}

function valueInfo(name: string, shape: readonly Dimension[], dtype: ElementType): Message {
  const dims = new Message();
  for (const n of shape) {
    dims.message(1, typeof n === 'number' ? new Message().integer(1, n) : new Message().string(2, n));
  }
  const tensor = new Message().integer(1, elementTypes[dtype]).message(2, dims);
  return new Message().string(1, name).message(2, new Message().message(1, tensor));
}

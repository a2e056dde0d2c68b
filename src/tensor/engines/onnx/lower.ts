/** A graph as an ONNX model: legalise, clean up, choose the layout, write node by node. */
import type { OpDefinition } from '../../op.ts';
import { changeBodies } from '../../ops/loop.ts';
import { batchLast } from '../../graph/batchLast.ts';
import { legalize } from '../../graph/legalize.ts';
import { simplify } from '../../graph/simplify.ts';
import { topologicalOrder } from '../../graph/traverse.ts';
import type { Tensor } from '../../tensor.ts';
import type { Graph } from '../engine.ts';
import { OnnxWriter, type InnerLowering } from './writer.ts';

const hasKernel = (op: OpDefinition, node: Tensor): boolean =>
  op.onnx !== undefined && !(op.onnxLacks?.includes(node.dtype) ?? false);

/** The outputs in terms of ops that ONNX Runtime has kernels for. */
export const legalForOnnx = (outputs: readonly Tensor[]): Tensor[] =>
  simplify(changeBodies(legalize(outputs, 'onnx', hasKernel), legalForOnnx));

export interface OnnxModel {
  /** The bytes of an `.onnx` file. */
  readonly bytes: Uint8Array;
  readonly outputNames: readonly string[];
}

/**
 * Writes the graph. Outputs are named by the nodes that make them: copying a result only to name it would cost a pass over
 * its memory. With `outputNames` they get those names, for files that people open. A scan becomes one node `Scan`, which
 * keeps what is carried inside.
 */
export function writeOnnx(
  graph: Graph,
  names: { readonly inputs: readonly string[]; readonly outputs?: readonly string[] },
  graphName = 'sextant',
): OnnxModel {
  const writer = new OnnxWriter(writeInner);
  const outputNames =
    graph.carried === undefined ? writeNodes(writer, graph, names) : writeScan(writer, graph, names.inputs);
  return { bytes: writer.finish(graphName), outputNames };
}

/** Writes inputs, nodes and outputs of a graph, and returns the names of the outputs. */
function writeNodes(
  writer: OnnxWriter,
  { inputs, outputs }: Graph,
  names: { readonly inputs: readonly string[]; readonly outputs?: readonly string[] },
): string[] {
  const legal = batchLast(legalForOnnx(outputs));
  const known = new Map<Tensor, string>();
  inputs.forEach((input, i) => known.set(input, writer.input(names.inputs[i], input.shape, input.dtype)));
  return writeOutputs(writer, legal, known, names.outputs);
}

/** Writes the nodes that are not known yet and the outputs, and returns their names. */
function writeOutputs(
  writer: OnnxWriter,
  legal: readonly Tensor[],
  known: Map<Tensor, string>,
  wanted?: readonly string[],
): string[] {
  for (const node of topologicalOrder(legal)) {
    if (known.has(node)) continue;
    if (!node.op.onnx) {
      throw new Error(`onnx: a placeholder ${node.toString()} is not among the inputs of the program`);
    }
    const operands = node.inputs.map((x) => known.get(x) as string);
    known.set(node, node.op.onnx(writer, node, operands));
  }
  const used = new Set<string>();
  return legal.map((output, i) => {
    const made = known.get(output) as string;
    // An input, a constant or a second name for one result needs a node of its own.
    const own = output.inputs.length > 0 && !used.has(made);
    const name = wanted?.[i] ?? (own ? made : writer.fresh());
    used.add(made);
    writer.output(name, made, output.shape, output.dtype);
    return name;
  });
}

/** A graph inside a node, whose nodes are legal and in their layout already. */
const writeInner: InnerLowering = (writer, { inputs, outside, outputs }) => {
  const known = new Map(outside);
  inputs.forEach((input, i) => known.set(input, writer.input(`in${i}`, input.shape, input.dtype)));
  writeOutputs(writer, outputs, known);
};

/** One node that runs the graph once a turn. Names inside it differ from those outside, as ONNX asks. */
function writeScan(
  writer: OnnxWriter,
  { inputs, outputs, carried = 0 }: Graph,
  inputNames: readonly string[],
): string[] {
  const body = new OnnxWriter(writeInner);
  writeNodes(body, { inputs, outputs }, { inputs: inputNames.map((name) => `${name}_turn`) });
  const outputNames = outputs.map((_, i) => `result${i}`);
  const shapeOf = ({ shape }: Tensor, i: number): (number | string)[] =>
    i < carried ? [...shape] : ['turns', ...shape];
  inputs.forEach((input, i) => writer.input(inputNames[i], shapeOf(input, i), input.dtype));
  writer.namedNode('Scan', inputNames, outputNames, {
    body: { graph: body.graph('turn') },
    num_scan_inputs: inputs.length - carried,
  });
  outputs.forEach((output, i) =>
    writer.output(outputNames[i], outputNames[i], shapeOf(output, i), output.dtype),
  );
  return outputNames;
}

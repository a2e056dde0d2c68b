/** A graph as an ONNX model: legalise, clean up, write node by node. */
import type { OpDefinition } from '../../op.ts';
import { simplify } from '../../graph/simplify.ts';
import { legalize } from '../../graph/legalize.ts';
import { topologicalOrder } from '../../graph/traverse.ts';
import type { Tensor } from '../../tensor.ts';
import type { Graph } from '../engine.ts';
import { OnnxWriter } from './writer.ts';

const hasKernel = (op: OpDefinition, node: Tensor): boolean =>
  op.onnx !== undefined && !(op.onnxLacks?.includes(node.dtype) ?? false);

/** The bytes of an `.onnx` file computing `outputs` from `inputs`, under the given names. */
export function writeOnnx(
  { inputs, outputs }: Graph,
  names: { readonly inputs: readonly string[]; readonly outputs: readonly string[] },
  graphName = 'sextant',
): Uint8Array {
  const legal = simplify(legalize(outputs, 'onnx', hasKernel));
  const writer = new OnnxWriter();
  const known = new Map<Tensor, string>();
  inputs.forEach((input, i) => known.set(input, writer.input(names.inputs[i], input.shape, input.dtype)));
  for (const node of topologicalOrder(legal)) {
    if (known.has(node)) continue;
    if (!node.op.onnx)
      throw new Error(`onnx: a placeholder ${node.toString()} is not among the inputs of the program`);
    const operands = node.inputs.map((x) => known.get(x) as string);
    known.set(node, node.op.onnx(writer, node, operands));
  }
  legal.forEach((output, i) =>
    writer.output(names.outputs[i], known.get(output) as string, output.shape, output.dtype),
  );
  return writer.finish(graphName);
}

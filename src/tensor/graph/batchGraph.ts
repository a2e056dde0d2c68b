/** A graph over one more leading axis, op by op: what vmap is made of. */
import { tileLeading } from '../ops/shape.ts';
import type { Tensor } from '../tensor.ts';
import { dependents, topologicalOrder } from './traverse.ts';

/** Rebuilds outputs traced on `examples` over a leading axis, given batched values for the examples. */
export function batchGraph(
  outputs: readonly Tensor[],
  examples: readonly Tensor[],
  values: readonly Tensor[],
  size: number,
): Tensor[] {
  const order = topologicalOrder(outputs);
  const batched = dependents(order, examples);
  const known = new Map<Tensor, Tensor>(examples.map((example, i) => [example, values[i]]));
  for (const node of order) {
    if (!batched.has(node) || known.has(node)) continue;
    const inputs = node.inputs.map((x) => known.get(x) ?? x);
    const flags = node.inputs.map((x) => batched.has(x));
    known.set(node, node.op.batch(inputs, flags, node.attributes, size));
  }
  return outputs.map((output) => known.get(output) ?? tileLeading(output, size));
}

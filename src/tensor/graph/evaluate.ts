/** The reference evaluator: plain TypeScript, op by op, in the dtype of each node (float64 unless the program says less). */
import type { NDArray } from '../array.ts';
import { isPlaceholder, type Tensor } from '../tensor.ts';
import { topologicalOrder } from './traverse.ts';

/** Values of `outputs`, given values of the placeholders. Values are dropped after their last use. */
export function evaluate(
  outputs: readonly Tensor[],
  feeds: ReadonlyMap<Tensor, NDArray> = new Map(),
  inspect?: (node: Tensor, value: NDArray) => void,
): NDArray[] {
  const order = topologicalOrder(outputs);
  const uses = new Map<Tensor, number>();
  for (const node of [...order.flatMap((n) => n.inputs), ...outputs])
    uses.set(node, (uses.get(node) ?? 0) + 1);
  const values = new Map<Tensor, NDArray>();
  for (const node of order) {
    if (isPlaceholder(node)) {
      const fed = feeds.get(node);
      if (!fed) throw new Error(`evaluate: ${node.toString()} was not fed; every placeholder needs a value`);
      values.set(node, fed);
      continue;
    }
    const inputs = node.inputs.map((x) => values.get(x) as NDArray);
    const data = node.op.reference(inputs, node);
    const value = { data, shape: node.shape, dtype: node.dtype };
    inspect?.(node, value);
    values.set(node, value);
    for (const x of node.inputs) {
      const left = (uses.get(x) as number) - 1;
      uses.set(x, left);
      if (left === 0) values.delete(x);
    }
  }
  return outputs.map((node) => values.get(node) as NDArray);
}

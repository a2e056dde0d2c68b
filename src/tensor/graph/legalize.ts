/** Replaces ops that an engine has no kernel for by what they mean in other ops. */
import type { OpDefinition } from '../op.ts';
import { isPlaceholder, Tensor } from '../tensor.ts';
import { topologicalOrder } from './traverse.ts';

/** @throws if an op has neither a kernel nor an expansion. */
export function legalize(
  outputs: readonly Tensor[],
  engine: string,
  hasKernel: (op: OpDefinition, node: Tensor) => boolean,
): Tensor[] {
  const legal = new Map<Tensor, Tensor>();
  const visit = (wanted: readonly Tensor[]): Tensor[] => {
    for (const node of topologicalOrder(wanted)) {
      if (legal.has(node)) continue;
      const inputs = node.inputs.map((x) => legal.get(x) as Tensor);
      if (isPlaceholder(node) || hasKernel(node.op, node)) {
        const same = inputs.every((x, i) => x === node.inputs[i]);
        legal.set(node, same ? node : new Tensor(node.op, inputs, node.attributes, node));
        continue;
      }
      if (!node.op.expand) {
        throw new Error(
          `${engine}: the op '${node.op.name}' has no kernel for ${node.dtype} and no expansion`,
        );
      }
      for (const x of inputs) legal.set(x, x);
      legal.set(node, visit([node.op.expand(inputs, node.attributes)])[0]);
    }
    return wanted.map((node) => legal.get(node) as Tensor);
  };
  return visit(outputs);
}

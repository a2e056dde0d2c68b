/** Walking graphs of tensors without recursion (graphs of unrolled networks are deep). */
import { isConstant, Tensor } from '../tensor.ts';

/** Every node the outputs depend on, inputs before users. Node ids grow along edges, so sorting by id is enough. */
export function topologicalOrder(outputs: readonly Tensor[]): Tensor[] {
  const seen = new Set<Tensor>();
  const pending = [...outputs];
  for (let node = pending.pop(); node; node = pending.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    pending.push(...node.inputs);
  }
  return [...seen].sort((a, b) => a.id - b.id);
}

/** The nodes among `order` (topological) that depend on one of `sources`, the sources included. */
export function dependents(order: readonly Tensor[], sources: Iterable<Tensor>): Set<Tensor> {
  const reached = new Set(sources);
  for (const node of order)
    if (!reached.has(node) && node.inputs.some((x) => reached.has(x))) reached.add(node);
  return reached;
}

/** The graph again with some nodes replaced; what does not depend on a replaced node is shared, not copied. */
export function substitute(outputs: readonly Tensor[], replacements: ReadonlyMap<Tensor, Tensor>): Tensor[] {
  const known = new Map(replacements);
  for (const node of topologicalOrder(outputs)) {
    if (known.has(node)) continue;
    const inputs = node.inputs.map((x) => known.get(x) ?? x);
    const same = inputs.every((x, i) => x === node.inputs[i]);
    known.set(node, same ? node : new Tensor(node.op, inputs, node.attributes, node));
  }
  return outputs.map((node) => known.get(node) as Tensor);
}

/** Ops that only show their operand in another shape: done again sooner than kept. */
const views: ReadonlySet<string> = new Set(['reshape', 'broadcastTo']);

/** The values that do not depend on `varying` and that what does, or an output, is computed from; constants aside. */
export function frontier(outputs: readonly Tensor[], varying: readonly Tensor[]): Tensor[] {
  const order = topologicalOrder(outputs);
  const varies = dependents(order, varying);
  const reached = new Set(outputs.filter((node) => !varies.has(node)));
  // Users before their inputs, so that a view of a view is known to be varying when its operand is looked at.
  for (const node of [...order].reverse()) {
    if (reached.has(node) && views.has(node.op.name)) {
      reached.delete(node);
      varies.add(node);
    }
    if (varies.has(node)) for (const input of node.inputs) if (!varies.has(input)) reached.add(input);
  }
  return [...reached].filter((node) => !isConstant(node));
}

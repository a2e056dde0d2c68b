/** Vectorisation: a function of one example becomes a function of a batch, op by op (axis 0). */
import { dependents, topologicalOrder } from '../graph/traverse.ts';
import { tileLeading } from '../ops/shape.ts';
import { showShape } from '../shape.ts';
import { placeholder, type Tensor } from '../tensor.ts';
import { flatten, unflatten } from '../tree.ts';

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

/**
 * Maps f over axis 0 of its arguments. `mapped[i] = false` passes argument i whole to every example (parameters).
 *
 * @throws if mapped arguments disagree about the size of axis 0 or a mapped leaf is a scalar.
 */
export function vmap<A extends readonly unknown[], R>(
  f: (...args: A) => R,
  mapped?: readonly boolean[],
): (...args: A) => R {
  return (...args) => {
    const examples: Tensor[] = [];
    const values: Tensor[] = [];
    const inner = args.map((arg, i) => {
      if (mapped?.[i] === false) return arg;
      const { leaves, structure } = flatten<Tensor>(arg);
      const stand = leaves.map((leaf) => {
        if (leaf.rank === 0)
          throw new Error(
            `vmap: argument ${i} has a scalar leaf, which has no axis to map over; mark it mapped: false`,
          );
        return placeholder(leaf.shape.slice(1), leaf.dtype, 'example');
      });
      examples.push(...stand);
      values.push(...leaves);
      return unflatten(structure, stand);
    }) as unknown as A;
    const size = values[0]?.shape[0];
    if (size === undefined) throw new Error('vmap: no argument is mapped');
    const odd = values.find((value) => value.shape[0] !== size);
    if (odd)
      throw new Error(
        `vmap: arguments of ${size} and of ${odd.shape[0]} examples (${showShape(odd.shape)}); all mapped arguments need the same axis 0`,
      );
    const outputs = flatten<Tensor>(f(...inner));
    return unflatten<R>(outputs.structure, batchGraph(outputs.leaves, examples, values, size));
  };
}

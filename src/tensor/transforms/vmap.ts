/** Vectorisation: a function of one example becomes a function of a batch, op by op (axis 0). */
import { batchGraph } from '../graph/batchGraph.ts';
import { showShape } from '../shape.ts';
import { placeholder, type Tensor } from '../tensor.ts';
import { flatten, unflatten } from '../tree.ts';

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

/** Parameters of an ensemble: the members' trees with their leaves stacked on a new axis 0. */
import { flatten, sameShape, showShape, unflatten, type NDArray } from '../tensor/index.ts';

/**
 * Trees of one structure as one tree: leaves `[...shape]` become `[members, ...shape]`.
 *
 * @throws if there is no tree, or two of them differ in a leaf's shape or dtype.
 */
export function stackMembers<P>(members: readonly P[]): P {
  if (members.length === 0) throw new Error('stackMembers: there are no members; expected at least one');
  const { structure } = flatten<NDArray>(members[0]);
  const all = members.map((member) => flatten<NDArray>(member).leaves);
  const stacked = all[0].map((first, i): NDArray => {
    const size = first.data.length;
    const data = first.data.slice(0, 0);
    const joined = new (data.constructor as new (length: number) => typeof data)(members.length * size);
    all.forEach((leaves, m) => {
      const leaf = leaves.at(i);
      if (leaf?.dtype !== first.dtype || !sameShape(leaf.shape, first.shape)) {
        const came = leaf ? `${leaf.dtype}${showShape(leaf.shape)}` : 'nothing';
        throw new Error(
          `stackMembers: leaf ${i} of member ${m} is ${came}, that of member 0 ${first.dtype}${showShape(first.shape)}; all members need one structure`,
        );
      }
      joined.set(leaf.data, m * size);
    });
    return { data: joined, shape: [members.length, ...first.shape], dtype: first.dtype };
  });
  return unflatten<P>(structure, stacked);
}

/** The members of a stacked tree, one tree each; their leaves are copies. */
export function unstackMembers<P>(stacked: P): P[] {
  const { leaves, structure } = flatten<NDArray>(stacked);
  const count = leaves[0].shape[0];
  return Array.from({ length: count }, (_, m) =>
    unflatten<P>(
      structure,
      leaves.map(({ data, shape, dtype }): NDArray => {
        const size = data.length / count;
        return { data: data.slice(m * size, (m + 1) * size), shape: shape.slice(1), dtype };
      }),
    ),
  );
}

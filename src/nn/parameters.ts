/**
 * Parameters of a model: a plain tree (records and arrays) of float32 arrays, and the one flat vector that such a tree
 * becomes for the optimiser. A layout says where in the vector each leaf lies.
 */
import { constant, mapTree, reshape, sizeOf, showShape, sameShape } from '../tensor/index.ts';
import { flatten, leafPaths, unflatten, type Structure, type Tree } from '../tensor/tree.ts';
import { regroup, type Blocks } from './blocks.ts';
import type { MapLeaves, NDArray, Shape, Tensor, TensorTree } from '../tensor/index.ts';

export type ParameterTree = Tree<NDArray>;

/** The same tree while a program is traced; for a tree of unknown structure, any tree of tensors. */
export type TensorsOf<P> = ParameterTree extends P ? TensorTree : MapLeaves<P, NDArray, Tensor>;

/**
 * Parameters as constants of the program that is being traced, for a trained model that runs many times: what depends on them
 * alone (masked weights, spectral norms, inverses) is then computed once, when the program is compiled.
 */
export const constantsOf = <P>(tree: P): TensorsOf<P> =>
  mapTree(tree, (leaf: NDArray) => constant(leaf)) as TensorsOf<P>;

export interface LayoutEntry {
  /** Dotted path of the leaf: `layers.0.weight`. */
  readonly path: string;
  readonly shape: Shape;
  readonly offset: number;
  readonly size: number;
}

/** Where each leaf of a tree lies in the packed vector, in the tree's own order, without gaps. */
export interface Layout<P = unknown> {
  readonly structure: Structure;
  readonly entries: readonly LayoutEntry[];
  /** Length of the packed vector: the number of parameters. */
  readonly size: number;
  /** Only remembers the type of the tree. */
  readonly tree?: P;
}

/**
 * The layout of a parameter tree.
 *
 * @throws if the tree has no leaves, two leaves share a path, or a leaf is not a float32 array.
 */
export function layoutOf<P>(tree: P): Layout<P> {
  const { leaves, structure } = flatten<NDArray>(tree);
  const paths = leafPaths(tree);
  const known = new Set<string>();
  let offset = 0;
  const entries = leaves.map((leaf, i) => {
    const path = paths[i];
    if (known.has(path)) {
      throw new Error(
        `parameters: two leaves have the path '${path}'; rename the record key that holds a dot`,
      );
    }
    known.add(path);
    checkLeaf(leaf, path);
    const size = sizeOf(leaf.shape);
    const entry = { path, shape: leaf.shape, offset, size };
    offset += size;
    return entry;
  });
  if (entries.length === 0) {
    throw new Error('parameters: the tree has no leaves; expected at least one float32 array');
  }
  return { structure, entries, size: offset };
}

function checkLeaf(leaf: NDArray | undefined, path: string): void {
  const dtype = leaf?.dtype ?? typeof leaf;
  if (dtype !== 'float32') {
    throw new Error(`parameters: the leaf '${path}' is ${dtype}, expected a float32 array`);
  }
}

/** Number of parameters in a tree. */
export const countParameters = (tree: unknown): number =>
  flatten<NDArray>(tree).leaves.reduce((total, { shape }) => total + sizeOf(shape), 0);

/** The leaves of a tree one after the other: `[layout.size]`, float32. */
export function packTree<P>(tree: P, layout: Layout<P> = layoutOf(tree)): NDArray {
  const { leaves } = flatten<NDArray>(tree);
  if (leaves.length !== layout.entries.length) {
    throw new Error(`packTree: the tree has ${leaves.length} leaves, the layout ${layout.entries.length}`);
  }
  const data = new Float32Array(layout.size);
  layout.entries.forEach(({ path, shape, offset }, i) => {
    checkLeaf(leaves[i], path);
    if (!sameShape(leaves[i].shape, shape)) {
      throw new Error(
        `packTree: the leaf '${path}' has shape ${showShape(leaves[i].shape)}, expected ${showShape(shape)}`,
      );
    }
    data.set(leaves[i].data, offset);
  });
  return { data, shape: [layout.size], dtype: 'float32' };
}

/** The tree of a packed vector `[layout.size]`; its leaves are copies. */
export function unpackTree<P>(flat: NDArray, layout: Layout<P>): P {
  if (!sameShape(flat.shape, [layout.size])) {
    throw new Error(`unpackTree: the vector has shape ${showShape(flat.shape)}, expected [${layout.size}]`);
  }
  const leaves = layout.entries.map(({ shape, offset, size }): NDArray => ({
    data: flat.data.slice(offset, offset + size),
    shape,
    dtype: flat.dtype,
  }));
  return unflatten<P>(layout.structure, leaves);
}

/** `unpackTree` for tensors and a vector in blocks. Differentiate with respect to the tree, not through the cuts. */
export function unpackTensors<P>(blocks: Blocks<Tensor>, { structure, entries }: Layout<P>): TensorsOf<P> {
  const leaves = regroup(
    blocks,
    entries.map(({ size }) => size),
  );
  return unflatten<TensorsOf<P>>(
    structure,
    leaves.map((leaf, i) => reshape(leaf, entries[i].shape)),
  );
}

/** Trees: records and arrays of leaves, wherever a single tensor may stand (JAX's pytrees). */
import { isNDArray } from './array.ts';
import { Tensor } from './tensor.ts';

export type Tree<Leaf> = Leaf | readonly Tree<Leaf>[] | { readonly [key: string]: Tree<Leaf> };

/** The same tree with other leaves. */
export type MapLeaves<T, From, To> = T extends From
  ? To
  : T extends readonly unknown[]
    ? { [K in keyof T]: MapLeaves<T[K], From, To> }
    : T extends object
      ? { [K in keyof T]: MapLeaves<T[K], From, To> }
      : T;

export type TensorTree = Tree<Tensor>;

/** What `shape` is of a tree: enough to build it again from a flat list of leaves. */
export type Structure =
  | { readonly kind: 'leaf' }
  | { readonly kind: 'array'; readonly items: readonly Structure[] }
  | { readonly kind: 'record'; readonly keys: readonly string[]; readonly items: readonly Structure[] };

const leaf: Structure = { kind: 'leaf' };

/** A leaf is a tensor, a number, a concrete array, or a spec: anything that is not a plain array or record. */
function isLeaf(node: unknown): boolean {
  if (node instanceof Tensor || typeof node !== 'object' || node === null || ArrayBuffer.isView(node))
    return true;
  if (isNDArray(node)) return true;
  return 'shape' in node && 'dtype' in node;
}

export interface Flat<Leaf> {
  readonly leaves: Leaf[];
  readonly structure: Structure;
}

/** Leaves in order of array index and of insertion of record keys. */
export function flatten<Leaf>(tree: unknown): Flat<Leaf> {
  const leaves: Leaf[] = [];
  const visit = (node: unknown): Structure => {
    if (isLeaf(node)) {
      leaves.push(node as Leaf);
      return leaf;
    }
    if (Array.isArray(node)) return { kind: 'array', items: node.map(visit) };
    const entries = Object.entries(node as Record<string, unknown>);
    return {
      kind: 'record',
      keys: entries.map(([key]) => key),
      items: entries.map(([, item]) => visit(item)),
    };
  };
  return { structure: visit(tree), leaves };
}

export function unflatten<T>(structure: Structure, leaves: readonly unknown[]): T {
  let next = 0;
  const build = (node: Structure): unknown => {
    if (node.kind === 'leaf') return leaves[next++];
    const items = node.items.map(build);
    return node.kind === 'array' ? items : Object.fromEntries(node.keys.map((key, i) => [key, items[i]]));
  };
  return build(structure) as T;
}

export function mapTree<T, From, To>(tree: T, f: (leaf: From, index: number) => To): MapLeaves<T, From, To> {
  const { leaves, structure } = flatten<From>(tree);
  return unflatten(structure, leaves.map(f));
}

/** Dotted paths of the leaves: `layers.0.weight`. */
export function leafPaths(tree: unknown): string[] {
  const paths: string[] = [];
  const visit = (node: unknown, path: string): void => {
    if (isLeaf(node)) paths.push(path);
    else
      for (const [key, item] of Object.entries(node as Record<string, unknown>))
        visit(item, path ? `${path}.${key}` : key);
  };
  visit(tree, '');
  return paths;
}

export const sameStructure = (a: Structure, b: Structure): boolean => JSON.stringify(a) === JSON.stringify(b);

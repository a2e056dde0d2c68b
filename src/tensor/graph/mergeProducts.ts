/**
 * Sums of products over rows as one product: Σᵢ aᵢᵀ bᵢ = [a₁; a₂; …]ᵀ [b₁; b₂; …]. A weight that is used again and again, as in
 * the steps of a recurrent network, has such a gradient, and every term alone is a pass over a matrix as large as the weight.
 */
import { add } from '../ops/arithmetic.ts';
import { matmul } from '../ops/matmul.ts';
import { concat, transpose } from '../ops/shape.ts';
import { sum } from '../ops/sum.ts';
import { sameShape } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import { topologicalOrder } from './traverse.ts';

/** aᵀ b over the last two axes. */
interface Product {
  readonly term: Tensor;
  readonly a: Tensor;
  readonly b: Tensor;
}

/** The graph with sums of products merged, where stacking rows moves less memory than adding products up. */
export function mergeProducts(outputs: readonly Tensor[]): Tensor[] {
  const order = topologicalOrder(outputs);
  const sums = sumsIn(order, outputs);
  const merges = new Map(
    [...sums].flatMap(([root, terms]) => {
      const products = terms.flatMap((term) => productOverRows(term) ?? []);
      return products.length > 1 ? [[root, products] as const] : [];
    }),
  );
  if (merges.size === 0) return [...outputs];
  const stacked = new Set([...merges.values()].map((products) => idsOf(products.map(({ b }) => b))));
  const stacks = new Map<string, Tensor>();
  const result = new Map<Tensor, Tensor>();
  const now = (node: Tensor): Tensor => result.get(node) as Tensor;
  const stack = (parts: readonly Tensor[]): Tensor => {
    const ids = idsOf(parts);
    const known = stacks.get(ids) ?? concat(parts.map(now), parts[0].rank - 2);
    stacks.set(ids, known);
    return known;
  };
  const rebuilt = (node: Tensor): Tensor => {
    const products = merges.get(node);
    const terms = sums.get(node) ?? [];
    if (products) {
      const merged = new Set(products.map(({ term }) => term));
      const product = matmul(transpose(stack(products.map(({ a }) => a))), stack(products.map(({ b }) => b)));
      return [...terms.filter((term) => !merged.has(term)).map(now), product].reduce(add);
    }
    // The gradient of a bias sums the rows that the gradient of its weight stacks.
    const rows = terms.flatMap((term) => summedRows(term) ?? []);
    if (rows.length > 0 && rows.length === terms.length && stacked.has(idsOf(rows)))
      return sum(stack(rows), rows[0].rank - 2);
    const inputs = node.inputs.map(now);
    return inputs.every((x, i) => x === node.inputs[i])
      ? node
      : new Tensor(node.op, inputs, node.attributes, node);
  };
  for (const node of order) result.set(node, rebuilt(node));
  return outputs.map(now);
}

const idsOf = (nodes: readonly Tensor[]): string => nodes.map(({ id }) => id).join();

/** Sums of two terms or more, each with its terms in order. A partial sum that something else uses too is a term. */
function sumsIn(order: readonly Tensor[], outputs: readonly Tensor[]): Map<Tensor, Tensor[]> {
  const uses = new Map<Tensor, number>();
  const use = (node: Tensor): void => void uses.set(node, (uses.get(node) ?? 0) + 1);
  outputs.forEach(use);
  for (const node of order) node.inputs.forEach(use);
  const sums = new Map<Tensor, Tensor[]>();
  for (const node of order) {
    if (node.op.name !== 'add' || node.inputs.some((x) => !sameShape(x.shape, node.shape))) continue;
    const terms = node.inputs.flatMap((x) => {
      const inner = uses.get(x) === 1 ? sums.get(x) : undefined;
      if (inner) sums.delete(x);
      return inner ?? [x];
    });
    sums.set(node, terms);
  }
  return sums;
}

/** The factors of aᵀ b with a `[…, rows, m]` and b `[…, rows, n]`, if the rows have no more values than the product. */
function productOverRows(term: Tensor): Product | null {
  if (term.op.name !== 'matmul') return null;
  const [left, b] = term.inputs;
  if (left.op.name !== 'transpose' || !swapsLastAxes(left)) return null;
  const [a] = left.inputs;
  const [m, n] = term.shape.slice(-2);
  const rows = b.shape[b.rank - 2];
  const sameBatch = sameShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
  return sameBatch && rows * (m + n) <= m * n ? { term, a, b } : null;
}

function swapsLastAxes({ attributes, rank }: Tensor): boolean {
  const permutation = attributes['permutation'] as readonly number[];
  return permutation.every((axis, i) => axis === (i < rank - 2 ? i : 2 * rank - 3 - i));
}

/** What a sum over the rows of a matrix, or of each of a batch, is taken of. */
function summedRows({ op, inputs: [x], attributes }: Tensor): Tensor | null {
  if (op.name !== 'sum' || x.rank < 2) return null;
  const axes = attributes['axes'] as readonly number[];
  return axes.length === 1 && axes[0] === x.rank - 2 ? x : null;
}

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  add,
  grad,
  matmul,
  reshape,
  square,
  sum,
  tanh,
  transpose,
  type Tensor,
} from '../../src/tensor/index.ts';
import { evaluate } from '../../src/tensor/graph/evaluate.ts';
import { mergeProducts } from '../../src/tensor/graph/mergeProducts.ts';
import { simplify } from '../../src/tensor/graph/simplify.ts';
import { topologicalOrder } from '../../src/tensor/graph/traverse.ts';
import { placeholder, withTraceContext } from '../../src/tensor/tensor.ts';
import { expectClose, normals } from './values.ts';

const count = (outputs: readonly Tensor[], name: string): number =>
  topologicalOrder(outputs).filter((node) => node.op.name === name).length;

/** Outputs before and after, which must have the same values. */
function merged(outputs: readonly Tensor[], inputs: readonly Tensor[]): Tensor[] {
  const after = mergeProducts(outputs);
  const feeds = new Map(inputs.map((x, i) => [x, normals(i, x.shape)]));
  const values = (nodes: readonly Tensor[]) => evaluate(nodes, feeds);
  values(after).forEach((value, i) => expectClose(value.data, values(outputs)[i].data, 1e-12));
  return after;
}

const float64 = <T>(body: () => T): T => withTraceContext({ dtype: 'float64' }, body);
const product = (a: Tensor, b: Tensor): Tensor => matmul(transpose(a), b);

test('the gradient of a weight that is used at every step is one product, that of its bias one sum', () =>
  float64(() => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 9 }),
        fc.integer({ min: 2, max: 3 }),
        fc.integer({ min: 6, max: 9 }),
        (steps, rows, hidden) => {
          const [x, weight, bias] = [[rows, hidden], [hidden, hidden], [hidden]].map((shape) =>
            placeholder(shape, 'float64'),
          );
          const loss = (w: readonly [Tensor, Tensor]): Tensor => {
            let state = x;
            for (let t = 0; t < steps; t++) state = tanh(add(matmul(state, w[0]), w[1]));
            return sum(square(state));
          };
          const gradient = simplify(grad(loss)([weight, bias]));
          const after = merged(gradient, [x, weight, bias]);
          // Of the steps forward there are as many products as before, and backward to all states but the first.
          expect(count(after, 'matmul')).toBe(2 * steps);
          expect(count(after, 'sum')).toBe(1);
        },
      ),
    );
  }));

test('products of a batch are stacked along their rows, beside other terms', () =>
  float64(() => {
    const [a, b, c, d] = [5, 6, 5, 6].map((n) => placeholder([4, 2, n], 'float64'));
    const other = placeholder([4, 5, 6], 'float64');
    const total = add(add(product(a, b), other), product(c, d));
    const after = merged([total], [a, b, c, d, other]);
    expect(count(after, 'matmul')).toBe(1);
  }));

test('rows that no product stacks are summed one by one', () =>
  float64(() => {
    const [a, b, c] = [0, 1, 2].map(() => placeholder([2, 6], 'float64'));
    const rowSums = (x: Tensor, y: Tensor): Tensor => add(sum(x, 0), sum(y, 0));
    const after = merged([add(product(a, b), product(b, a)), rowSums(b, a), rowSums(b, c)], [a, b, c]);
    expect(count(after, 'sum')).toBe(3);
  }));

describe('nothing is merged', () => {
  const unchanged = (outputsOf: (a: Tensor, b: Tensor) => Tensor[], rows: number): void =>
    float64(() => {
      const [a, b] = [0, 1].map(() => placeholder([rows, 6], 'float64'));
      const outputs = outputsOf(a, b);
      const after = merged(outputs, [a, b]);
      expect(after.every((node, i) => node === outputs[i])).toBe(true);
    });

  test('where stacking moves more memory than adding', () => {
    const outputsOf = (a: Tensor, b: Tensor): Tensor[] => [add(product(a, b), product(b, a))];
    unchanged(outputsOf, 4);
    expect(() => unchanged(outputsOf, 3)).toThrow();
  });

  test('of a partial sum that is wanted too', () => {
    unchanged((a, b) => {
      const part = add(product(a, b), tanh(product(b, b)));
      return [part, add(part, product(b, a))];
    }, 2);
  });

  test('of products that are not over rows', () => {
    unchanged((a, b) => [add(matmul(reshape(a, [6, 2]), b), matmul(reshape(b, [6, 2]), a))], 2);
  });
});

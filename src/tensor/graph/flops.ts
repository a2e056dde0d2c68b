/** Counts the arithmetic of a graph that runs at matrix-product speed. */
import { loopOf } from '../ops/loop.ts';
import { sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { simplify } from './simplify.ts';
import { topologicalOrder } from './traverse.ts';

/**
 * Floating-point operations (a multiply-add is two) in the matrix products and convolutions behind `outputs`, after
 * clean-up: the least time of a program is this number over the machine's product speed. A loop counts as one turn.
 */
export function productFlops(outputs: readonly Tensor[]): number {
  return topologicalOrder(simplify(outputs)).reduce((total, node) => total + flopsOf(node), 0);
}

function flopsOf(node: Tensor): number {
  const { op, inputs, shape } = node;
  const inner = loopOf(node);
  if (inner) return productFlops(inner.body.outputs);
  switch (op.name) {
    case 'matmul':
      return 2 * sizeOf(shape) * inputs[0].shape[inputs[0].rank - 1];
    case 'convolution':
      return 2 * sizeOf(shape) * sizeOf(inputs[1].shape.slice(1));
    // Both gradients are the forward product with the roles exchanged: as many operations as outputs × taps.
    case 'convolutionInputGradient':
      return 2 * sizeOf(inputs[0].shape) * sizeOf(inputs[1].shape.slice(1));
    case 'convolutionWeightGradient':
      return 2 * sizeOf(inputs[1].shape) * sizeOf(shape.slice(1));
    default:
      return 0;
  }
}

/** Shapes of batches of samples: sums over a sample, channels of images. */
import {
  add,
  broadcastTo,
  matmul,
  reshape,
  sizeOf,
  sum,
  transpose,
  type Shape,
  type Tensor,
} from '../tensor/index.ts';

/** Σ over all axes but the first: `[batch, ...]` → `[batch]`. */
export const sumSample = (x: Tensor): Tensor =>
  sum(
    x,
    x.shape.slice(1).map((_, i) => i + 1),
  );

/** A scalar for every sample of x: `[batch]`. */
export const perSample = (value: Tensor, x: Tensor): Tensor => broadcastTo(reshape(value, [1]), [x.shape[0]]);

/** `[batch, ...]` → `[batch, size]`. */
export const flattenSamples = (x: Tensor): Tensor => reshape(x, [x.shape[0], -1]);

/** The axis that linear layers mix: d of `[d]`, channels of `[channels, height, width]`. */
export const channelsOf = (shape: Shape): number => shape[0];

/** Pixels of an image; 1 for a vector. */
export const pixelsOf = (shape: Shape): number => sizeOf(shape.slice(1));

/** A value a channel, shaped to broadcast over samples of that shape: `[c]` → `[c, 1, 1]` for images. */
export const alongChannels = (values: Tensor, shape: Shape): Tensor =>
  reshape(values, [values.shape[0], ...shape.slice(1).map(() => 1)]);

/** A x + b at every pixel: x `[batch, c, ...]`, A `[c, c]`. On images this is the 1×1 convolution. */
export function mixChannels(A: Tensor, x: Tensor, b?: Tensor): Tensor {
  const columns = transpose(A);
  const plus = (y: Tensor): Tensor => (b ? add(y, b) : y);
  if (x.rank === 2) return plus(matmul(x, columns));
  const [batch, c, ...pixels] = x.shape;
  const rows = transpose(reshape(x, [batch, c, -1]));
  return reshape(transpose(plus(matmul(rows, columns))), [batch, c, ...pixels]);
}

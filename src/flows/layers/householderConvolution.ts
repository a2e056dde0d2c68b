/**
 * Householder convolution: one reflection I − 2vvᵀ/‖v‖² of every patch of k × k pixels and all channels, with stride k, so patches do not
 * overlap. An isometry: λ = 1 (Ross & Cresswell 2021).
 */
import { z } from 'zod';
import {
  div,
  matmul,
  mul,
  reshape,
  showShape,
  square,
  sub,
  sum,
  transpose,
  zeros,
  type Shape,
  type Tensor,
} from '../../tensor/index.ts';
import { normalInitialiser } from '../../nn/index.ts';
import { layer } from '../layer.ts';

export const householderConvolution = layer('householder-convolution', {
  title: 'Householder convolution',
  source: 'Ross & Cresswell 2021 (Conformal embedding flows)',
  options: z.strictObject({ kernel: z.int().positive().default(2) }),
  conformal: true,
  examples: [{ shape: [1, 2, 4] }, { shape: [2, 3, 3], options: { kernel: 3 } }],
  init(key, { shape }, { kernel }) {
    return { v: normalInitialiser()(key, [shape[0] * kernel * kernel]) };
  },
  outputShape(shape, { kernel }) {
    requirePatches(shape, kernel);
    return shape;
  },
  forward: ({ v }, x, { options: { kernel } }) => ({
    y: reflectPatches(v, x, kernel),
    logDet: zeros([x.shape[0]], x.dtype),
  }),
  // A reflection is its own inverse.
  inverse: ({ v }, y, { options: { kernel } }) => ({
    x: reflectPatches(v, y, kernel),
    logDet: zeros([y.shape[0]], y.dtype),
  }),
});

function requirePatches(shape: Shape, kernel: number): void {
  if (shape.length === 3 && shape[1] % kernel === 0 && shape[2] % kernel === 0) return;
  throw new Error(
    `householder-convolution: samples ${showShape(shape)} and kernel ${kernel}; expected [channels, height, width] with height and width that the kernel divides`,
  );
}

function reflectPatches(v: Tensor, x: Tensor, k: number): Tensor {
  const [batch, c, height, width] = x.shape;
  const [rows, columns] = [height / k, width / k];
  // [batch, c, rows, k, columns, k] → [batch, rows, columns, c, k, k] and back.
  const cut = transpose(reshape(x, [batch, c, rows, k, columns, k]), [0, 2, 4, 1, 3, 5]);
  const patches = reshape(cut, [batch * rows * columns, c * k * k]);
  const column = reshape(v, [-1, 1]);
  const along = div(matmul(patches, column), sum(square(v)));
  const reflected = sub(patches, mul(2, matmul(along, transpose(column))));
  const whole = reshape(reflected, [batch, rows, columns, c, k, k]);
  return reshape(transpose(whole, [0, 3, 1, 4, 2, 5]), x.shape);
}

/**
 * The operators written literally from their definitions, level by level and in space, without the merging and stacking
 * of the real ones: slow, obvious, and the ground truth of their tests.
 */
import {
  add,
  constant,
  matmul,
  relu,
  reshape,
  sliceAxis,
  stack,
  type Tensor,
} from '../../src/tensor/index.ts';
import { linear } from '../../src/nn/index.ts';
import {
  multiwaveletFilters,
  padeBlock,
  type Degrees,
  type WaveletBasis,
} from '../../src/operators/index.ts';
import { spectralConvolution } from '../../src/operators/spectral.ts';

interface Shape {
  readonly basis: WaveletBasis;
  readonly k: number;
  readonly channels: number;
  readonly modes: number;
}

/** One kernel of the three that a layer stacks along its first axis. */
const kernelOf = (kernels: Tensor, i: number, modes: number): Tensor =>
  sliceAxis(kernels, 0, i * modes, (i + 1) * modes);

/** x: [batch, n, c·k] through one layer; `kernel(i, field)` applies A, B or C. */
export function literalLayer(
  x: Tensor,
  shape: Shape,
  coarsest: { weight: Tensor; bias: Tensor },
  kernel: (i: number, field: Tensor) => Tensor,
): Tensor {
  const { basis, k, channels } = shape;
  const { H0, H1, G0, G1, Phi0, Phi1 } = multiwaveletFilters(basis, k);
  const tensor = (m: { to1DArray(): number[] }): Tensor => constant(m.to1DArray(), [k, k]);
  const batch = x.shape[0];
  const perChannel = (field: Tensor): Tensor => reshape(field, [batch, -1, channels, k]);
  const flat = (field: Tensor): Tensor => reshape(field, [batch, -1, channels * k]);
  const times = (field: Tensor, m: { to1DArray(): number[] }): Tensor => matmul(field, tensor(m));

  let s = x;
  const updates: { d: Tensor; s: Tensor }[] = [];
  while (s.shape[1] > 1) {
    const even = perChannel(sliceAxis(s, 1, 0, undefined, 2));
    const odd = perChannel(sliceAxis(s, 1, 1, undefined, 2));
    const d = flat(add(times(even, G0.transpose()), times(odd, G1.transpose())));
    s = flat(add(times(even, H0.transpose()), times(odd, H1.transpose())));
    updates.push({ d: add(kernel(0, d), kernel(1, s)), s: kernel(2, d) });
  }
  s = flat(linear.apply(coarsest, perChannel(s)));
  for (const update of updates.reverse()) {
    const coarse = perChannel(add(s, update.s));
    const detail = perChannel(update.d);
    const even = add(times(coarse, H0.mmul(Phi0)), times(detail, G0.mmul(Phi0)));
    const odd = add(times(coarse, H1.mmul(Phi1)), times(detail, G1.mmul(Phi1)));
    s = reshape(stack([even, odd], 2), [batch, -1, channels * k]);
  }
  return s;
}

/** Keeps as many modes as the field has. */
const convolve = (weights: Tensor, field: Tensor): Tensor => spectralConvolution(weights, field);

export const literalMwtKernel =
  (kernels: Tensor, modes: number) =>
  (i: number, field: Tensor): Tensor =>
    convolve(kernelOf(kernels, i, modes), field);

export const literalPadeKernel =
  (kernels: Tensor, maps: readonly { weight: Tensor; bias: Tensor }[], modes: number, degrees: Degrees) =>
  (i: number, field: Tensor): Tensor =>
    padeBlock({ kernel: kernelOf(kernels, i, modes), ...maps[i] }, field, degrees);

/** Lift, layers with ReLU between, head. */
export function literalPyramid(
  p: { lift: { weight: Tensor; bias: Tensor }; head: readonly { weight: Tensor; bias: Tensor }[] },
  u: Tensor,
  layers: readonly ((x: Tensor) => Tensor)[],
): Tensor {
  let x = linear.apply(p.lift, u);
  layers.forEach((layer, i) => (x = layer(i === 0 ? x : relu(x))));
  return linear.apply(p.head[1], relu(linear.apply(p.head[0], x)));
}

/**
 * The operators written literally from their definitions, level by level and in space, without the merging and stacking
 * of the real ones: slow, obvious, and the ground truth of their tests.
 */
import {
  add,
  broadcastTo,
  concat,
  constant,
  einsum,
  matmul,
  relu,
  reshape,
  sliceAxis,
  stack,
  sub,
  transpose,
  type Tensor,
} from '../../src/tensor/index.ts';
import { linear } from '../../src/nn/index.ts';
import {
  multiwaveletFilters,
  padeBlock,
  type Degrees,
  type WaveletBasis,
} from '../../src/operators/index.ts';

interface Shape {
  readonly basis: WaveletBasis;
  readonly k: number;
  readonly channels: number;
  readonly modes: number;
}

/** x: [batch, n, k·c] through one layer; `kernel(i, field)` applies A, B or C. */
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
  const perChannel = (field: Tensor): Tensor =>
    transpose(reshape(field, [batch, -1, k, channels]), [0, 1, 3, 2]);
  const flat = (field: Tensor): Tensor => reshape(transpose(field, [0, 1, 3, 2]), [batch, -1, k * channels]);
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
    s = reshape(stack([flat(even), flat(odd)], 2), [batch, -1, k * channels]);
  }
  return s;
}

/** The truncated DFT, one complex product a mode, and back, by the definition; as many modes as the field has. */
function convolve(weights: Tensor, field: Tensor): Tensor {
  const s = field.shape[1];
  const output = weights.shape[2] / 2;
  const modes = Math.min(weights.shape[0], Math.floor(s / 2) + 1);
  const wave = (f: (angle: number) => number, weight: (k: number) => number): Tensor =>
    constant(
      Float64Array.from({ length: modes * s }, (_, i) => {
        const [k, x] = [Math.floor(i / s), i % s];
        return weight(k) * f((2 * Math.PI * k * x) / s);
      }),
      [modes, s],
    );
  // Modes other than 0 and the Nyquist mode stand for their conjugates too.
  const twice = (k: number): number => (k === 0 || 2 * k === s ? 1 : 2) / s;
  const analyse = (f: (angle: number) => number, sign: number): Tensor =>
    einsum(
      'kx,bxi->bki',
      wave(f, () => sign),
      field,
    );
  const kernel = sliceAxis(weights, 0, 0, modes);
  const [wr, wi] = [sliceAxis(kernel, 2, 0, output), sliceAxis(kernel, 2, output)];
  const [xr, xi] = [analyse(Math.cos, 1), analyse(Math.sin, -1)];
  const times = (x: Tensor, w: Tensor): Tensor => einsum('bki,kio->bko', x, w);
  const [yr, yi] = [sub(times(xr, wr), times(xi, wi)), add(times(xr, wi), times(xi, wr))];
  const back = (f: (angle: number) => number, y: Tensor): Tensor => einsum('kx,bko->bxo', wave(f, twice), y);
  return sub(back(Math.cos, yr), back(Math.sin, yi));
}

/** Lift of the field and its coordinate, layers, head. */
export function literalFno(
  p: {
    lift: { weight: Tensor; bias: Tensor };
    layers: readonly { spectral: Tensor; local: { weight: Tensor; bias: Tensor } }[];
    head: readonly { weight: Tensor; bias: Tensor }[];
  },
  u: Tensor,
): Tensor {
  const [batch, s] = u.shape;
  const x = broadcastTo(
    constant(
      Float64Array.from({ length: s }, (_, i) => i / s),
      [1, s, 1],
    ),
    [batch, s, 1],
  );
  let v = linear.apply(p.lift, concat([u, x], 2));
  p.layers.forEach(({ spectral, local }, i) => {
    const next = add(linear.apply(local, v), convolve(spectral, v));
    v = i < p.layers.length - 1 ? relu(next) : next;
  });
  return linear.apply(p.head[1], relu(linear.apply(p.head[0], v)));
}

export const literalMwtKernel =
  (kernels: readonly Tensor[]) =>
  (i: number, field: Tensor): Tensor =>
    convolve(kernels[i], field);

export const literalPadeKernel =
  (kernels: readonly Tensor[], maps: readonly { weight: Tensor; bias: Tensor }[], degrees: Degrees) =>
  (i: number, field: Tensor): Tensor =>
    padeBlock({ kernel: kernels[i], ...maps[i] }, field, degrees);

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

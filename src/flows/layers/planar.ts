/**
 * Planar layers: y = x + û tanh(wᵀx + b), log|det| = log |1 + h′ wᵀû|; û = u + (softplus(wᵀu) − 1 − wᵀu) w / ‖w‖² keeps wᵀû > −1, where
 * the map is a bijection (Rezende & Mohamed 2015, appendix A, with softplus(wᵀu) − 1 for m).
 *
 * The inverse is found where it is one-dimensional: α = wᵀx solves α + wᵀû tanh(α + b) = wᵀy, increasing in α and within |wᵀû| of
 * wᵀy; then x = y − û tanh(α + b).
 */
import { z } from 'zod';
import {
  abs,
  add,
  div,
  log,
  matmul,
  mul,
  neg,
  reshape,
  sizeOf,
  softplus,
  square,
  sub,
  sum,
  tanh,
  type Tensor,
} from '../../tensor/index.ts';
import { normalInitialiser, zerosInitialiser } from '../../nn/index.ts';
import { split } from '../../tensor/random.ts';
import { layer } from '../layer.ts';
import { increasingRoot } from '../numerics.ts';
import { flattenSamples } from '../samples.ts';

interface PlanarTensors {
  readonly u: Tensor;
  readonly w: Tensor;
  readonly b: Tensor;
}

export const planar = layer('planar', {
  title: 'Planar',
  source: 'Rezende & Mohamed 2015',
  options: z.strictObject({}),
  inverseBy: 'iteration',
  examples: [{ shape: [1] }, { shape: [2] }, { shape: [5] }],
  init(key, { shape }) {
    const d = sizeOf(shape);
    const [u, w] = split(key, 2);
    return {
      u: normalInitialiser(0, 0.1)(u, [d]),
      w: normalInitialiser(0, 1 / Math.sqrt(d))(w, [d]),
      b: zerosInitialiser(key, []),
    };
  },
  forward(p, x) {
    const flat = flattenSamples(x);
    const { direction, product } = bounded(p);
    const h = tanh(add(dot(flat, p.w), p.b));
    return {
      y: reshape(add(flat, outer(h, direction)), x.shape),
      logDet: logSlope(h, product),
    };
  },
  inverse(p, y) {
    const flat = flattenSamples(y);
    const { direction, product } = bounded(p);
    const target = dot(flat, p.w);
    const reach = abs(product);
    const alpha = increasingRoot(
      (t) => {
        const h = tanh(add(t, p.b));
        return {
          value: sub(add(t, mul(product, h)), target),
          slope: add(1, mul(product, sub(1, square(h)))),
        };
      },
      { low: sub(target, reach), high: add(target, reach) },
    );
    const h = tanh(add(alpha, p.b));
    return { x: reshape(sub(flat, outer(h, direction)), y.shape), logDet: neg(logSlope(h, product)) };
  },
});

const dot = (x: Tensor, w: Tensor): Tensor => reshape(matmul(x, reshape(w, [-1, 1])), [x.shape[0]]);

const outer = (h: Tensor, u: Tensor): Tensor => mul(reshape(h, [-1, 1]), u);

/** û, and wᵀû = softplus(wᵀu) − 1. */
function bounded({ u, w }: PlanarTensors): { direction: Tensor; product: Tensor } {
  const given = sum(mul(w, u));
  const product = sub(softplus(given), 1);
  const correction = div(sub(product, given), sum(square(w)));
  return { direction: add(u, mul(correction, w)), product };
}

const logSlope = (h: Tensor, product: Tensor): Tensor => log(add(1, mul(product, sub(1, square(h)))));

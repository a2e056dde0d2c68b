/**
 * Fourier neural operator in one dimension (Li et al. 2021, "Fourier Neural Operator for Parametric Partial Differential
 * Equations", arXiv 2010.08895; sizes of the authors' fourier_1d.py).
 */
import { z } from 'zod';
import { add, broadcastTo, concat, constant, relu, type Tensor } from '../tensor/index.ts';
import { split } from '../tensor/random.ts';
import { linear } from '../nn/index.ts';
import { operator } from './operator.ts';
import { initSpectral, spectralConvolution } from './spectral.ts';

export const fno = operator('fno', {
  title: 'Fourier neural operator',
  source: 'Li et al. 2021, arXiv 2010.08895',
  options: z.strictObject({
    width: z.int().positive().default(64),
    modes: z.int().positive().default(16),
    layers: z.int().positive().default(4),
    /** Channels of the input field. */
    inputs: z.int().positive().default(1),
  }),
  init: (key, { width, modes, layers, inputs }) => {
    const [lift, body, first, last] = split(key, 4);
    return {
      lift: linear.init(lift, { inputs: inputs + 1, outputs: width }),
      layers: split(body, layers).map((layer) => {
        const [spectral, local] = split(layer, 2);
        return {
          spectral: initSpectral(spectral, modes, width, width),
          local: linear.init(local, { inputs: width, outputs: width }),
        };
      }),
      head: [
        linear.init(first, { inputs: width, outputs: 128 }),
        linear.init(last, { inputs: 128, outputs: 1 }),
      ] as const,
    };
  },
  apply: (p, u, { layers }) => {
    let v = linear.apply(p.lift, concat([u, positions(u)], 2));
    p.layers.forEach((layer, i) => {
      const sum = add(linear.apply(layer.local, v), spectralConvolution(layer.spectral, v));
      v = i < layers - 1 ? relu(sum) : sum;
    });
    return linear.apply(p.head[1], relu(linear.apply(p.head[0], v)));
  },
});

/** The coordinate x ∈ [0, 1) of every point as a channel: [batch, s, 1]. */
function positions(u: Tensor): Tensor {
  const [batch, s] = u.shape;
  return broadcastTo(
    constant(
      Float64Array.from({ length: s }, (_, i) => i / s),
      [1, s, 1],
    ),
    [batch, s, 1],
  );
}

/**
 * Fourier neural operator in one dimension (Li et al. 2021, "Fourier Neural Operator for Parametric Partial Differential
 * Equations", arXiv 2010.08895; sizes of the authors' fourier_1d.py).
 */
import { z } from 'zod';
import { add, broadcastTo, concat, constant, matmul, relu, reshape, type Tensor } from '../tensor/index.ts';
import { split } from '../tensor/random.ts';
import { linear, type LinearParameters } from '../nn/index.ts';
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
  apply: (p, u) => {
    const [first, last] = p.head;
    let v = features(u);
    p.layers.forEach((layer, i) => {
      const before = i === 0 ? concat([p.lift.weight, reshape(p.lift.bias, [1, -1])], 0) : undefined;
      const after = i === p.layers.length - 1 ? first : undefined;
      v = relu(applyLayer(layer, v, before, after));
    });
    return linear.apply(last, v);
  },
});

interface LayerParameters {
  readonly spectral: Tensor;
  readonly local: LinearParameters<Tensor>;
}

/**
 * W v + b + K v, [batch, s, in] → [batch, s, out]. Nothing but a linear map lies between the input and the first layer, and
 * between the last layer and the head: those maps are multiplied into W and, on the few modes, into K.
 */
function applyLayer(
  { spectral, local }: LayerParameters,
  v: Tensor,
  before?: Tensor,
  after?: LinearParameters<Tensor>,
): Tensor {
  const entered = before ? matmul(before, local.weight) : local.weight;
  const weight = after ? matmul(entered, after.weight) : entered;
  const bias = after ? linear.apply(after, local.bias) : local.bias;
  const nonlocal = spectralConvolution(spectral, v, { before, after: after?.weight, bias });
  return add(matmul(v, weight), nonlocal);
}

/** The input, the coordinate x ∈ [0, 1) and 1, on which the lift with its bias is one matrix: [batch, s, inputs + 2]. */
function features(u: Tensor): Tensor {
  const [batch, s] = u.shape;
  const known = Float64Array.from({ length: 2 * s }, (_, i) => (i % 2 === 0 ? i / 2 / s : 1));
  return concat([u, broadcastTo(constant(known, [1, s, 2]), [batch, s, 2])], 2);
}

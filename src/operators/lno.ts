/**
 * Low-rank neural operator (Li et al. 2021, arXiv 2010.08895, "LNO"; Kovachki et al. 2021, arXiv 2108.08481, section 4.2). Every
 * layer is a kernel integral whose kernel is a sum of `rank` products for each pair of channels, learned as functions of the
 * place and the input there, a(x) = (u(x), x):
 *
 *   v'_o(x) = Σ_i ∫ κ_oi(x, y) v_i(y) dy + (W v(x) + b)_o,   κ_oi(x, y) = Σ_r φ_oir(a(x)) ψ_oir(a(y)).
 *
 * φ and ψ are perceptrons whose last, linear map makes width² · rank values of few features. Those values are never formed at
 * the points of the grid: the sums over y and over the channels go through the linear map first, which is the same number
 * and takes s times fewer operations (`lowRankIntegral`).
 *
 * After every layer the authors' code has a batch normalisation. Here it is instance normalisation, statistics of a channel over
 * the points of a sample, so that a prediction depends on its own sample alone.
 */
import { z } from 'zod';
import { add, concat, div, matmul, relu, reshape, sum, transpose, type Tensor } from '../tensor/index.ts';
import { split, type Key } from '../tensor/random.ts';
import { fanInUniform, instanceNorm, linear, mlp } from '../nn/index.ts';
import { coordinates } from './coordinates.ts';
import { operator, type TensorsOf } from './operator.ts';

const schema = z.strictObject({
  width: z.int().positive().default(32),
  rank: z.int().positive().default(4),
  layers: z.int().positive().default(4),
  /** Hidden widths of the perceptrons φ and ψ. */
  hidden: z.array(z.int().positive()).min(1).default([64, 128, 256]),
  /** Channels of the input field. */
  inputs: z.int().positive().default(1),
});
type Options = z.infer<typeof schema>;

export const lno = operator('lno', {
  title: 'Low-rank neural operator',
  source: 'Li et al. 2021, arXiv 2010.08895',
  options: schema,
  publishedTraining: {
    // Batch and learning rate are reported of this model, the rest of the Fourier operator that it was published beside.
    learningRate: 1e-3,
    weightDecay: 1e-4,
    batchSize: 5,
    epochs: 500,
    schedule: { every: 100, gamma: 0.5 },
  },
  init: (key, options) => {
    const { width, layers, inputs } = options;
    const [lift, body, first, last] = split(key, 4);
    return {
      lift: linear.init(lift, { inputs: inputs + 1, outputs: width }),
      layers: split(body, layers).map((layer) => initLayer(layer, options)),
      head: [
        linear.init(first, { inputs: width, outputs: 128 }),
        linear.init(last, { inputs: 128, outputs: 1 }),
      ] as const,
    };
  },
  apply: (p, u, { layers }) => {
    const a = concat([u, coordinates(u)], 2);
    let v = linear.apply(p.lift, a);
    p.layers.forEach((layer, i) => {
      const total = add(lowRankIntegral(layer, a, v), linear.apply(layer.local, v));
      const normal = transpose(instanceNorm.apply(layer.norm, transpose(total)));
      v = i < layers - 1 ? relu(normal) : normal;
    });
    return linear.apply(p.head[1], relu(linear.apply(p.head[0], v)));
  },
});

/** The last maps of φ and ψ as batches of matrices: for φ one an output channel, for ψ one an input channel. */
function initLayer(key: Key, { width, rank, hidden, inputs }: Options) {
  const [phi, psi, phiWeight, psiWeight, phiBias, psiBias, local, norm] = split(key, 8);
  const sizes = [inputs + 1, ...hidden];
  const features = hidden[hidden.length - 1];
  const last = fanInUniform(features);
  return {
    phi: {
      hidden: mlp.init(phi, { sizes }),
      weight: last(phiWeight, [width, width * rank, features]),
      bias: last(phiBias, [width, width * rank, 1]),
    },
    psi: {
      hidden: mlp.init(psi, { sizes }),
      weight: last(psiWeight, [width, features, width * rank]),
      bias: last(psiBias, [width, 1, width * rank]),
    },
    local: linear.init(local, { inputs: width, outputs: width }),
    norm: instanceNorm.init(norm, { size: width }),
  };
}

type LayerParameters = TensorsOf<ReturnType<typeof initLayer>>;

/**
 * Σ_i ∫ κ_oi(x, y) v_i(y) dy with the mean over the grid as the integral: a [batch, s, inputs + 1], v [batch, s, width] →
 * [batch, s, width]. With ψ_oir = Σ_k Ψ_ikor h_k + … of the features h, and φ alike,
 *
 *   moments_ik = ∫ h_k(y) v_i(y) dy,   C_oir = Σ_k Ψ_ikor moments_ik + …,   v'_o(x) = Σ_k h_k(x) Σ_ir Φ_oirk C_oir + ….
 */
function lowRankIntegral({ phi, psi }: LayerParameters, a: Tensor, v: Tensor): Tensor {
  const [batch, s, width] = v.shape;
  const rank = psi.weight.shape[2] / width;

  const below = relu(mlp.apply(psi.hidden, a));
  const moments = transpose(matmul(transpose(v), below), [1, 0, 2]);
  const totals = reshape(transpose(sum(v, 1)), [width, batch, 1]);
  const sums = add(matmul(moments, psi.weight), matmul(totals, psi.bias));
  const coefficients = div(reshape(sums, [width, batch, width, rank]), s);

  const byOutput = reshape(transpose(coefficients, [2, 1, 0, 3]), [width, batch, width * rank]);
  const above = relu(mlp.apply(phi.hidden, a));
  const slopes = transpose(matmul(byOutput, phi.weight), [1, 2, 0]);
  const constants = transpose(matmul(byOutput, phi.bias), [1, 2, 0]);
  return add(matmul(above, slopes), constants);
}

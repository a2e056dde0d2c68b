/**
 * Autoregressive layers: entry i is changed by a map whose parameters depend on the entries before it (and on the context),
 *
 *   y_i = h(x_i; g(x_1 … x_{i−1})),  log|det| = Σ log |∂h_i/∂x_i|.
 *
 * From data to latent is one pass of the network. The way back goes entry by entry, but inside one program, and computes every hidden
 * unit once: the arithmetic of one pass in about d times as many nodes. Put `inverted` around a layer for the inverse autoregressive
 * flow (Kingma et al. 2016), which samples in one pass.
 */
import { z } from 'zod';
import { add, reshape, sizeOf, sliceAxis, zeros, type Tensor } from '../../tensor/index.ts';
import { made, type MadeParameters } from '../made.ts';
import { networkOptions, type NetworkOptions } from '../conditioner.ts';
import { layer, type LayerFamily } from '../layer.ts';
import { flattenSamples, sumSample } from '../samples.ts';
import { additive } from '../transformers/additive.ts';
import { affine } from '../transformers/affine.ts';
import { rationalQuadratic } from '../transformers/rationalQuadratic.ts';
import type { Transformer } from '../transformers/transformer.ts';

/** A family of autoregressive layers from what they do to an entry. */
function autoregressive<O>(
  name: string,
  title: string,
  source: string,
  transformer: Transformer<O>,
): LayerFamily<MadeParameters> {
  type Options = NetworkOptions & O;
  const options: z.ZodObject = z.strictObject({ ...networkOptions, ...transformer.options });
  return layer<Options, MadeParameters>(name, {
    title,
    source,
    options: options as z.ZodObject & z.ZodType<Options>,
    examples: [
      { shape: [1], options: { hidden: [6] } },
      { shape: [3], options: { hidden: [8, 7], activation: 'tanh' } },
      { shape: [5], options: { hidden: [12] }, context: 2 },
      // Fewer hidden units than entries: some degrees have none.
      { shape: [8], options: { hidden: [5, 6] } },
      { shape: [2, 1, 2], options: { hidden: [9] } },
    ],
    init: (key, { shape, context }, choice) =>
      made.init(key, sizeOf(shape), context, transformer.numbers(choice), choice),
    forward(p, x, { options: choice, context }) {
      const flat = flattenSamples(x);
      const raw = made.apply(p, flat, { context, activation: choice.activation });
      const { value, logDerivative } = transformer.forward(flat, raw, choice);
      return {
        y: reshape(value, x.shape),
        logDet: logDerivative ? sumSample(logDerivative) : zeros([x.shape[0]], x.dtype),
      };
    },
    inverse(p, y, { options: choice, context }) {
      const flat = flattenSamples(y);
      const [batch, d] = flat.shape;
      let logDet: Tensor = zeros([batch], y.dtype);
      const x = made.unroll(
        p,
        batch,
        d,
        (i, raw) => {
          const { value, logDerivative } = transformer.inverse(sliceAxis(flat, 1, i, i + 1), raw, choice);
          if (logDerivative) logDet = add(logDet, sumSample(logDerivative));
          return value;
        },
        { context, activation: choice.activation },
      );
      return { x: reshape(x, y.shape), logDet };
    },
  });
}

export const additiveAutoregressive = autoregressive(
  'additive-autoregressive',
  'Additive autoregression',
  'Papamakarios et al. 2021 (JMLR), section 3.1',
  additive,
);

/** MAF; `inverted` around it is IAF. */
export const affineAutoregressive = autoregressive(
  'affine-autoregressive',
  'Masked affine autoregression',
  'Papamakarios, Pavlakou & Murray 2017 (MAF)',
  affine,
);

export const splineAutoregressive = autoregressive(
  'spline-autoregressive',
  'Rational-quadratic spline autoregression',
  'Durkan, Bekasov, Murray & Papamakarios 2019',
  rationalQuadratic,
);

/** The published conformal embedding flow as a model: a Möbius embedding and a spline flow of the latent. */
import { z } from 'zod';
import { flow } from './flow.ts';
import { injectiveFlow, type InjectiveFlow } from './injective.ts';
import { parseOptions } from './layer.ts';
import { splineAutoregressive } from './layers/autoregressive.ts';
import { mobius } from './layers/conformal.ts';
import { permutation } from './layers/linear.ts';
import type { Model } from './models.ts';

const options = z.strictObject({
  /** d: dimension of the surface. */
  latent: z.int().positive().default(1),
  /** Spline layers of the flow of the latent. */
  blocks: z.int().positive().default(4),
  hidden: z.array(z.int().positive()).default([64, 64]),
  activation: z.enum(['relu', 'silu', 'gelu', 'tanh']).default('relu'),
  /** Weight of the mean squared distance to the surface, beside the likelihood's 1. */
  reconstruction: z.number().positive().default(100),
});

/**
 * All conformal maps of Rᴰ, D ≥ 3, are Möbius maps, so one of them after the zero-padding is as general as any chain of such layers.
 * The image of a line is a circle or a line, that of a plane a sphere or a plane.
 */
export const conformalEmbedding: Model<InjectiveFlow> = {
  name: 'cef',
  title: 'Conformal embedding flow',
  source: 'Ross & Cresswell 2021',
  schema: options,
  create({ shape, context, base }, given = {}) {
    const { latent, blocks, reconstruction, ...network } = parseOptions('cef', options, given);
    return injectiveFlow({
      shape,
      latent,
      ...(context !== undefined && { context }),
      embedding: [mobius.create()],
      weights: { likelihood: 1, reconstruction },
      flow: (domain) =>
        flow({
          ...domain,
          ...(base && { base }),
          layers: Array.from({ length: blocks }, () => [
            splineAutoregressive.create(network),
            permutation.create(),
          ]).flat(),
        }),
    });
  },
};

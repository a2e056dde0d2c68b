/** Flows for images: Real NVP of several scales, a conformal embedding flow around principal directions, and both over charts. */
import { z } from 'zod';
import { vqFlow } from './charts/models.ts';
import { flow, type Flow } from './flow.ts';
import { injectiveFlow, type InjectiveFlow } from './injective.ts';
import { parseOptions, type Layer } from './layer.ts';
import { actNorm } from './layers/actNorm.ts';
import { mobius } from './layers/conformal.ts';
import { affineCoupling, splineCoupling } from './layers/coupling.ts';
import { lu, orthogonal } from './layers/linear.ts';
import { multiscale, squeeze } from './layers/squeeze.ts';
import type { MaskName } from './masks.ts';
import type { Model } from './models.ts';

const realNvpOptions = z.strictObject({
  /** Couplings at each size of the image, each half the one before: the first over a checkerboard, the others over channels. */
  couplings: z.array(z.int().positive()).min(2).default([2, 2, 4]),
  /** Channels of their networks at each size. */
  channels: z.array(z.int().positive()).default([32, 48, 64]),
  /** Hidden layers of a network. */
  depth: z.int().positive().default(2),
});

/** Samples are images `[channels, height, width]` of real numbers, such as logits of grey levels. */
export const imageRealNvp: Model<Flow> = {
  name: 'image-real-nvp',
  title: 'Real NVP of several scales',
  source: 'Dinh, Sohl-Dickstein & Bengio 2017',
  schema: realNvpOptions,
  create(domain, given = {}) {
    const { couplings, channels, depth } = parseOptions('image-real-nvp', realNvpOptions, given);
    if (channels.length !== couplings.length) {
      throw new Error(
        `image-real-nvp: channels of ${channels.length} sizes for couplings of ${couplings.length}; expected one number each`,
      );
    }
    const block = (size: number, mask: MaskName): Layer[] =>
      Array.from({ length: couplings[size] }, (_, i) => [
        actNorm.create(),
        affineCoupling.create({
          mask,
          flip: i % 2 === 1,
          hidden: Array.from({ length: depth }, () => channels[size]),
        }),
      ]).flat();
    const smaller = couplings.slice(1).map((_, i) => [squeeze.create(), ...block(i + 1, 'channel')]);
    const [second, ...further] = smaller;
    return flow({
      ...domain,
      layers: [
        actNorm.create(),
        multiscale(domain.shape, [[...block(0, 'checkerboard'), ...second], ...further]),
      ],
    });
  },
};

const embeddingOptions = z.strictObject({
  /** d: dimension of the surface. */
  latent: z.int().positive().default(32),
  /** Spline couplings of the flow of the latent. */
  blocks: z.int().positive().default(4),
  hidden: z.array(z.int().positive()).default([64, 64]),
  /** Weight of the mean squared distance to the surface, beside the likelihood's 1. */
  reconstruction: z.number().positive().default(100),
});

/** How many reflections of the Möbius map turn the surface of each chart. */
const TURNS = 4;
/** Where its pole begins, in root mean squares of the length of a standardised sample: so far that the surface begins nearly flat. */
const POLE = 20;

/**
 * A Möbius map, then an orthogonal map that begins with the principal directions of the data as the latent, which a spline flow then
 * models. Samples are vectors: images row by row.
 */
export const principalEmbedding: Model<InjectiveFlow> = {
  name: 'principal-cef',
  title: 'Conformal embedding flow around principal directions',
  source: 'Ross & Cresswell 2021',
  schema: embeddingOptions,
  create({ shape, context, base }, given = {}) {
    const { latent, blocks, hidden, reconstruction } = parseOptions('principal-cef', embeddingOptions, given);
    return injectiveFlow({
      shape,
      latent,
      ...(context !== undefined && { context }),
      embedding: [
        mobius.create({ reflections: TURNS, pole: POLE * Math.sqrt(shape[0]) }),
        orthogonal.create({ reflections: latent }),
      ],
      weights: { likelihood: 1, reconstruction },
      flow: (domain) =>
        flow({
          ...domain,
          ...(base && { base }),
          layers: [
            actNorm.create(),
            ...Array.from({ length: blocks }, (_, i) => [
              lu.create(),
              splineCoupling.create({ hidden, mask: 'alternate', flip: i % 2 === 1 }),
            ]).flat(),
          ],
        }),
    });
  },
};

export const vqImageRealNvp = vqFlow(imageRealNvp, 'vq-image-real-nvp', 'VQ-Real NVP of several scales');
export const vqPrincipalEmbedding = vqFlow(principalEmbedding, 'vq-principal-cef', 'VQ-CEF');

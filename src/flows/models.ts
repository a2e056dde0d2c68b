/** Published flows as compositions of layers. Each is a function of its options to a flow; nothing here knows how a layer works. */
import { z } from 'zod';
import type { Shape } from '../tensor/index.ts';
import type { Base } from './bases/base.ts';
import { inverted } from './compose.ts';
import { flow, type Flow } from './flow.ts';
import { matchedFlow } from './flowMatching.ts';
import { parseOptions, type Layer } from './layer.ts';
import { actNorm } from './layers/actNorm.ts';
import { affineAutoregressive } from './layers/autoregressive.ts';
import { continuous } from './layers/continuous.ts';
import { additiveCoupling, affineCoupling, splineCoupling } from './layers/coupling.ts';
import { affine } from './layers/elementwise.ts';
import { lu, permutation } from './layers/linear.ts';
import { residual } from './layers/residual.ts';

/** What every model can choose. */
const modelOptions = z.strictObject({
  /** Blocks: couplings or autoregressive layers with what stands between them. */
  blocks: z.int().positive().default(8),
  hidden: z.array(z.int().positive()).default([64, 64]),
  activation: z.enum(['relu', 'silu', 'gelu', 'tanh']).default('relu'),
});

type ModelOptions = z.infer<typeof modelOptions>;

export interface ModelDomain {
  /** Of one sample. */
  readonly shape: Shape;
  readonly context?: number;
  /** Default: the standard normal. */
  readonly base?: Base;
}

/** A published model; `F` is what it creates, one flow or flows over charts. */
export interface Model<F = Flow> {
  readonly name: string;
  readonly title: string;
  readonly source: string;
  readonly schema: z.ZodObject;
  /** Whether `fit` of what it creates is no maximum likelihood of the layers, so that they must stay together. */
  readonly ownTraining?: boolean;
  create(domain: ModelDomain, options?: Readonly<Record<string, unknown>>): F;
}

const model = (
  name: string,
  title: string,
  source: string,
  layers: (options: ModelOptions) => readonly Layer[],
): Model => ({
  name,
  title,
  source,
  schema: modelOptions,
  create: (domain, options = {}) =>
    flow({ ...domain, layers: layers(parseOptions(name, modelOptions, options)) }),
});

/** Layers of each block, one block after the other. */
const repeat = (blocks: number, block: (i: number) => readonly Layer[]): Layer[] =>
  Array.from({ length: blocks }, (_, i) => block(i)).flat();

/** Masks that exchange what they keep from block to block. */
const flipped = (i: number) => ({ mask: 'alternate', flip: i % 2 === 1 });

export const models: readonly Model[] = [
  model('nice', 'NICE', 'Dinh, Krueger & Bengio 2015', ({ blocks, ...network }) => [
    ...repeat(blocks, (i) => [additiveCoupling.create({ ...network, ...flipped(i) })]),
    affine.create(),
  ]),
  model('real-nvp', 'Real NVP', 'Dinh, Sohl-Dickstein & Bengio 2017', ({ blocks, ...network }) =>
    repeat(blocks, (i) => [affineCoupling.create({ ...network, ...flipped(i) })]),
  ),
  model('glow', 'Glow', 'Kingma & Dhariwal 2018', ({ blocks, ...network }) =>
    repeat(blocks, (i) => [
      actNorm.create(),
      permutation.create({ order: 'random', seed: i }),
      lu.create(),
      affineCoupling.create({ ...network, ...flipped(i) }),
    ]),
  ),
  model('maf', 'MAF', 'Papamakarios, Pavlakou & Murray 2017', ({ blocks, ...network }) =>
    repeat(blocks, () => [affineAutoregressive.create(network), permutation.create()]),
  ),
  model('iaf', 'IAF', 'Kingma et al. 2016', ({ blocks, ...network }) =>
    repeat(blocks, () => [inverted(affineAutoregressive.create(network)), permutation.create()]),
  ),
  model(
    'nsf',
    'Neural spline flow',
    'Durkan, Bekasov, Murray & Papamakarios 2019',
    ({ blocks, ...network }) =>
      repeat(blocks, (i) => [lu.create(), splineCoupling.create({ ...network, ...flipped(i) })]),
  ),
  model('residual-flow', 'Residual flow', 'Chen, Behrmann, Duvenaud & Jacobsen 2019', ({ blocks, hidden }) =>
    repeat(blocks, () => [residual.create({ hidden }), actNorm.create()]),
  ),
  model('cnf', 'Continuous flow', 'Grathwohl et al. 2019 (FFJORD)', ({ hidden }) => [
    continuous.create({ hidden }),
  ]),
  {
    name: 'flow-matching',
    title: 'Continuous flow by flow matching',
    source: 'Lipman et al. 2023',
    schema: modelOptions,
    ownTraining: true,
    create: (domain, options = {}) =>
      matchedFlow(domain, { hidden: parseOptions('flow-matching', modelOptions, options).hidden }),
  },
];

/**
 * The model of that name.
 *
 * @throws if the name is unknown.
 */
export function getModel(name: string): Model {
  const found = models.find((candidate) => candidate.name === name);
  if (found) return found;
  throw new Error(`flow model '${name}' is unknown; expected one of ${models.map((m) => m.name).join(', ')}`);
}

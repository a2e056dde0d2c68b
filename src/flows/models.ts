/** Published flows as compositions of layers. Each is a function of its options to a flow; nothing here knows how a layer works. */
import { z } from 'zod';
import type { Shape } from '../tensor/index.ts';
import type { Base } from './bases/base.ts';
import { inverted } from './compose.ts';
import { networkOptions } from './conditioner.ts';
import { flow, type Flow } from './flow.ts';
import { matchedFlow } from './flowMatching.ts';
import { parseOptions, type Layer } from './layer.ts';
import { actNorm } from './layers/actNorm.ts';
import { affineAutoregressive } from './layers/autoregressive.ts';
import { continuous, continuousOptions } from './layers/continuous.ts';
import { additiveCoupling, affineCoupling, splineCoupling } from './layers/coupling.ts';
import { affine } from './layers/elementwise.ts';
import { lu, permutation } from './layers/linear.ts';
import { residual } from './layers/residual.ts';

/** What a model of blocks can choose. */
const blockOptions = z.strictObject({
  /** Blocks: couplings or autoregressive layers with what stands between them. */
  blocks: z.int().positive().default(8),
  ...networkOptions,
});

/** Residual layers have an activation of their own. */
const residualOptions = blockOptions.omit({ activation: true });

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

const model = <Options>(
  name: string,
  title: string,
  source: string,
  schema: z.ZodObject & z.ZodType<Options>,
  layers: (options: Options) => readonly Layer[],
): Model => ({
  name,
  title,
  source,
  schema,
  create: (domain, options = {}) => flow({ ...domain, layers: layers(parseOptions(name, schema, options)) }),
});

const ofBlocks = (
  name: string,
  title: string,
  source: string,
  layers: (options: z.infer<typeof blockOptions>) => readonly Layer[],
): Model => model(name, title, source, blockOptions, layers);

/** Layers of each block, one block after the other. */
const repeat = (blocks: number, block: (i: number) => readonly Layer[]): Layer[] =>
  Array.from({ length: blocks }, (_, i) => block(i)).flat();

/** Masks that exchange what they keep from block to block. */
const flipped = (i: number) => ({ mask: 'alternate', flip: i % 2 === 1 });

export const models: readonly Model[] = [
  ofBlocks('nice', 'NICE', 'Dinh, Krueger & Bengio 2015', ({ blocks, ...network }) => [
    ...repeat(blocks, (i) => [additiveCoupling.create({ ...network, ...flipped(i) })]),
    affine.create(),
  ]),
  ofBlocks('real-nvp', 'Real NVP', 'Dinh, Sohl-Dickstein & Bengio 2017', ({ blocks, ...network }) =>
    repeat(blocks, (i) => [affineCoupling.create({ ...network, ...flipped(i) })]),
  ),
  ofBlocks('glow', 'Glow', 'Kingma & Dhariwal 2018', ({ blocks, ...network }) =>
    repeat(blocks, (i) => [
      actNorm.create(),
      permutation.create({ order: 'random', seed: i }),
      lu.create(),
      affineCoupling.create({ ...network, ...flipped(i) }),
    ]),
  ),
  ofBlocks('maf', 'MAF', 'Papamakarios, Pavlakou & Murray 2017', ({ blocks, ...network }) =>
    repeat(blocks, () => [affineAutoregressive.create(network), permutation.create()]),
  ),
  ofBlocks('iaf', 'IAF', 'Kingma et al. 2016', ({ blocks, ...network }) =>
    repeat(blocks, () => [inverted(affineAutoregressive.create(network)), permutation.create()]),
  ),
  ofBlocks(
    'nsf',
    'Neural spline flow',
    'Durkan, Bekasov, Murray & Papamakarios 2019',
    ({ blocks, ...network }) =>
      repeat(blocks, (i) => [lu.create(), splineCoupling.create({ ...network, ...flipped(i) })]),
  ),
  model(
    'residual-flow',
    'Residual flow',
    'Chen, Behrmann, Duvenaud & Jacobsen 2019',
    residualOptions,
    ({ blocks, hidden }) => repeat(blocks, () => [residual.create({ hidden }), actNorm.create()]),
  ),
  model('cnf', 'Continuous flow', 'Grathwohl et al. 2019 (FFJORD)', continuousOptions, (options) => [
    continuous.create(options),
  ]),
  {
    name: 'flow-matching',
    title: 'Continuous flow by flow matching',
    source: 'Lipman et al. 2023',
    schema: continuousOptions,
    ownTraining: true,
    create: (domain, options = {}) =>
      matchedFlow(domain, parseOptions('flow-matching', continuousOptions, options)),
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

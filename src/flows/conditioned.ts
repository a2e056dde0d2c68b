/** Any layer, conditioned on a context by a network that moves its parameters. */
import { z } from 'zod';
import {
  add,
  expandDims,
  flatten,
  mapTree,
  reshape,
  sizeOf,
  sliceAxis,
  squeeze,
  tileLeading,
  unflatten,
  vmap,
  type NDArray,
  type Tensor,
} from '../tensor/index.ts';
import { mlp, type MlpParameters } from '../nn/index.ts';
import { split } from '../tensor/random.ts';
import {
  activations,
  initDense,
  networkOptions,
  requireContext,
  type NetworkOptions,
} from './conditioner.ts';
import { parseOptions, type Given, type Layer, type Pass, type Stage, type TensorsOf } from './layer.ts';

export interface ConditionedParameters<P = unknown> {
  /** Of the layer. */
  readonly base: P;
  /** From a context to what is added to every number of `base`, array by array. */
  readonly network: MlpParameters;
}

const schema = z.strictObject(networkOptions);

/**
 * A layer whose parameters depend on the context: every sample has its own, those of the layer plus what a dense network makes of the
 * sample's context `[batch, n]`. The last layer of the network begins at zero, so the whole begins as the layer without context. What is
 * added goes to raw parameters, so constraints (a positive scale, an orthogonal matrix) hold for every context. The layer itself is not
 * shown the context.
 *
 * Each sample passes the layer in a batch of its own (`vmap`), so matrices and their inverses are made once a sample: for layers of large
 * images or networks, couplings with a context are the cheaper way.
 *
 * @throws if samples of a batch depend on each other in the layer (batch norm), if an option does not fit; on `init` if the domain has no
 * context or the layer no parameters; in both directions if the context is not of the length that the network was made for.
 */
export function conditioned<P>(
  inner: Layer<P>,
  options: Partial<NetworkOptions> = {},
): Layer<ConditionedParameters<P>> {
  const name = `conditioned-${inner.name}`;
  const { hidden, activation } = parseOptions<NetworkOptions>(name, schema, options);
  const mixing = mixesSamples(inner);
  if (mixing !== null) {
    throw new Error(
      `${name}: in '${mixing}' the samples of a batch depend on each other, so they cannot have parameters of their own; use act-norm`,
    );
  }

  /** `direction` at samples one by one, each with its own parameters. */
  const run = <D extends 'forward' | 'inverse'>(
    direction: D,
    p: TensorsOf<ConditionedParameters<P>>,
    samples: Tensor,
    { context, training, rough, ...beside }: Given,
  ): ReturnType<Layer<P>[D]> => {
    const own = parametersOf(p, context, activation);
    const alone = vmap((q: TensorsOf<P>, v: Tensor, given: Given) => {
      const single = mapTree(given, (value: Tensor): Tensor => expandDims(value, 0));
      const result = inner[direction](q, expandDims(v, 0), { ...single, training, rough });
      return mapTree(result, (value: Tensor) => squeeze(value, 0));
    });
    return alone(own as TensorsOf<P>, samples, present(beside)) as ReturnType<Layer<P>[D]>;
  };

  return {
    name,
    options: { ...inner.options, hidden, activation },
    support: inner.support,
    inverseBy: inner.inverseBy,
    conformal: inner.conformal ?? false,
    parts: [inner],
    outputShape: (shape) => inner.outputShape(shape),
    inputShape: (shape) => inner.inputShape(shape),
    init(key, { shape, context }) {
      if (context === 0) {
        throw new Error(
          `${name}: a domain without context; expected context ≥ 1, the numbers that the parameters depend on. Without them use '${inner.name}' itself`,
        );
      }
      const [baseKey, networkKey] = split(key, 2);
      const base = inner.init(baseKey, { shape, context: 0 });
      const outputs = flatten<NDArray>(base).leaves.reduce((total, leaf) => total + offsetsOf(leaf), 0);
      if (outputs === 0) {
        throw new Error(`${name}: '${inner.name}' has no parameters that could depend on a context`);
      }
      return { base, network: initDense(networkKey, context, outputs, hidden) };
    },
    forward: (p, x, given = {}) => run('forward', p, x, given),
    inverse: (p, y, given = {}) => run('inverse', p, y, given),
    // A network is unbounded, and so are the parameters it makes.
    lipschitz: () => null,
    // Before a training the network adds nothing, so what data say of the layer they say of its own parameters.
    ...(inner.calibrate !== undefined && {
      calibrate: async (p: ConditionedParameters<P>, x: NDArray, stage: Stage, pass: Pass) => ({
        ...p,
        base: (await inner.calibrate?.(p.base, x, stage, pass)) ?? p.base,
      }),
    }),
  };
}

/** The first layer, among a layer and its parts, in which samples of a batch depend on each other. */
function mixesSamples(layer: Pick<Layer, 'name' | 'mixesSamples' | 'parts'>): string | null {
  if (layer.mixesSamples) return layer.name;
  for (const part of layer.parts ?? []) {
    const found = mixesSamples(part);
    if (found !== null) return found;
  }
  return null;
}

/** How many numbers are added to an array of parameters: one for each, none for integers, which are choices and no quantities. */
const offsetsOf = ({ shape, dtype }: Pick<NDArray, 'shape' | 'dtype'>): number =>
  dtype.startsWith('float') ? sizeOf(shape) : 0;

/** Parameters of the layer for each context: every array `[batch, ...]`. */
function parametersOf(
  { base, network }: TensorsOf<ConditionedParameters>,
  context: Tensor | undefined,
  activation: NetworkOptions['activation'],
): unknown {
  const given = requireContext(context, network[0].weight.shape[0]);
  const offsets = mlp.apply(network, given, activations[activation]);
  const batch = given.shape[0];
  let next = 0;
  const { leaves, structure } = flatten<Tensor>(base);
  const own = leaves.map((leaf) => {
    const count = offsetsOf(leaf);
    if (count === 0) return tileLeading(leaf, batch);
    const offset = reshape(sliceAxis(offsets, 1, next, next + count), [batch, ...leaf.shape]);
    next += count;
    return add(leaf, offset);
  });
  return unflatten(structure, own);
}

/** Without what is undefined: `vmap` maps tensors. */
const present = (given: Given): Given =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));

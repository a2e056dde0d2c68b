/** Where in a model numbers stop being finite, or become largest: its layers are run one by one on the samples. */
import type { NotFinite } from '../nn/index.ts';
import { pad, reshape, sizeOf, type NDArray } from '../tensor/index.ts';
import { inverted } from './compose.ts';
import type { Flow, FlowParameters } from './flow.ts';
import type { InjectiveFlow } from './injective.ts';
import { STEP, VALIDATION, type Mode } from './layer.ts';
import { mapRows, present, walk, type Beside, type Chain, type RunOptions } from './run.ts';

/** Where a number of a pass from data to latent is made. */
export interface Failure {
  /** Position and name of the layer; the base comes after the last one. */
  readonly index: number;
  readonly layer: string;
  /** The part of a conformal embedding flow that the layer belongs to; null in a flow. */
  readonly part: string | null;
  readonly sample: number;
  readonly quantity: 'y' | 'logDet' | 'logProb';
  readonly value: number;
}

const quantities = { y: 'a value', logDet: 'a log-determinant', logProb: 'a log density' } as const;

/** A failure as one sentence. */
export const describeFailure = (
  { index, layer, part, sample, quantity, value }: Failure,
  nameOf: NotFinite<never>['nameOf'] = (i) => `sample ${i}`,
): string =>
  `layer ${index} (${layer})${part ? ` of ${part}` : ''} makes ${quantities[quantity]} of ${value} for ${nameOf(sample)}`;

/** Looks through the layers of a model for the number asked for, with samples x `[n, ...shape]`; null where there is none. */
export type Search = (
  model: Flow | InjectiveFlow,
  parameters: FlowParameters,
  x: NDArray,
  beside?: Beside,
  options?: RunOptions,
  mode?: Mode,
) => Promise<Failure | null>;

/** The first layer, from data to latent, whose result is not finite, and the first sample where; null when all are finite. */
export const diagnose: Search = (model, parameters, x, beside = {}, options = {}, mode = {}) =>
  search(model, parameters, x, { beside, options, mode, base: true }, (values, found) =>
    found ? -1 : values.findIndex((v) => !Number.isFinite(v)),
  );

/** The number of largest magnitude that a layer makes, from data to latent: where a gradient explodes while all numbers are finite. */
export const largestNumber: Search = (model, parameters, x, beside = {}, options = {}, mode = {}) =>
  search(model, parameters, x, { beside, options, mode, base: false }, (values, found) => {
    let [at, largest] = [-1, Math.abs(found?.value ?? 0)];
    values.forEach((v, i) => {
      if (Math.abs(v) > largest) [at, largest] = [i, Math.abs(v)];
    });
    return at;
  });

/** For `train`: says which layer made which number of which sample, or null where all is as it should be. */
export const explainStep =
  (model: Flow | InjectiveFlow, options: RunOptions) =>
  async ({ parameters, batch, split, nameOf }: NotFinite<FlowParameters>): Promise<string | null> => {
    const { x, ...beside } = batch;
    const step = split === 'training';
    const mode = step ? STEP : VALIDATION;
    // As the step saw them: statistics of a batch are those of all its samples.
    const whole = step ? { ...options, batchSize: x.shape[0] } : options;
    const failure = await diagnose(model, parameters, x, beside, whole, mode);
    if (failure) return describeFailure(failure, nameOf);
    const largest = await largestNumber(model, parameters, x, beside, whole, mode);
    return (
      largest && `all numbers of the pass are finite, the largest where ${describeFailure(largest, nameOf)}`
    );
  };

/** A chain of layers of a model, with the samples that enter it. */
interface Part {
  readonly name: string | null;
  readonly chain: Chain;
  readonly parameters: Pick<FlowParameters, 'layers'>;
  readonly x: NDArray;
  /** Position of the chain's i-th layer in the model. */
  readonly position: (i: number) => number;
  /** The flow that the chain and its base are; null where no base follows. */
  readonly flow: Flow | null;
}

const flowPart = (flow: Flow, parameters: FlowParameters, x: NDArray, name: string | null): Part => ({
  name,
  chain: flow,
  parameters,
  x,
  position: (i) => i,
  flow,
});

/** What samples pass in the order of the model: of an embedding its layers, their inverses at the latent, and the flow of the latent. */
async function partsOf(
  model: Flow | InjectiveFlow,
  parameters: FlowParameters,
  x: NDArray,
  { beside, options }: { readonly beside: Beside; readonly options: RunOptions },
): Promise<Part[]> {
  if (!('embedding' in model)) return [flowPart(model, parameters, x, null)];
  const { embedding, shape, flow } = model;
  const { u, padded } = await mapRows(
    (p, { x: rows, ...given }) => {
      const { latent } = model.project(p, rows, given);
      const [n, d] = latent.shape;
      const whole = pad(latent, [0, 0], [0, sizeOf(shape) - d]);
      return { u: latent, padded: reshape(whole, [n, ...shape]) };
    },
    parameters,
    { x, ...present(beside) },
    options,
  );
  const there: Part = {
    name: 'the embedding',
    chain: { layers: embedding },
    parameters,
    x,
    position: (i) => i,
    flow: null,
  };
  const back: Part = {
    ...there,
    chain: { layers: embedding.map((layer) => inverted(layer)).reverse() },
    parameters: { layers: [...parameters.layers].reverse() },
    x: padded,
    position: (i) => embedding.length - 1 - i,
  };
  return [there, back, flowPart(flow, parameters.base as FlowParameters, u, 'the flow of the latent')];
}

/** The last number that `choose` picks, by its position, from those of each layer (and of the base), given what it picked before; −1: none. */
async function search(
  model: Flow | InjectiveFlow,
  parameters: FlowParameters,
  x: NDArray,
  how: { readonly beside: Beside; readonly options: RunOptions; readonly mode: Mode; readonly base: boolean },
  choose: (values: Float64Array, found: Failure | null) => number,
): Promise<Failure | null> {
  let found: Failure | null = null;
  const look = (
    at: Pick<Failure, 'index' | 'layer' | 'part'>,
    results: readonly (readonly [Failure['quantity'], NDArray])[],
  ): void => {
    for (const [quantity, { data, shape }] of results) {
      const i = choose(data as Float64Array, found);
      if (i < 0) continue;
      const sample = Math.floor((i * shape[0]) / data.length);
      found = { ...at, sample, quantity, value: data[i] };
    }
  };
  const over = (): boolean => found !== null && !Number.isFinite(found.value);
  for (const { name: part, chain, parameters: own, x: input, position, flow } of await partsOf(
    model,
    parameters,
    x,
    how,
  )) {
    await walk(chain, own, input, how, (i, y, logDet) => {
      const { name: layer } = chain.layers[i];
      look({ index: position(i), layer, part }, [
        ['y', y],
        ['logDet', logDet],
      ]);
      return over();
    });
    if (over()) return found;
    if (!how.base || flow === null || found !== null) continue;
    const { value } = await mapRows(
      (p, { x: rows, ...given }) => ({ value: flow.logProb(p, rows, { ...given, ...how.mode }) }),
      own as FlowParameters,
      { x: input, ...present(how.beside) },
      how.options,
    );
    look({ index: chain.layers.length, layer: `base ${flow.base.name}`, part }, [['logProb', value]]);
    if (over()) return found;
  }
  return found;
}

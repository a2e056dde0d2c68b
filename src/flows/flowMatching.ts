/**
 * Flow matching (Lipman, Chen, Ben-Hamu, Nickel & Le 2023; Liu, Gong & Liu 2023): a continuous flow trained without integrating it. Along
 * the line x_t = (1 − t) x + t z from a sample x to a normal number z the velocity is z − x; its mean given x_t carries the data to the
 * base, and least squares find it.
 */
import { add, array, mean, mul, square, sub, type NDArray, type Tensor } from '../tensor/index.ts';
import { train, type MlpParameters, type NotFinite, type TrainResult } from '../nn/index.ts';
import { foldIn, key as seedKey, normal, uniform, type Key } from '../tensor/random.ts';
import type { FitOptions } from './density.ts';
import { runOptionsOf } from './fit.ts';
import { flow, type Flow, type FlowParameters } from './flow.ts';
import type { TensorsOf } from './layer.ts';
import { continuous, velocity } from './layers/continuous.ts';
import { mapRows, type RunOptions } from './run.ts';
import { flattenSamples } from './samples.ts';

/** ‖f(x_t, t) − (z − x)‖² / d of x `[batch, ...]`, z like x, t `[batch, 1]`: `[batch]`. */
export function flowMatchingLoss(
  network: TensorsOf<MlpParameters>,
  { x, z, t, context }: Readonly<Record<'x' | 'z' | 't', Tensor>> & { readonly context?: Tensor | undefined },
): Tensor {
  const [from, to] = [flattenSamples(x), flattenSamples(z)];
  const between = add(mul(sub(1, t), from), mul(t, to));
  return mean(square(sub(velocity(network, between, t, context), sub(to, from))), 1);
}

/** Each batch with a normal number `z` for every entry and a time `t` for every sample, drawn anew. */
const withPaths = (batch: Record<string, NDArray>, key: Key): Record<string, NDArray> => {
  const { shape, data } = batch.x;
  return {
    ...batch,
    z: array(normal(foldIn(key, 0), data.length), shape, 'float32'),
    t: array(uniform(foldIn(key, 1), shape[0]), [shape[0], 1], 'float32'),
  };
};

/**
 * A continuous flow of one layer whose `fit` is flow matching; densities and samples come from integrating it, as for any other.
 */
export function matchedFlow(
  domain: { readonly shape: readonly number[]; readonly context?: number },
  options: Readonly<Record<string, unknown>> = {},
): Flow {
  const plain = flow({ ...domain, layers: [continuous.create(options)] });
  return { ...plain, fit: (fitting) => fitMatching(plain, fitting) };
}

async function fitMatching(
  model: Flow,
  { from, data, ...options }: FitOptions<FlowParameters>,
): Promise<TrainResult<FlowParameters>> {
  const { validation } = data;
  return train<FlowParameters>({
    ...options,
    init: (key) => from ?? model.init(key),
    loss: lossOf,
    data: {
      train: data.train,
      // One draw of paths, the same in every epoch.
      validation: validation && withPaths({ ...validation }, foldIn(seedKey(options.seed), 1)),
    },
    augment: withPaths,
    explain: explainLoss(runOptionsOf(options)),
  });
}

/** For `train`: the sample whose velocity is furthest from finite, or from its path. */
const explainLoss =
  (options: RunOptions) =>
  async ({ parameters, batch, nameOf }: NotFinite<FlowParameters>): Promise<string> => {
    const { losses } = await mapRows(
      (p, rows) => ({ losses: lossOf(p, rows) }),
      parameters,
      batch as Record<string, NDArray>,
      options,
    );
    const sizes = Array.from(losses.data, (v) => (Number.isNaN(v) ? Infinity : v));
    const at = sizes.indexOf(Math.max(...sizes));
    return `layer 0 (${continuous.name}) makes a velocity whose squared error is ${losses.data[at]} for ${nameOf(at)}`;
  };

const lossOf = (p: TensorsOf<FlowParameters>, batch: Record<string, Tensor>): Tensor =>
  flowMatchingLoss(p.layers[0] as TensorsOf<MlpParameters>, batch as Parameters<typeof flowMatchingLoss>[1]);

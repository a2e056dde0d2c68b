/**
 * Vector-quantised autoencoder (van den Oord, Vinyals & Kavukcuoglu 2017): an encoder E to codes, centres v_k of codes, a decoder D
 * of centres back to samples. With q(x) the centre nearest to E(x) and sg a constant for differentiation,
 *
 *   L = ‖x − D(q)‖² + ‖sg E(x) − q‖² + β ‖E(x) − sg q‖²,
 *
 * where the gradient of D goes straight through q to E(x).
 */
import {
  add,
  argMax,
  gather,
  mean,
  mul,
  neg,
  square,
  stopGradient,
  sub,
  sum,
  type NDArray,
  type Tensor,
} from '../../tensor/index.ts';
import { adam, constantSchedule, mlp, train, type MlpParameters } from '../../nn/index.ts';
import { split, type Key } from '../../tensor/random.ts';
import type { TensorsOf } from '../layer.ts';
import { flattenSamples } from '../samples.ts';
import { squaredDistances } from './voronoi.ts';

export interface CodeOptions {
  /** Numbers of a code. */
  readonly length: number;
  /** Widths of the encoder; the decoder has them in reverse. */
  readonly hidden: readonly number[];
  /** Passes over the samples between two looks at the centres. */
  readonly epochs: number;
}

export interface AutoencoderParameters<Leaf = NDArray> {
  readonly encoder: MlpParameters<Leaf>;
  readonly decoder: MlpParameters<Leaf>;
}

/** For samples of `size` numbers. */
export function initAutoencoder(
  key: Key,
  size: number,
  { length, hidden }: CodeOptions,
): AutoencoderParameters {
  const [encoder, decoder] = split(key, 2);
  return {
    encoder: mlp.init(encoder, { sizes: [size, ...hidden, length] }),
    decoder: mlp.init(decoder, { sizes: [length, ...[...hidden].reverse(), size] }),
  };
}

/** Samples `[n, d]` → codes `[n, e]`; without an autoencoder a sample is its own code. */
export const encode = (p: AutoencoderParameters<Tensor> | undefined, x: Tensor): Tensor =>
  p ? mlp.apply(p.encoder, x) : x;

/** Codes `[n, e]` → samples `[n, d]`. */
export const decode = (p: AutoencoderParameters<Tensor> | undefined, codes: Tensor): Tensor =>
  p ? mlp.apply(p.decoder, codes) : codes;

export interface Quantiser<Leaf = NDArray> {
  readonly autoencoder: AutoencoderParameters<Leaf>;
  /** `[K, e]` */
  readonly centres: Leaf;
}

/** β of the loss, as published. */
const COMMITMENT = 0.25;

/** The loss of samples `[n, ...]`: `[n]`. */
export function quantisationLoss(p: TensorsOf<Quantiser>, x: Tensor): Tensor {
  const samples = flattenSamples(x);
  const code = encode(p.autoencoder, samples);
  const nearest = gather(
    p.centres,
    argMax(neg(squaredDistances(stopGradient(code), stopGradient(p.centres))), 1),
  );
  const straightThrough = add(code, stopGradient(sub(nearest, code)));
  const squared = (a: Tensor, b: Tensor): Tensor => sum(square(sub(a, b)), 1);
  return add(
    mean(square(sub(samples, decode(p.autoencoder, straightThrough))), 1),
    add(squared(stopGradient(code), nearest), mul(COMMITMENT, squared(code, stopGradient(nearest)))),
  );
}

export interface QuantiserTraining {
  readonly epochs: number;
  readonly seed: number;
  readonly threads?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The quantiser after so many more passes over x `[n, ...]`. Throws the signal's reason when aborted. */
export async function trainQuantiser(
  start: Quantiser,
  x: NDArray,
  { epochs, seed, threads, signal }: QuantiserTraining,
): Promise<Quantiser> {
  const { parameters } = await train<Quantiser>({
    init: () => start,
    loss: (p, batch) => quantisationLoss(p, batch.x),
    data: { train: { x } },
    optimizer: adam({ learningRate: 1e-3 }),
    schedule: constantSchedule,
    epochs,
    batchSize: Math.min(256, x.shape[0]),
    clipNorm: 5,
    seed,
    threads,
    signal,
  });
  signal?.throwIfAborted();
  return parameters;
}

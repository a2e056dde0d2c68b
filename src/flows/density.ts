/** What every model of this room can do, whether it is one flow or many over charts. */
import type { NDArray, Shape, Tensor } from '../tensor/index.ts';
import type { TrainOptions, TrainResult } from '../nn/index.ts';
import type { Key } from '../tensor/random.ts';
import type { Given, TensorsOf } from './layer.ts';

/** A trainable density that can be sampled. P is its tree of parameters. */
export interface Density<P = unknown> {
  /** Of one sample. */
  readonly shape: Shape;
  /** Length of the conditioning vector; 0 for none. */
  readonly context: number;
  /** What `logProb` is a density with respect to: densities of different measures have different units. */
  readonly measure: Measure;
  /** Random float32 parameters. */
  init(key: Key): P;
  /** log p(x) of x `[batch, ...shape]`: `[batch]`, nats. */
  logProb(p: TensorsOf<P>, x: Tensor, given?: Given): Tensor;
  /** n rows of random numbers for `sample`: float64 `[n, m]`. */
  draw(key: Key, n: number): NDArray;
  /** The samples `[n, ...shape]` that those rows stand for. */
  sample(p: TensorsOf<P>, rows: Tensor, given?: Given): Tensor;
  /** Finds parameters by maximum likelihood of `data.train`. */
  fit(options: FitOptions<P>): Promise<TrainResult<P>>;
}

/** Volume of the space of samples, or d-dimensional area on a surface in it. */
export type Measure = { readonly kind: 'volume' } | { readonly kind: 'area'; readonly dimension: number };

/** Samples `x`, and beside them what the model is given: `context`, `label`, `noise`. */
export type FlowSplit = Readonly<Record<string, NDArray>> & { readonly x: NDArray };

export type FitOptions<P> = Omit<TrainOptions<P>, 'init' | 'loss' | 'metric' | 'data' | 'explain'> & {
  readonly data: { readonly train: FlowSplit; readonly validation?: FlowSplit | undefined };
  /** Parameters to go on from; default: those of the seed. */
  readonly from?: P | undefined;
};

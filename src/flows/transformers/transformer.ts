/**
 * A transformer: an increasing map of one number with parameters that a network gives. Couplings and autoregressive layers
 * differ in which entries the network sees; what they do to an entry is a transformer.
 */
import type { z } from 'zod';
import type { Tensor } from '../../tensor/index.ts';

export interface Transformed {
  /** Of the shape of the entries. */
  readonly value: Tensor;
  /** log |derivative|, of the shape of the entries; null where it is 0 everywhere. */
  readonly logDerivative: Tensor | null;
}

export interface Transformer<Options> {
  readonly options: z.ZodRawShape;
  /** Numbers an entry takes. At zero they make the identity. */
  numbers(options: Options): number;
  /** x `[batch, n]`, raw `[batch, n, numbers]`. */
  forward(x: Tensor, raw: Tensor, options: Options): Transformed;
  inverse(y: Tensor, raw: Tensor, options: Options): Transformed;
}

/**
 * A base distribution: log density, and samples as a map of standard random numbers, so that samples are seeded on the host and
 * differentiable in the program.
 */
import type { z } from 'zod';
import { reshape, sizeOf, type NDArray, type Shape, type Tensor } from '../../tensor/index.ts';
import type { Key } from '../../tensor/random.ts';
import { flattenSamples } from '../samples.ts';
import { parseOptions, type Given, type TensorsOf } from '../layer.ts';

export interface BaseDefinition<Options, P> {
  readonly title: string;
  readonly options: z.ZodObject & z.ZodType<Options>;
  /** Choices that the generic tests sweep. */
  readonly examples: readonly Readonly<Record<string, unknown>>[];
  /** Random float32 parameters for samples of d numbers. */
  init(key: Key, d: number, options: Options): P;
  /** z `[batch, d]` → `[batch]`, nats. */
  logProb(p: TensorsOf<P>, z: Tensor, call: Given & { readonly options: Options }): Tensor;
  /** n rows of random numbers, float64 `[n, m]`. */
  draw(key: Key, n: number, d: number, options: Options): NDArray;
  /** The samples `[n, d]` that the rows of `draw` stand for. */
  transport(p: TensorsOf<P>, rows: Tensor, call: Given & { readonly options: Options }): Tensor;
}

/** A base distribution with its options fixed, over samples of any shape. */
export interface Base<P = unknown> {
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
  init(key: Key, shape: Shape): P;
  /** z `[batch, ...shape]` → `[batch]`, nats. */
  logProb(p: TensorsOf<P>, z: Tensor, given?: Given): Tensor;
  draw(key: Key, n: number, shape: Shape): NDArray;
  /** `[n, m]` → `[n, ...shape]` */
  transport(p: TensorsOf<P>, rows: Tensor, shape: Shape, given?: Given): Tensor;
}

export interface BaseFamily<P = unknown> {
  readonly name: string;
  readonly title: string;
  readonly schema: z.ZodObject;
  readonly examples: readonly Readonly<Record<string, unknown>>[];
  create(options?: Readonly<Record<string, unknown>>): Base<P>;
}

/** Defines a family of base distributions under a name. */
export function base<Options, P>(name: string, definition: BaseDefinition<Options, P>): BaseFamily<P> {
  return {
    name,
    title: definition.title,
    schema: definition.options,
    examples: definition.examples,
    create(given = {}) {
      const options = parseOptions(name, definition.options, given);
      return {
        name,
        options: options,
        init: (key, shape) => definition.init(key, sizeOf(shape), options),
        logProb: (p, z, beside = {}) => definition.logProb(p, flattenSamples(z), { ...beside, options }),
        draw: (key, n, shape) => definition.draw(key, n, sizeOf(shape), options),
        transport: (p, rows, shape, beside = {}) =>
          reshape(definition.transport(p, rows, { ...beside, options }), [rows.shape[0], ...shape]),
      };
    },
  };
}

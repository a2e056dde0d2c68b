/**
 * A forecaster: parameters and a pure function from the days seen to the days ahead. One model is one file that calls
 * `forecaster`; the list of index.ts is what experiments sweep.
 */
import type { z } from 'zod';
import type { TensorsOf } from '../operators/index.ts';
import type { Tensor } from '../tensor/index.ts';
import type { Key } from '../tensor/random.ts';

/** Sizes of a task: days seen, days ahead, states, quantities. */
export interface ForecastShape {
  readonly history: number;
  readonly horizon: number;
  readonly states: number;
  readonly quantities: number;
}

export interface ForecasterDefinition<Schema extends z.ZodObject, P> {
  readonly title: string;
  readonly source: string;
  /** Sizes of the network; the defaults come near the published number of parameters. */
  readonly options: Schema;
  /** Parameters of the published network, all of 50 states and 3 quantities. */
  readonly publishedParameters: number;
  /** Random float32 parameters. */
  init(key: Key, shape: ForecastShape, options: z.infer<Schema>): P;
  /** [batch, history, states, quantities] → [batch, horizon, states, quantities]. */
  apply(parameters: TensorsOf<P>, history: Tensor, shape: ForecastShape, options: z.infer<Schema>): Tensor;
}

/** A network for a task of given sizes. */
export interface Forecaster<P = unknown> {
  readonly name: string;
  readonly title: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly shape: ForecastShape;
  init(key: Key): P;
  /** [batch, history, states, quantities] → [batch, horizon, states, quantities]. */
  apply(parameters: TensorsOf<P>, history: Tensor): Tensor;
}

export interface ForecasterFamily<P = unknown> {
  readonly name: string;
  readonly title: string;
  readonly source: string;
  readonly publishedParameters: number;
  create(shape: ForecastShape, options?: Readonly<Record<string, unknown>>): Forecaster<P>;
}

/** Defines a family of networks under a name; `create` validates options and closes over them and the sizes of the task. */
export function forecaster<Schema extends z.ZodObject, P>(
  name: string,
  definition: ForecasterDefinition<Schema, P>,
): ForecasterFamily<P> {
  const { title, source, publishedParameters } = definition;
  return {
    name,
    title,
    source,
    publishedParameters,
    create(shape, given = {}) {
      const parsed = definition.options.safeParse(given);
      if (!parsed.success) {
        const reasons = parsed.error.issues.map(
          (issue) => `${issue.path.join('.') || 'options'}: ${issue.message}`,
        );
        throw new Error(`${name}: ${reasons.join('; ')}`);
      }
      const options = parsed.data;
      return {
        name,
        title,
        options,
        shape,
        init: (key) => definition.init(key, shape, options),
        apply: (parameters, history) => definition.apply(parameters, history, shape, options),
      };
    },
  };
}

/**
 * A neural operator: parameters and a pure function from fields to fields. One model is one file that calls `operator`;
 * the registry is what the command line lists and the experiments sweep.
 */
import type { z } from 'zod';
import type { MapLeaves, NDArray, Tensor } from '../tensor/index.ts';
import type { Key } from '../tensor/random.ts';

export type TensorsOf<P> = MapLeaves<P, NDArray, Tensor>;

/** How the authors of a model trained it, as data for whoever trains it again: Adam, and a learning rate that falls in steps. */
export interface PublishedTraining {
  readonly learningRate: number;
  /** L2, joined to the gradient. */
  readonly weightDecay: number;
  /** Samples a step. */
  readonly batchSize: number;
  readonly epochs: number;
  /** The learning rate is multiplied by `gamma` after every `every` epochs. */
  readonly schedule: { readonly every: number; readonly gamma: number };
}

export interface OperatorDefinition<Schema extends z.ZodObject, P> {
  /** Title and citation, for reports. */
  readonly title: string;
  readonly source: string;
  /** Everything that can be chosen, with the published value as default. */
  readonly options: Schema;
  /** Random float32 parameters. */
  init(key: Key, options: z.infer<Schema>): P;
  /** u: [batch, s, inputs] → [batch, s, 1]. */
  apply(parameters: TensorsOf<P>, u: Tensor, options: z.infer<Schema>): Tensor;
  /** Absent where the published settings are those of the benchmark itself. */
  readonly publishedTraining?: PublishedTraining;
  /** Throws when the mathematics of the model does not allow the resolution s. */
  checkResolution?(s: number, options: z.infer<Schema>): void;
}

/** An operator with its options fixed and validated. */
export interface Operator<P = unknown> {
  readonly name: string;
  readonly title: string;
  readonly source: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly publishedTraining?: PublishedTraining | undefined;
  init(key: Key): P;
  apply(parameters: TensorsOf<P>, u: Tensor): Tensor;
  checkResolution(s: number): void;
}

export interface OperatorFamily<P = unknown> {
  readonly name: string;
  readonly title: string;
  readonly schema: z.ZodObject;
  create(options?: Readonly<Record<string, unknown>>): Operator<P>;
}

/** Defines a family of operators under a name; `create` validates options and closes over them. */
export function operator<Schema extends z.ZodObject, P>(
  name: string,
  definition: OperatorDefinition<Schema, P>,
): OperatorFamily<P> {
  return {
    name,
    title: definition.title,
    schema: definition.options,
    create(given = {}) {
      const parsed = definition.options.safeParse(given);
      if (!parsed.success) throw new Error(`${name}: ${explain(parsed.error)}`);
      const options = parsed.data;
      return {
        name,
        title: definition.title,
        source: definition.source,
        options,
        publishedTraining: definition.publishedTraining,
        init: (key) => definition.init(key, options),
        apply: (parameters, u) => definition.apply(parameters, u, options),
        checkResolution: (s) => {
          if (!Number.isInteger(s) || s < 2)
            throw new Error(`${name}: resolution ${s}, expected a whole number ≥ 2`);
          definition.checkResolution?.(s, options);
        },
      };
    },
  };
}

const explain = (error: z.ZodError): string =>
  error.issues.map((issue) => `${issue.path.join('.') || 'options'}: ${issue.message}`).join('; ');

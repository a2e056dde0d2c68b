/**
 * A neural operator: parameters and a pure function from fields to fields. One model is one file that calls `operator`;
 * the registry is what the command line lists and the experiments sweep.
 */
import type { z } from 'zod';
import type { MapLeaves, NDArray, Tensor } from '../tensor/index.ts';
import type { Key } from '../tensor/random.ts';

export type TensorsOf<P> = MapLeaves<P, NDArray, Tensor>;

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
  /** Throws when the mathematics of the model does not allow the resolution s. */
  checkResolution?(s: number, options: z.infer<Schema>): void;
}

/** An operator with its options fixed and validated. */
export interface Operator<P = unknown> {
  readonly name: string;
  readonly title: string;
  readonly source: string;
  readonly options: Readonly<Record<string, unknown>>;
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

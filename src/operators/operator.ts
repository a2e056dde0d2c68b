/**
 * A neural operator: parameters and a pure function from fields to fields on a grid. One model is one file that calls
 * `operator`; the registries (index.ts, spaceTime/index.ts) are what the command line lists and the experiments sweep.
 */
import type { z } from 'zod';
import { showShape, type MapLeaves, type NDArray, type Shape, type Tensor } from '../tensor/index.ts';
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
  /** Names of the axes of the grid; one axis of s points unless told otherwise. */
  readonly axes?: readonly string[];
  /** u: [batch, ...grid, inputs] → [batch, ...grid, 1]. */
  apply(parameters: TensorsOf<P>, u: Tensor, options: z.infer<Schema>): Tensor;
  /** Absent where the published settings are those of the benchmark itself. */
  readonly publishedTraining?: PublishedTraining;
  /** On one axis: throws when the mathematics of the model does not allow the resolution s. */
  checkResolution?(s: number, options: z.infer<Schema>): void;
  /**
   * On one axis: levels of scale that the model works on at a resolution it allows. A finer grid with more of them has some
   * that a training on the coarser one never met. Absent where a model has no levels.
   */
  levels?(s: number, options: z.infer<Schema>): number;
  /** Throws when the mathematics of the model does not allow the grid. */
  checkGrid?(grid: Shape, options: z.infer<Schema>): void;
}

/** An operator with its options fixed and validated. */
export interface Operator<P = unknown> {
  readonly name: string;
  readonly title: string;
  readonly source: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly publishedTraining?: PublishedTraining | undefined;
  /** Names of the axes of the grid, in their order. */
  readonly axes: readonly string[];
  init(key: Key): P;
  /** u: [batch, ...grid, inputs] → [batch, ...grid, 1]. */
  apply(parameters: TensorsOf<P>, u: Tensor): Tensor;
  /** `checkGrid` of an operator with one axis. */
  checkResolution(s: number): void;
  /** Levels of scale that an operator with one axis works on at a resolution it allows; 0 where it has none. */
  levels(s: number): number;
  /** Throws, with the reason, when the operator cannot work on a grid of these sizes, one an axis. */
  checkGrid(grid: Shape): void;
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
      const { axes = ['s'] } = definition;
      const checkGrid = (grid: Shape): void => {
        requireGrid(name, axes, grid);
        if (axes.length === 1) definition.checkResolution?.(grid[0], options);
        definition.checkGrid?.(grid, options);
      };
      return {
        name,
        title: definition.title,
        source: definition.source,
        options,
        publishedTraining: definition.publishedTraining,
        axes,
        init: (key) => definition.init(key, options),
        apply: (parameters, u) => definition.apply(parameters, u, options),
        checkResolution: (s) => checkGrid([s]),
        levels: (s) => definition.levels?.(s, options) ?? 0,
        checkGrid,
      };
    },
  };
}

function requireGrid(name: string, axes: readonly string[], grid: Shape): void {
  if (grid.length !== axes.length) {
    throw new Error(
      `${name}: a grid of sizes ${showShape(grid)}, expected ${axes.length} (${axes.join(', ')}): fields are [batch, ${axes.join(', ')}, channels]`,
    );
  }
  // A single axis of one point has no derivative to learn from; beside others, an axis may be as short as that.
  const least = axes.length === 1 ? 2 : 1;
  grid.forEach((n, i) => {
    if (Number.isInteger(n) && n >= least) return;
    const where = axes.length === 1 ? 'resolution' : `axis ${axes[i]} of size`;
    throw new Error(`${name}: ${where} ${n}, expected a whole number ≥ ${least}`);
  });
}

const explain = (error: z.ZodError): string =>
  error.issues.map((issue) => `${issue.path.join('.') || 'options'}: ${issue.message}`).join('; ');

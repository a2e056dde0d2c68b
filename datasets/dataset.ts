/** What a generated data set is: a name, validated options, and a function that makes the arrays on the fine grid. */
import { z } from 'zod';
import { cached, type Recipe } from './cache.ts';
import {
  atResolution,
  hashOf,
  labelErrorArrays,
  labelErrorFrom,
  LEAST_POINTS,
  pairsFromArrays,
  pairsToArrays,
  type OperatorPairs,
  type Splits,
} from './pairs.ts';

/** Effects of a load: none of them changes a number. */
export interface LoadContext {
  readonly onProgress?: ((progress: { readonly done: number; readonly total: number }) => void) | undefined;
  readonly onWarning?: ((message: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Worker threads; default one a core. */
  readonly threads?: number | undefined;
  /** Folder of the cache; default SEXTANT_CACHE or .cache/datasets. */
  readonly cache?: string | undefined;
}

/** Options every data set has beside its own. */
export const commonOptions = {
  train: z.int().min(1).max(1_000_000).default(1000),
  validation: z.int().min(0).max(1_000_000).default(100),
  test: z.int().min(1).max(1_000_000).default(200),
  /** Points of the delivered samples: a divisor of `fine`. */
  resolution: z.int().min(LEAST_POINTS).default(64),
  seed: z.int().min(0).default(0),
};

export interface Generated extends Splits {
  readonly labelErrorEstimate: number | null;
}

export interface DatasetDefinition<S extends z.ZodType<Recipe & { resolution: number }>> {
  readonly name: string;
  readonly title: string;
  /** Raised whenever the same options give other numbers, so that old cache files are not used. */
  readonly version: number;
  readonly options: S;
  /** The samples on the fine grid, whatever the resolution asked for. */
  readonly generate: (options: z.output<S>, context: LoadContext) => Promise<Generated>;
}

export interface Dataset<S extends z.ZodType = z.ZodType> {
  readonly kind: 'dataset';
  readonly name: string;
  readonly title: string;
  readonly options: S;
  /** Reads from the cache or generates. Throws one sentence for options that are not valid. */
  load(options?: z.input<S>, context?: LoadContext): Promise<OperatorPairs>;
}

export function dataset<S extends z.ZodType<Recipe & { resolution: number }>>(
  definition: DatasetDefinition<S>,
): Dataset<S> {
  const { name, title, version } = definition;
  return {
    kind: 'dataset',
    name,
    title,
    options: definition.options,
    async load(given = {} as z.input<S>, context = {}) {
      const parsed = definition.options.safeParse(given);
      if (!parsed.success) {
        const reasons = parsed.error.issues.map((issue) =>
          [issue.path.join('.'), issue.message].filter(Boolean).join(': '),
        );
        throw new Error(`options of the data set "${name}": ${reasons.join('; ')}`);
      }
      const options = parsed.data;
      const { resolution, ...recipe } = options;
      const arrays = await cached(
        name,
        { ...recipe, version },
        async () => {
          const generated = await definition.generate(options, context);
          return { ...pairsToArrays(generated), ...labelErrorArrays(generated.labelErrorEstimate) };
        },
        { folder: context.cache, onWarning: context.onWarning },
      );
      const place = `data set ${name}`;
      const splits = atResolution(pairsFromArrays(arrays, place), resolution);
      return {
        ...splits,
        provenance: {
          dataset: name,
          ...options,
          version,
          hash: hashOf(splits),
          labelErrorEstimate: labelErrorFrom(arrays, place),
        },
      };
    },
  };
}

/** Where the pairs of an experiment come from: a data set makes them, or they are read from a file. */
import type { Dataset, LoadContext } from '../../datasets/dataset.ts';
import type { OperatorPairs } from '../../datasets/pairs.ts';
import { explainIssue } from './configuration.ts';

/** A data set, and the options under which it makes the pairs. */
export interface GeneratedPairs {
  readonly dataset: Dataset;
  readonly options: Readonly<Record<string, unknown>>;
}

export type PairsSource =
  GeneratedPairs | { readonly read: (context: LoadContext) => Promise<OperatorPairs> };

/** The pairs, from the file, from the cache or made now. */
export const loadPairs = (source: PairsSource, context: LoadContext): Promise<OperatorPairs> =>
  'read' in source ? source.read(context) : source.dataset.load(source.options, context);

/** What a configuration calls an option of the data sets, where it has another name for it. */
const configured: Readonly<Record<string, string>> = {
  seed: 'dataSeed',
  time: 'times',
  length: 'lengths',
  resolution: 'resolutions',
};

/**
 * Refuses options that the data set does not take before anything is made; `keys` are those of the configuration that they
 * come from.
 *
 * @throws one line with the flag, what came and what was expected.
 */
export function requireOptions({ dataset, options }: GeneratedPairs, keys: readonly string[]): void {
  const checked = dataset.options.safeParse(options);
  if (checked.success) return;
  const [issue] = checked.error.issues;
  const option = String(issue.path[0] ?? '');
  const key = keys.includes(option) ? option : (configured[option] ?? option);
  throw new Error(explainIssue({ ...issue, path: [key] }, { [key]: options[option] }));
}

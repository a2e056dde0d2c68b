/** Every model that has a density, by name: one flow, an embedded flow, or flows over charts. What the command line lists. */
import { chartModels } from './charts/models.ts';
import { conformalEmbedding } from './conformalEmbedding.ts';
import type { Density } from './density.ts';
import { models, type Model } from './models.ts';

export const densities: readonly Model<Density>[] = [...models, conformalEmbedding, ...chartModels];

/**
 * The model of that name; `fit`, `logProb` and `sample` take what it creates.
 *
 * @throws if the name is unknown.
 */
export function getDensity(name: string): Model<Density> {
  const found = densities.find((candidate) => candidate.name === name);
  if (found) return found;
  throw new Error(
    `flow model '${name}' is unknown; expected one of ${densities.map((m) => m.name).join(', ')}`,
  );
}

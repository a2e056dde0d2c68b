/** The data sets at hand: every `dataset({…})` that a file of this folder exports, by name. */
import { readdirSync } from 'node:fs';
import type { Dataset } from './dataset.ts';

const registry = new Map<string, Dataset>();

const isDataset = (value: unknown): value is Dataset =>
  typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'dataset';

for (const file of readdirSync(new URL('./', import.meta.url)).sort()) {
  if (!file.endsWith('.ts') || file === 'registry.ts') continue;
  const exported = (await import(new URL(file, import.meta.url).href)) as Record<string, unknown>;
  for (const value of Object.values(exported)) if (isDataset(value)) registry.set(value.name, value);
}

/** All data sets, by name. */
export const datasets = (): readonly Dataset[] => [...registry.values()];

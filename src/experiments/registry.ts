/** The experiments at hand: every file of `definitions/`, by the name of the experiment it exports as default. */
import { readdirSync } from 'node:fs';
import type { Experiment } from './experiment.ts';

/** An experiment and the module that defines it, so that another process can load it too. */
export interface RegisteredExperiment {
  readonly experiment: Experiment;
  /** URL of the module. */
  readonly module: string;
}

/** Loads one definition by the URL of its module. */
export async function loadDefinition(module: string): Promise<RegisteredExperiment> {
  const loaded = (await import(module)) as { default: Experiment };
  return { experiment: loaded.default, module };
}

/** All experiments, by name. */
export async function experiments(): Promise<readonly RegisteredExperiment[]> {
  const folder = new URL('./definitions/', import.meta.url);
  const files = readdirSync(folder).filter((file) => file.endsWith('.ts'));
  return Promise.all(files.sort().map((file) => loadDefinition(new URL(file, folder).href)));
}

/** The experiment of that name. Throws, listing the names there are. */
export async function findExperiment(name: string): Promise<RegisteredExperiment> {
  const all = await experiments();
  const found = all.find(({ experiment }) => experiment.name === name);
  if (!found) {
    const names = all.map(({ experiment }) => experiment.name).join(', ');
    throw new Error(`no experiment is called '${name}'; there are ${names}`);
  }
  return found;
}

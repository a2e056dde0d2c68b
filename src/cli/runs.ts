/** Finding the folder a user means: a path, or a name below the folder of runs. */
import { existsSync, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { Unfinished } from '../runs/index.ts';
import { UsageError } from './errors.ts';
import type { Terminal } from './terminal.ts';

export const RUNS_FOLDER = 'runs';

async function foldersIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

/** The default may be missing: nothing has run yet. Throws when a folder that was asked for is none. */
export function requireRunsFolder(folder: string): void {
  if (folder === RUNS_FOLDER || statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return;
  throw new UsageError(
    `--runs: got ${folder}, expected an existing folder, as sextant bench --runs writes it`,
  );
}

const holds = (folder: string, ...files: readonly string[]): boolean =>
  files.some((file) => existsSync(path.join(folder, file)));

/** The experiment folder of that path or name. Throws, listing what there is. */
export async function findExperimentFolder(text: string, runsFolder: string): Promise<string> {
  const candidates = [text, path.join(runsFolder, text)];
  const found = candidates.find((folder) => holds(folder, 'experiment.json', 'result.json', 'jobs'));
  if (found !== undefined) return path.resolve(found);
  const names = await foldersIn(runsFolder);
  throw new UsageError(
    `RUN: got ${text}, expected ${names.length ? `the folder of an experiment or one of ${names.join(', ')}` : `an experiment folder; ${runsFolder} holds none yet, run sextant bench first`}`,
  );
}

/** The run (job) folder of that path; of an experiment folder, its jobs are listed. */
export async function findRunFolder(text: string, runsFolder: string): Promise<string> {
  const candidates = [text, path.join(runsFolder, text)];
  for (const name of await foldersIn(runsFolder)) candidates.push(path.join(runsFolder, name, 'jobs', text));
  const found = candidates.find((folder) => holds(folder, 'config.json'));
  if (found !== undefined) return path.resolve(found);
  const experiment = await findExperimentFolder(text, runsFolder).catch(() => null);
  if (experiment === null)
    throw new UsageError(
      `RUN: got ${text}, expected the folder of a job, as in ${runsFolder}/EXPERIMENT/jobs/JOB`,
    );
  const jobs = await foldersIn(path.join(experiment, 'jobs'));
  throw new UsageError(
    `RUN: ${text} is an experiment; give one of its jobs: ${jobs.join(', ') || 'it has none'}`,
  );
}

export const epochsOf = ({ epoch, epochs }: Unfinished): string => `${epoch} of ${epochs} epochs`;

/** Warns of numbers and files of a training that has not come to its end. */
export function warnOfUnfinished(terminal: Terminal, unfinished: Unfinished | null): void {
  if (unfinished === null) return;
  terminal.note(`warning: the training has not come to its end: it has ${epochsOf(unfinished)}`);
}

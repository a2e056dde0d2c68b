/** Addresses of experiments, jobs and files inside the folder of runs; nothing outside can be reached. */
import { readdir, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { isInside } from '../reports/files.ts';

/** A name of an experiment or job: letters, digits, `.`, `_`, `-`, `+`, `=` and `,`, not starting with a dot. */
const namePattern = /^[A-Za-z0-9_][A-Za-z0-9._+=,-]{0,199}$/;

/** Files that may be downloaded, with their content types. */
const experimentFiles: Record<string, string> = {
  'experiment.json': 'application/json',
  'result.json': 'application/json',
  'report.html': 'text/html',
};
const jobFiles: Record<string, string> = {
  'config.json': 'application/json',
  'environment.json': 'application/json',
  'status.json': 'application/json',
  'result.json': 'application/json',
  'metrics.jsonl': 'application/x-ndjson',
  'arrays.npz': 'application/zip',
};

export interface ServedFile {
  path: string;
  type: string;
}

/** The real path of `parts` below `folder` when it exists and links do not lead out of `folder`; null otherwise. */
async function within(folder: string, parts: readonly string[]): Promise<string | null> {
  try {
    const root = await realpath(folder);
    const real = await realpath(path.join(root, ...parts));
    return isInside(root, real) ? real : null;
  } catch {
    return null;
  }
}

/** The folder of an experiment; null when the name is not a name or there is no such folder inside `runsFolder`. */
export async function experimentFolder(runsFolder: string, id: string): Promise<string | null> {
  if (!namePattern.test(id)) return null;
  const folder = await within(runsFolder, [id]);
  return folder && (await stat(folder)).isDirectory() ? folder : null;
}

/** A file of an experiment, or of one of its jobs, that may be downloaded; null for anything else. */
export async function servedFile(experiment: string, name: string, job?: string): Promise<ServedFile | null> {
  const types = job === undefined ? experimentFiles : jobFiles;
  if (!Object.hasOwn(types, name) || (job !== undefined && !namePattern.test(job))) return null;
  const file = await within(experiment, job === undefined ? [name] : ['jobs', job, name]);
  return file && (await stat(file)).isFile() ? { path: file, type: types[name] } : null;
}

/** Names of the experiments, sorted. A folder of runs that does not exist yet holds none. */
export async function listExperiments(runsFolder: string): Promise<string[]> {
  try {
    const entries = await readdir(runsFolder, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory() && namePattern.test(entry.name))
      .map(({ name }) => name)
      .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

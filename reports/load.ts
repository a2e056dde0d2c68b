/**
 * Reads an experiment folder (src/runs/schema.ts) into plain data. What cannot be read becomes a sentence in `problems`
 * and a gap in the data; a broken file never hides the rest.
 */
import path from 'node:path';
import { z } from 'zod';
import {
  environmentSchema,
  experimentResultSchema,
  jobResultSchema,
  repetitionSchema,
  runConfigSchema,
  runStatusSchema,
  type RunStatus,
} from '../src/runs/schema.ts';
import { isAlive } from '../src/runs/lock.ts';
import { parseMetrics } from '../src/runs/metrics.ts';
import { numbersOf } from '../datasets/npy.ts';
import { readNpz } from '../datasets/npz.ts';
import { meanStd } from './compare.ts';
import { conditionKey } from './conditions.ts';
import { ExperimentFiles, reason } from './files.ts';
import type { DecodedArray, ReportInput, ReportJob, Row } from './input.ts';

/** The folder is there, but holds nothing of an experiment. */
export class NotAnExperiment extends Error {}

export interface LoadOptions {
  /** Whether to read arrays.npz, which only the pictures of samples need. Default true. */
  arrays?: boolean;
}

/** The part of experiment.json that a report of an unfinished experiment shows. */
const experimentFileSchema = z.looseObject({
  experiment: z.string().optional(),
  preset: z.string().optional(),
  title: z.string().optional(),
  source: z.string().optional(),
  repetition: repetitionSchema,
  command: z.string().optional(),
  /** The jobs that the experiment consists of; all that are in the folder where it does not say. */
  jobs: z.array(z.string()).optional(),
});
export type ExperimentFile = z.infer<typeof experimentFileSchema>;

/** What experiment.json says, and the names of the run folders that belong to the experiment. */
export async function loadOutline(
  files: ExperimentFiles,
): Promise<{ file: ExperimentFile | null; names: string[] }> {
  const file = await files.json(files.path('experiment.json'), experimentFileSchema);
  const listed = file?.jobs && new Set(file.jobs);
  return { file, names: (await files.jobs()).filter((name) => !listed || listed.has(name)) };
}

/** Whether an experiment is done: it has a result, and no job is running or still to be run. */
export const isComplete = (result: boolean, jobs: readonly RunStatus[]): boolean =>
  result && jobs.every(({ state }) => state === 'finished' || state === 'failed');

/** A job that says it runs but whose process is gone was interrupted. */
export const actualStatus = (status: RunStatus): RunStatus =>
  status.state === 'running' && status.pid !== null && !isAlive(status.pid)
    ? { ...status, state: 'interrupted' }
    : status;

const neverStarted: RunStatus = {
  state: 'queued',
  epoch: 0,
  epochs: 0,
  updatedAt: '',
  pid: null,
  secondsLeft: null,
};

const brokenLines = (numbers: readonly number[]): string =>
  `has broken lines, which are left out: ${numbers.slice(0, 5).join(', ')}${numbers.length > 5 ? ' …' : ''}`;

async function loadArrays(files: ExperimentFiles, file: string): Promise<ReportJob['arrays']> {
  const real = await files.locate(file);
  if (real === null) return null;
  try {
    const entries = Object.entries(await readNpz(real)).map(([name, array]) => [
      name,
      { shape: array.shape, data: numbersOf(array, name) },
    ]);
    return Object.fromEntries(entries) as Record<string, DecodedArray>;
  } catch (error) {
    files.problem(file, `cannot be read: ${reason(error)}`);
    return null;
  }
}

/** The status of a job as it is on disk now, corrected for a process that is gone. */
export async function loadStatus(files: ExperimentFiles, job: string): Promise<RunStatus> {
  const status = await files.json(files.path('jobs', job, 'status.json'), runStatusSchema);
  const known = actualStatus(status ?? neverStarted);
  // The result is written last, so a job that was ended between the two files is finished all the same.
  const finished = (await files.locate(files.path('jobs', job, 'result.json'))) !== null;
  return finished ? { ...known, state: 'finished' } : known;
}

async function loadJob(
  files: ExperimentFiles,
  name: string,
  { arrays = true }: LoadOptions,
): Promise<ReportJob | null> {
  const inside = (file: string): string => files.path('jobs', name, file);
  const config = await files.json(inside('config.json'), runConfigSchema);
  if (!config) {
    files.problem(files.path('jobs', name), 'is left out: it has no readable config.json');
    return null;
  }
  const metrics = parseMetrics((await files.text(inside('metrics.jsonl'))) ?? '');
  if (metrics.broken.length) files.problem(inside('metrics.jsonl'), brokenLines(metrics.broken));
  return {
    name,
    config,
    status: await loadStatus(files, name),
    metrics: metrics.lines,
    result: await files.json(inside('result.json'), jobResultSchema),
    environment: await files.json(inside('environment.json'), environmentSchema),
    arrays: arrays ? await loadArrays(files, inside('arrays.npz')) : null,
  };
}

/** Rows from the jobs that are finished, for an experiment that has no result yet. */
function rowsOf(jobs: readonly ReportJob[]): Row[] {
  const groups = new Map<string, ReportJob[]>();
  for (const job of jobs) {
    const key = JSON.stringify([job.config.model, conditionKey(job.config.condition)]);
    groups.set(key, [...(groups.get(key) ?? []), job]);
  }
  const metric = jobs.find(({ result }) => result)?.result?.metric;
  if (metric === undefined) return [];
  return [...groups.values()].map((group): Row => {
    const results = group.flatMap(({ result }) => (result ? [result] : []));
    return {
      model: group[0].config.model,
      condition: group[0].config.condition,
      metric: results[0]?.metric ?? metric,
      published: null,
      ...meanStd(results.map(({ value }) => value)),
      parameters: results[0]?.parameters ?? null,
      seconds: meanStd(results.map(({ seconds }) => seconds)).mean,
      baseline: false,
      note: '',
    };
  });
}

/**
 * Loads an experiment folder: the jobs that belong to the experiment (see ExperimentFile). While result.json is missing, rows
 * come from the finished jobs; `complete` is false then, and while a job is running or still to be run.
 * Throws when the folder does not exist or holds neither experiment.json, result.json nor jobs.
 */
export async function loadExperiment(folder: string, options: LoadOptions = {}): Promise<ReportInput> {
  const files = await ExperimentFiles.open(folder);
  const { file, names } = await loadOutline(files);
  const result = await files.json(files.path('result.json'), experimentResultSchema);
  if (!file && !result && !names.length && !files.problems.length) {
    throw new NotAnExperiment(
      `${folder} is not an experiment folder: it holds neither experiment.json nor result.json nor a job in jobs/`,
    );
  }
  const jobs: ReportJob[] = [];
  // One after the other: a run with many jobs must not hold all its files open at once.
  for (const name of names) {
    const job = await loadJob(files, name, options);
    if (job) jobs.push(job);
  }
  const { problems } = files;
  if (result) {
    const statuses = jobs.map(({ status }) => status);
    return { result, jobs, complete: isComplete(true, statuses), problems };
  }
  const first = jobs[0]?.config;
  return {
    result: {
      experiment: file?.experiment ?? first?.experiment ?? path.basename(files.root),
      preset: file?.preset ?? first?.preset ?? 'unknown',
      title: file?.title ?? file?.experiment ?? first?.experiment ?? path.basename(files.root),
      source: file?.source ?? 'stated when the experiment is complete',
      repetition: file?.repetition,
      command: file?.command ?? 'not recorded yet',
      environment: jobs.find(({ environment }) => environment)?.environment ?? null,
      data: {},
      rows: rowsOf(jobs),
      checks: [],
      notes: [],
      figures: [],
    },
    jobs,
    complete: false,
    problems,
  };
}

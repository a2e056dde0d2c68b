/** What a list of experiments shows of one: read from the small files alone, so that a list of many is quick. */
import type { RunStatus } from '../src/runs/schema.ts';
import { experimentResultSchema, runConfigSchema } from '../src/runs/schema.ts';
import { ExperimentFiles } from './files.ts';
import { isComplete, loadOutline, loadStatus } from './load.ts';

export interface JobSummary {
  name: string;
  model: string | null;
  status: RunStatus;
}

export type ExperimentState = 'finished' | 'running' | 'queued' | 'interrupted' | 'failed';

export interface ExperimentSummary {
  id: string;
  title: string;
  preset: string;
  state: ExperimentState;
  jobs: JobSummary[];
  /** Share of all epochs that are done, 0…1. */
  progress: number;
  /** Longest time left of the running jobs, where one says so. */
  secondsLeft: number | null;
  /** Latest change, ISO 8601; empty when nothing says. */
  updatedAt: string;
  problems: string[];
}

const stateOf = (complete: boolean, jobs: readonly JobSummary[]): ExperimentState => {
  const has = (state: RunStatus['state']): boolean => jobs.some(({ status }) => status.state === state);
  if (complete) return 'finished';
  if (has('running')) return 'running';
  if (has('failed')) return 'failed';
  if (has('interrupted') || has('finished')) return 'interrupted';
  return 'queued';
};

/** Summarises the experiment in `folder` under the name `id`. Throws when the folder does not exist. */
export async function summarizeExperiment(folder: string, id: string): Promise<ExperimentSummary> {
  const files = await ExperimentFiles.open(folder);
  const { file, names } = await loadOutline(files);
  const result = await files.json(files.path('result.json'), experimentResultSchema);
  const jobs: JobSummary[] = [];
  for (const name of names) {
    const config = await files.json(files.path('jobs', name, 'config.json'), runConfigSchema);
    jobs.push({ name, model: config?.model ?? null, status: await loadStatus(files, name) });
  }
  const complete = isComplete(
    result !== null,
    jobs.map(({ status }) => status),
  );
  const share = ({ status }: JobSummary): number =>
    status.state === 'finished' ? 1 : status.epochs > 0 ? Math.min(1, status.epoch / status.epochs) : 0;
  const left = jobs.flatMap(({ status }) =>
    status.state === 'running' && status.secondsLeft !== null ? [status.secondsLeft] : [],
  );
  return {
    id,
    title: result?.title ?? file?.title ?? file?.experiment ?? id,
    preset: result?.preset ?? file?.preset ?? '',
    state: stateOf(complete, jobs),
    jobs,
    progress: complete ? 1 : jobs.length ? jobs.reduce((sum, job) => sum + share(job), 0) / jobs.length : 0,
    secondsLeft: left.length ? Math.max(...left) : null,
    updatedAt: jobs.reduce(
      (latest, { status }) => (status.updatedAt > latest ? status.updatedAt : latest),
      result?.environment.startedAt ?? '',
    ),
    problems: files.problems,
  };
}

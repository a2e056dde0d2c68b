/** Runs an experiment from its configuration to result.json: folder, data, jobs in parallel, rows. Resumes by itself. */
import os from 'node:os';
import path from 'node:path';
import {
  captureEnvironment,
  ExperimentFolder,
  experimentResultSchema,
  type ExperimentResult,
  type JobResult,
  type Run,
} from '../runs/index.ts';
import type { EngineName } from '../tensor/index.ts';
import { commandOf, identityOf, union, type Configuration } from './configuration.ts';
import type { DataFacts, PrepareContext } from './experiment.ts';
import type { RegisteredExperiment } from './registry.ts';
import { schedule, type JobOutcome, type SchedulerEvent } from './scheduler.ts';

export type BenchmarkEvent =
  | { readonly kind: 'folder'; readonly folder: string }
  | { readonly kind: 'prepare'; readonly label: string; readonly done: number; readonly total: number }
  | { readonly kind: 'jobs'; readonly runs: readonly Run[] }
  | SchedulerEvent;

export interface BenchmarkOptions {
  readonly preset: string;
  /** Validated by `configure`. */
  readonly configuration: Configuration;
  readonly runsFolder: string;
  readonly engine: EngineName;
  /** Jobs at a time; default as many as there are cores. */
  readonly parallel?: number | undefined;
  /** Threads of a job; default the cores divided among the jobs. */
  readonly threads?: number | undefined;
  readonly signal: AbortSignal;
  readonly onEvent?: ((event: BenchmarkEvent) => void) | undefined;
}

export interface BenchmarkOutcome {
  readonly folder: string;
  readonly outcomes: readonly JobOutcome[];
  /** Null when nothing has finished, or when the run was interrupted before all jobs were done. */
  readonly result: ExperimentResult | null;
}

/**
 * Runs what is missing of an experiment and writes result.json from all that is finished in its folder, also by earlier
 * commands that asked for other models or seeds.
 */
export async function benchmark(
  { experiment, module }: RegisteredExperiment,
  options: BenchmarkOptions,
): Promise<BenchmarkOutcome> {
  const { preset, configuration, runsFolder, engine, signal, onEvent } = options;
  const cores = os.availableParallelism();
  const folder = ExperimentFolder.create(
    path.resolve(runsFolder),
    experiment.name,
    preset,
    identityOf(experiment, configuration),
  );
  onEvent?.({ kind: 'folder', folder: folder.path });

  const before = await folder.readConfig();
  const whole = before ? union(experiment, before.configuration, configuration) : configuration;
  const { title, source, name } = experiment;
  const command = commandOf(experiment, preset, whole);
  await folder.writeConfig({ experiment: name, preset, title, source, command, configuration: whole });

  const context: PrepareContext = {
    signal,
    threads: cores,
    onProgress: (progress) => onEvent?.({ kind: 'prepare', ...progress }),
  };
  const data = (await experiment.prepare?.(configuration, context)) ?? {};
  signal.throwIfAborted();

  const jobs = experiment.jobs(configuration, data);
  const runs = await Promise.all(jobs.map((job) => folder.run({ experiment: name, preset, ...job })));
  onEvent?.({ kind: 'jobs', runs });
  const parallel = Math.max(1, Math.min(options.parallel ?? cores, runs.length));
  const threads = options.threads ?? Math.max(1, Math.floor(cores / parallel));
  const outcomes = await schedule(runs, {
    module,
    parallel,
    threads,
    engine,
    signal,
    onEvent,
  });

  if (outcomes.some(({ state }) => state === 'interrupted'))
    return { folder: folder.path, outcomes, result: null };
  const finished = await finishedIn(folder);
  if (!finished.length) return { folder: folder.path, outcomes, result: null };
  const environment = captureEnvironment(engine);
  const summary = experiment.summarize(finished, whole);
  const result = experimentResultSchema.parse({
    experiment: name,
    preset,
    title,
    source,
    command,
    environment,
    data: data satisfies DataFacts,
    ...summary,
    notes: [...summary.notes, ...failures(outcomes)],
  });
  await folder.writeResult(result);
  return { folder: folder.path, outcomes, result };
}

async function finishedIn(folder: ExperimentFolder): Promise<JobResult[]> {
  const results = await Promise.all((await folder.runs()).map((run) => run.readResult()));
  return results.filter((result) => result !== null);
}

/** A gap in the table is explained where the table is read. */
const failures = (outcomes: readonly JobOutcome[]): string[] =>
  outcomes.flatMap(({ run, state, error }) =>
    state === 'failed'
      ? [`The job ${run.name} failed and is missing from the table: ${error ?? 'no reason is known'}.`]
      : [],
  );

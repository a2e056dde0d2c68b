/** Runs an experiment from its configuration to result.json: folder, data, jobs in parallel, rows. Resumes by itself. */
import path from 'node:path';
import {
  captureEnvironment,
  ExperimentFolder,
  experimentResultSchema,
  type ExperimentResult,
  type Run,
} from '../runs/index.ts';
import { defaultThreads } from '../tensor/engines/threads.ts';
import type { EngineName } from '../tensor/index.ts';
import { commandOf, identityOf, union, type Configuration } from './configuration.ts';
import type { DataFacts, PrepareContext } from './experiment.ts';
import { gaps, type ReadResult } from './gaps.ts';
import { presetNotes } from './presetNotes.ts';
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
  /** Jobs at a time; default as many as there are physical cores. */
  readonly parallel?: number | undefined;
  /** Threads of a job; default the cores divided among the jobs. */
  readonly threads?: number | undefined;
  readonly signal: AbortSignal;
  readonly onEvent?: ((event: BenchmarkEvent) => void) | undefined;
}

export interface BenchmarkOutcome {
  readonly folder: string;
  readonly outcomes: readonly JobOutcome[];
  /** The jobs that the result is made of, those of earlier commands included. */
  readonly finished: readonly Run[];
  /** Null when nothing has finished, or when the run was interrupted before all jobs were done. */
  readonly result: ExperimentResult | null;
}

/**
 * Runs what is missing of an experiment and writes result.json from all that is finished of what this and earlier commands
 * asked for in its folder, on the data as they are now.
 *
 * @throws when another process runs one of the jobs, after all others have ended; the result is then not written.
 */
export async function benchmark(
  { experiment, module }: RegisteredExperiment,
  options: BenchmarkOptions,
): Promise<BenchmarkOutcome> {
  const { preset, configuration, runsFolder, engine, signal, onEvent } = options;
  const cores = defaultThreads();
  const filedUnder = experiment.jobsOf ?? experiment.name;
  const folder = ExperimentFolder.create(
    path.resolve(runsFolder),
    filedUnder,
    preset,
    identityOf(experiment, configuration),
  );
  onEvent?.({ kind: 'folder', folder: folder.path });

  const before = await folder.readConfig();
  const whole = before ? union(experiment, before.configuration, configuration) : configuration;
  const { name, repetition } = experiment;
  const own = experiment.ownData?.(whole);
  const { title, source } = own ? { title: own.title, source: '' } : experiment;
  const command = commandOf(experiment, preset, whole, engine);
  const config = { experiment: name, preset, title, source, repetition, command, configuration: whole };
  await folder.writeConfig({ ...config, jobs: before?.jobs });

  const context: PrepareContext = {
    signal,
    threads: cores,
    onProgress: (progress) => onEvent?.({ kind: 'prepare', ...progress }),
  };
  const prepared = async (of: Configuration): Promise<DataFacts> => {
    const facts = (await experiment.prepare?.(of, context)) ?? {};
    signal.throwIfAborted();
    return facts;
  };
  const data = await prepared(whole).catch(async (error: unknown) => {
    // What data cannot be made for is not asked for by the commands that follow.
    if (before) await folder.writeConfig(before);
    else await folder.removeUnused();
    throw error;
  });

  const runsOf = (asked: Configuration): Promise<Run[]> =>
    Promise.all(
      experiment.jobs(asked, data).map((job) => folder.run({ experiment: filedUnder, preset, ...job })),
    );
  const all = await runsOf(whole);
  const runs = await runsOf(configuration);
  await folder.writeConfig({ ...config, jobs: all.map((run) => run.name) });
  // Until the new result is there, nobody should take the old one for it.
  if ((await readResults(runs)).some(({ result }) => result === null)) await folder.clearResult();
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
    return { folder: folder.path, outcomes, finished: [], result: null };
  refuseLocked(outcomes);
  const read = await readResults(all);
  const finished = read.flatMap(({ result }) => result ?? []);
  if (!finished.length) return { folder: folder.path, outcomes, finished: [], result: null };
  const environment = captureEnvironment(engine);
  const summary = experiment.summarize(finished, whole, data);
  const result = experimentResultSchema.parse({
    experiment: name,
    preset,
    title,
    source,
    repetition,
    command,
    environment,
    data: data satisfies DataFacts,
    ...summary,
    notes: [...summary.notes, ...presetNotes(experiment, preset, whole), ...(await gaps(outcomes, read))],
  });
  await folder.writeResult(result);
  const runsRead = read.flatMap((one) => (one.result === null ? [] : [one.run]));
  return { folder: folder.path, outcomes, finished: runsRead, result };
}

const readResults = (runs: readonly Run[]): Promise<ReadResult[]> =>
  Promise.all(
    runs.map(async (run): Promise<ReadResult> => {
      try {
        const result = await run.readResult();
        if (result !== null) return { run, result };
        const status = await run.readStatus();
        const failure = status?.error ?? 'no reason is known';
        return { run, result, error: status?.state === 'failed' ? failure : undefined };
      } catch (error) {
        return { run, result: null, error: error instanceof Error ? error.message : String(error) };
      }
    }),
  );

/** The command that has the jobs will write the result of all; this one has nothing to add before that. */
function refuseLocked(outcomes: readonly JobOutcome[]): void {
  const locked = outcomes.filter(({ state }) => state === 'locked');
  if (!locked.length) return;
  throw new Error(
    `${locked.length} of ${outcomes.length} jobs are being run by another command, and no result was written; the same command completes it when that one has ended: ${locked[0].error}`,
  );
}

/** Runs jobs in parallel child processes: a crash, a leak or a native abort in one costs that job only. */
import { fork, type ChildProcess } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Run } from '../runs/index.ts';
import type { EngineName } from '../tensor/index.ts';
import type { JobProgress } from './execute.ts';
import type { FromChild, ToChild } from './messages.ts';

export interface JobOutcome {
  readonly run: Run;
  /** 'locked': another process has the job; nothing of it was touched. */
  readonly state: 'finished' | 'failed' | 'interrupted' | 'locked';
  /** True when the job was finished before and nothing had to be done. */
  readonly skipped: boolean;
  /** One sentence, for a failed or locked job. */
  readonly error?: string;
}

export type SchedulerEvent =
  | { readonly kind: 'start'; readonly run: Run }
  | { readonly kind: 'progress'; readonly run: Run; readonly progress: JobProgress }
  | { readonly kind: 'note'; readonly run: Run; readonly message: string }
  | { readonly kind: 'end'; readonly outcome: JobOutcome };

export interface ScheduleOptions {
  /** URL of the module that defines the experiment. */
  readonly module: string;
  /** Jobs at a time. */
  readonly parallel: number;
  readonly threads: number;
  readonly engine: EngineName;
  readonly signal: AbortSignal;
  readonly onEvent?: ((event: SchedulerEvent) => void) | undefined;
}

const worker = fileURLToPath(new URL('./worker.ts', import.meta.url));
/** Full address: a bare 'tsx' would be looked for from the user's working folder. */
const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
/** A child that does not stop by itself within this time is killed; its last checkpoint stands. */
const GRACE_MILLISECONDS = 20_000;

/**
 * Runs the jobs, `parallel` at a time, in the order given. Finished jobs are skipped; a failed one does not stop the others,
 * and neither does one whose files are damaged.
 * When the signal aborts, running jobs are asked to stop and jobs not yet started stay as they are.
 */
export async function schedule(runs: readonly Run[], options: ScheduleOptions): Promise<JobOutcome[]> {
  const outcomes = new Map<Run, JobOutcome>();
  const end = (outcome: JobOutcome): void => {
    outcomes.set(outcome.run, outcome);
    options.onEvent?.({ kind: 'end', outcome });
  };
  const outcomeFor = async (run: Run): Promise<JobOutcome> => {
    try {
      if ((await run.readResult()) !== null) return { run, state: 'finished', skipped: true };
      if (options.signal.aborted) return { run, state: 'interrupted', skipped: false };
      return await runInChild(run, options);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return { run, state: 'failed', skipped: false, error: message };
    }
  };
  // What is there is told before anything starts: a job far down the list is no work that is left.
  const there = await Promise.all(runs.map((run) => run.readResult().catch(() => null)));
  runs.filter((_, i) => there[i] !== null).forEach((run) => end({ run, state: 'finished', skipped: true }));
  const waiting = runs.filter((run) => !outcomes.has(run));
  const lane = async (): Promise<void> => {
    for (let run = waiting.shift(); run; run = waiting.shift()) end(await outcomeFor(run));
  };
  await Promise.all(Array.from({ length: Math.min(options.parallel, waiting.length) }, lane));
  return runs.flatMap((run) => outcomes.get(run) ?? []);
}

async function runInChild(run: Run, options: ScheduleOptions): Promise<JobOutcome> {
  options.onEvent?.({ kind: 'start', run });
  const child = fork(worker, {
    execArgv: ['--import', loader],
    // What native libraries print must not tear the progress line; it is shown when the job crashes.
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    serialization: 'advanced',
  });
  const said = tail(child);
  const stop = (): void => {
    tell(child, { kind: 'stop' });
    setTimeout(() => child.kill('SIGKILL'), GRACE_MILLISECONDS).unref();
  };
  options.signal.addEventListener('abort', stop, { once: true });
  try {
    return await outcomeOf(child, run, options, said);
  } finally {
    options.signal.removeEventListener('abort', stop);
  }
}

function outcomeOf(
  child: ChildProcess,
  run: Run,
  { module, engine, threads, signal, onEvent }: ScheduleOptions,
  said: () => string,
): Promise<JobOutcome> {
  let outcome: JobOutcome | null = null;
  return new Promise((resolve) => {
    child.on('message', (message: FromChild) => {
      switch (message.kind) {
        case 'ready':
          tell(child, { kind: 'run', module, folder: run.folder, engine, threads });
          if (signal.aborted) tell(child, { kind: 'stop' });
          break;
        case 'progress':
          onEvent?.({ kind: 'progress', run, progress: message.progress });
          break;
        case 'note':
          onEvent?.({ kind: 'note', run, message: message.message });
          break;
        case 'locked':
          outcome = { run, state: 'locked', skipped: false, error: message.message };
          break;
        case 'end':
          outcome = { run, state: message.state, skipped: false };
          break;
        case 'error':
          outcome = { run, state: 'failed', skipped: false, error: describe(message.message, message.stack) };
          break;
      }
    });
    child.on('error', (error) => {
      outcome ??= {
        run,
        state: 'failed',
        skipped: false,
        error: `the process could not start: ${error.message}`,
      };
      if (child.pid === undefined) resolve(outcome);
    });
    child.on('close', (code, killedBy) => {
      resolve(outcome ?? crash(run, signal.aborted, code, killedBy, said()));
    });
  }).then((settled) => noteCrash(settled as JobOutcome));
}

const describe = (message: string, stack: string | undefined): string =>
  process.env.SEXTANT_DEBUG && stack ? stack : message;

function crash(
  run: Run,
  stopped: boolean,
  code: number | null,
  killedBy: NodeJS.Signals | null,
  said: string,
): JobOutcome {
  if (stopped) return { run, state: 'interrupted', skipped: false };
  const how = killedBy ? `was killed by ${killedBy}` : `ended with code ${code}`;
  const hint = killedBy === 'SIGKILL' ? ' (out of memory? try a smaller --jobs)' : '';
  return {
    run,
    state: 'failed',
    skipped: false,
    error: `its process ${how}${hint}${said ? `: ${said}` : ''}; the same command continues from the last checkpoint`,
  };
}

/** A process that died could not say so in its status. */
async function noteCrash(outcome: JobOutcome): Promise<JobOutcome> {
  const status = outcome.state === 'finished' ? null : await outcome.run.readStatus().catch(() => null);
  if (status?.state === 'interrupted' && outcome.state === 'failed' && outcome.error !== undefined) {
    await outcome.run.writeStatus({ ...status, state: 'failed', pid: null, error: outcome.error });
  }
  return outcome;
}

function tell(child: ChildProcess, message: ToChild): void {
  // A child that has just died cannot be told; its 'close' event says so.
  if (child.connected) child.send(message, () => undefined);
}

/** The last line a child printed. */
function tail(child: ChildProcess): () => string {
  let text = '';
  const keep = (chunk: Buffer): void => {
    text = (text + chunk.toString()).slice(-2000);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  return () => text.trim().split('\n').at(-1)?.trim() ?? '';
}

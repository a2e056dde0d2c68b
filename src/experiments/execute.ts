/** Runs one job in this process: lock, status, metrics, result. What it leaves on disk is all that others know of it. */
import { captureEnvironment, type MetricLine, type Run, type RunStatus } from '../runs/index.ts';
import type { EngineName } from '../tensor/index.ts';
import type { Experiment } from './experiment.ts';

export interface ExecuteOptions {
  readonly signal: AbortSignal;
  readonly engine: EngineName;
  readonly threads: number;
  readonly onProgress?: ((progress: JobProgress) => void) | undefined;
  /** Told what differs from what was asked for, in one sentence. */
  readonly onNote?: ((message: string) => void) | undefined;
}

export interface JobProgress {
  readonly epoch: number;
  readonly epochs: number;
  readonly secondsLeft: number | null;
  /** What is done beside epochs. */
  readonly part?: { readonly label: string; readonly done: number; readonly total: number } | undefined;
}

/** At most so often is status.json written while a job runs. */
const STATUS_MILLISECONDS = 500;

/**
 * Runs or continues a job until it is finished or the signal aborts it; a job with a result is left alone. A job that has
 * trained some epochs goes on with the threads it began with: sums of other threads would be rounded otherwise, and its
 * numbers would be those of no uninterrupted run.
 *
 * @returns 'finished' or 'interrupted'.
 * @throws LockedError when another process runs the job; what the job throws, after noting it in status.json.
 */
export async function executeJob(
  experiment: Experiment,
  run: Run,
  { signal, engine, threads: wanted, onProgress, onNote }: ExecuteOptions,
): Promise<'finished' | 'interrupted'> {
  const release = run.lock();
  try {
    // Another process may have finished the job while this one waited for its turn.
    if ((await run.readResult()) !== null) return 'finished';
    const before = await run.readStatus();
    let progress: JobProgress = { epoch: before?.epoch ?? 0, epochs: before?.epochs ?? 0, secondsLeft: null };
    const note = (state: RunStatus['state'], error?: string): Promise<void> => {
      const pid = state === 'running' ? process.pid : null;
      const { part, ...epochs } = progress;
      const secondsLeft = state === 'running' ? progress.secondsLeft : null;
      return run.writeStatus({
        ...epochs,
        ...(part && state === 'running' ? { part } : {}),
        state,
        pid,
        secondsLeft,
        ...(error === undefined ? {} : { error }),
      });
    };
    await note('running');
    const log = await run.metrics();
    const begun = log.lines.length ? ((await run.readEnvironment())?.threads ?? null) : null;
    const threads = begun ?? wanted;
    if (threads !== wanted) {
      onNote?.(
        `goes on with ${threads} threads, which it began with, not ${wanted}, so that its numbers stay the same`,
      );
    }
    await run.writeEnvironment(captureEnvironment(engine, threads));
    const rate = paceMeter();
    let written = 0;
    // One after the other: a status of before must not come to lie over one of after.
    let writing = Promise.resolve();
    const show = (): Promise<void> => {
      onProgress?.(progress);
      if (Date.now() - written >= STATUS_MILLISECONDS) {
        written = Date.now();
        writing = writing.then(() => note('running'));
      }
      return writing;
    };
    const onEpoch = async (line: MetricLine, epochs: number): Promise<void> => {
      await log.append(line);
      progress = { epoch: line.epoch, epochs, secondsLeft: rate(line.epoch, epochs) };
      await show();
    };
    const onPart = (label: string, done: number, total: number): void => {
      progress = { ...progress, secondsLeft: null, part: { label, done, total } };
      // A status that cannot be written fails the job where it is waited for.
      void show().catch(() => undefined);
    };
    try {
      const onResume = async (history: readonly MetricLine[]): Promise<void> => {
        progress = { ...progress, epoch: history.at(-1)?.epoch ?? 0 };
        await log.replace(history);
      };
      const context = { run, config: run.config, signal, engine, threads, onEpoch, onPart, onResume };
      const { result, arrays } = await experiment.runJob(context);
      await writing;
      signal.throwIfAborted();
      await run.writeResult({ config: run.config, ...result }, arrays);
      await note('finished');
      return 'finished';
    } catch (error) {
      await writing.catch(() => undefined);
      if (signal.aborted) {
        await note('interrupted');
        return 'interrupted';
      }
      await note('failed', error instanceof Error ? error.message : String(error));
      throw error;
    }
  } finally {
    release();
  }
}

/** Seconds left by the mean pace of the last epochs of this process. */
function paceMeter(): (epoch: number, epochs: number) => number | null {
  const marks: { epoch: number; time: number }[] = [];
  return (epoch, epochs) => {
    marks.push({ epoch, time: performance.now() });
    if (marks.length > 20) marks.shift();
    const [first] = marks;
    if (epoch <= first.epoch) return null;
    const pace = (performance.now() - first.time) / 1000 / (epoch - first.epoch);
    return Math.max(0, (epochs - epoch) * pace);
  };
}

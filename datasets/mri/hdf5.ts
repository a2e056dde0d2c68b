/** Reading HDF5 files: text, attributes, and numbers as bytes, so that complex numbers never become arrays of pairs. */
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { readHead } from '../files.ts';
import type { Hdf5Reader } from './hdf5Reader.ts';
import type { Answer, Call, ThreadData } from './hdf5Thread.ts';

export type { Hdf5Member, Hdf5Numbers, Hdf5Records, Hdf5Value } from './hdf5Reader.ts';

const SIGNATURE = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];
/** How often progress is looked at. */
const TICK_MILLISECONDS = 250;
const METHODS: readonly (keyof Hdf5Reader)[] = ['has', 'shape', 'numbers', 'text', 'records', 'attribute'];

/** An open file; the calls of Hdf5Reader, answered by a thread. */
export type Hdf5File = {
  readonly [Method in keyof Hdf5Reader]: (
    ...args: Parameters<Hdf5Reader[Method]>
  ) => Promise<ReturnType<Hdf5Reader[Method]>>;
};

export interface Hdf5Options {
  /** Aborting ends the reading at once and rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * After so many seconds in which the library neither read a byte nor answered, the file counts as damaged: there are damages that it
   * never comes back from. Default 60: a crowded machine is slow too.
   */
  readonly patienceSeconds?: number | undefined;
}

/**
 * Opens a file for the time of `use`, in a thread of its own that ends with it.
 *
 * @throws one sentence when the file is missing, cut short, damaged or no HDF5; and what `use` throws.
 */
export async function withHdf5<T>(
  file: string,
  use: (opened: Hdf5File) => T | Promise<T>,
  options: Hdf5Options = {},
): Promise<T> {
  if (!(await isHdf5(file)))
    throw new Error(`${file}: this is not an HDF5 file (no HDF5 signature at its start)`);
  const { opened, close } = startReader(file, options);
  try {
    return await use(opened);
  } finally {
    await close();
  }
}

/** Whether a file begins as HDF5 files do. @throws one sentence when it cannot be read. */
export async function isHdf5(file: string): Promise<boolean> {
  const head = await readHead(file, SIGNATURE.length);
  return SIGNATURE.every((byte, i) => head[i] === byte);
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: Error) => void;
}

function startReader(
  file: string,
  { signal, patienceSeconds = 60 }: Hdf5Options,
): { readonly opened: Hdf5File; readonly close: () => Promise<void> } {
  const progress = new Int32Array(new SharedArrayBuffer(4));
  const workerData: ThreadData = { file: path.resolve(file), name: file, progress };
  const thread = new Worker(new URL('./hdf5Worker.mjs', import.meta.url), { workerData, execArgv: [] });
  const waiting: Waiting[] = [];
  let ended: Error | null = null;
  const end = (reason: Error): void => {
    ended ??= reason;
    for (const { reject } of waiting.splice(0)) reject(ended);
    void thread.terminate();
  };
  const aborted = (): void => end(signal?.reason as Error);
  // Ticks are counted and not time, which goes on while the whole process is stopped or busy.
  const stalled = stallDetector((1000 * patienceSeconds) / TICK_MILLISECONDS);
  const watch = setInterval(() => {
    if (stalled(Atomics.load(progress, 0), waiting.length > 0))
      end(
        new Error(
          `${file}: the HDF5 library made no progress for ${patienceSeconds} s; the file is corrupt, or its disk does not answer`,
        ),
      );
  }, TICK_MILLISECONDS);
  signal?.addEventListener('abort', aborted);
  thread.on('message', (answer: Answer) => {
    const next = waiting.shift();
    if ('value' in answer) next?.resolve(answer.value);
    else next?.reject(new Error(answer.error));
  });
  thread.on('error', (error) => end(new Error(`${file}: the HDF5 library failed: ${error.message}`)));
  thread.on('exit', () => end(new Error(`${file}: the thread of the HDF5 library ended early`)));

  const call = (method: keyof Hdf5Reader, args: readonly unknown[]): Promise<unknown> => {
    if (signal?.aborted) aborted();
    if (ended) return Promise.reject(ended);
    return new Promise((resolve, reject) => {
      waiting.push({ resolve, reject });
      thread.postMessage({ method, args } satisfies Call);
    });
  };
  return {
    opened: Object.fromEntries(
      METHODS.map((method) => [method, (...args: unknown[]) => call(method, args)]),
    ) as unknown as Hdf5File,
    async close() {
      clearInterval(watch);
      signal?.removeEventListener('abort', aborted);
      await thread.terminate();
    },
  };
}

/**
 * Asked at every tick, says whether work that is waited for stands still: whether its counter has not changed for so many ticks. The
 * library still loads while the counter is 0.
 */
export function stallDetector(ticks: number): (counter: number, isAwaited: boolean) => boolean {
  let [last, silent] = [0, 0];
  return (counter, isAwaited) => {
    silent = isAwaited && counter > 0 && counter === last ? silent + 1 : 0;
    last = counter;
    return silent >= ticks;
  };
}

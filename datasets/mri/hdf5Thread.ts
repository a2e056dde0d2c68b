/** In the thread of one open file: answers the calls of hdf5.ts in their order. */
import { parentPort, workerData } from 'node:worker_threads';
import { openHdf5, type Hdf5Reader, type Hdf5Value } from './hdf5Reader.ts';

/** What the thread is started with. */
export interface ThreadData {
  readonly file: string;
  /** The file as the user named it. */
  readonly name: string;
  /** One counter: 0 until the library is loaded, and up by 1 whenever something was done. */
  readonly progress: Int32Array;
}

export interface Call {
  readonly method: keyof Hdf5Reader;
  readonly args: readonly unknown[];
}

export type Answer = { readonly value: unknown } | { readonly error: string };

const { file, name, progress } = workerData as ThreadData;
const proceed = (): void => void Atomics.add(progress, 0, 1);

function answer(f: () => unknown): void {
  const said = outcome(f);
  proceed();
  parentPort?.postMessage(said, 'value' in said ? buffersOf(said.value) : []);
}

function outcome(f: () => unknown): Answer {
  try {
    return { value: f() };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

/** What can be handed over without a copy. */
function buffersOf(value: unknown): ArrayBuffer[] {
  if (typeof value !== 'object' || value === null) return [];
  if ('data' in value) return [(value.data as Float32Array<ArrayBuffer>).buffer];
  if (!('rows' in value)) return [];
  return (value.rows as Hdf5Value[][]).flatMap((row) =>
    row.flatMap((entry) => (ArrayBuffer.isView(entry) ? [entry.buffer as ArrayBuffer] : [])),
  );
}

proceed();
const opening = openHdf5(file, name, proceed);
parentPort?.on('message', ({ method, args }: Call) => {
  void opening.then(
    (reader) => answer(() => (reader[method] as (...given: readonly unknown[]) => unknown)(...args)),
    (error: unknown) =>
      answer(() => {
        throw error;
      }),
  );
});

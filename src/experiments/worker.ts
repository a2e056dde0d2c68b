/** Entry of a child process: runs one job and reports over IPC. It never outlives its parent. */
import { LockedError, Run } from '../runs/index.ts';
import { executeJob } from './execute.ts';
import type { FromChild, RunMessage, ToChild } from './messages.ts';
import { loadDefinition } from './registry.ts';

const stop = new AbortController();

const stopJob = (): void => stop.abort(new Error('the job was interrupted'));

const send = (message: FromChild): void => {
  if (process.connected) process.send?.(message);
};

async function run({ module, folder, engine, threads }: RunMessage): Promise<void> {
  const { experiment } = await loadDefinition(module);
  const state = await executeJob(experiment, await Run.open(folder), {
    signal: stop.signal,
    engine,
    threads,
    onProgress: (progress) => send({ kind: 'progress', progress }),
    onNote: (message) => send({ kind: 'note', message }),
  });
  send({ kind: 'end', state });
}

process.on('message', (message: ToChild) => {
  if (message.kind === 'stop') {
    stopJob();
    return;
  }
  run(message)
    .catch((error: unknown) => {
      if (error instanceof LockedError) {
        send({ kind: 'locked', message: error.message });
        return;
      }
      const { message: text, stack } = error instanceof Error ? error : new Error(String(error));
      send({ kind: 'error', message: text, stack });
    })
    // Without the channel nothing keeps the process alive; native threads would.
    .finally(() => process.disconnect());
});

// A signal may reach the whole process group: of Ctrl-C the parent decides what it means and sends 'stop'.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', stopJob);
// The parent is gone, or the job is done. Whatever is on disk is complete, so nothing needs to be saved.
process.on('disconnect', () => process.exit());
send({ kind: 'ready' });

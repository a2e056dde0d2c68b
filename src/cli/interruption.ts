/** Ctrl-C as an AbortSignal, for commands that can end in an orderly way; any other is simply ended by the system. */
import type { EventEmitter } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { InterruptedError } from './errors.ts';

export interface Interruption {
  /** Aborts on the first Ctrl-C after `listen`. */
  readonly signal: AbortSignal;
  /**
   * From now on Ctrl-C aborts the signal instead of ending the process; `next` says what the command does when it is run again.
   * Asked again, it changes nothing.
   */
  readonly listen: (next?: string) => AbortSignal;
  /** Leaves Ctrl-C to the system again. */
  readonly release: () => void;
}

/** Listens for SIGINT and SIGTERM on `source`. `again` is called for each one after the first. */
export function interruption(source: Pick<EventEmitter, 'on' | 'off'>, again: () => void): Interruption {
  const controller = new AbortController();
  const { signal } = controller;
  let nextTime = '';
  const stop = (): void => (signal.aborted ? again() : controller.abort(new InterruptedError(nextTime)));
  let listening = false;
  return {
    signal,
    listen(next = 'continues where this one stopped') {
      if (!listening) {
        nextTime = next;
        for (const name of ['SIGINT', 'SIGTERM']) source.on(name, stop);
      }
      listening = true;
      return signal;
    },
    release() {
      for (const name of ['SIGINT', 'SIGTERM']) source.off(name, stop);
      listening = false;
    },
  };
}

/** Between two pieces of work that keep the thread busy: lets a Ctrl-C that came meanwhile through, and throws if there was one. */
export async function pauseForInterruption(signal: AbortSignal): Promise<void> {
  // Signals arrive between two turns of the event loop.
  await setImmediate();
  await setImmediate();
  signal.throwIfAborted();
}

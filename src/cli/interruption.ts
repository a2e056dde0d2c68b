/** Ctrl-C as an AbortSignal, for commands that can end in an orderly way; any other is simply ended by the system. */
import type { EventEmitter } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { exitCodes, InterruptedError } from './errors.ts';

export interface Interruption {
  /** Aborts on the first Ctrl-C after `listen`. */
  readonly signal: AbortSignal;
  /** Why the signal was aborted; null as long as it was not. */
  readonly reason: () => InterruptedError | null;
  /**
   * From now on Ctrl-C aborts the signal instead of ending the process; `next` says what the command does when it is run again.
   * Asked again, it changes nothing.
   */
  readonly listen: (next?: string) => AbortSignal;
  /** Leaves Ctrl-C to the system again. */
  readonly release: () => void;
}

const names = ['SIGINT', 'SIGTERM'] as const;

/** Listens for SIGINT and SIGTERM on `source`. `again` is called for each one after the first, with the exit code it asks for. */
export function interruption(
  source: Pick<EventEmitter, 'on' | 'off'>,
  again: (exitCode: number) => void,
): Interruption {
  const controller = new AbortController();
  const { signal } = controller;
  let nextTime = '';
  let reason: InterruptedError | null = null;
  const stop = (name: (typeof names)[number]): void => {
    if (reason) again(exitCodes[name]);
    else controller.abort((reason = new InterruptedError(nextTime, name)));
  };
  let listening = false;
  return {
    signal,
    reason: () => reason,
    listen(next = 'continues where this one stopped') {
      if (!listening) {
        nextTime = next;
        for (const name of names) source.on(name, stop);
      }
      listening = true;
      return signal;
    },
    release() {
      for (const name of names) source.off(name, stop);
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

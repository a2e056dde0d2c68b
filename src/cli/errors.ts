/** How a command ends: exit codes, and one line for whatever went wrong. */

/** A command ended by a signal returns 128 + its number, as a shell reports it. */
export const exitCodes = { ok: 0, failed: 1, usage: 2, SIGINT: 130, SIGTERM: 143 } as const;

/** What the user typed cannot be done. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The user pressed Ctrl-C, or the process was asked to stop. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
  readonly exitCode: number;
  /** `next`: what the same command does when it is run again. */
  constructor(next: string, signal: 'SIGINT' | 'SIGTERM') {
    super(`interrupted; the same command ${next}`);
    this.exitCode = exitCodes[signal];
  }
}

/** The message of an error on one line; with SEXTANT_DEBUG set, its stack. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (process.env.SEXTANT_DEBUG) return error.stack ?? error.message;
  return error.message.replace(/\s*\n\s*/g, ' ');
}

/** What f throws about something the user typed, as a usage error. */
export function asUsage<T>(f: () => T): T {
  try {
    return f();
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

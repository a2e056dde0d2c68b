/** A lock file with the owner's process id: two processes never train the same job, and a dead owner blocks nobody. */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { z } from 'zod';
import { diskError, errorCode } from './disk.ts';

const ownerSchema = z.object({ pid: z.number().int(), host: z.string(), started: z.string() });
export type LockOwner = z.infer<typeof ownerSchema>;

export class LockedError extends Error {
  readonly owner: LockOwner;
  constructor(what: string, owner: LockOwner) {
    super(
      `${what} is in use by process ${owner.pid} on ${owner.host} since ${owner.started}: wait for it, or stop it first`,
    );
    this.name = 'LockedError';
    this.owner = owner;
  }
}

/** Whether a process of this machine is alive; a process of another user counts as alive. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}

/**
 * Start of a process in clock ticks since boot, or null where the system does not say. A process id is used again after
 * its process died, the pair of both is not.
 */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command name in parentheses may hold spaces; the start time is field 22, the twentieth after it.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

const fileSchema = ownerSchema.extend({ ticks: z.string().nullable() });

function readOwner(file: string): z.infer<typeof fileSchema> | null {
  try {
    const checked = fileSchema.safeParse(JSON.parse(readFileSync(file, 'utf8')));
    return checked.success ? checked.data : null;
  } catch {
    return null;
  }
}

/** Whether the owner still holds the lock. An owner on another machine is taken at its word. */
const holds = ({ pid, host, ticks }: z.infer<typeof fileSchema>): boolean =>
  host !== os.hostname() || (isAlive(pid) && (ticks === null || startOf(pid) === ticks));

/**
 * Takes the lock and returns the function that gives it back. A lock whose owner died is taken over.
 *
 * @param what what the lock is for, as the error names it.
 * @throws LockedError while another process holds it.
 */
export function acquireLock(file: string, what: string): () => void {
  const owner = {
    pid: process.pid,
    host: os.hostname(),
    started: new Date().toISOString(),
    ticks: startOf(process.pid),
  };
  const own = `${file}.${process.pid}`;
  try {
    writeFileSync(own, JSON.stringify(owner));
    for (;;) {
      try {
        // A link appears with its content or not at all, and fails when the name is taken.
        linkSync(own, file);
        break;
      } catch (error) {
        if (errorCode(error) !== 'EEXIST') throw error;
        const holder = readOwner(file);
        if (holder && holds(holder)) throw new LockedError(what, holder);
        // Renaming decides who clears a stale lock: only one of two processes finds the file.
        clearStale(file, own, what);
      }
    }
  } catch (error) {
    throw error instanceof LockedError ? error : diskError('write the lock', file, error);
  } finally {
    rmSync(own, { force: true });
  }
  return () => {
    if (readOwner(file)?.pid === process.pid) rmSync(file, { force: true });
  };
}

function clearStale(file: string, own: string, what: string): void {
  const stale = `${own}.stale`;
  try {
    renameSync(file, stale);
  } catch (error) {
    // Somebody else cleared it between our look and our move.
    if (errorCode(error) === 'ENOENT') return;
    throw error;
  }
  // Between our look and our move another process may have cleared the lock and taken it: then it is given back.
  const holder = readOwner(stale);
  if (holder && holds(holder)) {
    renameSync(stale, file);
    throw new LockedError(what, holder);
  }
  rmSync(stale, { force: true });
}

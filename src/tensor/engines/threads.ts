/** How many threads an engine takes when nobody says. */
import { readFileSync } from 'node:fs';
import os from 'node:os';

/**
 * The number of physical cores this process may use: two hardware threads of one core share its arithmetic units, so more
 * threads than cores make dense arithmetic slower. Node knows logical processors only; Linux says in /proc/cpuinfo which
 * share a core. Where that is not said, the number of logical processors.
 */
export function defaultThreads(): number {
  const logical = os.availableParallelism();
  return Math.min(logical, (process.platform === 'linux' && coresOf(cpuinfo())) || logical);
}

function cpuinfo(): string {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8');
  } catch {
    // A sandbox without /proc.
    return '';
  }
}

/** Distinct cores in the text of /proc/cpuinfo, or null when it does not name the core of every processor (ARM, some virtual machines). */
export function coresOf(text: string): number | null {
  const processors = text.split(/\n\s*\n/).filter((block) => /^processor\s*:/m.test(block));
  const cores = processors.map((block) => {
    const [, socket] = /^physical id\s*:\s*(\d+)/m.exec(block) ?? [];
    const [, core] = /^core id\s*:\s*(\d+)/m.exec(block) ?? [];
    return socket === undefined || core === undefined ? null : `${socket} ${core}`;
  });
  return cores.length && !cores.includes(null) ? new Set(cores).size : null;
}

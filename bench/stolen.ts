/** How much of this machine's processors others took: on a virtual machine, times say less the larger the share. */
import { readFileSync } from 'node:fs';

/** Ticks of all processors since the start of the machine: in all, and taken away by the host; null where the kernel does not say. */
export function processorTicks(): { readonly all: number; readonly stolen: number } | null {
  try {
    // proc_stat(5): user nice system idle iowait irq softirq steal …; guest time is within user time.
    const ticks = readFileSync('/proc/stat', 'utf8')
      .split('\n', 1)[0]
      .trim()
      .split(/\s+/)
      .slice(1, 9)
      .map(Number);
    return { all: ticks.reduce((sum, n) => sum + n, 0), stolen: ticks[7] };
  } catch {
    return null;
  }
}

/** Facts of data, for people or as JSON. */
import { formatNumber } from './format.ts';
import type { Terminal } from './terminal.ts';

export type Facts = Readonly<Record<string, string | number | boolean | null>>;

/** Prints one fact a line, those that are null left out; or all as JSON. */
export function printFacts(terminal: Terminal, facts: Facts, asJson: boolean): void {
  if (asJson) {
    terminal.print(JSON.stringify(facts, null, 2));
    return;
  }
  for (const [name, value] of Object.entries(facts)) {
    if (value === null) continue;
    terminal.print(`${name}: ${typeof value === 'number' ? formatNumber(value) : String(value)}`);
  }
}

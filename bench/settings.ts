/** Flags of the benchmarks beside PyTorch. */
import os from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';

export interface BenchSettings {
  /** Names of cases; null: all. */
  readonly only: readonly string[] | null;
  /** Of each round of a case, on either side. */
  readonly seconds: number;
  readonly rounds: number;
  readonly threads: number;
  readonly json: boolean;
}

/** Reads the command line of `npm run bench:NAME`; a wrong flag is answered with one line and exit code 2. */
export function benchSettings(name: string, cases: readonly string[]): BenchSettings {
  const command = new Command(`npm run bench:${name} --`)
    .description(
      'Times of ours and of PyTorch 2 on the same cores, in turns (SEXTANT_PYTHON: a python with torch).',
    )
    .addOption(new Option('--only <case,…>', `of ${cases.join(', ')}`).argParser(namesAmong(cases)))
    .option('--seconds <number>', 'of a round, on either side', positive, 1)
    .option('--rounds <count>', 'of each case', count, 3)
    .option('--threads <count>', 'of either side', count, os.availableParallelism())
    .option('--json', 'one object instead of a table', false)
    .addHelpText('after', `\nExample:\n  npm run bench:${name} -- --only ${cases[1]} --rounds 5`)
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2));
  const { only = null, ...settings } = command
    .parse()
    .opts<Omit<BenchSettings, 'only'> & { only?: string[] }>();
  return { ...settings, only };
}

const namesAmong =
  (cases: readonly string[]) =>
  (text: string): string[] => {
    const names = text.split(',').map((name) => name.trim());
    const unknown = names.find((name) => !cases.includes(name));
    if (unknown === undefined) return names;
    throw new InvalidArgumentError(`got '${unknown}', expected names of ${cases.join(', ')}`);
  };

function positive(text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError(`got '${text}', expected a number above 0`);
}

function count(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new InvalidArgumentError(`got '${text}', expected a whole number above 0`);
}

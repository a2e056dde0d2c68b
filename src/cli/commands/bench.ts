/** `sextant bench`: runs an experiment and prints its table. Every experiment is a subcommand with flags from its schema. */
import path from 'node:path';
import { Command } from 'commander';
import { z } from 'zod';
import {
  benchmark,
  configureOnData,
  experiments,
  type BenchmarkOutcome,
  type RegisteredExperiment,
} from '../../experiments/index.ts';
import { engineNames } from '../../tensor/index.ts';
import { benchmarkReporter } from '../benchmarkReporter.ts';
import { command, exampleText } from '../command.ts';
import { flagsOf } from '../flags.ts';
import { shortPath } from '../format.ts';
import { record } from '../record.ts';
import { resultLines } from '../resultTable.ts';
import { RUNS_FOLDER } from '../runs.ts';
import type { Terminal } from '../terminal.ts';
import { nonEmpty, oneOf, wholeNumber } from '../text.ts';
import { writeReport } from './report.ts';
import { DEFAULT_PORT, serveUntilInterrupted } from './serve.ts';

/** Options of every command that runs an experiment. */
export const runOptions = {
  jobs: { value: 'number', help: 'jobs at a time (one a core)', schema: wholeNumber(1, 1024).optional() },
  threads: {
    value: 'number',
    help: 'threads of a job (cores / jobs)',
    schema: wholeNumber(1, 1024).optional(),
  },
  engine: {
    value: 'name',
    help: `what computes: ${engineNames.join(', ')} (onnx)`,
    schema: oneOf(...engineNames).default('onnx'),
  },
  runs: { value: 'folder', help: `folder of runs (${RUNS_FOLDER})`, schema: nonEmpty.default(RUNS_FOLDER) },
  record: {
    help: 'keep the result as the result of record in docs/results',
    schema: z.boolean().default(false),
  },
  serve: { help: 'serve the report afterwards, until Ctrl-C', schema: z.boolean().default(false) },
  port: {
    value: 'number',
    help: `port of --serve; 0 takes any free one (${DEFAULT_PORT})`,
    schema: wholeNumber(0, 65535).default(DEFAULT_PORT),
  },
  json: { help: 'print the result as JSON', schema: z.boolean().default(false) },
};

const presetLines = ({ experiment }: RegisteredExperiment): string =>
  Object.entries(experiment.presets)
    .map(([name, { description }]) => `  ${name}: ${description}`)
    .join('\n');

const preset = {
  value: 'name',
  help: 'set of values to start from (quick)',
  schema: nonEmpty.default('quick'),
};

type RunValues = { readonly [K in keyof typeof runOptions]: z.output<(typeof runOptions)[K]['schema']> };

/**
 * Runs an experiment with the flags that were given, shows its progress, and prints, records and serves the result; `keep` is called
 * with it before it is served.
 */
export async function runExperiment(
  terminal: Terminal,
  registered: RegisteredExperiment,
  {
    preset: name,
    flags,
    values: { jobs, threads, engine, runs, json, ...after },
    keep,
  }: {
    readonly preset: string;
    readonly flags: Readonly<Record<string, unknown>>;
    readonly values: RunValues;
    readonly keep?: ((outcome: BenchmarkOutcome) => Promise<void>) | undefined;
  },
): Promise<void> {
  const { experiment } = registered;
  const configuration = await configureOnData(experiment, name, flags);
  const report = benchmarkReporter(terminal, experiment.name);
  const began = performance.now();
  const outcome = await benchmark(registered, {
    preset: name,
    configuration,
    runsFolder: runs,
    engine,
    parallel: jobs,
    threads,
    signal: terminal.interruption(),
    onEvent: report,
  });
  terminal.progress.clear();
  terminal.interruption().throwIfAborted();
  const seconds = (performance.now() - began) / 1000;
  await finish(terminal, outcome, { ...after, json, seconds, runs, keep });
}

function experimentCommand(terminal: Terminal, registered: RegisteredExperiment): Command {
  const { experiment } = registered;
  return command({
    name: experiment.name,
    summary: experiment.title,
    description: `${experiment.title}\nPublished numbers: ${experiment.source}\n\nPresets:\n${presetLines(registered)}\n\nThe same command continues what was interrupted and skips what is finished.`,
    arguments: {},
    options: { preset, ...runOptions },
    flags: flagsOf(experiment.configuration),
    examples: [`sextant bench ${experiment.name} --preset ${Object.keys(experiment.presets)[0]}`],
    run: ({ preset: name, ...values }, flags) =>
      runExperiment(terminal, registered, { preset: name, flags, values }),
  });
}

interface Finish {
  readonly json: boolean;
  readonly record: boolean;
  readonly serve: boolean;
  readonly port: number;
  readonly runs: string;
  readonly seconds: number;
  readonly keep: ((outcome: BenchmarkOutcome) => Promise<void>) | undefined;
}

/** Prints, writes the report, records, serves; then says in the exit code whether a job failed. */
async function finish(terminal: Terminal, outcome: BenchmarkOutcome, options: Finish): Promise<void> {
  const { folder, outcomes, finished, result } = outcome;
  const failed = outcomes.filter(({ state }) => state === 'failed');
  if (result) {
    const report = await writeReport(folder);
    if (options.json) terminal.print(JSON.stringify(result, null, 2));
    else for (const line of resultLines(result)) terminal.print(line);
    terminal.note(`report: ${shortPath(report)}`);
    if (options.record && !failed.length) {
      terminal.note(
        `recorded in ${shortPath(await record(folder, result, options.seconds, outcomes, finished))}`,
      );
    }
  }
  if (failed.length) {
    // One job is named; the others have been reported when they failed, and stand in the report.
    const [{ run, error }] = failed;
    throw new Error(
      `${failed.length} of ${outcomes.length} jobs failed${options.record ? ' and nothing was recorded' : ''}; ${run.name}: ${error ?? 'no reason is known'}`,
    );
  }
  await options.keep?.(outcome);
  if (options.serve) {
    const page = `experiments/${path.basename(folder)}`;
    await serveUntilInterrupted(terminal, { runsFolder: options.runs, port: options.port, page });
  }
}

const listCommand = (terminal: Terminal, all: readonly RegisteredExperiment[]): Command =>
  command({
    name: 'list',
    summary: 'the experiments and their presets',
    arguments: {},
    options: { json: { help: 'print them as JSON', schema: z.boolean().default(false) } },
    examples: ['sextant bench list'],
    run({ json }) {
      const listed = all.map(({ experiment: { name, title, presets } }) => ({
        name,
        title,
        presets: Object.keys(presets),
      }));
      if (json) terminal.print(JSON.stringify(listed, null, 2));
      else {
        const width = Math.max(...listed.map(({ name }) => name.length));
        for (const { name, title, presets } of listed)
          terminal.print(`${name.padEnd(width)}  ${title} (${presets.join(', ')})`);
      }
      return Promise.resolve();
    },
  });

export async function build(terminal: Terminal): Promise<Command> {
  const all = await experiments();
  const bench = new Command('bench')
    .summary('run an experiment: train, measure, compare with published numbers')
    .description('Runs an experiment: its models, the published values and trivial baselines in one table.')
    .addHelpText('after', exampleText(['sextant bench kdv --preset quick', 'sextant bench kdv --help']));
  bench.addCommand(listCommand(terminal, all));
  for (const registered of all) bench.addCommand(experimentCommand(terminal, registered));
  return bench;
}

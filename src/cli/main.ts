/** The command `sextant`: finds the command, runs it, turns every failure into one line and an exit code. */
import { Command, CommanderError } from 'commander';
import { ConfigurationError } from '../experiments/configuration.ts';
import { version } from '../runs/environment.ts';
import { exampleText } from './command.ts';
import { describeError, exitCodes, InterruptedError, UsageError } from './errors.ts';
import { createTerminal, type Stream, type Terminal } from './terminal.ts';

type Build = (terminal: Terminal) => Command | Promise<Command>;

/** Each command's module is loaded when it is called: `sextant solve` does not wait for the experiments. */
const commands: Readonly<Record<string, { summary: string; load: () => Promise<{ build: Build }> }>> = {
  bench: {
    summary: 'run an experiment: train, measure, compare with published numbers',
    load: () => import('./commands/bench.ts'),
  },
  solve: { summary: 'solve a PDE given by name or as text', load: () => import('./commands/solve.ts') },
  data: {
    summary: 'generate a data set, or check a file of your own',
    load: () => import('./commands/data.ts'),
  },
  report: { summary: 'write the HTML report of a run', load: () => import('./commands/report.ts') },
  serve: {
    summary: 'show runs and their progress in the browser',
    load: () => import('./commands/serve.ts'),
  },
  export: { summary: 'write a trained model as an ONNX file', load: () => import('./commands/export.ts') },
  doctor: {
    summary: 'show engines, versions and the speed of this machine',
    load: () => import('./commands/doctor.ts'),
  },
};

async function program(args: readonly string[], terminal: Terminal, stdout: Stream): Promise<Command> {
  const root = new Command('sextant')
    .description('A workbench for scientific operators and uncertainty quantification.')
    .version(version)
    .addHelpText('after', exampleText(['sextant bench kdv --preset quick', 'sextant solve --help']));
  const called = args.find((arg) => !arg.startsWith('-'));
  const wanted = called === 'help' ? args[args.indexOf('help') + 1] : called;
  for (const [name, { summary, load }] of Object.entries(commands)) {
    root.addCommand(
      name === wanted ? await (await load()).build(terminal) : new Command(name).summary(summary),
    );
  }
  const quiet = (each: Command): void => {
    each.exitOverride().configureOutput({
      writeOut: (text) => void stdout.write(text),
      // The one line of an error is written below, for all kinds of errors alike.
      writeErr: () => undefined,
    });
    each.commands.forEach(quiet);
  };
  quiet(root);
  return root;
}

/** Runs one command line and returns the exit code. Writes to the given streams and to nothing else. */
export async function main(
  args: readonly string[],
  { stdout, stderr }: { stdout: Stream; stderr: Stream } = process,
): Promise<number> {
  const interrupt = new AbortController();
  const stop = (): void => {
    // The second Ctrl-C does not wait for anything.
    if (interrupt.signal.aborted) process.exit(exitCodes.interrupted);
    interrupt.abort(new InterruptedError());
  };
  // Only a command that asks for the signal can end in an orderly way; any other is simply ended by Ctrl-C.
  const listen = (): AbortSignal => {
    process.on('SIGINT', stop).on('SIGTERM', stop);
    return interrupt.signal;
  };

  const terminal = createTerminal(stdout, stderr, listen);
  try {
    const root = await program(args, terminal, stdout);
    if (!args.length) {
      stderr.write(root.helpInformation());
      return exitCodes.usage;
    }
    await root.parseAsync(args, { from: 'user' });
    return interrupt.signal.aborted ? exitCodes.interrupted : exitCodes.ok;
  } catch (error) {
    terminal.progress.clear();
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.ok;
    if (interrupt.signal.aborted) {
      terminal.note('interrupted; the same command continues where this one stopped');
      return exitCodes.interrupted;
    }
    stderr.write(`error: ${describeError(error).replace(/^error: /, '')}\n`);
    return isUsage(error) ? exitCodes.usage : exitCodes.failed;
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}

const isUsage = (error: unknown): boolean =>
  error instanceof UsageError || error instanceof ConfigurationError || error instanceof CommanderError;

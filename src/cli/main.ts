/** The command `sextant`: finds the command, runs it, turns every failure into one line and an exit code. */
import { Command, CommanderError } from 'commander';
import { ConfigurationError } from '../experiments/configuration.ts';
import { version } from '../runs/environment.ts';
import { exampleText } from './command.ts';
import { describeError, exitCodes, UsageError } from './errors.ts';
import { interruption } from './interruption.ts';
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
  operator: { summary: 'use a trained neural operator', load: () => import('./commands/operator.ts') },
  flow: {
    summary: 'train a normalizing flow on samples, and use it',
    load: () => import('./commands/flow.ts'),
  },
  mri: {
    summary: 'reconstruct magnetic resonance images, and train networks that do',
    load: () => import('./commands/mri.ts'),
  },
  report: { summary: 'write the HTML report of a run', load: () => import('./commands/report.ts') },
  serve: {
    summary: 'show runs and their progress in the browser',
    load: () => import('./commands/serve.ts'),
  },
  export: { summary: 'write a trained model as an ONNX file', load: () => import('./commands/export.ts') },
  uq: { summary: 'noise and uncertainty maps of measured data', load: () => import('./commands/uq.ts') },
  doctor: {
    summary: 'show engines, versions and the speed of this machine',
    load: () => import('./commands/doctor.ts'),
  },
};

async function program(
  args: readonly string[],
  terminal: Terminal,
  { stdout, stderr }: { stdout: Stream; stderr: Stream },
): Promise<Command> {
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
      // The help of a command that lacks its subcommand.
      writeErr: (text) => void stderr.write(text),
      // The one line of an error is written below, for all kinds of errors alike.
      outputError: () => undefined,
    });
    if (each.commands.length)
      each.on('command:*', ([name]: readonly string[]) => {
        const names = each.commands.map((one) => one.name()).join(', ');
        throw new UsageError(`unknown command '${name}', expected one of ${names}`);
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
  // The second Ctrl-C does not wait for anything.
  const interrupt = interruption(process, (exitCode) => process.exit(exitCode));
  const terminal = createTerminal(stdout, stderr, interrupt.listen);
  try {
    const root = await program(args, terminal, { stdout, stderr });
    await root.parseAsync(args, { from: 'user' });
    return interrupt.reason()?.exitCode ?? exitCodes.ok;
  } catch (error) {
    terminal.progress.clear();
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.ok;
    if (error instanceof CommanderError && error.code === 'commander.help') return exitCodes.usage;
    const interrupted = interrupt.reason();
    if (interrupted) {
      terminal.note(describeError(interrupted));
      return interrupted.exitCode;
    }
    stderr.write(`error: ${describeError(error).replace(/^error: /, '')}\n`);
    return isUsage(error) ? exitCodes.usage : exitCodes.failed;
  } finally {
    interrupt.release();
  }
}

const isUsage = (error: unknown): boolean =>
  error instanceof UsageError || error instanceof ConfigurationError || error instanceof CommanderError;

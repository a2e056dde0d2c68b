/** One way to declare a command: arguments and options with their readers, examples, and what it does. */
import { Command, Option } from 'commander';
import type { z } from 'zod';
import { UsageError } from './errors.ts';
import { addFlags, type Flag } from './flags.ts';

export interface OptionSpec<S extends z.ZodType = z.ZodType> {
  /** Placeholder of the value (`number`); absent for a switch. */
  readonly value?: string;
  readonly help: string;
  /** Reads the text of the value; a switch is `true` or absent. */
  readonly schema: S;
  readonly hidden?: boolean;
}

export interface ArgumentSpec<S extends z.ZodType = z.ZodType> {
  readonly help: string;
  readonly optional?: boolean;
  readonly schema: S;
}

type Values<Specs extends Readonly<Record<string, { readonly schema: z.ZodType }>>> = {
  [K in keyof Specs]: z.output<Specs[K]['schema']>;
};

export interface CommandSpec<
  Arguments extends Readonly<Record<string, ArgumentSpec>>,
  Options extends Readonly<Record<string, OptionSpec>>,
> {
  readonly name: string;
  readonly summary: string;
  readonly description?: string;
  readonly arguments: Arguments;
  readonly options: Options;
  /** Flags made from another schema; what was given arrives as `run`'s second argument. */
  readonly flags?: readonly Flag[];
  /** Commands that work as they stand. */
  readonly examples: readonly string[];
  run(values: Values<Arguments> & Values<Options>, flags: Readonly<Record<string, unknown>>): Promise<void>;
}

const kebab = (key: string): string => key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

function read(
  label: string,
  spec: { readonly schema: z.ZodType; readonly help: string },
  text: unknown,
): unknown {
  const checked = spec.schema.safeParse(text);
  if (checked.success) return checked.data;
  if (text === undefined) throw new UsageError(`${label}: missing, expected ${spec.help}`);
  throw new UsageError(`${label}: ${checked.error.issues[0].message}`);
}

/** Refuses more arguments than have names; what is too much belongs to the last of them. */
function refuseExcess(names: readonly string[], given: readonly string[]): void {
  const last = names.length - 1;
  if (given.length <= names.length || last < 0) return;
  const values = given.slice(last);
  throw new UsageError(
    `${names[last]}: got ${values.length}, ${values.join(' ')}, expected one of them: a pattern may match several files or folders`,
  );
}

/** The part of `--help` that shows commands to copy. */
export const exampleText = (examples: readonly string[]): string =>
  `\n${examples.length > 1 ? 'Examples' : 'Example'}:\n${examples.map((line) => `  $ ${line}`).join('\n')}\n`;

/** Builds the commander command of a declaration. */
export function command<
  const Arguments extends Readonly<Record<string, ArgumentSpec>>,
  const Options extends Readonly<Record<string, OptionSpec>>,
>(spec: CommandSpec<Arguments, Options>): Command {
  const built = new Command(spec.name).summary(spec.summary).description(spec.description ?? spec.summary);
  const names = Object.entries(spec.arguments);
  for (const [name, { help, optional }] of names) built.argument(optional ? `[${name}]` : `<${name}>`, help);
  for (const [key, { value, help, hidden }] of Object.entries(spec.options)) {
    const option = new Option(`--${kebab(key)}${value === undefined ? '' : ` <${value}>`}`, help);
    built.addOption(hidden ? option.hideHelp() : option);
  }
  const readFlags = addFlags(built, spec.flags ?? []);
  // A pattern of the shell may match several folders: which they are is said below.
  built.allowExcessArguments(names.length > 0);
  built.addHelpText('after', exampleText(spec.examples));
  built.action(async (...received: unknown[]) => {
    refuseExcess(
      names.map(([name]) => name),
      built.args,
    );
    const given = received[names.length] as Record<string, unknown>;
    const values = Object.fromEntries([
      ...names.map(([name, argument], i) => [name, read(name, argument, received[i])]),
      ...Object.entries(spec.options).map(([key, option]) => [
        key,
        read(`--${kebab(key)}`, option, given[key]),
      ]),
    ]) as Values<Arguments> & Values<Options>;
    await spec.run(values, readFlags(given));
  });
  return built;
}

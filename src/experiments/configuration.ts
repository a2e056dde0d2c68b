/** From a preset and overrides to a validated configuration, and back to the command that gives it. */
import { z } from 'zod';
import { canonicalJson } from '../runs/index.ts';
import type { EngineName } from '../tensor/index.ts';
import type { Experiment } from './experiment.ts';

export type Configuration = Record<string, unknown>;

/** A value of the configuration that is not allowed. `path` is the key in the configuration. */
export class ConfigurationError extends Error {
  readonly key: string;
  constructor(key: string, message: string) {
    super(message);
    this.name = 'ConfigurationError';
    this.key = key;
  }
}

/** `halveEvery` → `--halve-every`. */
export const flagOf = (key: string): string =>
  `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

const show = (value: unknown): string => {
  if (typeof value === 'string') return `'${value}'`;
  // JSON has no word for Infinity and NaN.
  if (typeof value === 'number') return String(value);
  return Array.isArray(value) && !value.length ? 'an empty list' : JSON.stringify(value);
};

/** What an issue says was expected, in words. */
function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${issue.expected === 'int' ? 'a whole number' : `a ${issue.expected}`}`;
    case 'too_small':
      return issue.origin === 'array'
        ? `expected at least ${issue.minimum} ${Number(issue.minimum) === 1 ? 'entry' : 'entries'}`
        : issue.inclusive === false && Number(issue.minimum) === 0
          ? 'expected a positive number'
          : `expected a number ${issue.inclusive === false ? '>' : '≥'} ${issue.minimum}`;
    case 'too_big':
      return `expected a number ${issue.inclusive === false ? '<' : '≤'} ${issue.maximum}`;
    case 'invalid_value':
      return `expected ${issue.values.length === 1 ? '' : 'one of '}${issue.values.map(String).join(', ')}`;
    default:
      return issue.message;
  }
}

/** The first issue as one line: `--step: got -1, expected a positive number`. */
export function explainIssue(issue: z.core.$ZodIssue, value: unknown): string {
  const at = issue.path.reduce<unknown>(
    (node, key) =>
      typeof node === 'object' && node !== null ? (node as Record<PropertyKey, unknown>)[key] : undefined,
    value,
  );
  if (issue.code === 'unrecognized_keys')
    return `${issue.keys.map(flagOf).join(', ')}: there is no such option`;
  const flag = flagOf(String(issue.path[0] ?? ''));
  // A default that does not go with what was given: the message says which value it is.
  if (at === undefined && issue.code === 'custom') return `${flag}: ${expectation(issue)}`;
  return at === undefined
    ? `${flag}: missing, ${expectation(issue)}`
    : `${flag}: got ${show(at)}, ${expectation(issue)}`;
}

/** Keys whose effect own data take away; those that are given with another value than the preset's are refused. */
function refuseUnused(
  experiment: Experiment,
  values: Configuration,
  overrides: Configuration,
  config: Configuration,
): void {
  const unused = experiment.ownData?.(config)?.unused.filter((key) => overrides[key] !== undefined) ?? [];
  if (!unused.length) return;
  const plain = z.strictObject(experiment.configuration.shape).parse(values) as Configuration;
  const given = unused.find((key) => canonicalJson(config[key]) !== canonicalJson(plain[key]));
  if (given === undefined) return;
  throw new ConfigurationError(
    given,
    `${flagOf(given)}: got ${show(overrides[given])}, which has no effect beside --data: the samples are those of the file`,
  );
}

/** Preset plus overrides, validated. Throws ConfigurationError with one line. */
export function configure(
  experiment: Experiment,
  preset: string,
  overrides: Configuration = {},
): Configuration {
  const found = Object.hasOwn(experiment.presets, preset) ? experiment.presets[preset] : undefined;
  if (!found) {
    throw new ConfigurationError(
      'preset',
      `--preset: got '${preset}', expected one of ${Object.keys(experiment.presets).join(', ')}`,
    );
  }
  const given = { ...found.values, ...overrides };
  const checked = z.strictObject(experiment.configuration.shape).safeParse(given);
  if (!checked.success) {
    const [issue] = checked.error.issues;
    throw new ConfigurationError(String(issue.path[0] ?? ''), explainIssue(issue, given));
  }
  refuseUnused(experiment, found.values, overrides, checked.data);
  try {
    experiment.check?.(checked.data);
  } catch (error) {
    throw new ConfigurationError('', error instanceof Error ? error.message : String(error));
  }
  const config = { ...checked.data };
  // A job that is asked for twice is one job.
  for (const axis of experiment.axes)
    if (Array.isArray(config[axis])) config[axis] = [...new Set(config[axis] as unknown[])];
  return experiment.normalize?.(config) ?? config;
}

/** As `configure`; what follows from a user's own data is read from them where it is not given. */
export async function configureOnData(
  experiment: Experiment,
  preset: string,
  overrides: Configuration = {},
): Promise<Configuration> {
  const config = configure(experiment, preset, overrides);
  const open = Object.entries(experiment.ownData?.(config)?.defaults ?? {}).filter(
    ([key]) => overrides[key] === undefined,
  );
  if (!open.length) return config;
  const read = await Promise.all(open.map(async ([key, value]) => [key, await value()] as const));
  return configure(experiment, preset, { ...overrides, ...Object.fromEntries(read) });
}

/** The part of a configuration that all jobs share. */
export const identityOf = (experiment: Experiment, config: Configuration): Configuration =>
  Object.fromEntries(Object.entries(config).filter(([key]) => !experiment.axes.includes(key)));

/** The configuration whose axes name everything that either asks for. */
export function union(experiment: Experiment, before: Configuration, now: Configuration): Configuration {
  const merged = { ...now };
  for (const axis of experiment.axes) {
    // An axis that is younger than the folder is missing in what was asked for before.
    const values = [...((before[axis] ?? []) as unknown[]), ...(now[axis] as unknown[])];
    const unique = [...new Set(values)];
    merged[axis] = unique.every((value) => typeof value === 'number') ? unique.sort((a, b) => a - b) : unique;
  }
  return merged;
}

/** A word of a POSIX command line, in quotes where a shell would take it apart. */
const quoted = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;

/** The command line that gives this configuration: the preset and what differs from it, and the engine unless it is the default. */
export function commandOf(
  experiment: Experiment,
  preset: string,
  config: Configuration,
  engine: EngineName = 'onnx',
): string {
  const plain = configure(experiment, preset);
  const flags = Object.entries(config)
    .filter(([key, value]) => canonicalJson(value) !== canonicalJson(plain[key]))
    .map(
      ([key, value]) => `${flagOf(key)} ${quoted(Array.isArray(value) ? value.join(',') : String(value))}`,
    );
  if (engine !== 'onnx') flags.push(`--engine ${engine}`);
  return ['npx sextant bench', experiment.name, `--preset ${preset}`, ...flags].join(' ');
}

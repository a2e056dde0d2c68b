/** Flags made from a zod schema: the schema that checks saved runs also checks the command line. */
import type { Command } from 'commander';
import { z } from 'zod';
import { flagOf } from '../experiments/configuration.ts';
import { numberOf } from './text.ts';

interface JsonSchema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly items?: JsonSchema;
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
}

export interface Flag {
  readonly key: string;
  readonly flag: string;
  readonly help: string;
  readonly placeholder: string | null;
  /** The value of a text; text that cannot be read stays text, for the schema to refuse. */
  readonly read: (text: string | true) => unknown;
}

const show = (value: unknown): string => (Array.isArray(value) ? value.join(',') : String(value));

function reader(schema: JsonSchema): (text: string) => unknown {
  switch (schema.type) {
    case 'integer':
    case 'number':
      return (text) => numberOf(text.trim()) ?? text;
    case 'array':
      return (text) =>
        text
          .split(',')
          .map((part) => part.trim())
          .filter(Boolean)
          .map(reader(schema.items ?? {}));
    default:
      return (text) => text;
  }
}

/** One flag for each property of an object schema (what it accepts, before defaults and transforms). */
export function flagsOf(schema: z.ZodType): Flag[] {
  const { properties = {} } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
  return Object.entries(properties).map(([key, property]) => {
    const choices = property.enum ?? property.items?.enum;
    const help = [
      property.description ?? '',
      choices ? `${property.type === 'array' ? 'of' : 'one of'} ${choices.join(', ')}` : '',
      property.default === undefined || show(property.default) === ''
        ? ''
        : `default ${show(property.default)}`,
    ];
    const kind =
      property.type === 'array'
        ? `${property.items?.type === 'string' ? 'name' : 'number'},…`
        : property.type;
    return {
      key,
      flag: flagOf(key),
      help: help.filter(Boolean).join('; '),
      placeholder: property.type === 'boolean' ? null : kind === 'integer' ? 'number' : (kind ?? 'text'),
      read: (text) => (text === true ? true : reader(property)(text)),
    };
  });
}

/** Adds the flags to a command; returns the function that reads what was given from commander's options. */
export function addFlags(
  command: Command,
  flags: readonly Flag[],
): (given: Record<string, unknown>) => Record<string, unknown> {
  for (const { flag, placeholder, help } of flags)
    command.option(placeholder === null ? flag : `${flag} <${placeholder}>`, help);
  return (given) =>
    Object.fromEntries(
      flags
        .filter(({ key }) => given[key] !== undefined)
        .map(({ key, read }) => [key, read(given[key] as string | true)]),
    );
}

/** Values from the text of the command line: every reader says what it expected. */
import { z } from 'zod';

const shown = (text: string): string =>
  text === '' ? 'nothing' : /[\s'"]/.test(text) ? JSON.stringify(text) : text;

/** A reader of text; `read` returns undefined for what it does not accept. */
export const parsed = <T>(expected: string, read: (text: string) => T | undefined) =>
  z.string().transform((text, context): T => {
    const value = read(text.trim());
    if (value !== undefined) return value;
    context.addIssue({ code: 'custom', message: `got ${shown(text)}, expected ${expected}` });
    return z.NEVER;
  });

/** A decimal number; '' and '1e' are none. */
export const numberOf = (text: string): number | undefined =>
  /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text) ? Number(text) : undefined;

const where = (accept: (value: number) => boolean) => (text: string) => {
  const value = numberOf(text);
  return value !== undefined && Number.isFinite(value) && accept(value) ? value : undefined;
};

export const positiveNumber = parsed(
  'a positive number',
  where((value) => value > 0),
);

export const wholeNumber = (minimum: number, maximum = Number.MAX_SAFE_INTEGER) =>
  parsed(
    maximum === Number.MAX_SAFE_INTEGER
      ? `a whole number ≥ ${minimum}`
      : `a whole number from ${minimum} to ${maximum}`,
    where((value) => Number.isSafeInteger(value) && value >= minimum && value <= maximum),
  );

/** '64,128': whole numbers of a range. */
export const wholeNumbers = (minimum: number, maximum: number) =>
  parsed(
    `whole numbers from ${minimum} to ${maximum} with commas, as in 64,128`,
    (text): number[] | undefined => {
      const values = text.split(',').map((part) => numberOf(part.trim()) ?? NaN);
      return values.every((value) => Number.isSafeInteger(value) && value >= minimum && value <= maximum)
        ? values
        : undefined;
    },
  );

/** 'a,b' with a < b. */
export const interval = parsed('two numbers a,b with a < b', (text): [number, number] | undefined => {
  const [a, b, ...more] = text.split(',').map((part) => numberOf(part.trim()));
  return a !== undefined && b !== undefined && a < b && !more.length ? [a, b] : undefined;
});

/** 'nu=0.1,mu=2'. */
export const constants = parsed('names with numbers, as in nu=0.1,mu=2', (text) => {
  const entries = text.split(',').map((part): [string, number | undefined] => {
    const [name, value, ...more] = part.split('=');
    return [name.trim(), more.length ? undefined : numberOf((value ?? '').trim())];
  });
  if (entries.some(([name, value]) => !/^[A-Za-z]\w*$/.test(name) || value === undefined)) return undefined;
  return Object.fromEntries(entries) as Record<string, number>;
});

export const oneOf = <const T extends string>(...values: readonly T[]) =>
  parsed(`one of ${values.join(', ')}`, (text) => values.find((value) => value === text));

/** A path whose name ends in one of the given ways. */
export const fileName = (...extensions: readonly string[]) =>
  parsed(`a file name ending in ${extensions.join(' or ')}`, (text) =>
    extensions.some((extension) => text.endsWith(extension) && text.length > extension.length)
      ? text
      : undefined,
  );

export const nonEmpty = parsed('some text', (text) => text || undefined);

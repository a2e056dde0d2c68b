/** The run store's way to the disk: whole files or none, JSON checked by its schema, failures in one sentence. */
import { readFile } from 'node:fs/promises';
import type { z } from 'zod';
import { makeFolder, writeAtomically } from '../../datasets/files.ts';

export const errorCode = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;

const remedies: Record<string, string> = {
  ENOSPC: 'the disk is full: free some space and run the same command again, it continues where it stopped',
  EDQUOT: 'the disk quota is used up: free some space and run the same command again',
  EROFS: 'the file system is read-only: choose another folder with --runs',
  EACCES: 'permission denied: choose another folder with --runs, or change its permissions',
  EPERM: 'permission denied: choose another folder with --runs, or change its permissions',
  EMFILE: 'too many open files: raise the limit (ulimit -n) or lower --jobs',
  ENOTDIR: 'a part of the path is a file, not a folder',
  EEXIST: 'a part of the path is a file, not a folder',
  EISDIR: 'there is a folder of that name',
  ENOENT: 'there is no such folder',
};

/** A file system error as one sentence that names the file, the reason and the way out. */
export function diskError(doing: string, file: string, error: unknown): Error {
  const code = errorCode(error);
  const why = (code && remedies[code]) ?? (error instanceof Error ? error.message : String(error));
  return new Error(`cannot ${doing} ${file}: ${why}`, { cause: error });
}

/** Creates a folder and its parents. Throws one sentence when that cannot be. */
export function ensureFolder(folder: string): void {
  try {
    makeFolder(folder);
  } catch (error) {
    throw diskError('create the folder', folder, error);
  }
}

/** Writes a whole file, flushed and renamed into place. Throws one sentence (disk full, read-only, no permission). */
export async function writeFileAtomic(file: string, content: string | Uint8Array): Promise<void> {
  try {
    await writeAtomically(file, typeof content === 'string' ? new TextEncoder().encode(content) : content);
  } catch (error) {
    throw diskError('write', file, error instanceof Error && error.cause ? error.cause : error);
  }
}

const isNumber = (value: unknown): boolean => typeof value === 'number' || value === null;

/** JSON as people read it, with lists of numbers on one line: curves are most of a result. */
export function readableJson(value: unknown): string {
  const write = (part: unknown, indent: string): string => {
    if (part === null || typeof part !== 'object') return JSON.stringify(part);
    const deeper = `${indent}  `;
    const lines = (items: readonly string[]): string => `\n${deeper}${items.join(`,\n${deeper}`)}\n${indent}`;
    if (!Array.isArray(part)) {
      const entries = Object.entries(part).map(
        ([name, own]) => `${JSON.stringify(name)}: ${write(own, deeper)}`,
      );
      return entries.length ? `{${lines(entries)}}` : '{}';
    }
    if (part.every(isNumber)) return `[${part.map((own) => JSON.stringify(own)).join(', ')}]`;
    return `[${lines(part.map((own) => write(own, deeper)))}]`;
  };
  // What JSON leaves out or writes otherwise (undefined, NaN, dates) is so before it is laid out.
  return write(JSON.parse(JSON.stringify(value)), '');
}

export const writeJson = (file: string, value: unknown): Promise<void> =>
  writeFileAtomic(file, `${readableJson(value)}\n`);

/** The text of a file, or null when there is none. */
export async function readText(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw diskError('read', file, error);
  }
}

/** A JSON file checked by its schema, or null when there is none. Throws one sentence when it is damaged. */
export async function readJson<T>(file: string, schema: z.ZodType<T>): Promise<T | null> {
  const text = await readText(file);
  if (text === null) return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error(`${file} is damaged: it is not valid JSON. Delete it and run the command again`);
  }
  const checked = schema.safeParse(value);
  if (checked.success) return checked.data;
  const [issue] = checked.error.issues;
  throw new Error(
    `${file} does not have the expected shape (${[...issue.path, ''].join('.').replace(/\.$/, ': ')}${issue.message}). Delete it and run the command again`,
  );
}

/** Reading the files of an experiment folder: checked by schema, kept inside the folder, problems collected as sentences. */
import { readFile, readdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import type { z } from 'zod';

/** Whether a file system error says that there is no such file. */
const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');

export const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const firstIssue = ({ issues }: z.ZodError): string => {
  const issue = issues[0];
  return `${issue.path.length ? `${issue.path.join('.')}: ` : ''}${issue.message}`;
};

/** Whether `file` lies inside `folder`; both are real paths. */
export const isInside = (folder: string, file: string): boolean => {
  const relative = path.relative(folder, file);
  return relative !== '' && relative.split(path.sep)[0] !== '..' && !path.isAbsolute(relative);
};

/** The files of one experiment folder, and what of them could not be read. */
export class ExperimentFiles {
  readonly problems: string[] = [];
  /** Real path of the folder. */
  readonly root: string;

  private constructor(root: string) {
    this.root = root;
  }

  /** Throws when there is no such folder. */
  static async open(folder: string): Promise<ExperimentFiles> {
    try {
      return new ExperimentFiles(await realpath(folder));
    } catch {
      throw new Error(
        `There is no experiment folder at ${folder}: give the folder that holds experiment.json or result.json`,
      );
    }
  }

  path(...parts: string[]): string {
    return path.join(this.root, ...parts);
  }

  /** Notes a problem with a file; the name stands relative to the experiment folder. */
  problem(file: string, sentence: string): void {
    const name = path.relative(this.root, file) || 'The folder';
    const text = `${name} ${sentence.replaceAll(this.root + path.sep, '')}`;
    if (!this.problems.includes(text)) this.problems.push(text);
  }

  /** The real path of a file, or null when it is missing or, with a problem noted, leads out of the folder. */
  async locate(file: string): Promise<string | null> {
    try {
      const real = await realpath(file);
      if (isInside(this.root, real)) return real;
      this.problem(file, 'leads out of the experiment folder and is left out');
    } catch (error) {
      if (!isMissing(error)) this.problem(file, `cannot be read: ${reason(error)}`);
    }
    return null;
  }

  async text(file: string): Promise<string | null> {
    const real = await this.locate(file);
    if (real === null) return null;
    try {
      return await readFile(real, 'utf8');
    } catch (error) {
      if (!isMissing(error)) this.problem(file, `cannot be read: ${reason(error)}`);
      return null;
    }
  }

  /** A JSON file checked by its schema; null when it is missing or, with a problem noted, not what it should be. */
  async json<T>(file: string, schema: z.ZodType<T>): Promise<T | null> {
    const text = await this.text(file);
    if (text === null) return null;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      this.problem(file, 'is not valid JSON');
      return null;
    }
    const checked = schema.safeParse(value);
    if (checked.success) return checked.data;
    this.problem(file, `does not have the expected shape (${firstIssue(checked.error)})`);
    return null;
  }

  /** Names of the run folders, sorted; links are not followed. */
  async jobs(): Promise<string[]> {
    try {
      const entries = await readdir(this.path('jobs'), { withFileTypes: true });
      return entries
        .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
        .map(({ name }) => name)
        .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
    } catch (error) {
      if (!isMissing(error)) this.problem(this.path('jobs'), `cannot be listed: ${reason(error)}`);
      return [];
    }
  }
}

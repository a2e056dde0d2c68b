/** Runs the command as a user does, in a folder of its own. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { main } from '../../src/cli/main.ts';

export const entry = fileURLToPath(new URL('../../src/cli/sextant.mjs', import.meta.url));

export interface Said {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A fresh working folder, and what removes it. */
export function workplace(): { folder: string; remove: () => void } {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'sextant-cli-'));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

const environment = (folder: string): NodeJS.ProcessEnv => ({
  ...process.env,
  SEXTANT_CACHE: path.join(folder, '.cache'),
  SEXTANT_DEBUG: '',
});

/** Runs to the end in this process, which spares the start of another; jobs of a benchmark still have their own. */
export async function call(folder: string, ...args: readonly string[]): Promise<Said> {
  const said: Said = { code: null, stdout: '', stderr: '' };
  const before = process.cwd();
  const own = { ...process.env };
  process.chdir(folder);
  Object.assign(process.env, environment(folder));
  try {
    said.code = await main(args, {
      stdout: { write: (text: string) => (said.stdout += text) },
      stderr: { write: (text: string) => (said.stderr += text) },
    });
  } finally {
    process.chdir(before);
    process.env = own;
  }
  return said;
}

/** Runs to the end in a process of its own. */
export function sextant(folder: string, ...args: readonly string[]): Said {
  const { status, stdout, stderr } = spawnSync(process.execPath, [entry, ...args], {
    cwd: folder,
    env: environment(folder),
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  return { code: status, stdout, stderr };
}

/** Starts in a process group of its own, so that the whole tree can be signalled at once. */
export function start(folder: string, ...args: readonly string[]) {
  const child = spawn(process.execPath, [entry, ...args], {
    cwd: folder,
    env: environment(folder),
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said: Said = { code: null, stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (said.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (said.stderr += chunk.toString()));
  const ended = new Promise<Said>((resolve) => {
    child.on('close', (code) => {
      said.code = code;
      resolve(said);
    });
  });
  return {
    said,
    ended,
    signalGroup: (signal: NodeJS.Signals) => process.kill(-(child.pid ?? 0), signal),
  };
}

/** Waits until the condition holds; throws after a minute and a half. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 90_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

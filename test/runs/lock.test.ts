import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { acquireLock, LockedError } from '../../src/runs/lock.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'sextant-lock-'));
  file = path.join(folder, 'lock');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const owner = (pid: number, more: Record<string, unknown> = {}): string =>
  JSON.stringify({ pid, host: os.hostname(), started: '2026-01-01T00:00:00Z', ticks: null, ...more });

test('a held lock refuses a second owner and names the first; a released one does not', () => {
  const release = acquireLock(file, 'the job');
  expect(() => acquireLock(file, 'the job')).toThrow(LockedError);
  expect(() => acquireLock(file, 'the job')).toThrow(`the job is in use by process ${process.pid}`);
  release();
  expect(existsSync(file)).toBe(false);
  acquireLock(file, 'the job')();
});

test('the lock of a process that died is taken over', () => {
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  writeFileSync(file, owner(pid));
  const release = acquireLock(file, 'the job');
  release();
  expect(existsSync(file)).toBe(false);
});

test('the lock of a living process and of another machine stands', async () => {
  const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)']);
  try {
    writeFileSync(file, owner(child.pid ?? 0));
    expect(() => acquireLock(file, 'the job')).toThrow(LockedError);
    writeFileSync(file, owner(1, { host: 'elsewhere' }));
    expect(() => acquireLock(file, 'the job')).toThrow('on elsewhere');
  } finally {
    child.kill('SIGKILL');
    await new Promise((resolve) => child.on('close', resolve));
  }
});

test.skipIf(process.platform !== 'linux')(
  'a process id that is in use again does not hold the lock of its predecessor',
  () => {
    writeFileSync(file, owner(process.pid, { ticks: '1' }));
    acquireLock(file, 'the job')();
  },
);

test('a lock file that is damaged blocks nobody', () => {
  writeFileSync(file, '{"pid": 12');
  acquireLock(file, 'the job')();
  expect(existsSync(file)).toBe(false);
});

test('a folder that is not there gets one sentence', () => {
  expect(() => acquireLock(path.join(folder, 'no', 'lock'), 'the job')).toThrow(
    /cannot write the lock .* no such folder/,
  );
});

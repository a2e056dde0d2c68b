import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeFolder } from '../../datasets/files.ts';

let scratch = '';
beforeAll(() => (scratch = mkdtempSync(path.join(os.tmpdir(), 'sextant-files-'))));
afterAll(() => rmSync(scratch, { recursive: true }));

test('makes all missing parents, and once more is no error', () => {
  const folder = path.join(scratch, 'a', 'b', 'c');
  makeFolder(folder);
  makeFolder(folder);
  expect(statSync(folder).isDirectory()).toBe(true);
});

test('a file on the way is an error', () => {
  writeFileSync(path.join(scratch, 'file'), '');
  expect(() => makeFolder(path.join(scratch, 'file', 'below'))).toThrow(/ENOTDIR|EEXIST/);
});

test.skipIf(!existsSync('/proc/self'))(
  'a file system that takes no folders is an error, not an endless loop',
  () => {
    expect(() => makeFolder('/proc/sextant/below')).toThrow(/ENOENT|EACCES|EPERM/);
  },
);

/** `npm start` and `npm test` install first when something is missing, and only then. npm itself is replaced by a note. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { workplace } from './sextant.ts';

const bootstrap = fileURLToPath(new URL('../../src/cli/bootstrap.mjs', import.meta.url));
const locked = { version: '1.2.3', integrity: 'sha512-abc' };
const lock = (entries: object): string =>
  JSON.stringify({ packages: { '': { name: 'project' }, ...entries } });

let project: ReturnType<typeof workplace>;
const at = (...parts: string[]): string => path.join(project.folder, ...parts);

beforeEach(() => {
  project = workplace();
  mkdirSync(at('src/cli'), { recursive: true });
  mkdirSync(at('node_modules'));
  cpSync(bootstrap, at('src/cli/bootstrap.mjs'));
  writeFileSync(at('script.mjs'), "console.log('ran', process.argv.slice(2).join(' '));");
  const wanted = { 'node_modules/a': locked, 'node_modules/gpu': { ...locked, optional: true } };
  writeFileSync(at('package-lock.json'), lock(wanted));
  const npm = `require('fs').writeFileSync('called', process.argv.slice(2).join(' ') + ' ' + process.env.ONNXRUNTIME_NODE_INSTALL); process.exit(Number(process.env.NPM_FAILS ?? 0));`;
  writeFileSync(at('npm.js'), npm);
});
afterEach(() => project.remove());

const run = (more: Record<string, string> = {}) =>
  spawnSync(process.execPath, [at('src/cli/bootstrap.mjs'), 'script.mjs', 'one', 'two'], {
    cwd: project.folder,
    env: { ...process.env, npm_execpath: at('npm.js'), ...more },
    encoding: 'utf8',
  });
const installed = (entries: object): void =>
  writeFileSync(at('node_modules/.package-lock.json'), lock(entries));

test('installs without the GPU download when node_modules is missing, then runs the script', () => {
  rmSync(at('node_modules'), { recursive: true });
  expect(run().stdout).toBe('ran one two\n');
  expect(readFileSync(at('called'), 'utf8')).toBe('ci --no-audit --no-fund skip');
});

test('installs nothing when all packages are as locked, optional ones left aside', () => {
  installed({ 'node_modules/a': locked });
  expect(run().stdout).toBe('ran one two\n');
  expect(existsSync(at('called'))).toBe(false);
});

test.each([
  ['a package is missing', {}],
  ['a version differs', { 'node_modules/a': { ...locked, version: '1.2.4' } }],
  ['content differs', { 'node_modules/a': { ...locked, integrity: 'sha512-xyz' } }],
])('installs when %s', (_, entries) => {
  installed(entries);
  expect(run().status).toBe(0);
  expect(existsSync(at('called'))).toBe(true);
});

test('a failed installation ends with its code and does not run the script', () => {
  const { status, stdout, stderr } = run({ NPM_FAILS: '7' });
  expect([status, stdout]).toEqual([7, '']);
  expect(stderr).toContain('error: the packages could not be installed');
});

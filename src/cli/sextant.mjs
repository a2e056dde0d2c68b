#!/usr/bin/env node
// Entry of the command `sextant`: registers the loader that runs TypeScript from source, then hands over to main.ts.
// Plain JavaScript, so that a wrong Node version or missing packages get a sentence and not a stack trace.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const [major, minor] = process.versions.node.split('.').map(Number);

if (major < 20 || (major === 20 && minor < 19)) {
  console.error(
    `error: Node ${process.versions.node} is too old, 20.19 or newer is needed: install it from nodejs.org`,
  );
  process.exitCode = 1;
} else if (!existsSync(new URL('../../node_modules/tsx/package.json', import.meta.url))) {
  console.error(`error: the packages are not installed: run 'npm ci' in ${root}`);
  process.exitCode = 1;
} else {
  // A reader that has enough (`| head`) is no error.
  process.stdout.on('error', (error) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  const { register } = await import('tsx/esm/api');
  register();
  const { main } = await import('./main.ts');
  process.exitCode = await main(process.argv.slice(2));
}

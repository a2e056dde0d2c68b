// node bootstrap.mjs SCRIPT [ARGUMENTS]: installs the packages when they are missing or differ from the lockfile, then runs
// the script in this process. Needs nothing but Node, so that `npm start` and `npm test` work right after a clone.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

const packagesOf = (file) => {
  try {
    return JSON.parse(readFileSync(path.join(root, file), 'utf8')).packages;
  } catch {
    return null;
  }
};

/** npm notes in node_modules/.package-lock.json what it installed; every package must be there as the lockfile has it. */
function isInstalled() {
  const wanted = packagesOf('package-lock.json');
  const found = packagesOf('node_modules/.package-lock.json');
  if (!wanted || !found) return false;
  return Object.entries(wanted).every(([name, { version, integrity, optional, devOptional, peer }]) => {
    // Entry '' is this project. Optional packages may be missing: they are for other systems or failed to build.
    if (name === '' || (!found[name] && (optional || devOptional || peer))) return true;
    return found[name]?.version === version && found[name]?.integrity === integrity;
  });
}

function install() {
  console.error('Installing the packages (npm ci), once …');
  // The script of onnxruntime-node would fetch 400 MB of GPU libraries, and fail where there is no network.
  const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' };
  // npm gives its own path to the scripts it runs; without it (node bootstrap.mjs …) the one on the PATH is taken.
  const npm = process.env.npm_execpath;
  const [command, before] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
  const { status, error } = spawnSync(command, [...before, 'ci', '--no-audit', '--no-fund'], {
    cwd: root,
    env,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32' && command === 'npm',
  });
  if (error) console.error(`error: npm cannot be started: ${error.message}`);
  return status ?? 1;
}

const [script, ...args] = process.argv.slice(2);
const status = isInstalled() ? 0 : install();
if (status !== 0) {
  console.error("error: the packages could not be installed; see npm's message above");
  process.exitCode = status;
} else {
  const file = path.resolve(root, script);
  process.argv = [process.argv[0], file, ...args];
  await import(pathToFileURL(file).href);
}

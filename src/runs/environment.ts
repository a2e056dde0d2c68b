/** What a result depends on beside its configuration: code, machine, versions. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { z } from 'zod';
import type { Environment } from './schema.ts';

const root = new URL('../../', import.meta.url);
const packageSchema = z.object({
  version: z.string(),
  dependencies: z.record(z.string(), z.string()).default({}),
});
const own = packageSchema.parse(JSON.parse(readFileSync(new URL('package.json', root), 'utf8')));

/** Version of this package. */
export const version = own.version;

function git(...args: string[]): string | null {
  try {
    return execFileSync('git', args, {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    // Not a clone, or no git on this machine: the commit stays unknown.
    return null;
  }
}

/** The installed version of a package, or null when it is not installed. */
export function installedVersion(name: string): string | null {
  try {
    const text = readFileSync(new URL(`node_modules/${name}/package.json`, root), 'utf8');
    return packageSchema.parse(JSON.parse(text)).version;
  } catch {
    return null;
  }
}

/** Packages whose arithmetic a number may depend on. */
const numerical = [
  'onnxruntime-node',
  '@tensorflow/tfjs-core',
  '@tensorflow/tfjs-node',
  '@tensorflow/tfjs-node-gpu',
  'fft.js',
  'mathjs',
  'ml-matrix',
];

/** The environment of this process now. `engine` names what computes the tensors, on `threads` threads where that is fixed. */
export function captureEnvironment(engine: string, threads?: number): Environment {
  const status = git('status', '--porcelain');
  return {
    sextant: version,
    commit: git('rev-parse', 'HEAD'),
    dirty: status === null ? null : status !== '',
    node: process.version,
    platform: `${process.platform} ${process.arch} ${os.release()}`,
    cpu: os.cpus()[0]?.model.trim() ?? 'unknown',
    cores: os.availableParallelism(),
    memoryGiB: Math.round((os.totalmem() / 2 ** 30) * 10) / 10,
    engine,
    ...(threads === undefined ? {} : { threads }),
    libraries: Object.fromEntries(
      numerical.flatMap((name) => {
        const found = installedVersion(name);
        return found === null ? [] : [[name, found]];
      }),
    ),
    startedAt: new Date().toISOString(),
  };
}

/** Asks a peer in PyTorch for its values at parameters of ours. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect } from 'vitest';
import { findPython } from '../../bench/peer.ts';
import { encodeSafetensors, layoutOf } from '../../src/nn/index.ts';
import type { NDArray } from '../../src/tensor/index.ts';
import { flatten } from '../../src/tensor/tree.ts';

export const python = findPython();

/** The leaves of a parameter tree under their paths. */
export function named(parameters: unknown): Record<string, NDArray> {
  const { leaves } = flatten<NDArray>(parameters);
  return Object.fromEntries(layoutOf(parameters).entries.map((entry, i) => [entry.path, leaves[i]]));
}

/** What a script of bench/peers prints as JSON, its last argument being a safetensors file of the tensors. */
export function evaluatePeer(
  script: string,
  options: readonly string[],
  tensors: Record<string, NDArray>,
): unknown {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sextant-peer-'));
  try {
    const file = path.join(folder, 'parameters.safetensors');
    fs.writeFileSync(file, encodeSafetensors(tensors));
    const at = path.join(import.meta.dirname, '../../bench/peers', script);
    const run = spawnSync(python as string, [at, ...options, file], { encoding: 'utf8' });
    expect(run.stderr).toBe('');
    return JSON.parse(run.stdout);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

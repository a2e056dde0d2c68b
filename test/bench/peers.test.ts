/** The PyTorch peers of the benchmarks are the same models: equal parameters give equal fields. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { findPython } from '../../bench/peer.ts';
import { array, type NDArray } from '../../src/tensor/index.ts';
import { key, normal } from '../../src/tensor/random.ts';
import { encodeSafetensors, layoutOf, predict } from '../../src/nn/index.ts';
import { families, getOperator } from '../../src/operators/index.ts';
import { flatten } from '../../src/tensor/tree.ts';

/** Sizes that take no time; every grid has more levels or neighbours than the least. */
const options: Record<string, Record<string, unknown>> = {
  pade: { k: 3, channels: 4, modes: 5 },
  mwt: { k: 3, channels: 4, modes: 5 },
  fno: { width: 12, modes: 7, layers: 3 },
  mgno: { width: 6, kernelWidth: 20, levels: 3, depth: 2 },
  lno: { width: 6, rank: 2, layers: 3, hidden: [8, 10] },
  gno: { width: 6, kernelWidth: 10, depth: 3, radius: 0.15 },
};

const python = findPython();

test.skipIf(python === null).each(families.map(({ name }) => name))(
  '%s: a peer in PyTorch with the same parameters gives the same field (needs SEXTANT_PYTHON or python3 with torch)',
  async (name) => {
    const operator = getOperator(name, options[name]);
    const parameters = operator.init(key(3));
    const input = array(normal(key(4), 2 * 32), [2, 32, 1], 'float32');
    const ours = await predict((p: never, u) => operator.apply(p, u), parameters as never, input, {
      threads: 1,
    });
    const theirs = evaluatePeer(name, operator.options, { ...named(parameters), input });

    const scale = Math.hypot(...ours.data);
    const difference = Math.hypot(...theirs.map((value, i) => value - ours.data[i]));
    expect(theirs).toHaveLength(64);
    expect(difference / scale).toBeLessThan(1e-4);
  },
);

function named(parameters: unknown): Record<string, NDArray> {
  const { leaves } = flatten<NDArray>(parameters);
  return Object.fromEntries(layoutOf(parameters).entries.map((entry, i) => [entry.path, leaves[i]]));
}

function evaluatePeer(family: string, options: unknown, tensors: Record<string, NDArray>): number[] {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sextant-peer-'));
  try {
    const file = path.join(folder, 'parameters.safetensors');
    fs.writeFileSync(file, encodeSafetensors(tensors));
    const script = path.join(import.meta.dirname, '../../bench/peers/compare.py');
    const run = spawnSync(python as string, [script, family, JSON.stringify(options), file], {
      encoding: 'utf8',
    });
    expect(run.stderr).toBe('');
    return JSON.parse(run.stdout) as number[];
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

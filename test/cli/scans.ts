/** What the tests of `sextant mri` and `sextant uq mri` share: a folder to work in, phantoms, and one small scan in every format. */
import * as hdf5 from 'h5wasm/node';
import path from 'node:path';
import { afterAll, expect } from 'vitest';
import { writeCfl } from '../../datasets/mri/cfl.ts';
import { writeNpy, type NpyArray } from '../../datasets/npy.ts';
import { writeNpz } from '../../datasets/npz.ts';
import { writeAtomically } from '../../datasets/files.ts';
import { complexArray } from '../../src/tensor/index.ts';
import { call, workplace } from './sextant.ts';

interface Result {
  readonly code: number | null;
  readonly out: string;
  /** Without lines of progress. */
  readonly err: string;
}

export const withoutProgress = (stderr: string): string => stderr.replace(/^\{.*\n/gm, '');

export const zeroFilled = ['--method', 'zero-filled'];

/** K-space [2, 8, 8] of any numbers, as interleaved single-precision pairs. */
export function complexNpy(change: (data: Float32Array) => void = () => undefined): NpyArray {
  const data = Float32Array.from({ length: 2 * 2 * 8 * 8 }, (_, i) => Math.sin(i));
  change(data);
  return { data, shape: [2, 8, 8], dtype: '<c8' };
}

/** A folder that is removed after the tests, commands that run in it, and scans written to it. */
export function scanFolder() {
  const { folder, remove } = workplace();
  afterAll(remove);
  const file = (name: string): string => path.join(folder, name);

  async function run(...args: string[]): Promise<Result> {
    const { code, stdout, stderr } = await call(folder, ...args);
    return { code, out: stdout, err: withoutProgress(stderr) };
  }

  /** What a command prints, which must succeed without a word on stderr. */
  async function printed(...args: string[]): Promise<string> {
    const { code, out, err } = await run(...args);
    expect([code, err]).toEqual([0, '']);
    return out;
  }

  /** Runs a command that must end with this code and one line on stderr. */
  async function expectRefused(args: readonly string[], code: number, message: RegExp): Promise<void> {
    const { err, ...rest } = await run(...args);
    expect(rest).toEqual({ code, out: '' });
    expect(err).toMatch(message);
    expect(err.trim().split('\n')).toHaveLength(1);
  }

  async function phantom(name: string, ...flags: string[]): Promise<string> {
    await printed('mri', 'phantom', ...flags, '--output', name);
    return name;
  }

  async function asNpy(array: NpyArray): Promise<string> {
    await writeAtomically(file('k.npy'), writeNpy(array));
    return 'k.npy';
  }

  async function asNpz(arrays: Record<string, NpyArray>): Promise<string> {
    await writeNpz(file('k.npz'), arrays);
    return 'k.npz';
  }

  async function asCfl(): Promise<string> {
    const { data, shape } = complexNpy();
    const [coils, h, w] = shape;
    // BART's first axis is the readout, our rows; arrays here are its dimensions in reverse: [coils, 1, columns, rows].
    const turned = (part: 0 | 1) =>
      Float32Array.from({ length: coils * h * w }, (_, i) => {
        const [c, column, row] = [Math.floor(i / (h * w)), Math.floor(i / h) % w, i % h];
        return Number(data[2 * ((c * h + row) * w + column) + part]);
      });
    await writeCfl(file('k'), complexArray(turned(0), turned(1), [coils, 1, w, h]));
    return 'k.cfl';
  }

  async function asFastMri(name: string): Promise<string> {
    const { data, shape } = complexNpy();
    const part = (offset: 0 | 1) =>
      Float32Array.from({ length: data.length / 2 }, (_, i) => Number(data[2 * i + offset]));
    await hdf5.ready;
    const out = new hdf5.File(file(name), 'w');
    out.create_dataset({
      name: 'kspace',
      data: new Map([
        ['r', part(0)],
        ['i', part(1)],
      ]),
      shape: [1, ...shape],
      dtype: [
        ['r', '<f'],
        ['i', '<f'],
      ],
    });
    out.close();
    return name;
  }

  return { folder, file, run, printed, expectRefused, phantom, asNpy, asNpz, asCfl, asFastMri };
}

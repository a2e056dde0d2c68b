/** Training slices from a folder of fastMRI's volumes. */
import * as hdf5 from 'h5wasm/node';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadSlices, type SliceSource } from '../../src/experiments/mriSlices.ts';
import { rootSumOfSquares } from '../../src/mri/index.ts';
import { ifft2c } from '../../src/tensor/index.ts';
import { evaluate, largestDifference, numbers } from '../mri/support.ts';

const root = mkdtempSync(path.join(os.tmpdir(), 'sextant-volumes-'));
beforeAll(() => hdf5.ready);
afterAll(() => rmSync(root, { recursive: true }));

const load = (folder: string, counts: Partial<SliceSource> = {}) =>
  loadSlices(
    {
      folder: path.join(root, folder),
      ...{ height: 0, width: 0, coils: 0, seed: 0 },
      ...{ train: 2, validation: 1, test: 1 },
      ...counts,
    },
    { threads: 1, signal: new AbortController().signal },
  );

interface Extras {
  readonly width?: number;
  readonly image?: boolean;
  readonly mask?: boolean;
}

/** A volume of two slices, k-space [2, 2, 6, width]; the first value of a slice is its number from `first` on. */
function write(folder: string, name: string, first: number, { width = 8, image, mask }: Extras = {}): void {
  mkdirSync(path.join(root, folder), { recursive: true });
  const out = new hdf5.File(path.join(root, folder, name), 'w');
  const size = 12 * width;
  const part = Float32Array.from({ length: 2 * size }, (_, i) =>
    i % size === 0 ? first + i / size : Math.sin(i),
  );
  out.create_dataset({
    name: 'kspace',
    data: new Map([
      ['r', part],
      ['i', part],
    ]),
    shape: [2, 2, 6, width],
    dtype: [
      ['r', '<f'],
      ['i', '<f'],
    ],
  });
  if (image) {
    out.create_dataset({ name: 'reconstruction_rss', data: new Float32Array(32).fill(7), shape: [2, 4, 4] });
    out.create_attribute('max', 7.5);
  }
  if (mask) out.create_dataset({ name: 'mask', data: new Float32Array(width).fill(1), shape: [width] });
  out.close();
}

test('slices follow the names of the files; without a published image it is that of k-space', async () => {
  write('plain', 'b.h5', 30);
  write('plain', 'a.h5', 10);
  const { train, validation, test: last } = await load('plain');
  const firsts = [train, validation, last].map(({ re }) => numbers(re).filter((_, i) => i % (12 * 8) === 0));
  expect(firsts.flatMap((values) => [...values])).toEqual([10, 11, 30, 31]);
  const image = await evaluate((k) => rootSumOfSquares(ifft2c(k)), [{ re: last.re, im: last.im }] as const);
  expect(last.target.shape).toEqual([1, 6, 8]);
  expect(largestDifference(image.data, last.target.data)).toBeLessThan(1e-5);
  // The range is that of the volume: the largest of both of its slices.
  const both = Math.max(...numbers(validation.target), ...numbers(last.target));
  expect([validation.range.data[0], last.range.data[0]]).toEqual([both, both]);
});

test('a published image and its maximum are taken as they are', async () => {
  write('published', 'a.h5', 10, { image: true });
  write('published', 'b.h5', 20, { image: true });
  const { train } = await load('published');
  expect(train.target.shape).toEqual([2, 4, 4]);
  expect([...train.range.data]).toEqual([7.5, 7.5]);
});

test('folders that cannot be trained on are refused with the reason', async () => {
  await expect(load('missing')).rejects.toThrow(/^cannot read .*missing: there is no such file or folder$/);
  await expect(load('.')).rejects.toThrow('holds no .h5 files');
  await expect(load('plain', { train: 5 })).rejects.toThrow(
    'holds 4 slices, expected 7: 5 to train, 1 to validate, 1 to test',
  );
  write('mixed', 'a.h5', 10);
  write('mixed', 'b.h5', 20, { width: 10 });
  await expect(load('mixed')).rejects.toThrow(
    'b.h5: k-space of a slice is [2, 6, 10], that of a.h5 [2, 6, 8]',
  );
  write('masked', 'a.h5', 10, { mask: true });
  await expect(load('masked')).rejects.toThrow('is undersampled');
});

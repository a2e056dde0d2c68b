/** `sextant data check` says before a training what the benchmark would say, and what a table of it would lack. */
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { npy, type NpyArray } from '../../datasets/npy.ts';
import { writeNpz } from '../../datasets/npz.ts';
import { operatorNames } from '../../src/operators/index.ts';
import { call, workplace } from './sextant.ts';

const { folder, remove } = workplace();
afterAll(remove);

const fields = (samples: number, points: number): NpyArray =>
  npy(
    Float32Array.from({ length: samples * points }, (_, i) => Math.sin(i)),
    [samples, points],
  );
const pairs = (samples: number, points: number) => ({
  input: fields(samples, points),
  output: fields(samples, points),
});
const named = (train: number, validation: number, test: number) =>
  Object.fromEntries(
    Object.entries({ train, validation, test }).flatMap(([split, count]) => [
      [`${split}_input`, fields(count, 64)],
      [`${split}_output`, fields(count, 64)],
    ]),
  );

beforeAll(async () => {
  const files = {
    short: pairs(30, 8),
    odd: pairs(30, 51),
    good: pairs(30, 64),
    few: pairs(6, 64),
    single: named(1, 1, 2),
  };
  for (const [name, arrays] of Object.entries(files))
    await writeNpz(path.join(folder, `${name}.npz`), arrays);
});

const check = (name: string, ...more: string[]) => call(folder, 'data', 'check', `${name}.npz`, ...more);
const bench = (name: string, model: string) =>
  call(folder, 'bench', 'kdv', '--data', `${name}.npz`, '--models', model);

test('fewer points than the benchmark takes are refused, by both alike', async () => {
  for (const { code, stderr } of [await check('short'), await bench('short', 'fno')]) {
    expect(code).toBe(1);
    expect(stderr).toContain(
      'short.npz has 8 points, expected at least 16: give the functions on a finer grid',
    );
  }
});

test('models that the points do not allow stand apart, with the reason that the benchmark gives', async () => {
  const { code, stdout } = await check('odd', '--json');
  expect(code).toBe(0);
  const facts = JSON.parse(stdout) as Record<string, string>;
  expect(facts['models that can be trained on it']).toBe('fno, lno, gno, lno-small, gno-small');
  const refused = facts['models that cannot'];
  for (const model of ['pade', 'mwt', 'mgno', 'mgno-small']) expect(refused).toContain(model);
  const { code: benched, stderr } = await bench('odd', 'pade');
  expect(benched).not.toBe(0);
  const reason = 'resolution 51: the dyadic wavelet transform needs a power of two';
  expect(refused).toContain(reason);
  expect(stderr).toContain(reason);
});

test('a power of two with samples enough has all models and no warning', async () => {
  const { code, stdout, stderr } = await check('good');
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toContain(`models that can be trained on it: ${operatorNames.join(', ')}\n`);
  expect(stdout).not.toContain('models that cannot');
});

test('splits of no or one sample are warned of', async () => {
  const few = await check('few');
  expect([few.code, few.stderr.trim().split('\n')]).toEqual([
    0,
    [
      'warning: The validation split, which the best epoch is chosen on, is empty: models are measured after the last epoch only; give validation_input and validation_output, or at least ten samples to cut.',
      'warning: The test split, which errors are measured on, has a single sample; give more samples.',
    ],
  ]);
  const single = await check('single');
  expect([single.code, single.stderr.trim().split('\n')]).toEqual([
    0,
    [
      'warning: The train split, which models learn from, has a single sample; give more samples.',
      'warning: The validation split, which the best epoch is chosen on, has a single sample; give more samples.',
    ],
  ]);
});

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { npy, type NpyArray } from '../../datasets/npy.ts';
import { readNpz, writeNpz } from '../../datasets/npz.ts';
import {
  atResolution,
  closedGrid,
  pairsFromArrays,
  readPairs,
  writePairs,
  type OperatorPairs,
} from '../../datasets/pairs.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'sextant-pairs-'));
afterAll(() => rmSync(folder, { recursive: true }));

const matrix = (n: number, s: number, start = 0): NpyArray =>
  npy(
    Float32Array.from({ length: n * s }, (_, i) => start + i),
    [n, s],
  );

test('input and output are cut into train, validation and test, the test split last', async () => {
  const file = path.join(folder, 'own.npz');
  await writeNpz(file, { input: matrix(10, 4), output: matrix(10, 4, 100) });
  const pairs = await readPairs(file);
  expect([pairs.train.count, pairs.validation.count, pairs.test.count]).toEqual([7, 1, 2]);
  expect([...pairs.test.output.subarray(0, 4)]).toEqual([132, 133, 134, 135]);
  expect([...pairs.x]).toEqual([0, 0.25, 0.5, 0.75]);
  expect(pairs.provenance.hash).toMatch(/^[0-9a-f]{64}$/);
  const chosen = await readPairs(file, { test: 3, validation: 0 });
  expect([chosen.train.count, chosen.validation.count, chosen.test.count]).toEqual([7, 0, 3]);
  await expect(readPairs(file, { test: 10 })).rejects.toThrow('cannot be cut');
});

test('written pairs are read back with the same hash', async () => {
  const arrays = {
    train_input: matrix(2, 4),
    train_output: matrix(2, 4),
    test_input: matrix(1, 4),
    test_output: matrix(1, 4),
  };
  const splits = pairsFromArrays(arrays, 'memory');
  const pairs: OperatorPairs = {
    ...splits,
    provenance: { dataset: 'test', hash: '', labelErrorEstimate: null },
  };
  const file = path.join(folder, 'pairs.npz');
  await writePairs(file, pairs);
  const back = await readPairs(file);
  expect({ ...back, provenance: null }).toEqual({ ...pairs, provenance: null });
  expect(Object.keys(await readNpz(file))).not.toContain('label_error_estimate');
  expect(back.provenance.labelErrorEstimate).toBeNull();
});

test.each([
  [[0.0015], 0.0015],
  [[NaN], null],
  [[], 'label_error_estimate of shape [0] holds '],
  [[-1], 'holds -1; expected [1]'],
  [[Infinity], 'holds Infinity'],
  [[0.1, 0.2], 'label_error_estimate of shape [2] holds 0.1, 0.2'],
])("a certificate of %j in a file of one's own", async (numbers, expected) => {
  const file = path.join(folder, 'certified.npz');
  const arrays = { input: matrix(10, 4), output: matrix(10, 4) };
  await writeNpz(file, { ...arrays, label_error_estimate: npy(Float64Array.from(numbers)) });
  const read = readPairs(file);
  if (typeof expected === 'string') await expect(read).rejects.toThrow(expected);
  else expect((await read).provenance.labelErrorEstimate).toBe(expected);
});

describe('refused, naming array and sample', () => {
  const good = { input: matrix(10, 4), output: matrix(10, 4) };
  const withNaN = matrix(10, 4);
  withNaN.data[3 * 4 + 2] = NaN;
  const lastZero = matrix(10, 4, 1);
  lastZero.data.fill(0 as never, 9 * 4);
  test.each([
    [{ ...good, output: withNaN }, 'output holds NaN in sample 3 at point 2'],
    [{ input: good.input }, 'there is no array "output"; it has input'],
    [{ input: withNaN }, 'there is no array "output"; it has input'],
    [{}, 'it has none'],
    [{ ...good, output: matrix(9, 4) }, 'must be the same [samples, points]'],
    [{ ...good, input: matrix(40, 1) }, '[samples, points] is expected'],
    [{ ...good, input: npy(new Float32Array(40), [40]) }, 'input has shape [40]'],
    [{ ...good, input: npy(new Float64Array(40).fill(1e300), [10, 4]) }, 'finite in float32'],
    [{ ...good, x: npy(Float64Array.of(0, 1, 2)) }, 'x has 3 numbers'],
    [
      { ...good, x: npy(Float64Array.of(0, 1, 2, 4)) },
      'own.npz: x[1] is 1, and equal steps from 0 to 4 give 1.333333333; expected an equispaced, increasing grid: leave x out where the points lie at equal steps (it is j/4 then), or resample',
    ],
    [{ ...good, x: npy(Float64Array.of(3, 2, 1, 0)) }, 'own.npz: x goes from 3 to 0; expected'],
    [{ ...good, x: npy(Float64Array.of(0, 1, NaN, 3)) }, 'own.npz: x[2] is NaN; expected'],
    [
      {
        train_input: matrix(2, 4),
        train_output: matrix(2, 4),
        test_input: matrix(2, 8),
        test_output: matrix(2, 8),
      },
      'different numbers of points',
    ],
    [
      {
        train_input: matrix(2, 4),
        train_output: matrix(2, 4),
        test_input: matrix(0, 4),
        test_output: matrix(0, 4),
      },
      'the test split has no samples',
    ],
    [
      {
        train_input: matrix(0, 4),
        train_output: matrix(0, 4),
        test_input: matrix(2, 4),
        test_output: matrix(2, 4),
      },
      'the train split has no samples',
    ],
    [{ ...good, output: lastZero }, 'the target of sample 1 of the test split is zero everywhere'],
  ])('%#: %s', (arrays, message) => {
    expect(() => pairsFromArrays(arrays as Record<string, NpyArray>, 'own.npz')).toThrow(message);
  });
});

describe('equispaced up to rounding', () => {
  const points = 1000;
  const grid = (start: number, end: number, stretch = 1): Float64Array =>
    Float64Array.from({ length: points }, (_, j) => start + (end - start) * (j / points) ** stretch);
  const read = (x: Float64Array | Float32Array): Float64Array =>
    pairsFromArrays({ input: matrix(3, points), output: matrix(3, points, 1), x: npy(x) }, 'own.npz').x;
  const intervals: [number, number][] = [
    [-1, 1],
    [0, 1],
    [-1000, -999],
    [1, 1e6],
  ];

  test.each(intervals)('[%d, %d) in float32 and float64', (start, end) => {
    const x = grid(start, end);
    expect(read(x)).toEqual(x);
    expect(read(Float32Array.from(x))).toEqual(Float64Array.from(Float32Array.from(x)));
  });

  test.each(intervals)('[%d, %d) slightly stretched is refused', (start, end) => {
    expect(() => read(grid(start, end, 1.01))).toThrow('equal steps');
    expect(() => read(Float32Array.from(grid(start, end, 1.01)))).toThrow('equal steps');
  });

  test('a grid so far from 0 that float32 cannot tell its points apart is refused', () => {
    expect(() => read(Float32Array.from(grid(1e6, 1e6 + 1)))).toThrow('equal steps');
  });
});

test('a trailing channel of one, integers and float64 are taken as they come', () => {
  const integers: NpyArray = {
    data: BigInt64Array.from({ length: 40 }, (_, i) => BigInt(i)),
    shape: [10, 4, 1],
    dtype: '<i8',
  };
  const pairs = pairsFromArrays(
    { input: integers, output: npy(new Float64Array(40).fill(1), [10, 4]) },
    'own.npz',
  );
  expect([...pairs.train.input.subarray(0, 5)]).toEqual([0, 1, 2, 3, 4]);
});

describe('a closed grid is noticed', () => {
  const waves = (periods: number, points: number): NpyArray =>
    npy(
      Float32Array.from({ length: 10 * points }, (_, i) => {
        const sample = Math.floor(i / points);
        return Math.sin(sample + (2 * Math.PI * (i % points)) / periods) + 0.1 * sample;
      }),
      [10, points],
    );
  const grid = (points: number, intervals: number): NpyArray =>
    npy(Float64Array.from({ length: points }, (_, j) => j / intervals));
  const whyOf = (field: NpyArray, x?: NpyArray): string | null =>
    closedGrid(pairsFromArrays({ input: field, output: field, ...(x ? { x } : {}) }, 'own.npz'));
  test.each([
    ['endpoint left out', waves(32, 32), grid(32, 32), null],
    ['endpoint left out, fine', waves(4096, 4096), undefined, null],
    ['endpoint stored twice', waves(31, 32), undefined, 'the first and the last point agree in all samples'],
    ['both ends in x', matrix(10, 32), grid(32, 31), 'x has both 0 and 1'],
    ['not periodic', matrix(10, 32), undefined, null],
    ['constant', npy(new Float32Array(320).fill(2), [10, 32]), undefined, null],
  ])('%s', (_, field, x, why) => {
    expect(whyOf(field, x)).toBe(why);
  });
});

test('a resolution that does not divide names those that do', () => {
  const splits = pairsFromArrays({ input: matrix(10, 64), output: matrix(10, 64) }, 'own.npz');
  expect(() => atResolution(splits, 48)).toThrow('there are 16, 32, 64');
});

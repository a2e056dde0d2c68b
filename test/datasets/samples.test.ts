import { describe, expect, test } from 'vitest';
import { npy, type NpyArray } from '../../datasets/npy.ts';
import { samplesFromArrays } from '../../datasets/samples.ts';

/** Row i is [i, −i]. */
const rows = (n: number, from = 0): NpyArray =>
  npy(
    Float64Array.from({ length: 2 * n }, (_, i) => (i % 2 ? -1 : 1) * (from + (i >> 1))),
    [n, 2],
  );
const numbers = (n: number): NpyArray => npy(new Float64Array(n), [n]);

describe('samples of a file', () => {
  test('are cut into ten parts: every row is in exactly one split, with its context', () => {
    const context = npy(
      Float64Array.from({ length: 50 }, (_, i) => 10 * i),
      [50, 1],
    );
    const { train, validation, test: held } = samplesFromArrays({ x: rows(50), context }, 'f.npz');
    expect([train, validation, held].map(({ x }) => x.shape[0])).toEqual([40, 5, 5]);
    const all = [train, validation, held].flatMap(({ x, context: c }) =>
      Array.from({ length: x.shape[0] }, (_, i) => {
        expect(x.data[2 * i + 1]).toBe(-x.data[2 * i]);
        expect(c?.data[i]).toBe(10 * x.data[2 * i]);
        return x.data[2 * i];
      }),
    );
    expect(all.sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });

  test('say which row of the file they are, where the file has no splits of its own', () => {
    const { train, validation, rows: from } = samplesFromArrays({ x: rows(50, 100) }, 'f.npz');
    const numbersOf = ({ x }: typeof train): number[] => [...x.data].filter((_, i) => i % 2 === 0);
    expect(numbersOf(train)).toEqual(Array.from(from?.training ?? [], (row) => 100 + row));
    expect(numbersOf(validation)).toEqual(Array.from(from?.validation ?? [], (row) => 100 + row));
    const own = { train_x: rows(20), validation_x: rows(3), test_x: rows(3) };
    expect(samplesFromArrays(own, 'f.npz').rows).toBeUndefined();
  });

  test('X stands for x, labels beside it are left alone, and x goes before X', () => {
    const { hash } = samplesFromArrays({ x: rows(50) }, 'f.npz');
    expect(samplesFromArrays({ X: rows(50), y: numbers(50) }, 'f.npz').hash).toBe(hash);
    expect(samplesFromArrays({ X: rows(50, 7), x: rows(50) }, 'f.npz').hash).toBe(hash);
  });

  const splits = { train_x: rows(20), validation_x: rows(3), test_x: rows(3) };
  test('of named splits are taken as they are', () => {
    expect(samplesFromArrays(splits, 'f.npz').test.x.shape).toEqual([3, 2]);
  });

  test.each([
    [
      { z: rows(50) },
      'f.npz: there is neither an array "x" nor "train_x"; it has z (see docs/data-format.md)',
    ],
    [{ x: numbers(50) }, 'f.npz: x is [50]; expected [samples, d], with d = 1 for numbers'],
    [{ x: npy(Float64Array.of(1), []) }, 'f.npz: x is []; expected [samples, d], with d = 1 for numbers'],
    [{ x: npy(new Float64Array(0), [0, 2]) }, 'f.npz: x is empty; expected at least one sample'],
    [{ X: npy(Float64Array.of(1, 2, NaN, 4), [2, 2]) }, 'f.npz: X holds NaN in sample 1'],
    [{ x: rows(1) }, 'f.npz: 1 training samples; expected at least 20, beside the tenths of x for'],
    [{ ...splits, train_x: rows(19) }, 'f.npz: 19 training samples; expected at least 20'],
    [{ train_x: rows(20), test_x: rows(3) }, 'there is no array "validation_x"; it has train_x, test_x'],
    [
      { ...splits, test_x: npy(new Float64Array(9), [3, 3]) },
      'f.npz: test holds samples [3] without context, train samples [2] without context',
    ],
    [
      { ...splits, validation_context: npy(new Float64Array(3), [3, 1]) },
      'f.npz: validation holds samples [2] with context [1], train samples [2] without context',
    ],
    [{ x: rows(50), context: numbers(50) }, 'f.npz: context is [50] beside x [50, 2]; expected [50, c]'],
  ])('%# that cannot be trained on are refused in a sentence', (arrays, message) => {
    expect(() => samplesFromArrays(arrays, 'f.npz')).toThrow(message);
  });
});

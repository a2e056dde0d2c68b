import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  groupBy,
  meanAndDeviation,
  medianAndWorst,
  relativeL2Errors,
  standardError,
} from '../../src/experiments/statistics.ts';

test('mean and sample deviation of a textbook example', () => {
  expect(meanAndDeviation([2, 4, 4, 4, 5, 5, 7, 9])).toEqual({ mean: 5, std: Math.sqrt(32 / 7), n: 8 });
  expect(meanAndDeviation([3])).toEqual({ mean: 3, std: null, n: 1 });
  expect(meanAndDeviation([])).toEqual({ mean: null, std: null, n: 0 });
});

test('the standard error of a mean is s/√n; one value has none', () => {
  expect(standardError(Float64Array.of(2, 4, 4, 4, 5, 5, 7, 9))).toBeCloseTo(Math.sqrt(32 / 7 / 8), 15);
  expect(standardError([3])).toBeNull();
});

test('median and worst are what sorting says', () => {
  fc.assert(
    fc.property(fc.array(fc.integer(), { minLength: 1 }), (values) => {
      const [median, worst] = medianAndWorst(values);
      const sorted = [...values].sort((a, b) => a - b);
      expect(values[median]).toBe(sorted[Math.floor((values.length - 1) / 2)]);
      expect(values[worst]).toBe(sorted[values.length - 1]);
    }),
  );
});

test('relative L2 error is taken sample by sample', () => {
  const errors = relativeL2Errors([3, 4, 0, 0], [3, 4, 3, 4], 2);
  expect([...errors]).toEqual([0, 1]);
  expect(() => relativeL2Errors([1], [1, 2], 2)).toThrow('expected n fields of 2 points each');
  expect(() => relativeL2Errors([1, 2, 3, 4], [1, 2, 0, 0], 2)).toThrow('sample 1 is zero everywhere');
});

test('groups keep the order of first appearance', () => {
  expect(groupBy([1, 2, 3, 4], (n) => String(n % 2))).toEqual([
    [1, 3],
    [2, 4],
  ]);
});

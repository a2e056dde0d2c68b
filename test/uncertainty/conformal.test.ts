import fc from 'fast-check';
import { expect, test } from 'vitest';
import { conformalBand, conformalQuantile, coverage } from '../../src/uncertainty/conformal.ts';
import { foldIn, key, normal } from '../../src/tensor/random.ts';

test('the rank is ⌈(n + 1) level⌉', () => {
  const scores = Float64Array.from({ length: 9 }, (_, i) => 9 - i);
  expect(conformalQuantile(scores, 0.9)).toBe(9);
  expect(conformalQuantile(scores, 0.8)).toBe(8);
  expect(conformalQuantile(scores, 0.5)).toBe(5);
  expect(conformalQuantile(scores, 0.05)).toBe(1);
  // Without the correction n · level it would be the 9th of 9 as well; with it there is no such score.
  expect(conformalQuantile(scores, 0.91)).toBe(Infinity);
  expect(conformalQuantile([], 0.5)).toBe(Infinity);
});

test('scores are sorted as numbers, and not in place', () => {
  const scores = [10, 9, 100, 1];
  expect(conformalQuantile(scores, 0.6)).toBe(10);
  expect(scores).toEqual([10, 9, 100, 1]);
});

test('among n + 1 scores, at least ⌈(n + 1) level⌉ leave-one-out quantiles cover theirs', () => {
  const scores = fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 2, maxLength: 30 });
  fc.assert(
    fc.property(scores, fc.double({ min: 0.05, max: 0.95, noNaN: true }), (all, level) => {
      const covered = all.filter((score, i) => score <= conformalQuantile(all.toSpliced(i, 1), level));
      expect(covered.length).toBeGreaterThanOrEqual(Math.ceil(all.length * level - 1e-9));
    }),
  );
});

test('coverage of exchangeable errors is the level, output by output', () => {
  const [calibration, tests, outputs] = [39, 2000, 3];
  const draw = (n: number, seed: number): Float64Array =>
    normal(foldIn(key(1), seed), n * outputs).map((value, i) => value * 10 ** (i % outputs));
  const rounds = 40;
  const shares = Array.from({ length: rounds }, (_, round) => {
    const band = conformalBand(new Float64Array(calibration * outputs), draw(calibration, 2 * round), {
      outputs,
      level: 0.9,
    });
    expect(band.halfWidth[2]).toBeGreaterThan(band.halfWidth[0]);
    return coverage(new Float64Array(tests * outputs), draw(tests, 2 * round + 1), band);
  });
  const mean = shares.reduce((a, b) => a + b) / rounds;
  // (n + 1) level is a whole number, so the expectation is exactly 0.9; the standard error is below 0.005.
  expect(Math.abs(mean - 0.9)).toBeLessThan(0.015);
});

test('arguments that cannot be are refused', () => {
  expect(() => conformalQuantile([1], 1)).toThrow('level is 1');
  expect(() => conformalQuantile([1, NaN], 0.5)).toThrow('a score is NaN');
  expect(() => conformalBand([1, 2], [1, 2, 3], { outputs: 1, level: 0.9 })).toThrow(
    '2 predicted and 3 true',
  );
});

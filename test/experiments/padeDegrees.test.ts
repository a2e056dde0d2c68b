import { expect, test } from 'vitest';
import { configure } from '../../src/experiments/configuration.ts';
import { approximationError } from '../../src/experiments/definitions/padeDegrees.ts';
import { findExperiment } from '../../src/experiments/registry.ts';

const { experiment } = await findExperiment('pade-degrees');

test('[p/q] approximates the exponential to order p + q: half the radius, 2^(p+q+1) times less error', () => {
  for (const [p, q] of [
    [2, 0],
    [1, 1],
    [4, 0],
    [2, 2],
    [1, 3],
  ]) {
    const ratio = approximationError({ p, q }, 0.1) / approximationError({ p, q }, 0.05);
    expect(Math.log2(ratio)).toBeGreaterThan(p + q + 0.8);
    expect(Math.log2(ratio)).toBeLessThan(p + q + 1.2);
  }
  // The remainder of the Taylor sum on the positive axis.
  expect(approximationError({ p: 2, q: 0 }, 1)).toBeCloseTo(Math.E - 2.5, 12);
});

test('a Taylor sum has no denominator to invert, and a job keeps its degrees', () => {
  const config = configure(experiment, 'quick', { degrees: ['4/0', '2/2'], baselines: [] });
  const jobs = experiment.jobs(config, { 'SHA-256 at s = 64': 'hash' });
  expect(jobs.map(({ model }) => model)).toEqual(['pade [4/0]', 'pade [2/2]', 'pade [2/2] exact']);
  expect(jobs[2].options.operator).toMatchObject({
    p: 2,
    q: 2,
    denominator: 'exact',
    degrees: 'full',
    channels: 4,
  });
  expect(() => configure(experiment, 'quick', { degrees: ['4'] })).toThrow('expected p/q');
});

test.each(['0/3', '13/1', '2/13', '4'])('degrees %s are refused in words of the flag', (degrees) => {
  expect(() => configure(experiment, 'quick', { degrees: ['2/0', degrees] })).toThrow(
    `--degrees: got '${degrees}', expected p/q, as 4/2, p from 1 and q from 0 to 12`,
  );
});

import { describe, expect, test } from 'vitest';
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

describe('Padé before Taylor', () => {
  const checksWith = (chosen: readonly number[], seeds = [0, 1], validationSamples = 20) => {
    const errors = {
      'pade [4/0]': { test: [0.01, 0.011], validation: 0.01 },
      // Lower on test samples than the split that validation samples choose.
      'pade [2/2]': { test: [0.001, 0.001], validation: 0.02 },
      'pade [2/2] exact': { test: [0.001, 0.001], validation: 0 },
      'pade [3/1]': { test: [...chosen], validation: 0.01 },
    };
    const finished = Object.entries(errors).flatMap(([model, { test, validation }]) =>
      test.slice(0, seeds.length).map((value, seed) => ({
        config: { model, condition: { resolution: 64, recipe: 'paper' }, seed, options: {} },
        metric: 'error',
        value,
        best: validationSamples ? { epoch: 1, validation, value } : null,
        parameters: 1,
        seconds: 1,
        extra: {},
      })),
    );
    const config = configure(experiment, 'quick', { seeds, validation: validationSamples, baselines: [] });
    return experiment.summarize(finished as never, config);
  };

  test.each([
    [[0.003, 0.0031], true],
    // Before it, by less than the noise between the seeds, which two of them tell little of.
    [[0.009, 0.0091], false],
    [[0.0098, 0.0108], false],
    [[0.011, 0.012], false],
  ])('the split that validation chooses decides, and the noise between seeds: %j', (chosen, holds) => {
    const check = checksWith(chosen).checks.find(({ name }) => name.includes('4 applications'));
    expect(check?.name).toContain('pade [3/1], chosen on validation');
    expect(check?.value).toBeCloseTo((chosen[0] + chosen[1]) / 2, 12);
    expect(check?.holds).toBe(holds);
  });

  test('one seed is no claim, and says so', () => {
    const { checks, notes } = checksWith([0.001, 0.001], [0]);
    expect(checks.filter(({ name }) => name.includes('before Taylor'))).toEqual([]);
    expect(notes.join()).toContain('with one seed no order is a claim');
    expect(checksWith([0.001, 0.001]).notes.join()).not.toContain('no order is a claim');
  });

  test('without validation samples nothing chooses, and it says so', () => {
    const { checks, notes } = checksWith([0.001, 0.001], [0, 1], 0);
    expect(checks.filter(({ name }) => name.includes('before Taylor'))).toEqual([]);
    expect(notes.join()).toContain('without validation samples nothing chooses the split');
  });
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { configure } from '../../src/experiments/configuration.ts';
import { augmented, shiftSamples, unaugmented } from '../../src/experiments/augmentation.ts';
import { findExperiment } from '../../src/experiments/registry.ts';
import { array } from '../../src/tensor/index.ts';
import { key } from '../../src/tensor/random.ts';

test('every sample is rolled along its points, by its own number, the same in all fields', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 1, max: 3 }),
      fc.nat(),
      (count, points, channels, seed) => {
        const size = points * channels;
        const u = array(
          Float32Array.from({ length: count * size }, (_, i) => i),
          [count, points, channels],
        );
        const target = array(
          u.data.map((x) => x + 500),
          u.shape,
        );
        const moved = shiftSamples({ u, target }, key(seed));
        for (let b = 0; b < count; b++) {
          const shift = (moved['u'].data[b * size] - b * size) / channels;
          for (let i = 0; i < size; i++) {
            const from = b * size + ((i + shift * channels) % size);
            expect(moved['u'].data[b * size + i]).toBe(from);
            expect(moved['target'].data[b * size + i]).toBe(from + 500);
          }
        }
      },
    ),
  );
});

test('shifts are drawn anew by the key and reach every point', () => {
  const u = array(
    Float32Array.from({ length: 8 * 500 }, (_, i) => i % 8),
    [500, 8],
  );
  const shifts = (seed: number) =>
    Array.from(shiftSamples({ u }, key(seed))['u'].data).filter((_, i) => i % 8 === 0);
  expect(shifts(1)).toEqual(shifts(1));
  expect(shifts(1)).not.toEqual(shifts(2));
  expect(new Set(shifts(1)).size).toBe(8);
});

test('a condition with and without', () => {
  const condition = { resolution: 64, labels: 'released' };
  expect(augmented(condition, 'none')).toBe(condition);
  expect(augmented(condition, 'shift')).not.toEqual(condition);
  expect(unaugmented(augmented(condition, 'shift'))).toEqual(condition);
});

test('kdv: shifted samples are rows of their own, without a published value; jobs without stay what they were', async () => {
  const { experiment } = await findExperiment('kdv');
  const jobsOf = (shifted?: readonly string[]) => {
    const given = { resolutions: [64], models: ['fno', 'mwt'], baselines: ['identity'] };
    const config = configure(experiment, 'paper', { ...given, ...(shifted && { shifted }) });
    return { config, jobs: experiment.jobs(config, { 'SHA-256 at s = 64': 'abc' }) };
  };
  expect(() => jobsOf(['fno', 'pade'])).toThrow('--shifted: got pade, which --models does not train');
  const plain = jobsOf().jobs;
  const { config, jobs } = jobsOf(['fno']);
  const added = jobs.filter(({ condition }) => 'training' in condition);
  expect(jobs.filter((job) => !added.includes(job))).toEqual(plain);
  expect(added.map(({ model }) => model)).toEqual(['fno']);
  expect(added[0].options['training']).toEqual({
    ...(plain[1].options['training'] as object),
    augmentation: 'shift',
  });
  const finished = jobs.map((job, i) => ({
    config: job,
    ...{ metric: 'error', value: 1 - 0.1 * i, best: null, parameters: 1, seconds: 1, extra: {} },
  }));
  const { rows, checks, notes } = experiment.summarize(finished as never, config);
  expect(rows.filter(({ model }) => model === 'fno').map(({ published }) => published)).toEqual([
    0.00663,
    null,
  ]);
  expect(checks.filter(({ name }) => name.includes('learns')).map(({ value }) => value)).toEqual([
    0.9, 0.8, 0.7,
  ]);
  expect(notes?.join()).toContain('moved along the circle');
});

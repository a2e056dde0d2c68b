import { expect, test } from 'vitest';
import { commandOf, configure, identityOf, union } from '../../src/experiments/configuration.ts';
import { findExperiment, loadDefinition } from '../../src/experiments/registry.ts';

const { experiment } = await loadDefinition(new URL('./fixtures/tiny.ts', import.meta.url).href);

test.each([
  [{ epochs: -1 }, '--epochs: got -1, expected a number ≥ 1'],
  [{ epochs: 2.5 }, '--epochs: got 2.5, expected a whole number'],
  [{ epochs: 'many' }, "--epochs: got 'many', expected a number"],
  [{ models: ['nope'] }, "--models: got 'nope', expected one of steady, failing, crashing, deaf"],
  [{ models: [] }, '--models: got an empty list, expected at least 1 entry'],
  [{ seeds: [0, -3] }, '--seeds: got -3, expected a number ≥ 0'],
  [{ colour: 1 }, '--colour: there is no such option'],
  [{ epochs: 13 }, '--epochs: got 13, which brings bad luck'],
])('%j is refused in one line', (overrides, message) => {
  expect(() => configure(experiment, 'quick', overrides)).toThrow(message);
});

test('a job that is asked for twice is one job', () => {
  expect(configure(experiment, 'quick', { seeds: [4, 1, 4] })).toMatchObject({ seeds: [4, 1] });
});

test('an unknown preset is answered with the known ones', () => {
  expect(() => configure(experiment, 'huge')).toThrow("--preset: got 'huge', expected one of quick, slow");
});

test('the command of a configuration gives that configuration', () => {
  const configuration = configure(experiment, 'slow', { seeds: [3, 4], pause: 7 });
  expect(commandOf(experiment, 'slow', configuration)).toBe(
    'npx sextant bench tiny --preset slow --seeds 3,4 --pause 7',
  );
});

test('values that a shell would take apart are quoted, and another engine is named', () => {
  const configuration = configure(experiment, 'quick', { data: "my data's.npz" });
  expect(commandOf(experiment, 'quick', configuration, 'reference')).toBe(
    String.raw`npx sextant bench tiny --preset quick --data 'my data'\''s.npz' --engine reference`,
  );
  expect(commandOf(experiment, 'quick', configure(experiment, 'quick'), 'onnx')).toBe(
    'npx sextant bench tiny --preset quick',
  );
});

test('a default given and a default left out are one experiment', async () => {
  const { experiment: kdv } = await findExperiment('kdv');
  const left = configure(kdv, 'quick');
  expect(configure(kdv, 'quick', { labels: 'released', dispersion: 1 })).toEqual(left);
  expect(identityOf(kdv, configure(kdv, 'quick', { labels: 'converged' }))).not.toEqual(
    identityOf(kdv, left),
  );
});

test('axes are joined without repetition, numbers in order', () => {
  const before = configure(experiment, 'quick', { seeds: [2], models: ['steady'] });
  const now = configure(experiment, 'quick', { seeds: [0, 2], models: ['failing'] });
  expect(union(experiment, before, now)).toMatchObject({ seeds: [0, 2], models: ['steady', 'failing'] });
});

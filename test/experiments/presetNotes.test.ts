import { expect, test } from 'vitest';
import { configure } from '../../src/experiments/configuration.ts';
import { presetNotes } from '../../src/experiments/presetNotes.ts';
import { experiments, findExperiment } from '../../src/experiments/registry.ts';

async function notesOf(name: string, preset: string, overrides: Record<string, unknown>): Promise<string[]> {
  const { experiment } = await findExperiment(name);
  return presetNotes(experiment, preset, configure(experiment, preset, overrides));
}

test('a preset as it is has no note, whatever the experiment', async () => {
  for (const { experiment } of await experiments())
    for (const preset of Object.keys(experiment.presets))
      expect(presetNotes(experiment, preset, configure(experiment, preset))).toEqual([]);
});

test('values that differ stand beside those of the preset, in words of the command line', async () => {
  expect(await notesOf('ks', 'paper', { epochs: 60, halveEvery: 12 })).toEqual([
    'The preset paper has epochs 500 and halve-every 100; this table has epochs 60 and halve-every 12.',
  ]);
  // A default that is given is no difference, and neither is one that means the same.
  expect(await notesOf('kdv', 'paper', { epochs: 500, labels: 'released', settings: 'published' })).toEqual(
    [],
  );
});

test('a value that one of the two lacks, and of a path the name only', async () => {
  expect(await notesOf('kdv', 'quick', { ema: 0.9, data: '/home/someone/mine.npz' })).toEqual([
    'The preset quick has no data and no ema; this table has data mine.npz and ema 0.9.',
  ]);
});

test('how data are made is not compared where they come from a file', async () => {
  const { experiment } = await findExperiment('kdv');
  const given = configure(experiment, 'quick', { data: 'mine.npz', resolutions: [32] });
  expect(presetNotes(experiment, 'quick', { ...given, train: 10, recipe: 'nonlinear' })).toEqual([
    'The preset quick has no data; this table has data mine.npz.',
  ]);
});

test('entries of the axes that are left out are named, many are counted, further ones need no note', async () => {
  expect(
    await notesOf('ks', 'paper', {
      models: ['pade', 'mwt', 'fno', 'pade-full'],
      resolutions: [64],
      lengths: ['64'],
    }),
  ).toEqual(['The preset paper also has models mgno, lno, gno; resolutions 1024; lengths 32pi.']);
  expect(
    await notesOf('pade-degrees', 'paper', { degrees: ['2/0', '1/1'], denominators: ['learned'] }),
  ).toEqual(['The preset paper also has degrees 18 of 20; denominators exact.']);
  expect(await notesOf('kdv', 'paper', { seeds: [0, 1, 2] })).toEqual([]);
});

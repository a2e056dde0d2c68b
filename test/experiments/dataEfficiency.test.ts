import { expect, test } from 'vitest';
import { configure } from '../../src/experiments/configuration.ts';
import { subset } from '../../src/experiments/definitions/dataEfficiency.ts';
import { findExperiment } from '../../src/experiments/registry.ts';

const pool = {
  count: 50,
  input: Float32Array.from({ length: 100 }, (_, i) => i),
  output: Float32Array.from({ length: 100 }, (_, i) => -i),
};
const members = (count: number, seed: number): number[] =>
  [...subset(pool, count, seed).input].filter((_, i) => i % 2 === 0).map((value) => value / 2);

test('a subset has whole samples, each once, and depends on the seed', () => {
  const chosen = subset(pool, 20, 3);
  expect(chosen.count).toBe(20);
  expect([...chosen.output]).toEqual([...chosen.input].map((value) => -value));
  for (let i = 0; i < 20; i++) expect(chosen.input[2 * i + 1]).toBe(chosen.input[2 * i] + 1);
  expect(new Set(members(20, 3)).size).toBe(20);
  expect(members(20, 3)).not.toEqual(members(20, 4));
});

test('subsets of one seed are nested', () => {
  expect(members(40, 1).slice(0, 10)).toEqual(members(10, 1));
});

test('a table at another resolution than that of the source says so', async () => {
  const { experiment } = await findExperiment('data-efficiency');
  const notes = (resolution: number): string =>
    experiment.summarize([], configure(experiment, 'paper', { resolution })).notes.join();
  expect(notes(64)).toContain('at s = 1024 for both equations; this table is at s = 64');
  expect(notes(1024)).not.toContain('this table is at');
});

import { expect, test } from 'vitest';
import { subset } from '../../src/experiments/definitions/dataEfficiency.ts';

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

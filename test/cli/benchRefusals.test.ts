import { readdirSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { experiments } from '../../src/experiments/index.ts';
import { call, workplace } from './sextant.ts';

/** Flags whose values no data set takes; the first is the one that is named. */
const refused = [
  ['--train', '2000000'],
  ['--validation', '2000000'],
  ['--test', '2000000'],
  ['--data-seed', '-1'],
  ['--frames', '5000'],
  ['--times', '1,2000'],
  ['--fine', '0'],
  ['--fine', '131072'],
  ['--fine', '257', '--resolutions', '257'],
  ['--fine', '257', '--resolution', '257'],
  ['--resolutions', '48'],
  ['--resolution', '48'],
  ['--dispersion', '1', '--recipe', 'nonlinear'],
] as const;

const benchmarks = [
  'kdv',
  'kdv-resolution',
  'ks',
  'data-efficiency',
  'operator-uncertainty',
  'pade-degrees',
  'lipschitz',
];
const all = await experiments();
const keyOf = (flag: string): string =>
  flag.slice(2).replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
const cases = all
  .filter(({ experiment: { name } }) => benchmarks.includes(name))
  .flatMap(({ experiment: { name, configuration } }) =>
    refused
      .filter((flags) => flags.every((flag, i) => i % 2 === 1 || keyOf(flag) in configuration.shape))
      .map((flags) => [name, flags.join(' '), flags] as const),
  );

test('every benchmark of generated pairs has flags to refuse', () => {
  expect(new Set(cases.map(([name]) => name))).toEqual(new Set(benchmarks));
  expect(new Set(cases.map(([, , flags]) => flags))).toEqual(new Set(refused));
});

test.each(cases)(
  'bench %s %s: what no data set takes is refused by its flag, before anything is made',
  async (name, _, flags) => {
    const { folder, remove } = workplace();
    onTestFinished(remove);
    const [flag, value] = flags;
    const { code, stdout, stderr } = await call(folder, 'bench', name, '--preset', 'quick', ...flags);
    expect(stderr).toMatch(
      new RegExp(`^error: ${flag}: got ${value.split(',').at(-1)}, [a-z][^[\\]{}"]+\n$`),
    );
    expect({ code, stdout, made: readdirSync(folder) }).toEqual({ code: 2, stdout: '', made: [] });
  },
);

/** `sextant data covid` on files of one's own: every fall is listed, and the vintage goes with the counts. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { configure, findExperiment } from '../../src/experiments/index.ts';
import { call, workplace } from './sextant.ts';

const { folder, remove } = workplace();
afterAll(remove);
const at = (name: string): string => path.join(folder, name);
const read = (name: string): string => readFileSync(at(name), 'utf8');

const header = 'date,state,confirmed,recovered,deaths,population';
writeFileSync(
  at('raw.csv'),
  [
    header,
    ...['2020-03-01,Ohio,9,,3,100', '2020-03-02,Ohio,7,,3,100', '2020-03-03,Ohio,,,2,100'],
    ...['2020-03-04,Ohio,4,,1,100', '2020-03-05,Ohio,5,,0,100', '2020-03-06,Ohio,5,,0,100'],
    '',
  ].join('\n'),
);
const data = (...args: string[]) => call(folder, 'data', 'covid', ...args);

test('all falls are in the file of --falls and in the JSON, with the counts before and after', async () => {
  const { code, stdout, stderr } = await data('--from', 'raw.csv', '--falls', 'falls.csv', '--json');
  expect(code, stderr).toBe(0);
  expect(read('falls.csv')).toBe(
    [
      'date,state,quantity,before,after',
      ...['2020-03-04,Ohio,confirmed,7,4', '2020-03-02,Ohio,confirmed,9,7'],
      ...['2020-03-03,Ohio,deaths,3,2', '2020-03-04,Ohio,deaths,2,1', '2020-03-05,Ohio,deaths,1,0'],
      '',
    ].join('\n'),
  );
  expect(JSON.parse(stdout)).toMatchObject({
    falls: [
      { quantity: 'confirmed', day: '2020-03-04', state: 'Ohio', before: 7, after: 4 },
      { quantity: 'confirmed', day: '2020-03-02', before: 9, after: 7 },
      { quantity: 'deaths', day: '2020-03-03', before: 3, after: 2 },
      { quantity: 'deaths', day: '2020-03-04', before: 2, after: 1 },
      { quantity: 'deaths', day: '2020-03-05', before: 1, after: 0 },
    ],
    'deaths: falls of the cumulative count': 3,
    'falls written': 'falls.csv',
    vintage: 'not recorded in the file',
  });
});

test('the vintage and the days of the source are facts, and the vintage is kept when days are cut', async () => {
  const named = ['--from', 'raw.csv', '--vintage', 'copy of 2021-11-12'];
  const { stdout, code, stderr } = await data(...named, '--last-day', '2020-03-04', '--output', 'cut.csv');
  expect(code, stderr).toBe(0);
  expect(stdout).toContain('vintage: copy of 2021-11-12');
  expect(stdout).toContain('days: 2020-03-01 … 2020-03-04 (4)');
  expect(stdout).toContain('days of the source: 2020-03-01 … 2020-03-06 (6)');
  expect(read('cut.csv').split('\n')[1]).toBe('2020-03-01,Ohio,9,,3,100,copy of 2021-11-12');
  expect((await data('--from', 'cut.csv')).stdout).toContain('vintage: copy of 2021-11-12');
  const newer = await data('--from', 'cut.csv', '--vintage', 'the final one');
  expect(newer.stdout).toContain('vintage: the final one');
});

test('simulated counts that were written to a file are still synthetic for the benchmark', async () => {
  expect((await data('--output', 'synthetic.csv')).code).toBe(0);
  const { experiment } = await findExperiment('covid');
  const facts = await experiment.prepare?.(configure(experiment, 'quick', { data: at('synthetic.csv') }), {
    signal: new AbortController().signal,
    threads: 1,
    onProgress: () => undefined,
  });
  expect(facts).toMatchObject({ file: 'synthetic.csv', vintage: 'SYNTHETIC: simulated, seed 0' });
  expect(facts?.source).toMatch(/^SYNTHETIC/);
  const refused = await data('--from', 'synthetic.csv', '--vintage', 'real');
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('these counts are simulated')]);
});

test('counts that begin with a gap are refused with the command that begins later, and what it writes is read', async () => {
  const rows = ['2020-05-01,Ohio,,,1,100', '2020-05-01,Utah,2,,1,100', '2020-05-02,Ohio,3,,1,100'];
  const more = ['2020-05-03,Ohio,3,,1,100', '2020-05-03,Utah,2,,1,100', ''];
  writeFileSync(at('gap.csv'), [header, ...rows, ...more].join('\n'));
  const { code, stderr } = await data('--from', 'gap.csv');
  expect(code).toBe(1);
  const [, command] =
    /^error: gap\.csv: confirmed of Ohio is missing on 2020-05-01, .*: sextant data covid (.*)\n/.exec(
      stderr,
    ) ?? [];
  expect(command).toBe('--from gap.csv --first-day 2020-05-03 --output later.csv');
  expect((await data(...command.split(' '))).code).toBe(0);
  expect((await data('--from', 'later.csv')).stdout).toContain('days: 2020-05-03 … 2020-05-03 (1)');
});

test.each([
  ['over the file that is read', ['--falls', 'raw.csv'], 'is the file to read'],
  ['over the other output', ['--falls', 'a.csv', '--output', 'a.csv'], '--falls: got a.csv'],
  ['a vintage of two lines', ['--vintage', 'a\nb'], 'expected one line of at most 200 characters'],
])('refuses %s, and writes nothing', async (_, args, message) => {
  const before = read('raw.csv');
  const { code, stderr } = await data('--from', 'raw.csv', ...args);
  expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
  expect(read('raw.csv')).toBe(before);
  expect(existsSync(at('a.csv'))).toBe(false);
});

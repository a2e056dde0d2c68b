/** Whatever is typed wrong gets one line, exit code 2 (usage) or 1 (failure), and never a stack trace. */
import { chmodSync, mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { npy } from '../../datasets/npy.ts';
import { writeNpz } from '../../datasets/npz.ts';
import { call, workplace, type Said } from './sextant.ts';

const { folder, remove } = workplace();
const at = (...parts: string[]): string => path.join(folder, ...parts);

beforeAll(async () => {
  const fields = (samples: number, points: number, bad?: number) => {
    const data = Float64Array.from({ length: samples * points }, (_, i) => Math.sin(i));
    if (bad !== undefined) data[bad] = NaN;
    return npy(data, [samples, points]);
  };
  await writeNpz(at('good.npz'), { input: fields(30, 32), output: fields(30, 32) });
  await writeNpz(at('one.npz'), { input: fields(1, 32), output: fields(1, 32) });
  await writeNpz(at('shapes.npz'), { input: fields(30, 32), output: fields(30, 16) });
  await writeNpz(at('nan.npz'), { input: fields(30, 32, 37), output: fields(30, 32) });
  await writeNpz(at('cut.npz'), { input: fields(30, 32), output: fields(30, 32) });
  truncateSync(at('cut.npz'), 500);
  await writeNpz(at('names.npz'), { left: fields(30, 32), right: fields(30, 32) });
  writeFileSync(at('text.npz'), 'not a zip archive, but long enough to look at');
  mkdirSync(at('empty'));
  mkdirSync(at('readonly'));
  chmodSync(at('readonly'), 0o555);
});
afterAll(() => {
  chmodSync(at('readonly'), 0o755);
  remove();
});

function expectOneLine({ code, stderr }: Said, expectedCode: number, ...words: readonly string[]): void {
  const lines = stderr
    .trim()
    .split('\n')
    .filter((line) => !line.startsWith('{'));
  expect(lines, stderr).toHaveLength(1);
  expect(lines[0]).toMatch(/^error: /);
  for (const word of words) expect(lines[0]).toContain(word);
  expect(lines[0]).not.toMatch(/\bat .*:\d+:\d+/);
  expect(code).toBe(expectedCode);
}

const equation = [
  'solve',
  'u_t = -u*u_x + 0.1*u_xx',
  '--domain',
  '-1,1',
  '--initial',
  'cos(pi*x)',
  '--time',
  '1',
];

test.each<[string[], string[]]>([
  [['sovle'], ["unknown command 'sovle'", 'solve']],
  [['solve'], ["missing required argument 'equation'"]],
  [
    ['solve', 'nope'],
    ['no equation is called "nope"', 'burgers'],
  ],
  [[...equation, '--step', '-1'], ['--step: got -1, expected a positive number']],
  [[...equation, '--points', '2.5'], ['--points: got 2.5, expected a whole number']],
  [[...equation, '--tolerance', 'small'], ['--tolerance: got small, expected a positive number']],
  [
    ['solve', 'burgers', '--parameters', 'nu=0.1'],
    ['"burgers"', 'there is no nu, expected viscosity'],
  ],
  [['solve', 'burgers', '--parameters', 'viscosity=-1'], ['viscosity: got -1, expected number to be >0']],
  [['solve', 'u_t = u_xx', '--domain', '1,-1', '--initial', 'x', '--time', '1'], ['--domain: got 1,-1']],
  [['solve', 'u_t = u_xx', '--domain', '-1,1', '--initial', 'x'], ['--time: missing']],
  [
    ['solve', 'u_t = -x*u_x', '--domain', '-1,1', '--initial', 'x', '--time', '1'],
    ['coefficient depends on x'],
  ],
  [['solve', 'u_t = = u', '--domain', '-1,1', '--initial', 'x', '--time', '1'], ['one equals sign']],
  [[...equation, '--output', 'u.txt'], ['--output: got u.txt, expected a file name ending in .npz']],
  [[...equation, '--colour'], ["unknown option '--colour'"]],
  [['data', 'mnist'], ["unknown command 'mnist'"]],
  [['data', 'kdv', '--train', '-1'], ['--train: got -1, expected a number ≥ 1']],
  [
    ['data', 'kdv', '--resolution', '60'],
    ['--resolution: got 60', 'does not divide'],
  ],
  [
    ['data', 'kdv', '--recipe', 'secret'],
    ['--recipe', 'paper, nonlinear'],
  ],
  [
    ['data', 'kdv', '--fine', '100'],
    ['--resolution: 64 does not divide the fine grid of 100 points (--fine)'],
  ],
  [
    ['data', 'covid', '--first-day', '2021-13-01'],
    ['--first-day: got 2021-13-01, expected a day of the calendar'],
  ],
  [
    ['data', 'covid', '--first-day', '2031-01-01'],
    ['--first-day: got 2031-01-01, expected a day from 2020-04-12 to '],
  ],
  [
    ['data', 'covid', '--first-day', '2020-06-01', '--last-day', '2020-05-01'],
    ['--last-day: got 2020-05-01, expected a day from 2020-06-01 (--first-day) to '],
  ],
  [['export', 'one', 'two'], ['run: got 2, one two, expected one of them']],
  [['data', 'check', 'data.csv'], ['file: got data.csv, expected a file name ending in .npz']],
  [
    ['bench', 'nope'],
    ["unknown command 'nope', expected one of list, ", 'kdv'],
  ],
  [['bench', 'kdv', '--preset', 'huge'], ["--preset: got 'huge', expected one of quick, paper"]],
  [
    ['bench', 'kdv', '--models', 'pade,resnet'],
    ["--models: got 'resnet', expected one of", 'fno'],
  ],
  [['bench', 'kdv', '--epochs', '0'], ['--epochs: got 0, expected a number ≥ 1']],
  [['bench', 'kdv', '--epochs', '1e999'], ['--epochs: got Infinity']],
  [['bench', 'kdv', '--models', ','], ['--models: got an empty list, expected at least 1 entry']],
  [['bench', 'kdv', '--seeds', '0,x'], ["--seeds: got 'x', expected a number"]],
  [['bench', 'kdv', '--jobs', '-2'], ['--jobs: got -2, expected a whole number']],
  [['bench', 'kdv', '--engine', 'cuda'], ['--engine: got cuda, expected one of onnx']],
  [['bench', 'kdv', '--resolutions', '48', '--models', 'mwt'], ['48']],
  [['bench', 'kdv', '--recipe', 'nonlinear', '--labels', 'released'], ['--labels: got released']],
  [
    ['report', 'nothing'],
    ['RUN: got nothing', 'sextant bench'],
  ],
  [['report', '.', '--output', 'report.pdf'], ['--output: got report.pdf']],
  [['serve', '--port', '70000'], ['--port: got 70000, expected a whole number from 0 to 65535']],
  [['serve', '--runs', 'nothing'], ['--runs: got nothing, expected an existing folder']],
  [['serve', '--runs', 'nan.npz'], ['--runs: got nan.npz, expected an existing folder']],
  [['export', 'nothing'], ['RUN: got nothing']],
  [['export', 'nothing', '--checkpoint', 'first'], ['--checkpoint: got first, expected one of last, best']],
  [['export', 'nothing', '--batch', '0'], ['--batch: got 0']],
  [['doctor', '--fast'], ["unknown option '--fast'"]],
])('sextant %j', async (args, words) => {
  expectOneLine(await call(folder, ...args), 2, ...words);
});

test.each<[string[], string[]]>([
  [[...equation, '--step', '0.3'], ['step 0.3 does not divide']],
  [
    ['solve', 'u_t = 5*u', '--domain', '0,1', '--initial', '1', '--time', '1000'],
    ['u_t = 5*u grows beyond the range of double precision before t = 150'],
  ],
  [
    ['data', 'check', 'missing.npz'],
    ['cannot read missing.npz', 'no such file'],
  ],
  [
    ['data', 'check', 'one.npz'],
    ['1 samples cannot be cut into 1 for the test', 'at least one, for training'],
  ],
  [['data', 'check', 'shapes.npz'], ['input has shape [30, 32] and output [30, 16]']],
  [['data', 'check', 'nan.npz'], ['input holds NaN in sample 1 at point 5']],
  [
    ['data', 'check', 'cut.npz'],
    ['cut.npz', 'cut short'],
  ],
  [['data', 'check', 'text.npz'], ['not an .npz file']],
  [
    ['data', 'check', 'names.npz'],
    ['there is no array "input"', 'left, right'],
  ],
  [['bench', 'kdv', '--data', 'nan.npz', '--resolutions', '32'], ['NaN in sample 1']],
  [
    ['bench', 'kdv', '--data', 'good.npz', '--resolutions', '64'],
    ['--resolutions', 'good.npz has 32 points', '32 or 16'],
  ],
  [['bench', 'kdv', '--data', 'missing.npz', '--resolutions', '32'], ['no such file']],
  [
    ['bench', 'kdv', '--runs', 'good.npz/runs'],
    ['cannot create the folder', 'not a folder'],
  ],
  [[...equation, '--step', '0.01', '--output', 'good.npz/u.npz'], ['cannot write good.npz/u.npz']],
])('sextant %j fails in one line', async (args, words) => {
  expectOneLine(await call(folder, ...args), 1, ...words);
});

test.skipIf(process.getuid?.() === 0)('a read-only folder is named with a way out', async () => {
  expectOneLine(
    await call(folder, 'bench', 'kdv', '--runs', 'readonly/runs'),
    1,
    'readonly',
    'permission denied',
    '--runs',
  );
});

test('an occupied port is named with a way out', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = String(typeof address === 'object' && address ? address.port : 0);
  try {
    expectOneLine(await call(folder, 'serve', '--port', port), 1, `Port ${port} is in use`, '--port 0');
  } finally {
    server.close();
  }
});

describe('help', () => {
  test('without a command goes to stderr with exit code 2', async () => {
    const { code, stdout, stderr } = await call(folder);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain('Usage: sextant');
  });

  test.each([['bench'], ['data']])(
    'of %s without a subcommand goes to stderr with exit code 2',
    async (name) => {
      const { code, stdout, stderr } = await call(folder, name);
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr).toContain(`Usage: sextant ${name} [options] [command]`);
      expect(stderr).toContain(`$ sextant ${name} kdv`);
      expect(stderr).not.toContain('error:');
    },
  );

  test.each([
    [],
    ['solve'],
    ['data'],
    ['data', 'kdv'],
    ['bench'],
    ['bench', 'kdv'],
    ['operator'],
    ['operator', 'evaluate'],
    ['operator', 'predict'],
    ['flow'],
    ['mri'],
    ['uq'],
    ['report'],
    ['serve'],
    ['export'],
    ['doctor'],
  ])('of %j %j ends with an example', async (...args) => {
    const { code, stdout } = await call(folder, ...args.filter((word) => word !== undefined), '--help');
    expect(code).toBe(0);
    expect(stdout).toMatch(/Examples?:\n( {2}\$ sextant .+\n)+\s*$/);
  });
});

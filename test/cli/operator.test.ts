/** `sextant operator` end to end on small trainings. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { npy, numbersOf, type NpyArray } from '../../datasets/npy.ts';
import { encodeNpz, readNpz } from '../../datasets/npz.ts';
import { call, workplace, type Said } from './sextant.ts';

const { folder, remove } = workplace();
const at = (...parts: string[]): string => path.join(folder, ...parts);
afterAll(remove);

const ok = async (...args: string[]): Promise<Said> => {
  const said = await call(folder, ...args);
  expect(said.code, said.stderr).toBe(0);
  return said;
};
const refused = async (...args: string[]): Promise<string> => {
  const { code, stderr } = await call(folder, ...args);
  expect(code).not.toBe(0);
  const lines = stderr
    .trim()
    .split('\n')
    .filter((line) => !line.startsWith('{'));
  expect(lines, stderr).toHaveLength(1);
  return lines[0];
};

interface Measured {
  readonly points: number;
  readonly samples: number;
  readonly mean: number;
  readonly worst: number;
  readonly identity: number;
}
const evaluate = async (run: string, ...args: string[]): Promise<Measured[]> => {
  const { stdout } = await ok('operator', 'evaluate', run, '--json', ...args);
  return (JSON.parse(stdout) as { measured: Measured[] }).measured;
};

const jobs: Record<string, string> = {};
const trained = async (...args: string[]): Promise<void> => {
  await ok('bench', 'kdv', ...args, '--epochs', '2', '--jobs', '1', '--threads', '1');
  for (const experiment of readdirSync(at('runs'))) {
    for (const job of readdirSync(at('runs', experiment, 'jobs'))) {
      const [model] = job.split('-');
      jobs[job.includes('.npz') ? `own ${model}` : model] = at('runs', experiment, 'jobs', job);
    }
  }
};

beforeAll(async () => {
  const size = ['--train', '20', '--validation', '0', '--test', '5'];
  await trained('--models', 'fno,mwt', '--fine', '256', ...size, '--resolutions', '32');
  for (const points of ['32', '128']) {
    await ok(
      'data',
      'kdv',
      ...size,
      '--fine',
      '256',
      '--resolution',
      points,
      '--output',
      `kdv-${points}.npz`,
    );
  }
  const { input, output } = await everySample();
  writeFileSync(at('mine.npz'), encodeNpz({ input, output }));
  await trained('--data', 'mine.npz', '--models', 'fno');
}, 120_000);

/** All samples of the small file as input and output, without splits. */
async function everySample(): Promise<{ input: NpyArray; output: NpyArray }> {
  const arrays = await readNpz(at('kdv-32.npz'));
  const whole = (name: string): NpyArray => {
    const parts = ['train', 'test'].map((split) => numbersOf(arrays[`${split}_${name}`]));
    return npy(Float64Array.from(parts.flatMap((part) => [...part])), [25, 32]);
  };
  return { input: whole('input'), output: whole('output') };
}

test('evaluate says of the trained grid what the table of the experiment says, and measures others', async () => {
  const result = JSON.parse(readFileSync(path.join(jobs.fno, 'result.json'), 'utf8')) as { value: number };
  const measured = await evaluate(jobs.fno, '--points', '32,64,256');
  expect(measured.map(({ points, samples }) => [points, samples])).toEqual([
    [32, 5],
    [64, 5],
    [256, 5],
  ]);
  expect(measured[0].mean).toBeCloseTo(result.value, 5);
  // Fourier modes are the same on every grid; the functions are smooth.
  for (const { mean } of measured) expect(mean / measured[0].mean).toBeCloseTo(1, 1);
  for (const { identity } of measured) expect(identity).toBeGreaterThan(1);
  const { stdout } = await ok('operator', 'evaluate', jobs.fno);
  expect(stdout).toMatch(/fno, trained on 32 points/);
  expect(stdout).toMatch(/32 \(trained\)/);
});

test('interleaved grids are the trained grid again and again', async () => {
  const [own, plain] = await evaluate(jobs.mwt, '--points', '32,128');
  const [, interleaved] = await evaluate(jobs.mwt, '--points', '32,128', '--interleaved');
  expect(interleaved.mean).not.toBe(plain.mean);
  expect(Math.abs(interleaved.mean / own.mean - 1)).toBeLessThan(0.05);
  // Point by point: every fourth number of the fine prediction is the prediction of every fourth number.
  const { test_input: fine } = await readNpz(at('kdv-128.npz'));
  const values = numbersOf(fine);
  const third = values.filter((_, i) => i % 4 === 2);
  writeFileSync(at('third.npz'), encodeNpz({ input: npy(third, [5, 32]) }));
  const predicted = async (data: string, ...more: string[]): Promise<Float64Array> => {
    await ok('operator', 'predict', jobs.mwt, '--data', data, '--output', 'p.npz', ...more);
    return numbersOf((await readNpz(at('p.npz'))).prediction);
  };
  const whole = await predicted('kdv-128.npz', '--interleaved');
  const alone = await predicted('third.npz');
  expect(whole).toHaveLength(5 * 128);
  const parts = whole.filter((_, i) => i % 4 === 2);
  alone.forEach((value, i) => expect(parts[i]).toBeCloseTo(value, 5));
});

test('a finer grid with levels that training never reached is warned of; interleaved grids and operators without levels are not', async () => {
  const warningOf = ({ stdout, stderr }: Said): string | null => {
    const { warning } = JSON.parse(stdout) as { warning: string | null };
    const noted = stderr.split('\n').filter((line) => line.startsWith('warning: '));
    expect(noted).toEqual(warning === null ? [] : [`warning: ${warning}`]);
    return warning;
  };
  const evaluated = async (model: string, ...args: string[]): Promise<string | null> =>
    warningOf(await ok('operator', 'evaluate', jobs[model], '--json', '--points', ...args));
  const warning = await evaluated('mwt', '16,32,64,128');
  expect(warning).toContain('mwt was trained with the 5 levels of 32 points');
  expect(warning).toContain('(6 on 64 points, 7 on 128 points)');
  expect(warning).toContain('add --interleaved');
  expect(await evaluated('mwt', '16,32')).toBeNull();
  expect(await evaluated('mwt', '128', '--interleaved')).toBeNull();
  expect(await evaluated('fno', '128')).toBeNull();
  const predicted = async (model: string, ...args: string[]): Promise<string | null> =>
    warningOf(await ok('operator', 'predict', jobs[model], '--json', '--data', ...args));
  expect(await predicted('mwt', 'kdv-128.npz')).toContain('(7 on 128 points)');
  expect(await predicted('mwt', 'kdv-128.npz', '--interleaved')).toBeNull();
  expect(await predicted('fno', 'kdv-128.npz')).toBeNull();
});

test('predict writes the prediction, and has the error of evaluate where the true outputs are known', async () => {
  const [{ mean, worst }] = await evaluate(jobs.fno, '--points', '128');
  const { stdout } = await ok('operator', 'predict', jobs.fno, '--data', 'kdv-128.npz', '--json');
  const facts = JSON.parse(stdout) as Record<string, unknown>;
  expect(facts).toMatchObject({ samples: '5 of "test_input"', points: 128, written: 'predictions.npz' });
  expect(facts['mean relative L2 error']).toBeCloseTo(mean, 6);
  expect(facts['worst error']).toBeCloseTo(worst, 6);
  const { x, prediction } = await readNpz(at('predictions.npz'));
  expect(x.shape).toEqual([128]);
  expect(prediction.shape).toEqual([5, 128]);
  const { test_input, test_output } = await readNpz(at('kdv-128.npz'));
  writeFileSync(at('inputs.npz'), encodeNpz({ input: test_input }));
  const alone = await ok('operator', 'predict', jobs.fno, '--data', 'inputs.npz', '--output', 'alone.npz');
  expect(alone.stdout).not.toContain('error');
  expect([...numbersOf((await readNpz(at('alone.npz'))).prediction)]).toEqual([...numbersOf(prediction)]);
  // The error is that of what was written.
  const [p, y] = [numbersOf(prediction), numbersOf(test_output)];
  const ratio = (i: number): number => {
    const norm = (f: (j: number) => number): number =>
      Math.hypot(...Array.from({ length: 128 }, (_, j) => f(128 * i + j)));
    return norm((j) => p[j] - y[j]) / norm((j) => y[j]);
  };
  expect([0, 1, 2, 3, 4].reduce((sum, i) => sum + ratio(i), 0) / 5).toBeCloseTo(mean, 5);
});

test('whoever predicts what was trained on is told so; others are not', async () => {
  const own = await ok('operator', 'predict', jobs['own fno'], '--data', 'mine.npz');
  expect(own.stderr).toContain('warning: the model was trained on most of these samples');
  const other = await ok('operator', 'predict', jobs['own fno'], '--data', 'kdv-32.npz');
  expect(other.stderr).not.toContain('warning');
});

test('what cannot be evaluated is refused in one line', async () => {
  const predict = (run: string, file: string): Promise<string> =>
    refused('operator', 'predict', run, '--data', file);
  expect(await refused('operator', 'evaluate', jobs.mwt, '--points', '48')).toMatch(/--points: .*48/);
  expect(await refused('operator', 'evaluate', jobs.fno, '--points', '48')).toContain('48');
  expect(await refused('operator', 'evaluate', jobs.fno, '--points', '8')).toContain(
    '--points: got 8, expected whole numbers from 16 to 65536',
  );
  expect(await refused('operator', 'evaluate', jobs.fno, '--points', '48', '--interleaved')).toContain(
    '--points: got 48, expected a multiple of the 32 points',
  );
  expect(await refused('operator', 'evaluate', jobs.fno, '--points', '32,512')).toMatch(
    /^error: --points: got 512, which the data of the run do not have: .*256 points/,
  );
  expect(await refused('operator', 'evaluate', jobs['own fno'], '--points', '64')).toContain(
    '--points: got 64',
  );
  expect(await refused('operator', 'predict', jobs.fno)).toContain(
    '--data: missing, expected .npz with input',
  );
  expect(await refused('operator', 'evaluate', jobs.identity)).toContain('identity is a baseline');
  expect(await refused('operator', 'evaluate', 'nothing')).toContain('RUN: got nothing');
  writeFileSync(at('odd.npz'), encodeNpz({ input: npy(new Float64Array(100).fill(1), [2, 50]) }));
  expect(await predict(jobs.mwt, 'odd.npz')).toMatch(/--data: odd.npz: resolution 50: .* power of two/);
  writeFileSync(at('nan.npz'), encodeNpz({ input: npy(new Float64Array(64).fill(NaN), [2, 32]) }));
  expect(await predict(jobs.fno, 'nan.npz')).toContain('input holds NaN in sample 0 at point 0');
  writeFileSync(at('left.npz'), encodeNpz({ left: npy(new Float64Array(64), [2, 32]) }));
  expect(await predict(jobs.fno, 'left.npz')).toContain('no array "input" or "test_input"; it has left');
  writeFileSync(
    at('shapes.npz'),
    encodeNpz({ input: npy(new Float64Array(64), [2, 32]), output: npy(new Float64Array(32), [1, 32]) }),
  );
  expect(await predict(jobs.fno, 'shapes.npz')).toContain('input has shape [2, 32] and output [1, 32]');
  writeFileSync(
    at('zero.npz'),
    encodeNpz({
      input: npy(new Float64Array(32).fill(1), [1, 32]),
      output: npy(new Float64Array(32), [1, 32]),
    }),
  );
  expect(await predict(jobs.fno, 'zero.npz')).toContain(
    'zero.npz: the output of sample 0 is zero everywhere',
  );
  expect((await readNpz(at('predictions.npz'))).prediction.shape).toEqual([1, 32]);
  expect(
    await refused('operator', 'predict', jobs.fno, '--data', 'mine.npz', '--output', 'mine.npz'),
  ).toContain('would be overwritten');
  // Last: the data of the run change.
  const { input, output } = await everySample();
  const bent = { ...input, data: Float64Array.from(numbersOf(input), (v) => 2 * v) };
  writeFileSync(at('mine.npz'), encodeNpz({ input: bent, output }));
  expect(await refused('operator', 'evaluate', jobs['own fno'])).toContain('the data have changed');
  rmSync(at('mine.npz'));
  expect(await refused('operator', 'evaluate', jobs['own fno'])).toContain('cannot read');
});

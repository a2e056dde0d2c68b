/** `sextant mri` and `sextant uq mri` on files and flags that make no sense, and results that cannot be written. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { npy } from '../../datasets/npy.ts';
import { complexNpy, scanFolder, withoutProgress } from './scans.ts';
import { start, until } from './sextant.ts';

const { file, run, expectRefused, asNpy, asNpz, asFastMri } = scanFolder();

test.each<[string, () => Promise<string>, RegExp]>([
  ['NaN', () => asNpy(complexNpy((d) => (d[21] = NaN))), /coil 0 holds NaN at row 1, column 2/],
  ['an all-zero coil', () => asNpy(complexNpy((d) => d.fill(0, 128))), /coil 1 of 2 is zero everywhere/],
  ['wrong axes', () => asNpy({ ...complexNpy(), shape: [16, 8] }), /k-space is \[16, 8\], expected \[coils/],
  ['real numbers', () => asNpy(npy(new Float32Array(8), [2, 2, 2])), /expected complex ones/],
  [
    'a mask that samples nothing',
    () => asNpz({ kspace: complexNpy(), mask: npy(new Float32Array(8)) }),
    /no ACS lines|samples nothing/,
  ],
  [
    'no ACS lines',
    () => asNpz({ kspace: complexNpy(), mask: npy(Float32Array.of(1, 0, 1, 0, 1, 0, 1, 0)) }),
    /fully sampled centre of 8 × 1, expected at least 6 × 6/,
  ],
  [
    'a singular covariance',
    () =>
      asNpz({
        kspace: complexNpy(),
        noise: { data: new Float32Array(80).fill(1), shape: [2, 20], dtype: '<c8' },
      }),
    /noise covariance is singular/,
  ],
])('%s is refused in one line', async (_, make, message) => {
  await expectRefused(['mri', 'recon', await make()], 1, message);
});

test('HDF5 cut short is refused in one line, by recon and uq', async () => {
  const whole = readFileSync(file(await asFastMri('whole.h5')));
  for (const share of [0.02, 0.5, 0.95]) {
    writeFileSync(file('cut.h5'), whole.subarray(0, Math.floor(share * whole.length)));
    for (const command of [
      ['mri', 'recon', 'cut.h5'],
      ['uq', 'mri', 'cut.h5'],
    ])
      await expectRefused(command, 1, /^error: \S*cut\.h5: .*cut short or corrupt\n$/);
  }
});

test('options that a method does not have, and a network that is none, are refused as wrong use', async () => {
  const k = await asNpy(complexNpy());
  for (const [command, flags, message] of [
    [
      'mri recon',
      '--lambda 0.1',
      /^error: --lambda: cg-sense has no such option, expected --tikhonov, --iterations, --derivative\n$/,
    ],
    ['mri recon', '--tikhonov much', /--tikhonov: got 'much', expected/],
    ['uq mri', '--network nothing', /RUN: got nothing, expected/],
    ['uq mri', '--network x --method sense', /^error: --network: /],
    ['uq mri', '--replicas 1', /--replicas: got 1, expected 0, or 2/],
  ] as const) {
    const { code, err } = await run(...command.split(' '), k, ...flags.split(' '));
    expect([code, err]).toEqual([2, expect.stringMatching(message)]);
  }
});

test.each<[string, output: string, code: number, message: RegExp]>([
  ['a folder of that name', 'taken.npy', 1, /there is a folder of that name/],
  ['a file for a folder', 'k.npy/image.npy', 1, /a part of the path is a file, not a folder/],
  ['no place for files', '/proc/image.npy', 1, /^error: cannot write \/proc\/image\.npy: /],
  ['the k-space itself', 'k.npy', 2, /is the file to read, and would be overwritten/],
])('%s is refused before anything is computed', async (_, output, code, message) => {
  const k = await asNpy(complexNpy());
  mkdirSync(file('taken.npy'), { recursive: true });
  const before = readFileSync(file(k));
  await expectRefused(['mri', 'recon', k, '--output', output, '--picture', 'unwritten.png'], code, message);
  expect(existsSync(file('unwritten.png'))).toBe(false);
  expect(readFileSync(file(k)).equals(before)).toBe(true);
});

test('a phantom that cannot be written, and runs below a file', async () => {
  const k = await asNpy(complexNpy());
  const message = /a part of the path is a file/;
  await expectRefused(['mri', 'phantom', '--output', `${k}/p.npz`], 1, message);
  await expectRefused(['uq', 'mri', k, '--runs', `${k}/runs`], 1, message);
});

test('a training without data leaves no run folder', async () => {
  const command = ['mri', 'train', '--data', 'nothing', '--runs', 'untrained'];
  await expectRefused(command, 1, /cannot read .*nothing: there is no such file or folder/);
  expect(readdirSync(file('untrained'))).toEqual([]);
});

test('SIGTERM ends mri recon with 143, one line, and no file', async () => {
  const data = Float32Array.from({ length: 2 * 4 * 128 * 128 }, (_, i) => Math.sin(i));
  const k = file(await asNpy({ data, shape: [4, 128, 128], dtype: '<c8' }));
  const place = file('stopped-recon');
  mkdirSync(place);
  const command = start(place, 'mri', 'recon', k, '--method', 'total-variation');
  await until(() => command.said.stderr.includes('"event":"progress"'), 'its first step');
  command.signalGroup('SIGTERM');
  const { code, stdout, stderr } = await command.ended;
  expect([code, stdout, withoutProgress(stderr)]).toEqual([
    143,
    '',
    'interrupted; the same command begins anew\n',
  ]);
  expect(readdirSync(place)).toEqual([]);
});

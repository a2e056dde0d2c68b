/** `sextant mri`: a phantom is reconstructed from its file; files that cannot be reconstructed say why. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { npy, readNpy, writeNpy, type NpyArray } from '../../datasets/npy.ts';
import { writeNpz } from '../../datasets/npz.ts';
import { writeAtomically } from '../../datasets/files.ts';
import { main } from '../../src/cli/main.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'mri-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string) => path.join(folder, name);

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const code = await main(args, {
    stdout: { write: (text: string) => ((out += text), true) },
    stderr: { write: (text: string) => ((err += text), true) },
  });
  return { code, out, err };
}

const images = () => ['--output', file('image.npy'), '--picture', file('image.png')];

test('a phantom from its file: whitened by its noise, in SNR units, as .npy and .png', async () => {
  const made = await run(
    ...['mri', 'phantom', '--height', '32', '--width', '32', '--coils', '4', '--acs-lines', '10'],
    ...['--acceleration', '2', '--sigma', '0.005', '--output', file('p.npz'), '--json'],
  );
  expect(made.err + made.code).toBe('0');
  const { out, err, code } = await run(
    'mri',
    'recon',
    file('p.npz'),
    '--iterations',
    '10',
    ...images(),
    '--json',
  );
  expect(err + code).toBe('0');
  expect(JSON.parse(out)).toMatchObject({ format: 'npz', 'k-space': '4 × 32 × 32' });
  const image = readNpy(readFileSync(file('image.npy')));
  expect([image.dtype, image.shape]).toEqual(['<c8', [32, 32]]);
  // The phantom is between 0.3 and 1.2, and σ is 0.005: 60 to 240 in SNR units.
  const magnitude = Array.from({ length: 1024 }, (_, i) =>
    Math.hypot(Number(image.data[2 * i]), Number(image.data[2 * i + 1])),
  );
  expect(Math.max(...magnitude)).toBeGreaterThan(60);
  expect(Math.max(...magnitude)).toBeLessThan(400);
  expect(readFileSync(file('image.png')).subarray(1, 4).toString()).toBe('PNG');
});

const complexNpy = (change: (data: Float32Array) => void): NpyArray => {
  const data = Float32Array.from({ length: 2 * 2 * 8 * 8 }, (_, i) => Math.sin(i));
  change(data);
  return { data, shape: [2, 8, 8], dtype: '<c8' };
};

test.each<[string, () => Promise<string>, RegExp]>([
  ['NaN', () => asNpy(complexNpy((d) => (d[21] = NaN))), /coil 0 holds NaN at row 1, column 2/],
  ['an all-zero coil', () => asNpy(complexNpy((d) => d.fill(0, 128))), /coil 1 of 2 is zero everywhere/],
  [
    'wrong axes',
    () => asNpy({ ...complexNpy(() => undefined), shape: [16, 8] }),
    /k-space is \[16, 8\], expected \[coils/,
  ],
  ['real numbers', () => asNpy(npy(new Float32Array(8), [2, 2, 2])), /expected complex ones/],
  [
    'a mask that samples nothing',
    () => asNpz({ kspace: complexNpy(() => undefined), mask: npy(new Float32Array(8)) }),
    /no ACS lines|samples nothing/,
  ],
  [
    'no ACS lines',
    () => asNpz({ kspace: complexNpy(() => undefined), mask: npy(Float32Array.of(1, 0, 1, 0, 1, 0, 1, 0)) }),
    /fully sampled centre of 8 × 1, expected at least 6 × 6/,
  ],
  [
    'a singular covariance',
    () =>
      asNpz({
        kspace: complexNpy(() => undefined),
        noise: { data: new Float32Array(80).fill(1), shape: [2, 20], dtype: '<c8' },
      }),
    /noise covariance is singular/,
  ],
])('%s is refused in one line', async (_, make, message) => {
  const { code, err } = await run('mri', 'recon', await make(), ...images());
  expect(code).toBe(1);
  expect(err).toMatch(message);
  expect(err.trim().split('\n')).toHaveLength(1);
});

async function asNpy(array: NpyArray): Promise<string> {
  await writeAtomically(file('k.npy'), writeNpy(array));
  return file('k.npy');
}

async function asNpz(arrays: Record<string, NpyArray>): Promise<string> {
  await writeNpz(file('k.npz'), arrays);
  return file('k.npz');
}

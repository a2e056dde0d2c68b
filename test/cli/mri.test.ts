/** `sextant mri`: a phantom is reconstructed from its file, one scan in every format, and a network that is trained and kept. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { readNpy } from '../../datasets/npy.ts';
import { complexNpy, scanFolder, zeroFilled } from './scans.ts';

const { file, run, printed, phantom, asNpy, asCfl, asFastMri } = scanFolder();
const images = ['--output', 'image.npy', '--picture', 'image.png'];
const written = (name: string) => readNpy(readFileSync(file(name)));

test('a phantom from its file: whitened by its noise, in SNR units, as .npy and .png', async () => {
  const k = await phantom(
    'p.npz',
    ...['--height', '32', '--width', '32', '--coils', '4', '--acs-lines', '10'],
    ...['--acceleration', '2', '--sigma', '0.005', '--json'],
  );
  const out = await printed('mri', 'recon', k, '--iterations', '10', ...images, '--json');
  expect(JSON.parse(out)).toMatchObject({ format: 'npz', 'k-space': '4 × 32 × 32' });
  const image = written('image.npy');
  expect([image.dtype, image.shape]).toEqual(['<c8', [32, 32]]);
  // The phantom is between 0.3 and 1.2, and σ is 0.005: 60 to 240 in SNR units.
  const magnitude = Array.from({ length: 1024 }, (_, i) =>
    Math.hypot(Number(image.data[2 * i]), Number(image.data[2 * i + 1])),
  );
  expect(Math.max(...magnitude)).toBeGreaterThan(60);
  expect(Math.max(...magnitude)).toBeLessThan(400);
  expect(readFileSync(file('image.png')).subarray(1, 4).toString()).toBe('PNG');
});

test('a phantom as ISMRMRD is the phantom as .npz: the same k-space, whitened by the same noise', async () => {
  const size = ['--height', '21', '--width', '16', '--coils', '3', '--acs-lines', '8', '--acceleration', '2'];
  const found: Float32Array[] = [];
  for (const [name, format] of [
    ['scan.npz', 'npz'],
    ['scan.h5', 'ISMRMRD'],
  ]) {
    const out = await printed(
      'mri',
      'recon',
      await phantom(name, ...size),
      ...zeroFilled,
      ...images,
      '--json',
    );
    expect(JSON.parse(out)).toMatchObject({
      format,
      'k-space': '3 × 21 × 16',
      whitened: expect.stringMatching(/^by noise readouts/) as unknown,
    });
    found.push(written('image.npy').data as Float32Array);
  }
  const largest = Math.max(...found[0]);
  found[0].forEach((value, i) => expect(Math.abs(found[1][i] - value) / largest).toBeLessThan(1e-6));
  const points = await run('mri', 'phantom', ...size, '--mask', 'poisson-disc', '--output', 'points.h5');
  expect([points.code, points.err]).toEqual([2, expect.stringMatching(/^error: --output: .*whole columns/)]);
});

test('k-space [2, 8, 8] in every format gives one and the same image', async () => {
  // Parseval: an orthonormal transform keeps the energy of all coils.
  const energy = (values: ArrayLike<unknown>) =>
    Array.from(values).reduce<number>((total, value) => total + Number(value) ** 2, 0);
  const given = energy(complexNpy().data);
  const first: number[] = [];
  for (const [format, k] of [
    ['npy', await asNpy(complexNpy())],
    ['cfl', await asCfl()],
    ['fastMRI', await asFastMri('volume.h5')],
  ]) {
    const out = await printed('mri', 'recon', k, ...zeroFilled, ...images, '--json');
    expect(JSON.parse(out)).toMatchObject({ format, 'k-space': '2 × 8 × 8', acceleration: 1 });
    const image = written('image.npy');
    expect([image.dtype, image.shape]).toEqual(['<f4', [8, 8]]);
    expect(energy(image.data) / given, format).toBeCloseTo(1, 5);
    first.push(Number(image.data[0]));
    expect(first[0] / Number(image.data[0]), format).toBeCloseTo(1, 5);
  }
});

test('mri train --keep leaves a folder that --network takes, with the command that makes it', async () => {
  const size = ['--height', '16', '--width', '16', '--coils', '2', '--acs-lines', '4'];
  const few = ['--train', '4', '--validation', '2', '--test', '2', '--epochs', '1', '--jobs', '1'];
  const made = await run('mri', 'train', ...size, ...few, '--keep', 'kept-network');
  expect(made.code, made.err).toBe(0);
  const readme = readFileSync(path.join(file('kept-network'), 'README.md'), 'utf8');
  expect(readme).toMatch(/npx sextant mri train .*--keep /);
  const k = await phantom('kept.npz', ...size, '--acceleration', '2');
  const used = await run('mri', 'recon', k, '--network', 'kept-network', ...images);
  expect(used.code, used.err).toBe(0);
  expect(used.out).toContain('End-to-end variational network');
}, 60_000);

/** `sextant mri`: a phantom is reconstructed from its file; files that cannot be reconstructed say why. */
import * as hdf5 from 'h5wasm/node';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { writeCfl } from '../../datasets/mri/cfl.ts';
import { npy, readNpy, writeNpy, type NpyArray } from '../../datasets/npy.ts';
import { writeNpz } from '../../datasets/npz.ts';
import { writeAtomically } from '../../datasets/files.ts';
import { main } from '../../src/cli/main.ts';
import { reconstructionSettings } from '../../src/experiments/mriTask.ts';
import { getNetwork } from '../../src/mri/index.ts';
import { saveParameters } from '../../src/nn/files.ts';
import { Run } from '../../src/runs/index.ts';
import { complexArray } from '../../src/tensor/index.ts';
import { key } from '../../src/tensor/random.ts';
import { start, until } from './sextant.ts';

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

/** What was written beside lines of progress. */
const said = (stderr: string): string => stderr.replace(/^\{.*\n/gm, '');

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
  expect(said(err) + code).toBe('0');
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

test('a phantom as ISMRMRD is the phantom as .npz: the same k-space, whitened by the same noise', async () => {
  const size = ['--height', '21', '--width', '16', '--coils', '3', '--acs-lines', '8', '--acceleration', '2'];
  const images: Float32Array[] = [];
  for (const name of ['scan.npz', 'scan.h5']) {
    const made = await run('mri', 'phantom', ...size, '--output', file(name));
    expect(made.err + made.code).toBe('0');
    const flags = ['--method', 'zero-filled', '--output', file('scan.npy'), '--picture', file('scan.png')];
    const { code, out, err } = await run('mri', 'recon', file(name), ...flags, '--json');
    expect(code, err).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      format: name === 'scan.h5' ? 'ISMRMRD' : 'npz',
      'k-space': '3 × 21 × 16',
      whitened: expect.stringMatching(/^by noise readouts/) as unknown,
    });
    images.push(readNpy(readFileSync(file('scan.npy'))).data as Float32Array);
  }
  const largest = Math.max(...images[0]);
  images[0].forEach((value, i) => expect(Math.abs(images[1][i] - value) / largest).toBeLessThan(1e-6));
  const points = await run(
    'mri',
    'phantom',
    ...size,
    '--mask',
    'poisson-disc',
    '--output',
    file('points.h5'),
  );
  expect([points.code, points.err]).toEqual([2, expect.stringMatching(/^error: --output: .*whole columns/)]);
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
  expect(said(err).trim().split('\n')).toHaveLength(1);
});

test.each([
  ['npy', () => asNpy(complexNpy(() => undefined))],
  ['cfl', asCfl],
  ['fastMRI', () => asFastMri('volume.h5')],
] as const)('k-space [2, 8, 8] as %s gives one and the same image', async (format, make) => {
  const { out, err, code } = await run('mri', 'recon', await make(), ...zeroFilled, ...images(), '--json');
  expect(said(err) + code).toBe('0');
  expect(JSON.parse(out)).toMatchObject({ format, 'k-space': '2 × 8 × 8', acceleration: 1 });
  const image = readNpy(readFileSync(file('image.npy')));
  expect([image.dtype, image.shape]).toEqual(['<f4', [8, 8]]);
  // Parseval: an orthonormal transform keeps the energy of all coils.
  const energy = (values: ArrayLike<unknown>) =>
    Array.from(values).reduce<number>((total, value) => total + Number(value) ** 2, 0);
  const given = energy(complexNpy(() => undefined).data);
  expect(energy(image.data) / given).toBeCloseTo(1, 5);
  const first = Number(image.data[0]);
  reference ??= first;
  expect(first / reference).toBeCloseTo(1, 5);
});
const zeroFilled = ['--method', 'zero-filled'];
let reference: number | undefined;

test('HDF5 cut short is refused in one line, by recon and uq', async () => {
  const whole = readFileSync(await asFastMri('whole.h5'));
  for (const share of [0.02, 0.5, 0.95]) {
    writeFileSync(file('cut.h5'), whole.subarray(0, Math.floor(share * whole.length)));
    for (const command of [
      ['mri', 'recon', file('cut.h5'), ...images()],
      ['uq', 'mri', file('cut.h5')],
    ]) {
      const { code, err } = await run(...command);
      expect([code, said(err)]).toEqual([
        1,
        expect.stringMatching(/^error: \S*cut\.h5: .*cut short or corrupt\n$/),
      ]);
    }
  }
});

test('options that a method does not have, and a network that is none, are refused as wrong use', async () => {
  const k = await asNpy(complexNpy(() => undefined));
  const refused = async (...args: string[]): Promise<string> => {
    const { code, err } = await run(...args, '--runs', file('runs'));
    expect(code).toBe(2);
    return err;
  };
  expect(await refused('mri', 'recon', k, '--lambda', '0.1')).toBe(
    'error: --lambda: cg-sense has no such option, expected --tikhonov, --iterations, --derivative\n',
  );
  expect(await refused('mri', 'recon', k, '--tikhonov', 'much')).toMatch(/--tikhonov: got 'much', expected/);
  expect(await refused('uq', 'mri', k, '--network', 'nothing')).toMatch(/RUN: got nothing, expected/);
  expect(await refused('uq', 'mri', k, '--network', 'x', '--method', 'sense')).toMatch(/^error: --network: /);
  expect(await refused('uq', 'mri', k, '--replicas', '1')).toMatch(/--replicas: got 1, expected 0, or 2/);
});

describe('results that cannot be written, or that nobody waits for any more', () => {
  test.each<[string, (input: string) => [output: string, code: number, message: RegExp]]>([
    ['a folder of that name', () => [asFolder('taken.npy'), 1, /there is a folder of that name/]],
    [
      'a file for a folder',
      (k) => [path.join(k, 'image.npy'), 1, /a part of the path is a file, not a folder/],
    ],
    ['no place for files', () => ['/proc/image.npy', 1, /^error: cannot write \/proc\/image\.npy: /]],
    ['the k-space itself', (k) => [k, 2, /is the file to read, and would be overwritten/]],
  ])('%s is refused before anything is computed', async (_, given) => {
    const k = await asNpy(complexNpy(() => undefined));
    const before = readFileSync(k);
    const [output, expected, message] = given(k);
    const { code, err } = await run(
      'mri',
      'recon',
      k,
      '--output',
      output,
      '--picture',
      file('unwritten.png'),
    );
    expect([code, said(err).trim().split('\n').length]).toEqual([expected, 1]);
    expect(said(err)).toMatch(message);
    expect(existsSync(file('unwritten.png'))).toBe(false);
    expect(readFileSync(k).equals(before)).toBe(true);
  });

  test('a phantom that cannot be written, and runs below a file', async () => {
    const k = await asNpy(complexNpy(() => undefined));
    const phantom = await run('mri', 'phantom', '--output', path.join(k, 'p.npz'));
    expect([phantom.code, phantom.err]).toEqual([1, expect.stringMatching(/a part of the path is a file/)]);
    const maps = await run('uq', 'mri', k, '--runs', path.join(k, 'runs'));
    expect([maps.code, said(maps.err)]).toEqual([1, expect.stringMatching(/a part of the path is a file/)]);
  });

  test('a training without data leaves no run folder', async () => {
    const { code, err } = await run('mri', 'train', '--data', file('nothing'), '--runs', file('untrained'));
    expect([code, said(err)]).toEqual([
      1,
      expect.stringMatching(/cannot read .*nothing: there is no such file or folder/),
    ]);
    expect(readdirSync(file('untrained'))).toEqual([]);
  });

  test('SIGTERM ends mri recon with 143, one line, and no file', async () => {
    const data = Float32Array.from({ length: 2 * 4 * 128 * 128 }, (_, i) => Math.sin(i));
    const k = await asNpy({ data, shape: [4, 128, 128], dtype: '<c8' });
    const place = file('stopped-recon');
    mkdirSync(place);
    const command = start(place, 'mri', 'recon', k, '--method', 'total-variation');
    await until(() => command.said.stderr.includes('"event":"progress"'), 'its first step');
    command.signalGroup('SIGTERM');
    const { code, stdout, stderr } = await command.ended;
    expect([code, stdout, said(stderr)]).toEqual([143, '', 'interrupted; the same command begins anew\n']);
    expect(readdirSync(place)).toEqual([]);
  });
});

test('mri train --keep leaves a folder that --network takes, with the command that makes it', async () => {
  const kept = file('kept-network');
  const size = ['--height', '16', '--width', '16', '--coils', '2', '--acs-lines', '4'];
  const few = ['--train', '4', '--validation', '2', '--test', '2', '--epochs', '1', '--jobs', '1'];
  const made = await run('mri', 'train', ...size, ...few, '--runs', file('kept-runs'), '--keep', kept);
  expect(made.code, made.err).toBe(0);
  expect(readFileSync(path.join(kept, 'README.md'), 'utf8')).toMatch(/npx sextant mri train .*--keep /);
  const k = file('kept.npz');
  const shot = await run('mri', 'phantom', ...size, '--acceleration', '2', '--output', k);
  expect(shot.code, shot.err).toBe(0);
  const image = file('kept.npy');
  const outputs = ['--output', image, '--picture', file('kept.png')];
  const used = await run('mri', 'recon', k, '--network', kept, ...outputs);
  expect(used.code, used.err).toBe(0);
  expect(used.out).toContain('End-to-end variational network');
}, 60_000);

describe('uq mri', () => {
  const quick = [
    '--maximum-probes',
    '16',
    '--replicas',
    '64',
    '--bound-probes',
    '4',
    '--gain-iterations',
    '3',
  ];
  const uq = (...args: string[]) => run('uq', 'mri', ...args, '--runs', file('runs'), '--json');
  const phantom = async (name: string, ...more: string[]): Promise<string> => {
    const size = ['--height', '24', '--width', '20', '--coils', '3', '--sigma', '0.005', '--acs-lines', '8'];
    const made = await run('mri', 'phantom', ...size, ...more, '--output', file(name));
    expect(made.err + made.code).toBe('0');
    return file(name);
  };

  test('where everything is sampled, the root of sum of squares has the noise of one component, by every map', async () => {
    const full = await phantom('full.npz', '--acceleration', '1', '--acs-lines', '20');
    const { out, code } = await uq(full, ...zeroFilled, ...quick);
    expect(code).toBe(0);
    const found = JSON.parse(out) as Record<string, number> & { report: string; noise: string };
    expect(found.acceleration).toBe(1);
    expect(found.noise).toMatch(/^noise readouts of the file/);
    // J Jᵀ = 1 and the bound is 1 in SNR units.
    expect(found['median sd, object']).toBeCloseTo(1, 4);
    expect(found['median sd / Cramér–Rao bound, object']).toBeCloseTo(1, 4);
    expect(found.remarks).toEqual({});
    expect(found['worst-case gain ‖J‖₂ for noise of unit deviation']).toBeCloseTo(1, 4);
    // 64 replicas leave 1/√(2 · 63) = 9 % in a pixel; the median of the object is far closer.
    expect(found['object: median of Jacobian / replicas']).toBeGreaterThan(0.95);
    expect(found['object: median of Jacobian / replicas']).toBeLessThan(1.05);
    expect(readFileSync(found.report, 'utf8')).toContain('Standard deviation by the Jacobian');
    const jobs = path.join(path.dirname(found.report), 'jobs');
    const maps = path.join(jobs, readdirSync(jobs)[0], 'maps');
    const sd = readNpy(readFileSync(path.join(maps, 'sd.npy')));
    expect([sd.dtype, sd.shape]).toEqual(['<f4', [24, 20]]);
    for (const value of sd.data) expect(Number(value)).toBeCloseTo(1, 4);
    expect(readFileSync(path.join(maps, 'sd.nii')).length).toBe(352 + 4 * 24 * 20);

    // The same k-space in its own unit: everything scales with σ.
    const own = await uq(full, ...zeroFilled, '--sigma', '0.005', ...quick);
    expect(own.code).toBe(0);
    const scaled = JSON.parse(own.out) as typeof found;
    expect(scaled['median sd, object'] / 0.005).toBeCloseTo(1, 4);
    expect(scaled.noise).toBe('given');
  });

  test('noise below the bound of unbiased images is told beside the number, and how far it reaches', async () => {
    const k = await phantom('biased.npz', '--acceleration', '2');
    const few = ['--replicas', '0', '--gain-iterations', '0', '--maximum-probes', '16'];
    const { out, code, err } = await run('uq', 'mri', k, ...zeroFilled, ...few, '--runs', file('runs'));
    expect(code, err).toBe(0);
    expect(out).toMatch(/sd \/ Cramér–Rao bound, object: 0\.\d+ \(the bound is of unbiased images, and this/);
    expect(out).toMatch(
      /warning: In \d+ % of the object the noise is below what any unbiased image could have/,
    );
    expect(readFileSync(/report: (.*)/.exec(out)?.[1] ?? '', 'utf8')).toContain('and this one is biased');
  });

  test('a trained network from its run, beside the bound; without ACS lines there is no bound, and it says so', async () => {
    const settings = reconstructionSettings.parse({ unetChannels: 2, unetPools: 1 });
    const network = getNetwork('unet', { channels: 2, pools: 1 });
    const job = await Run.create(file('trained'), {
      ...{ experiment: 'mri-training', preset: 'train', model: 'unet', condition: {}, seed: 0 },
      options: { settings },
    });
    mkdirSync(job.checkpoints);
    await saveParameters(path.join(job.checkpoints, 'best.safetensors'), network.init(key(0)));
    const k = await phantom('half.npz', '--acceleration', '2');
    const networkFlag = ['--network', job.folder];
    const { out, code, err } = await uq(k, ...networkFlag, '--replicas', '0', '--maximum-probes', '16');
    expect(code, err).toBe(0);
    const found = JSON.parse(out) as Record<string, number> & { report: string };
    expect(found['median sd, object']).toBeGreaterThan(0);
    expect(found['median sd / Cramér–Rao bound, object']).toBeGreaterThan(0);
    expect(readFileSync(found.report, 'utf8')).toContain(network.title);

    const noAcs = await asNpy(complexNpy((d) => d.forEach((_, i) => (d[i] *= (i >> 1) % 8 === 4 ? 0 : 1))));
    const zeros = await run(
      ...['uq', 'mri', noAcs, '--method', 'zero-filled', '--sigma', '0.1', '--replicas', '0'],
      ...['--runs', file('runs')],
    );
    expect(zeros.code, zeros.err).toBe(0);
    expect(zeros.out).toMatch(/note: There is no Cramér–Rao bound, .*no ACS lines/);
    expect(zeros.out).not.toMatch(/sd \/ Cramér–Rao/);
  });

  test('a run that another command holds is refused in one line', async () => {
    const k = await phantom('held.npz');
    const flags = [
      '--replicas',
      '0',
      '--bound-probes',
      '0',
      '--gain-iterations',
      '0',
      '--maximum-probes',
      '16',
    ];
    const { out } = await uq(k, ...zeroFilled, ...flags);
    const { report } = JSON.parse(out) as { report: string };
    const jobs = path.join(path.dirname(report), 'jobs');
    const release = (await Run.open(path.join(jobs, readdirSync(jobs)[0]))).lock();
    const again = await uq(k, ...zeroFilled, ...flags);
    release();
    expect([again.code, again.out]).toEqual([1, '']);
    expect(said(again.err)).toMatch(/^error: the job zero-filled\S* is in use by process \d+ .*\n$/);
  });

  test('Ctrl-C ends it with 130, one line, and no result', async () => {
    const k = await phantom('long.npz');
    const command = start(
      folder,
      'uq',
      'mri',
      k,
      ...zeroFilled,
      '--replicas',
      '1000000',
      '--runs',
      'stopped',
    );
    await until(() => command.said.stderr.includes('"label":"replicas"'), 'the replicas');
    command.signalGroup('SIGINT');
    const { code, stdout, stderr } = await command.ended;
    expect([code, stdout]).toEqual([130, '']);
    expect(stderr.trim().split('\n').at(-1)).toBe('interrupted; the same command begins anew');
    const left = readdirSync(file('stopped'), { recursive: true, encoding: 'utf8' });
    expect(left.map((name) => path.basename(name))).toContain('config.json');
    expect(left.filter((name) => /result|report|maps|lock|tmp/.test(path.basename(name)))).toEqual([]);
  });
});

function asFolder(name: string): string {
  mkdirSync(file(name));
  return file(name);
}

async function asCfl(): Promise<string> {
  const { data, shape } = complexNpy(() => undefined);
  const [coils, h, w] = shape;
  // BART's first axis is the readout, our rows; arrays here are its dimensions in reverse: [coils, 1, columns, rows].
  const turned = (part: 0 | 1) =>
    Float32Array.from({ length: coils * h * w }, (_, i) => {
      const [c, column, row] = [Math.floor(i / (h * w)), Math.floor(i / h) % w, i % h];
      return Number(data[2 * ((c * h + row) * w + column) + part]);
    });
  await writeCfl(file('k'), complexArray(turned(0), turned(1), [coils, 1, w, h]));
  return file('k.cfl');
}

async function asFastMri(name: string): Promise<string> {
  const { data, shape } = complexNpy(() => undefined);
  const part = (offset: 0 | 1) =>
    Float32Array.from({ length: data.length / 2 }, (_, i) => Number(data[2 * i + offset]));
  await hdf5.ready;
  const out = new hdf5.File(file(name), 'w');
  out.create_dataset({
    name: 'kspace',
    data: new Map([
      ['r', part(0)],
      ['i', part(1)],
    ]),
    shape: [1, ...shape],
    dtype: [
      ['r', '<f'],
      ['i', '<f'],
    ],
  });
  out.close();
  return file(name);
}

async function asNpy(array: NpyArray): Promise<string> {
  await writeAtomically(file('k.npy'), writeNpy(array));
  return file('k.npy');
}

async function asNpz(arrays: Record<string, NpyArray>): Promise<string> {
  await writeNpz(file('k.npz'), arrays);
  return file('k.npz');
}

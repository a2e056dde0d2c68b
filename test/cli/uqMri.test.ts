/** `sextant uq mri`: its numbers and files, what it says beside them, and how it ends. */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { readNpy } from '../../datasets/npy.ts';
import { reconstructionSettings } from '../../src/experiments/mriTask.ts';
import { getNetwork } from '../../src/mri/index.ts';
import { saveParameters } from '../../src/nn/files.ts';
import { Run } from '../../src/runs/index.ts';
import { key } from '../../src/tensor/random.ts';
import { complexNpy, scanFolder, zeroFilled } from './scans.ts';
import { start, until } from './sextant.ts';

const { folder, file, run, printed, phantom, asNpy } = scanFolder();

const noReplicas = ['--replicas', '0', '--maximum-probes', '16'];
const size = ['--height', '24', '--width', '20', '--coils', '3', '--sigma', '0.005', '--acs-lines', '8'];
const small = (name: string, ...flags: string[]): Promise<string> => phantom(name, ...size, ...flags);

type Found = Record<string, number> & { readonly report: string; readonly noise: string };
const uq = async (...args: string[]): Promise<Found> =>
  JSON.parse(await printed('uq', 'mri', ...args, '--json')) as Found;
/** The folder of the only job beside a report. */
function jobOf({ report }: Found): string {
  const jobs = path.join(path.dirname(path.resolve(folder, report)), 'jobs');
  return path.join(jobs, readdirSync(jobs)[0]);
}
const pageOf = (report: string): string => readFileSync(path.resolve(folder, report), 'utf8');

test('where everything is sampled, the root of sum of squares has the noise of one component, by every map', async () => {
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
  const full = await small('full.npz', '--acceleration', '1', '--acs-lines', '20');
  const found = await uq(full, ...zeroFilled, ...quick);
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
  expect(pageOf(found.report)).toContain('Standard deviation by the Jacobian');
  const maps = path.join(jobOf(found), 'maps');
  const sd = readNpy(readFileSync(path.join(maps, 'sd.npy')));
  expect([sd.dtype, sd.shape]).toEqual(['<f4', [24, 20]]);
  for (const value of sd.data) expect(Number(value)).toBeCloseTo(1, 4);
  expect(readFileSync(path.join(maps, 'sd.nii')).length).toBe(352 + 4 * 24 * 20);

  // The same k-space in its own unit: everything scales with σ.
  const scaled = await uq(full, ...zeroFilled, '--sigma', '0.005', ...quick);
  expect(scaled['median sd, object'] / 0.005).toBeCloseTo(1, 4);
  expect(scaled.noise).toBe('given');
});

test('noise below the bound of unbiased images is told beside the number, and how far it reaches', async () => {
  const k = await small('biased.npz', '--acceleration', '2');
  const out = await printed('uq', 'mri', k, ...zeroFilled, ...noReplicas, '--gain-iterations', '0');
  expect(out).toMatch(/sd \/ Cramér–Rao bound, object: 0\.\d+ \(the bound is of unbiased images, and this/);
  expect(out).toMatch(
    /warning: In \d+ % of the object the noise is below what any unbiased image could have/,
  );
  expect(pageOf(/report: (.*)/.exec(out)?.[1] ?? '')).toContain('and this one is biased');
});

test('a trained network from its run, beside the bound', async () => {
  const settings = reconstructionSettings.parse({ unetChannels: 2, unetPools: 1 });
  const network = getNetwork('unet', { channels: 2, pools: 1 });
  const job = await Run.create(file('trained'), {
    ...{ experiment: 'mri-training', preset: 'train', model: 'unet', condition: {}, seed: 0 },
    options: { settings },
  });
  mkdirSync(job.checkpoints);
  await saveParameters(path.join(job.checkpoints, 'best.safetensors'), network.init(key(0)));
  const found = await uq(
    await small('half.npz', '--acceleration', '2'),
    '--network',
    job.folder,
    ...noReplicas,
  );
  expect(found['median sd, object']).toBeGreaterThan(0);
  expect(found['median sd / Cramér–Rao bound, object']).toBeGreaterThan(0);
  expect(pageOf(found.report)).toContain(network.title);
});

test('without ACS lines there is no bound, and it says so', async () => {
  const noAcs = await asNpy(complexNpy((d) => d.forEach((_, i) => (d[i] *= (i >> 1) % 8 === 4 ? 0 : 1))));
  const out = await printed('uq', 'mri', noAcs, ...zeroFilled, '--sigma', '0.1', '--replicas', '0');
  expect(out).toMatch(/note: There is no Cramér–Rao bound, .*no ACS lines/);
  expect(out).not.toMatch(/sd \/ Cramér–Rao/);
});

test('a run that another command holds is refused in one line', async () => {
  const command = [
    ...[await small('held.npz'), ...zeroFilled, ...noReplicas],
    ...['--bound-probes', '0', '--gain-iterations', '0'],
  ];
  const release = (await Run.open(jobOf(await uq(...command)))).lock();
  const again = await run('uq', 'mri', ...command);
  release();
  expect(again).toEqual({
    code: 1,
    out: '',
    err: expect.stringMatching(/^error: the job zero-filled\S* is in use by process \d+ .*\n$/) as unknown,
  });
});

test('Ctrl-C ends it with 130, one line, and no result', async () => {
  const k = await small('long.npz');
  const command = start(folder, 'uq', 'mri', k, ...zeroFilled, '--replicas', '1000000', '--runs', 'stopped');
  await until(() => command.said.stderr.includes('"label":"replicas"'), 'the replicas');
  command.signalGroup('SIGINT');
  const { code, stdout, stderr } = await command.ended;
  expect([code, stdout]).toEqual([130, '']);
  expect(stderr.trim().split('\n').at(-1)).toBe('interrupted; the same command begins anew');
  const left = readdirSync(file('stopped'), { recursive: true, encoding: 'utf8' });
  expect(left.map((name) => path.basename(name))).toContain('config.json');
  expect(left.filter((name) => /result|report|maps|lock|tmp/.test(path.basename(name)))).toEqual([]);
});

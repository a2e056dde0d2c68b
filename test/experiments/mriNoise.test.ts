import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { configure } from '../../src/experiments/configuration.ts';
import { executeJob, type JobProgress } from '../../src/experiments/execute.ts';
import { noiseKeys } from '../../src/experiments/mriNoiseTask.ts';
import {
  atLevels,
  jacobianMaps,
  replicaMoments,
  rotated,
  withNoise,
} from '../../src/experiments/mriPoints.ts';
import { phantomSlices, undersample } from '../../src/experiments/mriSlices.ts';
import { reconstructionSettings } from '../../src/experiments/mriTask.ts';
import { findExperiment } from '../../src/experiments/registry.ts';
import { propagationChecks } from '../../src/experiments/mriNoiseSummary.ts';
import { groupBy } from '../../src/experiments/statistics.ts';
import { getNetwork, networkReconstruction, noiseMaps } from '../../src/mri/index.ts';
import { saveParameters } from '../../src/nn/files.ts';
import { Run, type JobResult } from '../../src/runs/index.ts';
import { array, type NDArray } from '../../src/tensor/index.ts';
import { key } from '../../src/tensor/random.ts';
import { numbers } from '../mri/support.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'sextant-mri-noise-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const signal = new AbortController().signal;
const context = { signal, threads: 1 };

const tiny = { cascades: 1, channels: 2, pools: 1, sensitivityChannels: 2, sensitivityPools: 1 };
const [h, w, coils] = [16, 20, 2];
const slices = await phantomSlices(key(1), { count: 2, height: h, width: w, coils }, context);
const points = undersample(slices, key(5), { mask: 'equispaced', accelerations: [2], acsLines: 6, noise: 0 });
const network = getNetwork('varnet', tiny);
const trained = { network, parameters: network.init(key(1)), settings: reconstructionSettings.parse({}) };

const rootMeanSquare = (values: Float64Array): number =>
  Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length);
const row = ({ data, shape: [n, ...shape] }: NDArray, i: number): NDArray =>
  array(data.slice((i * data.length) / n, ((i + 1) * data.length) / n), shape);

test('maps of a batch of slices are those of each by exact rows, within their standard error', async () => {
  const maps = await jacobianMaps(trained, points, { ...context, seed: 3, probes: 96 });
  for (const i of [0, 1]) {
    const acquisition = {
      kspace: { re: row(points['re'], i), im: row(points['im'], i) },
      mask: row(points['mask'], i),
      sensitivities: null,
      noise: { sigma: 1 },
    };
    const { output, ...method } = networkReconstruction(network, trained.parameters);
    const exact = await noiseMaps({ reconstruct: method.prepare(acquisition), output }, acquisition, {
      ...context,
      method: 'rows',
    });
    const part = (values: Float64Array): Float64Array => values.slice(i * h * w, (i + 1) * h * w);
    const error = rootMeanSquare(part(maps.sd).map((sd, j) => sd - exact.sd.data[j]));
    // The standard error of a root mean square over 320 pixels that are little correlated is a few per cent.
    expect(error / rootMeanSquare(part(maps.standardError))).toBeGreaterThan(0.8);
    expect(error / rootMeanSquare(part(maps.standardError))).toBeLessThan(1.25);
    part(maps.image).forEach((x, j) => expect(x).toBeCloseTo(exact.magnitude.data[j], 4));
  }
});

test('replicas: σ of each point, and a mean square error that is bias² and variance', async () => {
  const every = atLevels(points, [0.001, 0.004]);
  const { image } = await jacobianMaps(trained, points, { ...context, seed: 3, probes: 2 });
  const n = image.length;
  const reference = Float64Array.from({ length: 2 * n }, (_, i) => image[i % n] + 0.001);
  const found = await replicaMoments(trained, every, reference, { ...context, seed: 2, replicas: 64 });
  const ratio = Float64Array.from({ length: n }, (_, i) => found.sd[n + i] / found.sd[i]);
  // Two independent deviations of 64 replicas each: 13 % a pixel, below 1 % in the mean of 640.
  expect(Math.abs(ratio.reduce((a, b) => a + b) / n / 4 - 1)).toBeLessThan(0.05);
  found.mse.forEach((mse, i) => {
    const bias = found.mean[i] - Math.fround(reference[i]);
    expect((bias ** 2 + (63 / 64) * found.sd[i] ** 2) / mse).toBeCloseTo(1, 5);
  });
});

test('noise of the deviation asked for; a turn of the phase keeps magnitudes', () => {
  const every = atLevels(points, [0.05]);
  const noisy = withNoise(every, 7);
  const half = every['re'].data.length / 2;
  for (const i of [0, 1]) {
    const difference = numbers(noisy['im'])
      .map((x, j) => x - every['im'].data[j])
      .slice(i * half, (i + 1) * half);
    const deviation = rootMeanSquare(difference) / (0.05 * points['range'].data[i]);
    expect(Math.abs(deviation - 1)).toBeLessThan(4 / Math.sqrt(2 * half));
  }
  const turned = rotated(points, 0.7);
  numbers(turned['re']).forEach((x, i) =>
    expect(Math.hypot(x, turned['im'].data[i])).toBeCloseTo(
      Math.hypot(points['re'].data[i], points['im'].data[i]),
      5,
    ),
  );
});

const small = {
  ...{ height: h, width: w, coils, accelerations: [2], acsLines: 6, train: 4, validation: 2, test: 2 },
  ...{ epochs: 1, probes: 4, replicas: 8, gainIterations: 2, lesionRadius: 1, models: ['unet'] as const },
  ...{ unetChannels: 2, unetPools: 1 },
};

async function finish(
  name: string,
  given: object,
): Promise<{
  finished: JobResult[];
  parts: NonNullable<JobProgress['part']>[];
  summary: () => unknown;
}> {
  const { experiment } = await findExperiment(name);
  const config = configure(experiment, 'quick', { ...small, ...given });
  const facts = (await experiment.prepare?.(config, { ...context, onProgress: () => undefined })) ?? {};
  const finished: JobResult[] = [];
  const parts: NonNullable<JobProgress['part']>[] = [];
  const onProgress = ({ part }: JobProgress): void => void (part && parts.push(part));
  for (const job of experiment.jobs(config, facts)) {
    const run = await Run.create(folder, { experiment: name, preset: 'quick', ...job });
    expect(await executeJob(experiment, run, { ...context, engine: 'onnx', onProgress })).toBe('finished');
    finished.push((await run.readResult())!);
    // The last status says how it ended, not what it was at.
    expect(await run.readStatus()).not.toHaveProperty('part');
  }
  return { finished, parts, summary: () => experiment.summarize(finished, config) };
}

test('mri-noise-propagation: numbers of every level, region and point, maps, figures and claims', async () => {
  const levels = [0.002, 0.01, 0.05];
  const { finished, parts, summary } = await finish('mri-noise-propagation', { levels });
  const [{ extra, maps, curves }] = finished;
  // Every stage of the measurement is seen to begin, to go on and to end.
  const stages = groupBy(parts, ({ label }) => label);
  expect(stages).toHaveLength(6);
  for (const stage of stages) {
    const done = stage.map((part) => part.done);
    expect(done).toEqual([...done].sort((a, b) => a - b));
    if (stage[0].label !== 'worst case') expect(done.at(-1)).toBe(stage[0].total);
  }
  for (const level of levels)
    for (const point of ['clean', 'noisy'] as const)
      expect(extra[noiseKeys.agreement(level, point, 'object', 'median ratio')]).toBeGreaterThan(0.3);
  expect(maps?.map(({ array: name }) => name)).toContain('jacobian');
  expect(Object.keys(curves ?? {}).filter((name) => name.includes('object'))).toHaveLength(4);
  expect(summary()).toMatchObject({
    rows: expect.arrayContaining([
      expect.objectContaining({ model: 'unet, clean point', condition: { R: 2, ACS: 6, 'σ/peak': 0.01 } }),
      expect.objectContaining({ model: 'one deviation everywhere', baseline: true }),
    ]) as unknown,
    checks: expect.arrayContaining([
      expect.objectContaining({ limit: '≤ 0.000001', holds: true }),
    ]) as unknown,
    notes: expect.arrayContaining([expect.stringContaining('Result 3 says')]) as unknown,
  });
  // What few probes and replicas leave is taken off the difference only where it alone is above the limit.
  const at = (relative: number, sampling: number, atLeast = 1) => {
    const key = (name: 'relative difference' | 'sampling') =>
      noiseKeys.agreement(0.01, 'clean', 'object', name);
    const least = noiseKeys.agreement(0.002, 'clean', 'object', 'relative difference');
    const numbers = {
      ...extra,
      ...{ [key('relative difference')]: relative, [key('sampling')]: sampling, [least]: atLeast },
    };
    return propagationChecks([{ ...finished[0], extra: numbers }], levels).find(({ name }) =>
      name.includes('0.01: relative'),
    );
  };
  expect(at(0.07, 0.06)).toMatchObject({ value: 0.07, limit: '≤ 0.08', holds: true });
  expect(at(0.1, 0.06)).toMatchObject({ value: 0.1, holds: false });
  expect(at(0.13, 0.12)).toMatchObject({ value: expect.closeTo(0.05, 12) as number, holds: true });
  // An estimate of sampling that is too large hides nothing: the least noise shows what it is.
  expect(at(0.13, 0.14, 0.12)).toMatchObject({ value: expect.closeTo(0.05, 12) as number, holds: true });
  expect(at(0.15, 0.14, 0.12)).toMatchObject({ value: expect.closeTo(0.09, 12) as number, holds: false });
  expect(at(0.15, 0.12)).toMatchObject({ value: expect.closeTo(0.09, 12) as number, holds: false });
});

test('mri-regularised: a row of noise and of bias for every λ, and their ratio checked', async () => {
  const { finished, summary } = await finish('mri-regularised', { regularisers: [0, 5], levels: [0.02] });
  expect(finished.map(({ config }) => config.condition['λ'])).toEqual([0, 5]);
  const { checks, rows } = summary() as { checks: { value: number }[]; rows: { metric: string }[] };
  const sd = finished.map(({ extra }) => extra[noiseKeys.error(0.02, 'sd / σ')]);
  expect(checks.map(({ value }) => value)).toEqual([sd[1] / sd[0]]);
  expect(rows.filter(({ metric }) => metric.startsWith('bias²'))).toHaveLength(2);
});

test('a given network is measured at every acceleration, and none is trained', async () => {
  const unet = getNetwork('unet', { channels: 2, pools: 1 });
  const job = await Run.create(folder, {
    ...{ experiment: 'mri-training', preset: 'train', model: 'unet', condition: {}, seed: 0 },
    options: { settings: reconstructionSettings.parse({ unetChannels: 2, unetPools: 1 }) },
  });
  mkdirSync(job.checkpoints);
  await saveParameters(path.join(job.checkpoints, 'best.safetensors'), unet.init(key(0)));
  const given = { network: job.folder, levels: [0.01], models: ['unet'], accelerations: [2, 4] };
  const { finished } = await finish('mri-noise-propagation', given);
  expect(finished.map(({ seconds, config }) => [seconds, config.condition['R']])).toEqual([
    [0, 2],
    [0, 4],
  ]);
  await expect(finish('mri-noise-propagation', { ...given, models: ['varnet'] })).rejects.toThrow(
    '--models: got varnet, expected unet',
  );
  await expect(finish('mri-noise-propagation', { ...given, seeds: [0, 1] })).rejects.toThrow(
    /^--network: got/,
  );
});

test('a measurement that is stopped goes on behind the maps that it has finished, to the same numbers', async () => {
  const { experiment } = await findExperiment('mri-noise-propagation');
  const config = configure(experiment, 'quick', { ...small, levels: [0.01, 0.02] });
  const facts = (await experiment.prepare?.(config, { ...context, onProgress: () => undefined })) ?? {};
  const [job] = experiment.jobs(config, facts);
  const start = (name: string): Promise<Run> =>
    Run.create(path.join(folder, name), { experiment: experiment.name, preset: 'quick', ...job });
  /** Runs the job and says which maps it made; with `last` it is stopped when that is begun. */
  const labels = async (run: Run, last?: string): Promise<string[]> => {
    const stop = new AbortController();
    const seen = new Set<string>();
    const ended = await executeJob(experiment, run, {
      ...{ engine: 'onnx', threads: 1, signal: stop.signal },
      onProgress: ({ part }) => {
        if (part) seen.add(part.label);
        if (part && part.label === last) stop.abort();
      },
    });
    expect(ended).toBe(last === undefined ? 'finished' : 'interrupted');
    return [...seen];
  };
  const [whole, stopped] = [await start('whole'), await start('stopped')];
  const all = await labels(whole);
  expect(await labels(stopped, 'replicas')).toEqual(all);
  expect(existsSync(stopped.path('parts'))).toBe(true);
  expect(await labels(stopped)).toEqual(['worst case', 'replicas']);
  expect(existsSync(stopped.path('parts'))).toBe(false);
  const [expected, actual] = [await whole.readResult(), await stopped.readResult()];
  expect(actual?.extra).toEqual(expected?.extra);
  expect(await stopped.readArrays()).toEqual(await whole.readArrays());
});

test('levels that do not ascend are refused', async () => {
  const { experiment } = await findExperiment('mri-noise-propagation');
  expect(() => configure(experiment, 'quick', { levels: [0.01, 0.01] })).toThrow(
    '--levels: got 0.01,0.01, expected ascending numbers',
  );
});

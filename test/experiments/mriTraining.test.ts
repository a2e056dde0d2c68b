import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { configure } from '../../src/experiments/configuration.ts';
import { executeJob } from '../../src/experiments/execute.ts';
import { phantomSlices, undersample } from '../../src/experiments/mriSlices.ts';
import {
  openTrainedReconstruction,
  reconstructionLoss,
  reconstructionSettings,
} from '../../src/experiments/mriTask.ts';
import { findExperiment } from '../../src/experiments/registry.ts';
import { getNetwork, rootSumOfSquares, ssim, type ReconstructionNetwork } from '../../src/mri/index.ts';
import { Run, type JobResult } from '../../src/runs/index.ts';
import { array, compile, ifft2c, specsOf, type NDArray, type Tensor } from '../../src/tensor/index.ts';
import { key, normal } from '../../src/tensor/random.ts';
import { evaluate, largestDifference, numbers } from '../mri/support.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'sextant-mri-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const { experiment } = await findExperiment('mri-training');
const signal = new AbortController().signal;
const context = { signal, threads: 1 };
const sizes = { count: 3, height: 20, width: 24, coils: 4 };

describe('slices', () => {
  test('the image is the root of sum of squares of k-space; slice i is the same for every count', async () => {
    const slices = await phantomSlices(key(1), sizes, context);
    const image = await evaluate((k) => rootSumOfSquares(ifft2c(k)), [
      { re: slices.re, im: slices.im },
    ] as const);
    expect(largestDifference(image.data, slices.target.data)).toBeLessThan(1e-5);
    const few = await phantomSlices(key(1), { ...sizes, count: 1 }, context);
    expect(numbers(few.re)).toEqual(numbers(slices.re).slice(0, few.re.data.length));
    expect(slices.range.data[0]).toBe(Math.max(...numbers(slices.target).slice(0, 480)));
  });

  test('undersampled: noise of the deviation asked for, and masks that differ', async () => {
    const slices = await phantomSlices(key(1), sizes, context);
    const given = undersample(slices, key(5), {
      mask: 'random',
      accelerations: [3],
      acsLines: 4,
      noise: 0.05,
    });
    expect(given['mask'].shape).toEqual([3, 1, 24]);
    expect(numbers(given['mask']).slice(0, 24)).not.toEqual(numbers(given['mask']).slice(24, 48));
    const n = slices.re.data.length / 3;
    let squares = 0;
    for (let i = 0; i < n; i++) squares += (given['re'].data[i] - slices.re.data[i]) ** 2;
    const deviation = Math.sqrt(squares / n) / (0.05 * slices.range.data[0]);
    // A sample deviation of n values is off by 1/√(2n): 1.6 % here.
    expect(Math.abs(deviation - 1)).toBeLessThan(4 / Math.sqrt(2 * n));
  });

  test('columns of zeros, as at the sides of fastMRI files, are in no mask', async () => {
    const { re, im, ...rest } = await phantomSlices(key(1), sizes, context);
    const padded = (part: NDArray): NDArray =>
      array(
        part.data.map((x, i) => (i % 24 < 3 || i % 24 >= 22 ? 0 : x)),
        part.shape,
      );
    const options = { mask: 'random', accelerations: [1], acsLines: 4, noise: 0.01 } as const;
    const { mask } = undersample({ ...rest, re: padded(re), im: padded(im) }, key(5), options);
    const expected = Array.from({ length: 24 }, (_, i) => (i < 3 || i >= 22 ? 0 : 1));
    expect([...numbers(mask)]).toEqual([...expected, ...expected, ...expected]);
  });

  test('of several accelerations every slice draws one, and its mask is that of this one alone', async () => {
    const slices = await phantomSlices(key(1), { ...sizes, count: 12 }, context);
    const masks = (...accelerations: number[]): Float64Array[] => {
      const options = { mask: 'equispaced', accelerations, acsLines: 2, noise: 0 } as const;
      const { data } = undersample(slices, key(5), options)['mask'];
      return Array.from({ length: 12 }, (_, i) => Float64Array.from(data.slice(24 * i, 24 * (i + 1))));
    };
    const [both, two, six] = [masks(2, 6), masks(2), masks(6)];
    const drawn = both.map((mask, i) => (mask.join() === two[i].join() ? 2 : 6));
    expect(both).toEqual(drawn.map((R, i) => (R === 2 ? two : six)[i]));
    expect(new Set(drawn).size).toBe(2);
  });
});

test('the regulariser is λ |Jᵀv|² over the number of pixels, by differences', async () => {
  const network = getNetwork('varnet', {
    cascades: 1,
    channels: 2,
    pools: 2,
    sensitivityChannels: 2,
    sensitivityPools: 2,
  });
  const slices = await phantomSlices(key(1), { count: 1, height: 16, width: 16, coils: 1 }, context);
  const batch = undersample(slices, key(5), { mask: 'random', accelerations: [2], acsLines: 4, noise: 0.01 });
  const probe: NDArray = {
    data: Float32Array.from(normal(key(6), 256)),
    shape: [1, 16, 16],
    dtype: 'float32',
  };
  const settings = reconstructionSettings.parse({});
  const losses = await evaluate(
    (p, b: Record<string, Tensor>) => [0, 3].map((λ) => reconstructionLoss(network, settings, λ)(p, b)),
    [network.init(key(1)), { ...batch, probe }] as const,
  );
  const [plain, regularised] = losses.map(({ data }) => data[0]);
  const energy = await energyByDifferences(network, batch, probe);
  expect((regularised - plain) / ((3 * energy) / 256)).toBeCloseTo(1, 6);
});

/** |Jᵀv|² by central differences of ⟨v, image⟩ in every entry of k-space that was sampled. */
async function energyByDifferences(
  network: ReconstructionNetwork,
  { re, im, mask }: Record<string, NDArray>,
  probe: NDArray,
): Promise<number> {
  const parameters = network.init(key(1));
  const program = await compile(
    (p: unknown, k: { re: Tensor; im: Tensor }, m: Tensor) => network.apply(p, { kspace: k, mask: m }),
    [specsOf(parameters), specsOf({ re, im }), specsOf(mask)] as never,
    { dtype: 'float64' },
  );
  const parts = [re, im].map(({ data }) => Float64Array.from(data));
  const project = async (): Promise<number> => {
    const kspace = {
      re: { ...re, data: parts[0], dtype: 'float64' },
      im: { ...im, data: parts[1], dtype: 'float64' },
    };
    const { data } = await program.run([parameters, kspace, mask] as never);
    return Float64Array.from(data).reduce((total, value, i) => total + value * probe.data[i], 0);
  };
  let energy = 0;
  const step = 1e-6;
  for (const part of parts)
    for (let i = 0; i < part.length; i++) {
      if (mask.data[i % 16] === 0) continue;
      const value = part[i];
      part[i] = value + step;
      const above = await project();
      part[i] = value - step;
      const below = await project();
      part[i] = value;
      energy += ((above - below) / (2 * step)) ** 2;
    }
  await program.dispose();
  return energy;
}

test(
  'a small run end to end: networks, baselines, rows and the trained network',
  { timeout: 300_000 },
  async () => {
    const config = configure(experiment, 'quick', {
      height: 16,
      width: 20,
      coils: 2,
      acceleration: [2],
      acsLines: 4,
      train: 3,
      validation: 2,
      test: 2,
      epochs: 1,
      regularisers: [0, 0.1],
      models: ['varnet', 'unet'],
      unetChannels: 2,
    });
    const facts = await experiment.prepare?.(config, { ...context, onProgress: () => undefined });
    const finished: JobResult[] = [];
    const runs: Run[] = [];
    const jobs = experiment.jobs(config, facts ?? {});
    expect(jobs).toHaveLength(6);
    // The derivative of a derivative of the larger network takes long to build.
    for (const job of jobs.filter(
      ({ model, options }) => model === 'unet' || options['regulariser'] !== 0.1,
    )) {
      const run = await Run.create(folder, { experiment: 'mri-training', preset: 'quick', ...job });
      expect(await executeJob(experiment, run, { ...context, engine: 'onnx' })).toBe('finished');
      finished.push((await run.readResult())!);
      runs.push(run);
    }
    const { rows } = experiment.summarize(finished, config);
    expect(rows.map(({ model, condition, baseline }) => [model, condition['λ'], baseline])).toEqual([
      ['zero-filled', undefined, true],
      ['cg-sense', undefined, true],
      ['varnet', 0, false],
      ['unet', 0, false],
      ['unet', 0.1, false],
    ]);
    expect(finished[0].maps?.map(({ array }) => array)).toEqual(
      ['median', 'worst'].flatMap((rule) =>
        ['target', 'reconstruction', 'error'].map((what) => `${rule}-${what}`),
      ),
    );
    const [zeroFilled] = rows;
    for (const { mean } of rows) expect(mean).toBeGreaterThan(0);
    expect(rows[3].mean).not.toBe(rows[4].mean);

    const trained = await openTrainedReconstruction(runs[2], 'last');
    const { re, im, target, range, mask } = undersample(
      await phantomSlices(key(0), { count: 1, height: 16, width: 20, coils: 2 }, context),
      key(3),
      { mask: 'random', accelerations: [2], acsLines: 4, noise: 0 },
    );
    const similarity = await evaluate(
      (p, k, m, t, r) => ssim(trained.network.apply(p, { kspace: k, mask: m }), t, r),
      [trained.parameters as NDArray[], { re, im }, mask, target, range] as const,
      'float32',
    );
    expect(similarity.data[0]).toBeGreaterThan(0);
    expect(similarity.data[0]).toBeLessThan(1);
    await expect(openTrainedReconstruction(runs[0])).rejects.toThrow('zero-filled has no network to open');
    expect(zeroFilled.note).toMatch(/^SSIM 0\.\d{4}, PSNR/);
  },
);

test('an ACS that leaves no columns to choose is refused before anything runs', () => {
  expect(() => configure(experiment, 'quick', { mask: 'random', acceleration: [6], acsLines: 8 })).toThrow(
    '--acs-lines: got 8, expected fewer than 8 (width 48 over acceleration 6)',
  );
});

/**
 * Reconstruction networks trained on generated heads or on a folder of fastMRI's files: what `sextant mri train` runs. The table
 * holds their errors beside those of reconstructions that nobody has to train.
 */
import { z } from 'zod';
import { canonicalJson, type Check, type ResultRow } from '../../runs/index.ts';
import { experiment, type DataFacts, type JobConfig } from '../experiment.ts';
import { seedList } from '../lists.ts';
import { checkAcs, openSlices, sliceFacts, sliceFields, sliceOptions } from '../mriData.ts';
import {
  classicalNames,
  isTrainable,
  measureClassical,
  reconstructionFields,
  reconstructionSettings,
  regulariserList,
  trainableNetwork,
  trainableNetworks,
  trainReconstruction,
} from '../mriTask.ts';
import { groupBy, meanAndDeviation } from '../statistics.ts';

const configuration = z.strictObject({
  models: z.array(z.enum(trainableNetworks)).min(1).describe('networks to train'),
  baselines: z
    .array(z.enum(classicalNames))
    .default([...classicalNames])
    .describe('reconstructions without training'),
  regularisers: regulariserList,
  seeds: seedList('initial parameters, masks and noise'),
  ...sliceFields,
  ...reconstructionFields,
});
type Configuration = z.output<typeof configuration>;

function jobs(config: Configuration, facts: DataFacts): JobConfig[] {
  const data = sliceOptions(config, facts);
  const settings = reconstructionSettings.parse(config);
  const { mask, acceleration, acsLines: ACS } = settings;
  const condition = { mask, R: acceleration.length === 1 ? acceleration[0] : acceleration.join(', '), ACS };
  const baselines = config.baselines.map((model) => ({
    model,
    condition,
    seed: 0,
    options: { data, settings },
  }));
  const trained = config.seeds.flatMap((seed) =>
    config.models.flatMap((model) =>
      config.regularisers.map((regulariser) => ({
        model,
        condition: { ...condition, ...(config.regularisers.some((λ) => λ > 0) ? { λ: regulariser } : {}) },
        seed,
        options: { data, settings, regulariser },
      })),
    ),
  );
  return [...baselines, ...trained];
}

export default experiment('mri-training', {
  title: 'Trained reconstructions of undersampled k-space',
  source: 'none: the slices are generated, or your own',
  configuration,
  axes: ['models', 'baselines', 'regularisers', 'seeds'],
  presets: {
    quick: {
      description: 'a small variational network and a U-Net on 48 × 48 pixels, a minute',
      values: {
        models: ['varnet', 'unet'],
        train: 40,
        validation: 8,
        test: 12,
        epochs: 12,
        dropEvery: 9,
        batchSize: 2,
        unetChannels: 8,
        unetPools: 2,
      },
    },
    train: {
      description: 'one network, what `sextant mri train` begins with; ten minutes',
      values: { models: ['varnet'] },
    },
    paper: {
      description: 'both networks of medium size on 160 × 160 pixels and 8 coils, three seeds; days',
      values: {
        models: ['varnet', 'unet'],
        seeds: [0, 1, 2],
        height: 160,
        width: 160,
        coils: 8,
        acceleration: [4],
        acsLines: 12,
        size: 'medium',
        unetChannels: 32,
        unetPools: 4,
        train: 2000,
        validation: 100,
        test: 200,
      },
    },
  },
  check: checkAcs,
  prepare: sliceFacts,
  jobs,
  async runJob(context) {
    const { model, options } = context.config;
    const slices = await openSlices(context.config, context);
    const settings = reconstructionSettings.parse(options['settings']);
    if (!isTrainable(model))
      return measureClassical(z.enum(classicalNames).parse(model), slices.test, settings, context);
    const regulariser = z.number().parse(options['regulariser']);
    return trainReconstruction(trainableNetwork(model, settings), slices, settings, regulariser, context);
  },
  summarize(finished, config) {
    const groups = groupBy(finished, ({ config: { model, condition } }) => canonicalJson([model, condition]));
    const rows = groups.map((group): ResultRow => {
      const [{ config: job, metric, parameters }] = group;
      const average = (name: string): string =>
        (meanAndDeviation(group.map(({ extra }) => extra[name])).mean ?? NaN).toFixed(
          name === 'ssim' ? 4 : 2,
        );
      return {
        model: job.model,
        condition: job.condition,
        metric,
        published: null,
        ...meanAndDeviation(group.map(({ value }) => value)),
        parameters,
        seconds: meanAndDeviation(group.map(({ seconds }) => seconds)).mean,
        baseline: !isTrainable(job.model),
        note: `SSIM ${average('ssim')}, PSNR ${average('psnr')} dB`,
      };
    });
    const fool = rows.find(({ model }) => model === 'zero-filled')?.mean;
    const checks = rows.flatMap(({ model, condition, mean, baseline }): Check[] =>
      baseline || mean === null || typeof fool !== 'number'
        ? []
        : [
            {
              name: `${model}${'λ' in condition ? `, λ = ${String(condition['λ'])}` : ''}: learns something`,
              value: mean,
              limit: `< ${fool.toPrecision(3)} (zero-filled)`,
              holds: mean < fool,
            },
          ],
    );
    return {
      rows,
      checks,
      notes: [
        'Every test slice has a mask and noise of its own, the same for all rows. The image to reach is that of fully sampled k-space, without noise where it is generated.',
        `SSIM has windows of 7 × 7 pixels; its range and the peak of PSNR are the largest intensity of the ${config.data === undefined ? 'slice' : 'volume'}.`,
        'Walsh’s sensitivities for cg-sense come from the ACS alone.',
      ],
    };
  },
});

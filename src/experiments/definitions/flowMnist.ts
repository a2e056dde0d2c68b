/**
 * Densities of images of digits: Real NVP and conformal embedding flows, each as one global flow and over charts, by bits a dimension,
 * by the samples they draw, and by what their surface loses, between simple densities and the training images themselves.
 */
import { z } from 'zod';
import type { Check, JobResult, ResultRow } from '../../runs/index.ts';
import { experiment, type DataFacts, type JobConfig, type PrepareContext } from '../experiment.ts';
import { imageFields, imagesOf, loadImages, sourceOf } from '../imageData.ts';
import { runImageBaseline } from '../imageBaselineTask.ts';
import { runImageTask } from '../imageFlowTask.ts';
import {
  ACCURACY,
  BITS,
  FRECHET,
  imageBaselineNames,
  imageModelNames,
  imageTaskFields,
  imageTaskOptions,
  LOST,
  openImages,
  type ImageBaselineName,
} from '../imageTask.ts';
import { seedList } from '../lists.ts';
import { limitCheck } from '../limitCheck.ts';
import { bySeeds, fixedRow, rowOfSeeds } from '../resultRows.ts';
import { meanOf } from '../statistics.ts';

const configuration = z.strictObject({
  models: z
    .array(z.enum(imageModelNames))
    .min(1)
    .default([...imageModelNames])
    .describe('densities'),
  seeds: seedList('parameters, charts and samples'),
  ...imageFields,
  ...imageTaskFields,
});
type Configuration = z.output<typeof configuration>;

const HASH = 'SHA-256';

const nameOf = (config: Configuration): string =>
  sourceOf(config) === 'mnist' ? 'MNIST' : 'synthetic digits';

const taskOf = (config: Configuration, hash: string) =>
  imageTaskOptions.parse({ ...config, images: imagesOf(config), hash });

/** Loads or draws the images, and trains the classifier, which the jobs find in the cache. */
async function prepare(
  config: Configuration,
  { signal, threads, onProgress }: PrepareContext,
): Promise<DataFacts> {
  const { hash, train, validation, test } = await loadImages(imagesOf(config));
  const total = config.classifierEpochs;
  await openImages(taskOf(config, hash), { signal, threads }, (done) =>
    onProgress({ label: 'classifier', done, total }),
  );
  return {
    images: nameOf(config),
    'pixels of an image': train.shape.slice(1).join(' × '),
    train: train.shape[0],
    validation: validation.shape[0],
    test: test.shape[0],
    [HASH]: hash,
  };
}

function jobs(config: Configuration, facts: DataFacts): JobConfig[] {
  const options = taskOf(config, String(facts[HASH]));
  const condition = { images: nameOf(config) };
  return [
    ...imageBaselineNames.map((model) => ({ model, condition, seed: config.seeds[0], options })),
    ...config.seeds.flatMap((seed) => config.models.map((model) => ({ model, condition, seed, options }))),
  ];
}

/** The images whose Fréchet distance no model is asked to be below. */
const FLOOR: ImageBaselineName = 'training images';

const isBaseline = (name: string): name is ImageBaselineName =>
  (imageBaselineNames as readonly string[]).includes(name);

function noteOf(results: readonly JobResult[]): string {
  const [{ extra }] = results;
  if (!('leak' in extra)) return '';
  const own = (name: string): number => meanOf(results, (result) => result.extra[name]);
  return `${own('charts')} charts, ${own('charts of an image').toFixed(2)} of an image; leak ${(100 * own('leak')).toFixed(1)} %; density of the charts alone ${own('nats that the density of the charts is below the mixture').toFixed(2)} nats lower`;
}

function rowsOf(cells: readonly (readonly JobResult[])[]): ResultRow[] {
  const rows = (
    of: (cell: readonly JobResult[]) => readonly [metric: string, value: (r: JobResult) => number] | null,
  ) =>
    cells.flatMap((cell): ResultRow[] => {
      const found = of(cell);
      const baseline = isBaseline(cell[0].config.model);
      return found
        ? [
            rowOfSeeds(cell, found[0], found[1], {
              baseline,
              note: noteOf(cell),
              ...(baseline && { parameters: null }),
              ...(cell[0].config.model === FLOOR && { limit: true }),
            }),
          ]
        : [];
    });
  const likelihood = rows(([{ metric }]) => (metric === ACCURACY ? null : [metric, ({ value }) => value]));
  const lost = rows(([{ extra }]) => (LOST in extra ? [LOST, (result) => result.extra[LOST]] : null));
  return [
    ...likelihood,
    ...rows(() => [FRECHET, ({ extra }) => extra[FRECHET]]),
    // The principal directions are measured where the Gaussian is.
    ...lost.map((row) =>
      isBaseline(row.model)
        ? { ...row, model: 'principal directions', note: 'a flat surface of the same dimension' }
        : row,
    ),
    ...cells
      .filter(([{ metric }]) => metric === ACCURACY)
      .map(([{ config, value }]) => fixedRow('classifier', config.condition, ACCURACY, value)),
  ];
}

/** How long the models were trained, which is most of what their numbers say. */
const trainingNote = ({ epochs, batchSize, train, likelihoods, samples }: Configuration): string =>
  `Every model was trained for ${epochs} passes over ${train} images, ${batchSize} a step; likelihoods are those of ${likelihoods} test images, Fréchet distances those of ${samples} samples.`;

function checksOf(cells: readonly (readonly JobResult[])[]): Check[] {
  const cellOf = (name: string) => cells.find(([{ config }]) => config.model === name);
  const floor = cellOf(FLOOR);
  const fools = (['independent pixels', 'best Gaussian'] as const).flatMap((name) => cellOf(name) ?? []);
  return cells.flatMap((cell): Check[] => {
    const { model } = cell[0].config;
    if (model === FLOOR) {
      return [limitCheck('share of test images that the classifier tells', cell[0].value, '≥', 0.95)];
    }
    if (isBaseline(model)) return [];
    const own = (name: string): number => meanOf(cell, ({ extra }) => extra[name]);
    return [
      ...(cell[0].metric === BITS && fools.length
        ? [
            limitCheck(
              `${model}: bits a dimension, below those of independent pixels and of the best Gaussian`,
              meanOf(cell, ({ value }) => value),
              '≤',
              Math.min(...fools.map(({ value }) => value)),
            ),
          ]
        : []),
      ...(floor
        ? [
            limitCheck(
              `${model}: Fréchet distance, not below that of training images`,
              own(FRECHET),
              '≥',
              floor[0].extra[FRECHET],
            ),
          ]
        : []),
      ...('leak' in cell[0].extra
        ? [
            limitCheck(
              `${model}: nats that the density of the charts is above the mixture, at most`,
              Math.max(
                ...cell.map(
                  ({ extra }) => extra['most nats that the density of the charts is above the mixture'],
                ),
              ),
              '≤',
              1e-2,
            ),
          ]
        : []),
    ];
  });
}

/** What the presets that are done in minutes share: few couplings, trained with large steps. */
const hurried = { couplings: [2, 2, 2], learningRate: 3e-3, classifierEpochs: 4 };

export default experiment('flow-mnist', {
  title: 'Flows over charts on images of digits',
  source:
    'Sidheekh, Dock, Jain, Balan & Singh 2022 (VQ-Flows): results on MNIST are published as a picture, with about 120 charts; no number can be set beside ours',
  configuration,
  axes: ['models', 'seeds'],
  presets: {
    quick: {
      description: 'synthetic digits of 16 × 16 pixels, small networks, few charts; a minute or two',
      values: {
        source: 'synthetic',
        side: 16,
        train: 3000,
        validation: 300,
        test: 1000,
        ...hurried,
        channels: [24, 24, 24],
        latent: 24,
        latentBlocks: 2,
        latentHidden: [32, 32],
        charts: 8,
        code: 8,
        encoderHidden: [64],
        encoderEpochs: 3,
        epochs: 12,
        batchSize: 50,
        likelihoods: 200,
        samples: 1000,
      },
    },
    short: {
      description:
        'MNIST where its files are (else synthetic digits): 10,000 images, 10 epochs, small networks, 120 charts; about half an hour of one core',
      values: {
        train: 10_000,
        validation: 1000,
        ...hurried,
        channels: [32, 32, 32],
        latent: 64,
        latentBlocks: 4,
        latentHidden: [128, 128],
        encoderEpochs: 4,
        epochs: 10,
        batchSize: 32,
        likelihoods: 500,
        samples: 5000,
      },
    },
    paper: {
      description: 'MNIST where its files are (else synthetic digits), 120 charts, 100 epochs; about a day',
      values: {},
    },
  },
  normalize: (config) => ({ ...config, source: sourceOf(config) }),
  check({ charts, nearest, likelihoods, samples, test, train, couplings, channels, side }) {
    const refuse = (flag: string, got: unknown, expected: string): never => {
      throw new Error(`--${flag}: got ${String(got)}, expected ${expected}`);
    };
    if (nearest > charts) refuse('nearest', nearest, `at most the number of charts, ${charts} (--charts)`);
    if (charts > train) refuse('charts', charts, `at most the number of training images, ${train} (--train)`);
    if (likelihoods > test)
      refuse('likelihoods', likelihoods, `at most the number of test images, ${test} (--test)`);
    if (samples > test) refuse('samples', samples, `at most the number of test images, ${test} (--test)`);
    if (channels.length !== couplings.length)
      refuse(
        'channels',
        channels.join(','),
        `a number for each of the ${couplings.length} sizes of --couplings`,
      );
    if (side % 2 ** (couplings.length - 1) !== 0)
      refuse('couplings', couplings.join(','), `fewer sizes: ${side} pixels cannot be halved so often`);
  },
  prepare,
  jobs,
  runJob(context) {
    const { model } = context.config;
    return isBaseline(model) ? runImageBaseline(model, context) : runImageTask(context);
  },
  summarize(finished, config) {
    const cells = bySeeds(finished);
    return {
      rows: rowsOf(cells),
      checks: checksOf(cells),
      notes: [
        trainingNote(config),
        'Bits a dimension are those of images whose levels are filled with uniform noise: (nats of the density in [0, 1)) / (d ln 2) + 8, an upper bound of the bits that coding the levels takes. The determinant of the logit map is part of it. Independent pixels are measured on the levels themselves, which is the same number.',
        'The Fréchet distance is that of features of a small classifier trained here on the same images, 64 numbers an image. It is no Fréchet Inception Distance and must not be compared with a published one. The row of training images is its floor: no model can be expected below it.',
        'Densities of conformal embedding flows are by area of their surface, in standardised units of their own dimension: they stand in their own table, and are no likelihood of images. What the surface loses says how near the images lie to it.',
        'A latent grid shows images between four samples at its corners, along arcs on which latents stay standard normal; over charts, four samples of one chart.',
        'The density of a model with charts is the mixture over all charts, which integrates to 1. What the flow of a chart puts outside of it (the leak) is missing from the density of the charts of an image alone.',
      ],
    };
  },
});

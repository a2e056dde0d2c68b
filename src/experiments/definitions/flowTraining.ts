/**
 * Flows trained on samples of one's own, or on a set of the plane: what `sextant flow train` runs. The table holds the likelihood of
 * held-out samples beside that of one Gaussian fitted to the training samples.
 */
import path from 'node:path';
import { z } from 'zod';
import { planeSplits, readSamples, type SampleSplits } from '../../../datasets/samples.ts';
import { planeSets } from '../../../datasets/toy2d.ts';
import { describeData, warningFor } from '../../flows/index.ts';
import { experiment, type DataFacts, type JobConfig, type JobOutput } from '../experiment.ts';
import {
  exportLogProb,
  flowDomain,
  flowFields,
  flowModelNames,
  flowSettings,
  NLL_METRIC,
  requireEstimate,
  settingsFor,
  trainableDensity,
  trainFlow,
} from '../flowTask.ts';
import { gaussianNll } from '../gaussianBaseline.ts';
import { seedList } from '../lists.ts';
import { bySeeds, rowOfSeeds } from '../resultRows.ts';

const GAUSSIAN = 'gaussian';

const configuration = z.strictObject({
  models: z.array(z.enum(flowModelNames)).min(1).describe('flows to train'),
  seeds: seedList(),
  data: z
    .string()
    .min(1)
    .optional()
    .describe('.npz with x [samples, …], or train_x, validation_x, test_x (docs/data-format.md)'),
  set: z
    .enum(planeSets.map(({ name }) => name))
    .default('moons')
    .describe('generated samples of the plane, where no --data are given'),
  samples: z.int().min(100).default(10_000).describe('generated training samples'),
  ...flowFields,
});
type Configuration = z.output<typeof configuration>;

const dataOptions = z.object({
  file: z.string().nullable(),
  set: z.string(),
  samples: z.int(),
  hash: z.string(),
});
type DataOptions = Omit<z.infer<typeof dataOptions>, 'hash'>;

const dataOf = ({ data, set, samples }: Configuration): DataOptions => ({
  file: data === undefined ? null : path.resolve(data),
  set,
  samples,
});

const load = ({ file, set, samples }: DataOptions): Promise<SampleSplits> =>
  file === null ? Promise.resolve(planeSplits(set, samples)) : readSamples(file);

function jobs(config: Configuration, facts: DataFacts): JobConfig[] {
  const data = { ...dataOf(config), hash: String(facts['SHA-256']) };
  const domain = flowDomain.parse({
    shape: String(facts['shape of a sample']).split(' × ').map(Number),
    context: Number(facts['context']),
  });
  const settings = flowSettings.parse(config);
  const condition = { data: data.file === null ? data.set : path.basename(data.file) };
  return config.seeds.flatMap((seed, i) => [
    ...config.models.map((model) => {
      const own = settingsFor(model, settings);
      return { model, condition, seed, options: { data, domain, settings: own } };
    }),
    ...(i === 0 ? [{ model: GAUSSIAN, condition, seed, options: { data } }] : []),
  ]);
}

function baseline({ train, test }: SampleSplits): JobOutput {
  const { value, parameters } = gaussianNll(train.x, test.x);
  return {
    result: {
      metric: NLL_METRIC,
      value,
      best: null,
      parameters,
      seconds: 0,
      inferenceMilliseconds: null,
      samples: [],
      extra: {},
    },
    arrays: null,
  };
}

export default experiment('flow-training', {
  title: 'Normalizing flows on samples',
  source: 'none: the data are your own',
  configuration,
  axes: ['models', 'seeds'],
  presets: {
    quick: {
      description: 'two moons, three flows, a minute',
      values: { models: ['real-nvp', 'maf', 'nsf'], samples: 4000, epochs: 6, blocks: 4, hidden: [32, 32] },
    },
    file: {
      description: 'the samples of --data, one flow of the usual size',
      values: { models: ['nsf'] },
    },
    paper: {
      description: 'two moons, every flow of the registry, three seeds; an hour',
      values: { models: flowModelNames, seeds: [0, 1, 2], epochs: 200 },
    },
  },
  check: requireEstimate,
  async prepare(config) {
    const { train, validation, test, rows, hash } = await load(dataOf(config));
    const shape = describeData(train.x);
    return {
      data: config.data === undefined ? config.set : path.basename(config.data),
      'shape of a sample': train.x.shape.slice(1).join(' × '),
      context: train.context?.shape[1] ?? 0,
      train: train.x.shape[0],
      validation: validation.x.shape[0],
      test: test.x.shape[0],
      'intrinsic dimension, estimated': Number(shape.intrinsic.toFixed(2)),
      'connected pieces, estimated': shape.components,
      warning: warningFor(shape, rows?.training),
      'SHA-256': hash,
    };
  },
  jobs,
  async runJob(context) {
    const { model, options } = context.config;
    const { hash, ...data } = dataOptions.parse(options['data']);
    const splits = await load(data);
    if (splits.hash !== hash)
      throw new Error('the data have changed since this job was set up; run the command again for a new job');
    if (model === GAUSSIAN) return baseline(splits);
    const settings = flowSettings.parse(options['settings']);
    const flow = trainableDensity(model, flowDomain.parse(options['domain']), settings);
    return trainFlow(flow, splits, settings, context);
  },
  exportRun: exportLogProb,
  summarize(finished) {
    return {
      rows: bySeeds(finished).map((group) =>
        rowOfSeeds(group, NLL_METRIC, ({ value }) => value, { baseline: group[0].config.model === GAUSSIAN }),
      ),
      checks: [],
      notes: [
        'A density has the unit of the data: stretching every entry by a factor a adds log a an entry to each row alike.',
      ],
    };
  },
});

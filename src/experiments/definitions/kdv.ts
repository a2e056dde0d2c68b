/**
 * Korteweg–de Vries: neural operators at several resolutions, u(0, ·) ↦ u(1, ·), beside the published table and three
 * baselines that a fool could try.
 */
import path from 'node:path';
import { z } from 'zod';
import { kdv } from '../../../datasets/kdv.ts';
import { atResolution, hashOf, readPairs, type OperatorPairs } from '../../../datasets/pairs.ts';
import {
  baselineNames,
  dispersivePropagator,
  getBaseline,
  getOperator,
  operatorNames,
} from '../../operators/index.ts';
import {
  canonicalJson,
  type Check,
  type Condition,
  type JobResult,
  type ResultRow,
} from '../../runs/index.ts';
import { experiment, type DataFacts, type JobConfig } from '../experiment.ts';
import { exportOperator, measureBaseline, TRAINED_METRIC, trainOperator } from '../operatorTask.ts';
import { groupBy, meanAndDeviation } from '../statistics.ts';

const resolutions = [64, 128, 256, 512, 1024];

/** Mean relative L2 errors at the five resolutions. */
const published: Readonly<Record<string, readonly number[]>> = {
  pade: [0.00301, 0.00308, 0.00311, 0.00298, 0.00295],
  mwt: [0.00372, 0.00369, 0.00391, 0.00408, 0.00392],
  fno: [0.00663, 0.00676, 0.00657, 0.00649, 0.00672],
  mgno: [0.12507, 0.1361, 0.13664, 0.15042, 0.13666],
  lno: [0.04234, 0.04764, 0.04303, 0.04465, 0.04549],
  gno: [0.13826, 0.12768, 0.1357, 0.13616, 0.12521],
};

/** What a faithful training on the published recipe reaches at 64 points. */
const limits: Readonly<Record<string, number>> = { pade: 0.0042, mwt: 0.004, fno: 0.0075 };

const list = <T extends z.ZodType>(entry: T) => z.array(entry).min(1);

const configuration = z.strictObject({
  models: list(z.enum(operatorNames)).describe('neural operators to train'),
  baselines: z
    .array(z.enum(baselineNames))
    .default([...baselineNames])
    .describe('baselines without training'),
  resolutions: list(z.int().min(16).max(65536)).describe('grid points'),
  seeds: list(z.int().min(0)).default([0]).describe('seeds of initial parameters and sample order'),
  recipe: z
    .enum(['paper', 'nonlinear'])
    .default('paper')
    .describe('paper: as published, nearly linear; nonlinear: small dispersion, solitons form'),
  labels: z
    .enum(['released', 'converged'])
    .optional()
    .describe('released: one time step, as the published generator takes; converged: accurate'),
  dispersion: z.number().positive().optional().describe('coefficient of u_xxx'),
  data: z
    .string()
    .min(1)
    .optional()
    .describe('.npz with your own pairs instead of a recipe (docs/data-format.md)'),
  train: z.int().min(1).default(1000).describe('training samples'),
  validation: z.int().min(0).default(100).describe('validation samples, which choose the best epoch'),
  test: z.int().min(1).default(200).describe('test samples'),
  fine: z.int().min(64).max(65536).default(8192).describe('points of the grid the samples are made on'),
  dataSeed: z.int().min(0).default(0).describe('seed of the data set'),
  epochs: z.int().min(1).default(500).describe('passes over the training samples'),
  batchSize: z.int().min(1).default(20).describe('samples a step'),
  learningRate: z.number().positive().default(1e-3).describe('of Adam'),
  weightDecay: z.number().min(0).default(1e-4).describe('L2 regularisation'),
  halveEvery: z
    .int()
    .min(1)
    .default(100)
    .describe('epochs after which the learning rate is halved, again and again'),
  reduction: z
    .enum(['sum', 'mean'])
    .default('sum')
    .describe('loss of a batch; weight decay weighs more beside a mean (the published code sums)'),
});
type Configuration = z.output<typeof configuration>;

/** The part of a job's options that says which pairs it works on. */
const dataOptions = z.object({
  file: z.string().nullable(),
  recipe: z.enum(['paper', 'nonlinear']),
  labels: z.enum(['released', 'converged']),
  dispersion: z.number(),
  train: z.number(),
  validation: z.number(),
  test: z.number(),
  fine: z.number(),
  seed: z.number(),
  /** SHA-256 of the pairs at the job's resolution: a job never goes on with other numbers than it began with. */
  hash: z.string(),
});
type DataOptions = z.infer<typeof dataOptions>;

const trainingOptions = z.object({
  epochs: z.number(),
  batchSize: z.number(),
  learningRate: z.number(),
  weightDecay: z.number(),
  halveEvery: z.number(),
  reduction: z.enum(['sum', 'mean']),
});

/** Labels and dispersion of a recipe where none are given. */
const defaultsOf = ({ recipe }: Configuration): Pick<DataOptions, 'labels' | 'dispersion'> =>
  recipe === 'paper' ? { labels: 'released', dispersion: 1 } : { labels: 'converged', dispersion: 0.01 };

function dataOf(config: Configuration): Omit<DataOptions, 'hash'> {
  const { recipe, train, validation, test, fine, dataSeed, data } = config;
  const { labels = defaultsOf(config).labels, dispersion = defaultsOf(config).dispersion } = config;
  const file = data === undefined ? null : path.resolve(data);
  return { file, recipe, labels, dispersion, train, validation, test, fine, seed: dataSeed };
}

async function load(
  data: Omit<DataOptions, 'hash'>,
  resolution: number,
  context: Parameters<typeof kdv>[1] = {},
): Promise<OperatorPairs> {
  const { file, ...recipe } = data;
  if (file === null) return kdv({ ...recipe, resolution }, context);
  const pairs = await readPairs(file);
  if (pairs.x.length === resolution) return pairs;
  const strided = atResolution(pairs, resolution);
  return { ...strided, provenance: { ...pairs.provenance, resolution, hash: hashOf(strided) } };
}

const hashKey = (resolution: number): string => `SHA-256 at s = ${resolution}`;

function conditionOf(data: DataOptions, resolution: number): Condition {
  if (data.file !== null) return { resolution, data: path.basename(data.file) };
  const { recipe, labels, dispersion } = data;
  const own = recipe === 'paper' && dispersion === 1 ? {} : { recipe, dispersion };
  return { resolution, labels, ...own };
}

/** Whether a condition is the published one, up to the number of samples and epochs. */
const publishedColumn = ({ resolution, labels, ...more }: Condition): number | null =>
  labels === 'released' && !Object.keys(more).length && resolutions.includes(Number(resolution))
    ? resolutions.indexOf(Number(resolution))
    : null;

const isBaseline = (name: string): boolean => baselineNames.includes(name);

function jobs(config: Configuration, facts: DataFacts): JobConfig[] {
  const { epochs, batchSize, learningRate, weightDecay, halveEvery, reduction } = config;
  const training = { epochs, batchSize, learningRate, weightDecay, halveEvery, reduction };
  const at = config.resolutions.map((resolution) => {
    const data = { ...dataOf(config), hash: String(facts[hashKey(resolution)]) };
    return { data, condition: conditionOf(data, resolution) };
  });
  // The propagator needs to know the equation, which a file does not say.
  const baselines = config.baselines.filter((name) => name !== 'linear' || config.data === undefined);
  return [
    ...baselines.flatMap((model) =>
      at.map(({ data, condition }) => ({ model, condition, seed: 0, options: { data } })),
    ),
    ...config.seeds.flatMap((seed) =>
      config.models.flatMap((model) =>
        at.map(({ data, condition }) => {
          const { options } = getOperator(model);
          return { model, condition, seed, options: { data, training, operator: { ...options } } };
        }),
      ),
    ),
  ];
}

function rowOf(results: readonly JobResult[]): ResultRow {
  const [{ config, metric, parameters }] = results;
  const { model, condition } = config;
  const column = publishedColumn(condition);
  const bests = results.flatMap(({ best }) => (best ? [best.value] : []));
  const best = meanAndDeviation(bests).mean;
  const notes = [
    isBaseline(model) ? getBaseline(model).title : getOperator(model).title,
    best === null ? '' : `best on validation: ${best.toPrecision(3)}`,
  ];
  return {
    model,
    condition,
    metric,
    published: column === null ? null : (published[model]?.[column] ?? null),
    ...meanAndDeviation(results.map(({ value }) => value)),
    parameters,
    seconds: meanAndDeviation(results.map(({ seconds }) => seconds)).mean,
    baseline: isBaseline(model),
    note: notes.filter(Boolean).join('; '),
  };
}

/** Published models that nobody trained here, for comparison. */
const quotedRows = (conditions: readonly Condition[], own: readonly ResultRow[]): ResultRow[] =>
  Object.entries(published).flatMap(([model, values]) => {
    if (own.some((row) => row.model === model)) return [];
    return conditions.flatMap((condition): ResultRow[] => {
      const column = publishedColumn(condition);
      if (column === null) return [];
      const nothing = { mean: null, std: null, n: 0, parameters: null, seconds: null, baseline: false };
      const row = { model, condition, metric: TRAINED_METRIC, published: values[column] };
      return [{ ...row, ...nothing, note: 'published value only' }];
    });
  });

function checksOf(rows: readonly ResultRow[], config: Configuration): Check[] {
  const measured = rows.filter(({ mean }) => mean !== null);
  const identity = (condition: Condition): number | null =>
    measured.find(
      (row) => row.model === 'identity' && canonicalJson(row.condition) === canonicalJson(condition),
    )?.mean ?? null;
  const faithful = config.train >= 1000 && config.epochs >= 500;
  return measured.flatMap(({ model, condition, mean, baseline }): Check[] => {
    const value = mean ?? Infinity;
    const where = `at s = ${condition.resolution}`;
    const checks: Check[] = [];
    const published64 = publishedColumn(condition) === 0;
    if (published64 && faithful && Object.hasOwn(limits, model)) {
      const limit = limits[model];
      checks.push({
        name: `${model}: test error ${where}`,
        value,
        limit: `≤ ${limit}`,
        holds: value <= limit,
      });
    }
    if (published64 && model === 'linear') {
      // Known from an independent computation: 0.0027, the spread over test sets included.
      const holds = value > 0.002 && value < 0.0035;
      checks.push({ name: `exact linear propagator ${where}`, value, limit: '0.0020 … 0.0035', holds });
    }
    const fool = identity(condition);
    if (!baseline && fool !== null) {
      const limit = `< ${fool.toPrecision(3)} (input as prediction)`;
      checks.push({ name: `${model}: learns something ${where}`, value, limit, holds: value < fool });
    }
    return checks;
  });
}

const releasedNote =
  'Labels “released” are one ETDRK4 step of length 1, as the published generator takes; that step itself errs by about 0.0015 relative L2 against a converged solution.';
const linearNote =
  'With unit dispersion on a unit interval the problem is nearly linear: the exact linear propagator and one fitted factor a Fourier mode need no network. Use --recipe nonlinear for a problem where they fail.';

function notesOf(config: Configuration): string[] {
  if (config.data !== undefined)
    return ['The pairs come from a file; the baseline “linear” needs the equation and is left out.'];
  const paper = config.recipe === 'paper';
  const faithful = config.train >= 1000 && config.epochs >= 500;
  return [
    ...(paper && dataOf(config).labels === 'released' ? [releasedNote] : []),
    ...(paper ? [linearNote] : []),
    ...(paper && !faithful
      ? [
          `Published values are for 1000 training samples and 500 epochs; this configuration has ${config.train} and ${config.epochs}.`,
        ]
      : []),
    'The best checkpoint is chosen on validation samples that are used for nothing else; published values are taken at the last epoch.',
  ];
}

export default experiment('kdv', {
  title: 'Korteweg–de Vries: neural operators at several resolutions',
  source:
    'Gupta, Xiao, Balan and Bogdan 2022 (ICLR), table “KdV, input resolution”; Gupta, Xiao and Bogdan 2021 (NeurIPS)',
  configuration,
  axes: ['models', 'baselines', 'resolutions', 'seeds'],
  presets: {
    quick: {
      description: 'a first look in about two minutes: 64 points, few samples and epochs',
      values: {
        models: ['pade', 'mwt', 'fno'],
        resolutions: [64],
        train: 200,
        validation: 50,
        test: 100,
        fine: 1024,
        epochs: 30,
        halveEvery: 10,
      },
    },
    paper: {
      description: 'as published: 1000 samples, 500 epochs, five resolutions; hours',
      values: { models: ['pade', 'mwt', 'fno'], resolutions },
    },
  },
  check(config) {
    if (config.recipe === 'nonlinear' && config.labels === 'released') {
      throw new Error('--labels: got released, the recipe nonlinear has converged labels only');
    }
    for (const resolution of config.resolutions) {
      if (config.data === undefined && config.fine % resolution !== 0) {
        throw new Error(
          `--resolutions: got ${resolution}, expected divisors of the fine grid of ${config.fine} points (--fine)`,
        );
      }
      for (const model of config.models) getOperator(model).checkResolution(resolution);
    }
  },
  normalize(config) {
    const { labels, dispersion } = defaultsOf(config);
    const { dispersion: given, ...rest } = config;
    return {
      ...rest,
      labels: config.labels ?? labels,
      ...(given === undefined || given === dispersion ? {} : { dispersion: given }),
    };
  },
  async prepare(config, { signal, threads, onProgress }) {
    const facts: Record<string, string | number | boolean | null> = {};
    for (const resolution of config.resolutions) {
      const { provenance, train, validation, test } = await load(dataOf(config), resolution, {
        signal,
        threads,
        onProgress: (progress) => onProgress({ label: 'data', ...progress }),
      });
      const { hash, file, ...own } = provenance;
      const counts = { train: train.count, validation: validation.count, test: test.count };
      // A result may be published: where the file lies on this machine is in the configuration of the jobs.
      const named = typeof file === 'string' ? { file: path.basename(file) } : {};
      Object.assign(facts, own, named, counts, {
        resolution: config.resolutions.join(', '),
        [hashKey(resolution)]: hash,
      });
    }
    return facts;
  },
  jobs,
  async runJob(context) {
    const { model, condition, options } = context.config;
    const data = dataOptions.parse(options.data);
    const resolution = Number(condition.resolution);
    const { hash, ...source } = data;
    const pairs = await load(source, resolution, { signal: context.signal });
    if (pairs.provenance.hash !== hash) {
      throw new Error(`the data have changed since this job was set up; run the command again for a new job`);
    }
    if (isBaseline(model)) {
      const baseline = getBaseline(model);
      // Both recipes are posed on [0, 1) up to time 1.
      const propagator = dispersivePropagator({ dispersion: data.dispersion, length: 1, time: 1 });
      const setting = { train: pairs.train, resolution, propagator };
      const predicted = (): ArrayLike<number> => baseline.predict(setting, pairs.test.input);
      return measureBaseline(pairs, predicted, baseline.parameters(resolution));
    }
    return trainOperator(getOperator(model), pairs, trainingOptions.parse(options.training), context);
  },
  async exportRun(run, options) {
    const { model } = run.config;
    if (isBaseline(model)) throw new Error(`${model} is a baseline: it has no network to export`);
    return exportOperator(getOperator(model), run, options);
  },
  summarize(finished, config) {
    const groups = groupBy(finished, ({ config: { model, condition } }) => canonicalJson([model, condition]));
    const order = [...operatorNames, ...Object.keys(published), ...baselineNames];
    const own = groups.map(rowOf);
    const conditions = groupBy(
      own.map(({ condition }) => condition),
      canonicalJson,
    ).map(([condition]) => condition);
    const rows = [...own, ...quotedRows(conditions, own)].sort(
      (a, b) =>
        order.indexOf(a.model) - order.indexOf(b.model) ||
        Number(a.condition.resolution) - Number(b.condition.resolution),
    );
    return { rows, checks: checksOf(rows, config), notes: notesOf(config) };
  },
});

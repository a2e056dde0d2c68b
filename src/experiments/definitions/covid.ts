/**
 * Epidemic forecasting: 14 days of cumulative counts of all states to the next 7, networks and neural operators beside the published
 * table and two baselines without parameters. The published random resampling, whose test windows overlap the training windows, and a
 * forward split without a shared day stand side by side.
 */
import path from 'node:path';
import { z } from 'zod';
import { readEpidemic } from '../../../datasets/covid/read.ts';
import { repairRules } from '../../../datasets/covid/repair.ts';
import { simulateEpidemic } from '../../../datasets/covid/simulate.ts';
import { quantities, SYNTHETIC } from '../../../datasets/covid/table.ts';
import {
  epidemicSeries,
  isPublishedExtent,
  PUBLISHED_DAYS,
  recoveredRules,
  taskNames,
  type EpidemicSeries,
  type TaskOptions,
} from '../../../datasets/covid/task.ts';
import {
  cutWindows,
  FOLDS,
  HISTORY,
  HORIZON,
  splitKinds,
  splitWindows,
  windowCount,
} from '../../../datasets/covid/windows.ts';
import {
  forecastBaselines,
  forecasterNames,
  forecastLosses,
  fixedForecasts,
  forecastTargets,
  getForecaster,
  meanAbsoluteErrors,
} from '../../forecasting/index.ts';
import { covidSummary } from '../covidSummary.ts';
import { experiment, type DataFacts, type ExperimentDefinition, type JobConfig } from '../experiment.ts';
import {
  forecastProblem,
  measureForecastBaseline,
  trainForecaster,
  type ForecastProblem,
} from '../forecastTask.ts';
import { list } from '../lists.ts';

const baselineNames = forecastBaselines.map(({ name }) => name);

const configuration = z.strictObject({
  models: list(z.enum(forecasterNames)).describe('networks to train'),
  baselines: z
    .array(z.enum(baselineNames))
    .default([...baselineNames])
    .describe('forecasts without a network'),
  splits: list(z.enum(splitKinds))
    .default(['random', 'forward'])
    .describe(
      'random: as published, test windows overlap training windows; forward: no shared day, the future last; blocked: no shared day, trained on the days after the test as well',
    ),
  targets: list(z.enum(forecastTargets))
    .default([...forecastTargets])
    .describe('what a network answers: the counts, or the correction of the line through the last 7 days'),
  folds: list(
    z
      .int()
      .min(0)
      .max(FOLDS - 1),
  ).describe('resamplings of the windows; the seed of the network as well'),
  source: z
    .enum(['simulated', 'reported'])
    .optional()
    .describe(
      'a seeded synthetic epidemic, or the reports of --data; default reported with --data, else simulated',
    ),
  data: z
    .string()
    .min(1)
    .optional()
    .describe('tidy CSV, folder or .tar.gz of daily reports (docs/covid.md); default below SEXTANT_DATA'),
  simulationSeed: z.int().min(0).default(0).describe('seed of the synthetic epidemic'),
  task: z.enum(taskNames).default('cd').describe('cd: confirmed and deaths; crd: recovered as well'),
  recovered: z
    .enum(recoveredRules)
    .default('complete')
    .describe(
      'task crd: complete states only, last value carried forward, or modelled from confirmed and deaths',
    ),
  repair: z
    .enum(repairRules)
    .default('cumulative-maximum')
    .describe('what happens where a cumulative count falls'),
  loss: z
    .enum(forecastLosses)
    .default('field')
    .describe('relative L2 error of all quantities together, as published, or balanced over the quantities'),
  epochs: z.int().min(1).default(300).describe('passes over the training windows'),
  batchSize: z.int().min(1).default(20).describe('windows a step'),
  learningRate: z.number().positive().default(1e-3).describe('of Adam'),
  weightDecay: z.number().min(0).default(1e-4).describe('L2 regularisation'),
  halveEvery: z
    .int()
    .min(1)
    .default(60)
    .describe('epochs after which the learning rate is halved, again and again'),
  reduction: z.enum(['sum', 'mean']).default('sum').describe('loss of a batch'),
});
type Configuration = z.output<typeof configuration>;

/** The part of a job's options that says which series it works on. */
const dataOptions = z.object({
  /** Null for the synthetic epidemic. */
  file: z.string().nullable(),
  seed: z.number(),
  task: z.enum(taskNames),
  recovered: z.enum(recoveredRules),
  repair: z.enum(repairRules),
  /** SHA-256 of the series: a job never goes on with other numbers than it began with. */
  hash: z.string(),
});
type DataOptions = Omit<z.infer<typeof dataOptions>, 'hash'>;

const trainingOptions = configuration.pick({
  epochs: true,
  batchSize: true,
  learningRate: true,
  weightDecay: true,
  halveEvery: true,
  reduction: true,
  loss: true,
});

const vintage = path.join('covid', 'us_states_daily_nov2021vintage.csv');

/** The file of the reports; null for the synthetic epidemic. */
function fileOf({ source, data }: Configuration): string | null {
  if (source !== 'reported') return null;
  const folder = process.env['SEXTANT_DATA'];
  const file = data ?? (folder === undefined ? undefined : path.join(folder, vintage));
  if (file === undefined) {
    throw new Error(
      '--data: missing, expected a tidy CSV, a folder or a .tar.gz of daily reports (docs/covid.md says where they are), SEXTANT_DATA set to a folder that has them, or --source simulated',
    );
  }
  return path.resolve(file);
}

const dataOf = (config: Configuration): DataOptions => {
  const { simulationSeed: seed, task, recovered, repair } = config;
  return { file: fileOf(config), seed, task, recovered, repair };
};

async function load({ file, seed, ...task }: DataOptions): Promise<EpidemicSeries> {
  if (file === null) return epidemicSeries(simulateEpidemic({ seed }), task satisfies TaskOptions);
  const table = await readEpidemic(file);
  const { first, last } = PUBLISHED_DAYS;
  // The published days where they are all there: later ones would make another benchmark.
  const published = table.days.includes(first) && table.days.includes(last);
  return epidemicSeries(table, { ...task, ...(published ? { first, last } : {}) });
}

/** First forecast day of the published picture. */
const PICTURED_DAY = '2020-07-07';

/** Two states for the picture: the published ones, or the two with most inhabitants where these are not there. */
function picturedStates({ states, population }: EpidemicSeries): string[] {
  const published = ['California', 'Massachusetts'];
  if (published.every((state) => states.includes(state))) return published;
  return [...states]
    .sort((a, b) => population[states.indexOf(b)] - population[states.indexOf(a)])
    .slice(0, 2);
}

/** The windows of one fold. The published picture is a test window of every random fold; a forward fold shows its first one. */
function problemOf(
  series: EpidemicSeries,
  split: (typeof splitKinds)[number],
  fold: number,
): ForecastProblem {
  const start = series.days.indexOf(PICTURED_DAY) - HISTORY;
  const reserved = start >= 0 && start < windowCount(series.days.length) ? start : 0;
  const windows = splitWindows(split, { days: series.days.length, fold, seed: 0, reserved });
  return forecastProblem(series, windows, {
    start: split === 'random' ? reserved : windows.test[0],
    states: picturedStates(series),
  });
}

/** Throws where windows of the series cannot be split, naming the file: no job could run. */
function refuseShort({ days }: EpidemicSeries, config: Configuration): void {
  try {
    for (const split of config.splits)
      for (const fold of config.folds) splitWindows(split, { days: days.length, fold, seed: 0 });
  } catch (error) {
    const file = fileOf(config);
    const where = file === null ? '' : `--data: ${path.basename(file)}: `;
    throw new Error(`${where}${error instanceof Error ? error.message : String(error)}`);
  }
}

/** @throws where all counts that one relative error is of are zero on the days ahead of a window: there is nothing to divide by. */
function refuseZeros({ days, quantities, counts }: EpidemicSeries, config: Configuration): void {
  const width = counts.length / days.length;
  const summands = config.loss === 'field' ? [quantities] : quantities.map((quantity) => [quantity]);
  for (const together of summands) {
    const counted = days.map((_, day) =>
      counts
        .subarray(day * width, (day + 1) * width)
        .some((count, i) => count !== 0 && together.includes(quantities[i % quantities.length])),
    );
    const empty = days.findIndex(
      (_, day) =>
        day >= HISTORY && day + HORIZON <= days.length && !counted.slice(day, day + HORIZON).includes(true),
    );
    if (empty < 0) continue;
    const from = counted.indexOf(true);
    const file = fileOf(config);
    const start =
      from < 0
        ? `there is no ${together.join(' and no ')} count at all`
        : `write a file that begins with the first count: sextant data covid --from FILE --first-day ${days[from]} --output FILE`;
    const balanced = config.loss === 'balanced' ? ', or take --loss field' : '';
    throw new Error(
      `${file === null ? '' : `--data: ${path.basename(file)}: `}all counts of ${together.join(' and ')} are 0 on the ${HORIZON} days from ${days[empty]}, and an error relative to 0 is not defined; ${start}${balanced}`,
    );
  }
}

/** Whether the counts are simulated, from a file that they were written to as well. */
const isSynthetic = ({ vintage }: Partial<DataFacts>): boolean => String(vintage).startsWith(SYNTHETIC);

/** Errors of the baselines without parameters on every window of the series: numbers without any choice of a split. */
function baselineFacts(series: EpidemicSeries): DataFacts {
  const shape = {
    history: HISTORY,
    horizon: HORIZON,
    states: series.states.length,
    quantities: series.quantities.length,
  };
  const starts = Array.from({ length: windowCount(series.days.length) }, (_, i) => i);
  const { history, future } = cutWindows(series.counts, shape.states * shape.quantities, starts);
  return Object.fromEntries(
    fixedForecasts.flatMap((baseline) => {
      const errors = meanAbsoluteErrors(baseline.predict(history, shape), future, shape.quantities);
      return series.quantities.map((quantity, q) => [
        `${baseline.name} on all ${starts.length} windows: MAE ${quantity}`,
        Number(errors[q].toFixed(2)),
      ]);
    }),
  );
}

function jobs(config: Configuration, facts: DataFacts): JobConfig[] {
  const data = { ...dataOf(config), hash: String(facts['SHA-256']) };
  const training = trainingOptions.parse(
    Object.fromEntries(Object.entries(config).filter(([key]) => key in trainingOptions.shape)),
  );
  return config.folds.flatMap((seed) =>
    config.splits.flatMap((split): JobConfig[] => [
      ...config.baselines.map((model) => ({ model, condition: { split }, seed, options: { data } })),
      ...config.targets.flatMap((target) =>
        config.models.map((model) => ({
          model,
          condition: { split, network: target },
          seed,
          options: { data, training },
        })),
      ),
    ]),
  );
}

/** The benchmark, for every experiment that shows a part of its table. */
export const covidBenchmark = {
  title: 'COVID-19: forecasts of the next seven days for the states of the US',
  source:
    'Gupta, Xiao, Balan and Bogdan 2022 (ICLR), table “COVID-19 prediction benchmarks”; counts: JHU CSSE COVID-19 data, CC BY 4.0',
  configuration,
  axes: ['models', 'baselines', 'splits', 'targets', 'folds'],
  repetition: 'fold',
  presets: {
    quick: {
      description:
        'a first look in about two minutes, on the synthetic epidemic: the Padé operator and the classic networks, one fold, few epochs',
      values: {
        models: ['pade-3d', 'neural-ode', 'seq2seq', 'transformer', 'fc'],
        folds: [0],
        epochs: 10,
        halveEvery: 4,
      },
    },
    paper: {
      description:
        'as published, on reported counts (--data, or SEXTANT_DATA): all models, ten folds; about two days of one core, most of them mwt-3d',
      values: {
        models: [...forecasterNames],
        folds: Array.from({ length: FOLDS }, (_, fold) => fold),
        source: 'reported',
      },
    },
  },
  check({ source, data, simulationSeed, task, recovered }) {
    const idle = (flag: string, got: string | number, why: string): never => {
      throw new Error(`${flag}: got ${got}, which has no effect ${why}`);
    };
    if (source === 'simulated' && data !== undefined)
      idle('--data', path.basename(data), 'beside --source simulated; leave one of them out');
    if ((source === 'reported' || data !== undefined) && simulationSeed !== 0)
      idle('--simulation-seed', simulationSeed, 'on reported counts');
    if (task === 'cd' && recovered !== 'complete')
      idle('--recovered', recovered, 'without recovered counts; give --task crd as well');
  },
  normalize: (config): Configuration => ({
    ...config,
    source: config.source ?? (config.data === undefined ? 'simulated' : 'reported'),
  }),
  async prepare(config) {
    const data = dataOf(config);
    const series = await load(data);
    refuseShort(series, config);
    refuseZeros(series, config);
    const source = isSynthetic(series.facts)
      ? `${SYNTHETIC}: simulated SIRD epidemic, nobody’s data`
      : 'reported counts';
    const origin =
      data.file === null
        ? { source, 'simulation seed': data.seed }
        : { source, file: path.basename(data.file) };
    return {
      ...origin,
      ...series.facts,
      windows: windowCount(series.days.length),
      ...baselineFacts(series),
      'SHA-256': series.hash,
    };
  },
  jobs,
  async runJob(context) {
    const { model, condition, options, seed } = context.config;
    const { hash, ...data } = dataOptions.parse(options.data);
    const series = await load(data);
    if (series.hash !== hash)
      throw new Error('the data have changed since this job was set up; run the command again for a new job');
    const problem = problemOf(series, z.enum(splitKinds).parse(condition.split), seed);
    const baseline = forecastBaselines.find(({ name }) => name === model);
    if (baseline) return measureForecastBaseline(problem, baseline);
    const target = z.enum(forecastTargets).parse(condition.network);
    const training = { ...trainingOptions.parse(options.training), target };
    return trainForecaster(getForecaster(model).create(problem.shape), problem, training, context);
  },
  summarize: (finished, config, data = {}) =>
    covidSummary(finished, {
      ...config,
      quantities: quantities.filter((quantity) => config.task === 'crd' || quantity !== 'recovered'),
      synthetic: config.source === 'simulated' || isSynthetic(data),
      extent: `${data['states']} states and the days ${data['days']}`,
      publishedExtent: isPublishedExtent(data),
    }),
} satisfies ExperimentDefinition<typeof configuration>;

export default experiment('covid', covidBenchmark);

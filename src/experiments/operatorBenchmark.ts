/**
 * Benchmarks of neural operators: models × data × seeds, beside baselines without training. An experiment says which data
 * there are, what is published and what its table must show; jobs, training, rows and the common checks are made here.
 */
import path from 'node:path';
import { z } from 'zod';
import { commonOptions, type LoadContext } from '../../datasets/dataset.ts';
import { LEAST_POINTS, type OperatorPairs } from '../../datasets/pairs.ts';
import { exp, scale } from '../../solvers/complex.ts';
import { findEquation } from '../../solvers/registry.ts';
import { baselineNames, getBaseline, getOperator, operatorNames } from '../operators/index.ts';
import type { Multiplier, Operator } from '../operators/index.ts';
import {
  canonicalJson,
  type Check,
  type Condition,
  type Figure,
  type JobResult,
  type ResultRow,
  type Run,
  type RunConfig,
} from '../runs/index.ts';
import { augmented, type Augmentation } from './augmentation.ts';
import {
  experiment,
  type DataFacts,
  type Experiment,
  type ExperimentDefinition,
  type JobConfig,
  type JobContext,
  type JobOutput,
} from './experiment.ts';
import { gridNotes } from './gridNotes.ts';
import { LABEL_ROW, labelErrorFacts, labelNotes, labelRows, type LabelKind } from './labelRows.ts';
import { list } from './lists.ts';
import {
  BASELINE_METRIC,
  measureBaseline,
  TRAINED_METRIC,
  trainOperator,
  type Measure,
  type Predict,
} from './operatorTask.ts';
import { loadPairs, requireOptions, type PairsSource } from './pairsSource.ts';
import {
  isBaseline,
  lastStepBaselines,
  lastStepRows,
  learningChecks,
  placeOf,
  rowOf,
} from './operatorRows.ts';
import { groupBy } from './statistics.ts';
import { requireResolution } from './trainableOperators.ts';
import {
  exportOperator,
  operatorParameters,
  type Checkpoint,
  type TrainedOperator,
} from './trainedOperator.ts';
import { trainingOf, trainingOptions, type TrainingOptions } from './trainingSettings.ts';

/** What is trained and compared. */
export const modelFields = {
  models: list(z.enum(operatorNames)).describe('neural operators to train'),
  baselines: z
    .array(z.enum(baselineNames))
    .default([...baselineNames])
    .describe('baselines without training'),
};

/** The models of the source, in the order of its table. */
export const publishedModels = ['pade', 'mwt', 'fno', 'mgno', 'lno', 'gno'] as const;

export const resolutionList = list(z.int().min(LEAST_POINTS).max(65536)).describe('grid points');

/** Points of the grid that samples are made on; how many there may be, the data set says. */
export const fineGrid = (points: number) =>
  z.int().default(points).describe('points of the grid the samples are made on');

/** How many samples there are, and where they come from. */
export const sampleFields = {
  train: commonOptions.train.describe('training samples'),
  validation: commonOptions.validation.describe('validation samples, which choose the best epoch'),
  test: commonOptions.test.describe('test samples'),
  fine: fineGrid(8192),
  dataSeed: commonOptions.seed.describe('seed of the data set'),
};

/** What one job works on: a plain record that generates it, kept in the job's configuration. */
export type JobData = Readonly<Record<string, unknown>>;

export interface BenchmarkCase {
  readonly condition: Condition;
  readonly data: JobData;
  /** Names the numbers in the facts of the result; cases of one label have the same. */
  readonly label: string;
}

/** `check` need not look at resolutions that a model does not allow: those are refused for all benchmarks alike. */
export interface OperatorBenchmark<Schema extends z.ZodObject> extends Pick<
  ExperimentDefinition<Schema>,
  'title' | 'source' | 'configuration' | 'axes' | 'presets' | 'jobsOf' | 'check' | 'ownData' | 'normalize'
> {
  models(config: z.output<Schema>): readonly string[];
  baselines(config: z.output<Schema>): readonly string[];
  /** Options of a model under a configuration, over its defaults. */
  operatorOptions?(config: z.output<Schema>, model: string): Readonly<Record<string, unknown>>;
  /** The operator of a model's name; default the registered one. */
  operator?(model: string, options: Readonly<Record<string, unknown>>): Operator;
  cases(config: z.output<Schema>): readonly BenchmarkCase[];
  /** Where the pairs of a case come from. Values that a data set does not take are refused before anything is made. */
  pairs(data: JobData, condition: Condition): PairsSource;
  /** What the labels of a case are; default converged. */
  labels?(data: JobData): LabelKind;
  /** The part of the pairs that a job of this seed trains on; default all. */
  select?(pairs: OperatorPairs, condition: Condition, seed: number): OperatorPairs;
  /** How training samples of a model are augmented; every way is a row of its own. Default not at all. */
  augmentations?(config: z.output<Schema>, model: string): readonly Augmentation[];
  /** Seeds of a model (or baseline) under a condition; default those of the configuration, 0 for baselines. */
  seeds?(config: z.output<Schema>, model: string, condition: Condition): readonly number[];
  /** Propagator of the linear part of the equation, where the data have one. */
  propagator?(data: JobData, condition: Condition): Multiplier;
  /** Further numbers of a trained model or baseline; `options` are those of the job. */
  measure?(
    pairs: OperatorPairs,
    predict: Predict,
    options: RunConfig['options'],
  ): Promise<Record<string, number>>;
  /** What is trained of an operator and measured of it; default the operator itself, and `measure`. */
  train?(
    operator: Operator,
    pairs: OperatorPairs,
    training: TrainingOptions,
    context: JobContext,
  ): Promise<JobOutput>;
  published?(model: string, condition: Condition): number | null;
  /** Models whose published values stand in the table also where they are not trained. */
  readonly quoted?: readonly string[];
  checks?(
    rows: readonly ResultRow[],
    config: z.output<Schema>,
    finished: readonly JobResult[],
  ): readonly Check[];
  notes(config: z.output<Schema>): readonly string[];
  figures?(finished: readonly JobResult[], rows: readonly ResultRow[]): readonly Figure[];
}

const hashed = z.looseObject({ hash: z.string() });

const hashKey = (label: string): string => `SHA-256 at ${label}`;

/** e^(L T) of a registered equation on an interval of this length, as a multiplier of Fourier modes. */
export function linearPropagator(
  equation: string,
  parameters: Readonly<Record<string, number>>,
  { length, time }: { readonly length: number; readonly time: number },
): Multiplier {
  const { symbol } = findEquation(equation).bind(parameters);
  return (k) => {
    const { re, im } = exp(scale(time, symbol({ re: 0, im: (2 * Math.PI * k) / length })));
    return [re, im];
  };
}

/** Facts of all cases as one record; where they differ, their values one after the other. */
function joinFacts(all: readonly DataFacts[]): DataFacts {
  const names = [...new Set(all.flatMap(Object.keys))];
  return Object.fromEntries(
    names.map((name) => {
      const values = [...new Set(all.flatMap((facts) => (name in facts ? [facts[name]] : [])))];
      return [name, values.length === 1 ? values[0] : values.join(', ')];
    }),
  );
}

/** Makes an experiment of a benchmark of operators. */
export function operatorBenchmark<Schema extends z.ZodObject>(
  name: string,
  definition: OperatorBenchmark<Schema>,
): Experiment {
  type Config = z.output<Schema>;
  const { title, source, configuration, axes, presets, jobsOf, quoted = [] } = definition;
  const operatorOf = (model: string, options: Readonly<Record<string, unknown>> = {}): Operator =>
    definition.operator?.(model, options) ?? getOperator(model, options);
  const configuredOperator = (config: Config, model: string): Operator =>
    operatorOf(model, definition.operatorOptions?.(config, model));
  /** The operator as a job was set up with it. */
  const operatorOfJob = ({ model, options }: RunConfig): Operator =>
    operatorOf(model, z.record(z.string(), z.unknown()).parse(options['operator']));
  const titleOf = (model: string): string =>
    isBaseline(model) ? getBaseline(model).title : operatorOf(model).title;
  const published = (model: string, condition: Condition): number | null =>
    definition.published?.(model, condition) ?? null;
  const seedsOf = (config: Config, model: string, condition: Condition): readonly number[] =>
    definition.seeds?.(config, model, condition) ??
    (isBaseline(model) ? [0] : z.array(z.number()).parse(config['seeds']));

  /** Published values of what nobody trained here, for comparison. */
  const quotedRows = (conditions: readonly Condition[], own: readonly ResultRow[]): ResultRow[] => {
    const trained = new Set(own.map(({ model, condition }) => canonicalJson([model, condition])));
    return quoted.flatMap((model) =>
      conditions.flatMap((condition): ResultRow[] => {
        const value = published(model, condition);
        if (value === null || trained.has(canonicalJson([model, condition]))) return [];
        const nothing = { mean: null, std: null, n: 0, parameters: null, seconds: null, baseline: false };
        const row = { model, condition, metric: TRAINED_METRIC, published: value };
        return [{ ...row, ...nothing, note: 'not trained here' }];
      }),
    );
  };

  /** The pairs of a job, on its own grid or another. @throws if those of its own grid have changed. */
  const pairsOf = async (
    { condition, options }: RunConfig,
    points: number,
    context: LoadContext,
  ): Promise<OperatorPairs> => {
    const { hash, ...source } = hashed.parse(options['data']);
    const own = points === Number(condition['resolution']);
    const data = own || !('resolution' in source) ? source : { ...source, resolution: points };
    const pairs = await loadPairs(definition.pairs(data, { ...condition, resolution: points }), context);
    if (own && pairs.provenance.hash !== hash) {
      throw new Error('the data have changed since this job was set up; run the command again for a new job');
    }
    return pairs;
  };

  const openOperator = async (run: Run, checkpoint: Checkpoint): Promise<TrainedOperator> => {
    const { model, condition, options } = run.config;
    if (isBaseline(model)) throw new Error(`${model} is a baseline: it has no network`);
    const operator = operatorOfJob(run.config);
    const { file } = hashed.parse(options['data']);
    return {
      operator,
      parameters: await operatorParameters(operator, run, checkpoint),
      resolution: Number(condition['resolution']),
      file: typeof file === 'string' ? file : null,
      pairsAt: (points, context) => pairsOf(run.config, points, context),
    };
  };

  return experiment<Schema>(name, {
    title,
    source,
    configuration,
    axes,
    presets,
    ...(jobsOf === undefined ? {} : { jobsOf }),
    ...(definition.ownData ? { ownData: (config) => definition.ownData!(config) } : {}),
    ...(definition.normalize ? { normalize: (config) => definition.normalize!(config) } : {}),
    check(config) {
      definition.check?.(config);
      for (const { data, condition } of definition.cases(config)) {
        const pairs = definition.pairs(data, condition);
        if ('dataset' in pairs) requireOptions(pairs, Object.keys(configuration.shape));
        const models = definition
          .models(config)
          .map((model) => ({ name: model, operator: configuredOperator(config, model) }));
        requireResolution(Number(condition['resolution']), models, 'models' in configuration.shape);
      }
    },
    async prepare(config, { signal, threads, onProgress }) {
      const cases = groupBy(definition.cases(config), ({ label }) => label).map(([first]) => first);
      const hashes: Record<string, string> = {};
      const labelErrors = new Map<string, number | null>();
      const all: DataFacts[] = [];
      for (const { label, data, condition } of cases) {
        const { provenance, train, validation, test } = await loadPairs(definition.pairs(data, condition), {
          signal,
          threads,
          onProgress: (progress) => onProgress({ label: 'data', ...progress }),
        });
        const { hash, file, labelErrorEstimate, ...own } = provenance;
        // A result may be published: where the file lies on this machine is in the configuration of the jobs.
        const named = typeof file === 'string' ? { file: path.basename(file) } : {};
        const counts = { train: train.count, validation: validation.count, test: test.count };
        all.push({ ...own, ...named, ...counts, resolution: String(condition['resolution']) });
        hashes[hashKey(label)] = hash;
        labelErrors.set(label, labelErrorEstimate);
      }
      return { ...joinFacts(all), ...labelErrorFacts(labelErrors), ...hashes };
    },
    jobs(config, facts) {
      const cases = definition.cases(config).map(({ label, data, condition }) => ({
        condition,
        data: { ...data, hash: String(facts[hashKey(label)]) },
      }));
      const baselines = definition
        .baselines(config)
        .flatMap((model) =>
          cases.flatMap(({ condition, data }): JobConfig[] =>
            seedsOf(config, model, condition).map((seed) => ({ model, condition, seed, options: { data } })),
          ),
        );
      const trained = definition.models(config).flatMap((model) => {
        const operator = configuredOperator(config, model);
        const training = trainingOf(operator, config);
        return cases.flatMap(({ condition, data }): JobConfig[] =>
          (definition.augmentations?.(config, model) ?? ['none']).flatMap((augmentation) =>
            seedsOf(config, model, condition).map((seed) => ({
              model,
              condition: augmented(condition, augmentation),
              seed,
              options: {
                data,
                training: augmentation === 'none' ? training : { ...training, augmentation },
                operator: { ...operator.options },
              },
            })),
          ),
        );
      });
      // The first seed of every model comes before the second of any: an interrupted table is a whole one with fewer seeds.
      const rank = new Map([...new Set(trained.map(({ seed }) => seed))].map((seed, i) => [seed, i]));
      trained.sort((a, b) => (rank.get(a.seed) ?? 0) - (rank.get(b.seed) ?? 0));
      return [...baselines, ...trained];
    },
    async runJob(context) {
      const { model, condition, options, seed } = context.config;
      const { signal } = context;
      const whole = await pairsOf(context.config, Number(condition['resolution']), { signal });
      const pairs = definition.select?.(whole, condition, seed) ?? whole;
      const measure: Measure = async (of, predict) =>
        (await definition.measure?.(of, predict, options)) ?? {};
      if (isBaseline(model)) {
        const baseline = getBaseline(model);
        const resolution = pairs.x.length;
        const propagator = definition.propagator?.(hashed.parse(options['data']), condition);
        const setting = { train: pairs.train, resolution, ...(propagator ? { propagator } : {}) };
        const predict = (inputs: ArrayLike<number>): Float64Array => baseline.predict(setting, inputs);
        return measureBaseline(pairs, predict, baseline.parameters(resolution), measure);
      }
      const training = trainingOptions.parse(options['training']);
      const operator = operatorOfJob(context.config);
      return definition.train
        ? definition.train(operator, pairs, training, context)
        : trainOperator(operator, pairs, training, context, measure);
    },
    async exportRun(run, options) {
      return exportOperator(await openOperator(run, options.checkpoint), options);
    },
    openOperator,
    summarize(finished, config, facts = {}) {
      const groups = groupBy(finished, ({ config: { model, condition } }) =>
        canonicalJson([model, condition]),
      );
      const own = groups.map((results) => rowOf(results, titleOf, published));
      const lastStepOfModels = own.flatMap((row, i) => lastStepRows(row, groups[i]));
      const lastStep = [...lastStepOfModels, ...lastStepBaselines(own, lastStepOfModels)];
      const conditions = groupBy(
        own.map(({ condition }) => condition),
        canonicalJson,
      ).map(([condition]) => condition);
      const order = [...definition.models(config), ...operatorNames, ...quoted, ...baselineNames, LABEL_ROW];
      const position = new Map([...new Set(order)].map((model, i) => [model, i]));
      const numbers = ({ condition }: ResultRow): number[] =>
        Object.values(condition).filter((value) => typeof value === 'number');
      const byOrder = (a: ResultRow, b: ResultRow): number => {
        const byModel = (position.get(a.model) ?? 0) - (position.get(b.model) ?? 0);
        if (byModel) return byModel;
        const theirs = numbers(b);
        return numbers(a).reduce((sign, value, i) => sign || value - (theirs[i] ?? value), 0);
      };
      const rows = [...own, ...quotedRows(conditions, own)].sort(byOrder);
      const labelled = definition
        .cases(config)
        .map(({ data, ...rest }) => ({ ...rest, kind: definition.labels?.(data) ?? 'converged' }));
      const certificates = labelRows(labelled, conditions, BASELINE_METRIC, facts);
      const varying = [...new Set(conditions.flatMap(Object.keys))].filter(
        (key) => key === 'resolution' || new Set(conditions.map((condition) => condition[key])).size > 1,
      );
      return {
        rows: [...[...rows, ...certificates].sort(byOrder), ...lastStep.sort(byOrder)],
        checks: [
          ...(definition.checks?.(rows, config, finished) ?? []),
          ...learningChecks(rows, (condition) => placeOf(condition, varying)),
        ],
        notes: [...labelNotes(labelled, facts), ...gridNotes(facts), ...definition.notes(config)],
        figures: [...(definition.figures?.(finished, rows) ?? [])],
      };
    },
  });
}

/** Training a density model on samples and measuring its likelihood: the part that all experiments with flows share. */
import { performance } from 'node:perf_hooks';
import { z } from 'zod';
import type { NpzArrays } from '../../datasets/npz.ts';
import type { SampleSplits } from '../../datasets/samples.ts';
import {
  densities,
  fit,
  getDensity,
  inUnits,
  isFlow,
  logProb,
  standardized,
  traceProbes,
  type Density,
  type ModelDomain,
} from '../flows/index.ts';
import { loadParameters, saveParameters } from '../nn/files.ts';
import { adam, cosineSchedule, countParameters } from '../nn/index.ts';
import type { Run } from '../runs/index.ts';
import type { NDArray } from '../tensor/index.ts';
import { key } from '../tensor/random.ts';
import type { ExportedModel, JobConfig, JobContext, JobOutput } from './experiment.ts';
import { exportFlow, exportOutputs } from './flowExport.ts';
import { mean } from './statistics.ts';
import { runTraining } from './trainingSettings.ts';

export const NLL_METRIC = 'negative log-likelihood, nats a sample, test split, best checkpoint on validation';

/** Models with a density by volume; one by area has another unit and does not stand in one table with them. */
export const flowModelNames = densities
  .filter((family) => family.create({ shape: [3] }).measure.kind === 'volume')
  .map(({ name }) => name);

/** Flags that are options of a model; each model has some of them. */
export const modelFields = {
  blocks: z
    .int()
    .min(1)
    .default(8)
    .describe('blocks of a flow: couplings, autoregressive or residual layers'),
  hidden: z.array(z.int().min(1)).default([64, 64]).describe('widths of the hidden layers of its networks'),
  activation: z.enum(['relu', 'silu', 'gelu', 'tanh']).default('relu').describe('of its networks'),
  charts: z.int().min(1).default(16).describe('charts of the models over charts (vq-…)'),
  method: z
    .enum(['rk4', 'dopri5'])
    .optional()
    .describe('Runge–Kutta method of a continuous flow (rk4, of order 4; dopri5 has order 5)'),
  steps: z.int().min(1).optional().describe('its steps from data to latent in a training step (8)'),
  refinement: z
    .int()
    .min(1)
    .optional()
    .describe('times as many of them for validation, densities and samples (4)'),
};

/** Flags of an experiment that trains flows. */
export const flowFields = {
  ...modelFields,
  epochs: z.int().min(1).default(60).describe('passes over the training samples'),
  batchSize: z.int().min(1).default(500).describe('samples a step'),
  learningRate: z.number().positive().default(2e-3).describe('of Adam, falling to 0 along a cosine'),
  weightDecay: z.number().min(0).default(0).describe('L2 regularisation'),
  clipNorm: z.number().positive().default(5).describe('largest norm of the gradient'),
  logDet: z
    .enum(['exact', 'series', 'roulette', 'hutchinson'])
    .default('exact')
    .describe(
      'log-determinants in training: exact; or from one random probe a sample, those of residual layers by a power series that is cut off (series) or by its Russian roulette, which is unbiased, and those of a continuous layer by the estimate of its trace, which is unbiased (hutchinson); validation and test are exact',
    ),
};

/** Settings as they stand in the configuration of a job. */
export const flowSettings = z.object(flowFields);
export type FlowSettings = z.infer<typeof flowSettings>;

/** Layers whose log-determinants can be estimated in training, and how. */
const estimates: Readonly<Record<string, readonly FlowSettings['logDet'][]>> = {
  residual: ['series', 'roulette'],
  continuous: ['hutchinson'],
};

const canEstimate = (model: Density, logDet: FlowSettings['logDet']): boolean =>
  isFlow(model) && model.layers.some(({ name }) => estimates[name]?.includes(logDet));

/** @throws if log-determinants are to be estimated in a way that no model knows. */
export function requireEstimate({
  models,
  logDet,
}: Pick<FlowSettings, 'logDet'> & { readonly models: readonly string[] }): void {
  const fitting = flowModelNames.filter((name) => {
    const family = getDensity(name);
    return !family.ownTraining && canEstimate(family.create({ shape: [3] }), logDet);
  });
  if (logDet === 'exact' || models.some((name) => fitting.includes(name))) return;
  throw new Error(
    `--log-det: got '${logDet}' for ${models.join(', ')}, whose training has no such estimate; expected exact, or the model ${fitting.join(', ')}`,
  );
}

/**
 * Settings of one model's job. What decides what is measured is written out, defaults too: a job that was measured otherwise is another one.
 */
export function settingsFor(name: string, settings: FlowSettings): FlowSettings {
  const { schema } = getDensity(name);
  if (!('refinement' in schema.shape)) return settings;
  const { refinement } = z.object({ refinement: z.number() }).parse(schema.parse({}));
  return { ...settings, refinement: settings.refinement ?? refinement };
}

/** What a trained flow is rebuilt from, in the configuration of a job. */
export const flowDomain = z.object({ shape: z.array(z.int().min(1)), context: z.int().min(0) });

/** One job for each set, seed and model, all with the same options but for what `settingsFor` writes out. */
export const flowJobs = (
  {
    sets,
    seeds,
    models,
  }: Readonly<Record<'sets' | 'models', readonly string[]>> & {
    readonly seeds: readonly number[];
  },
  options: JobConfig['options'] & { readonly settings: FlowSettings },
): JobConfig[] =>
  sets.flatMap((set) =>
    seeds.flatMap((seed) =>
      models.map((model) => {
        const settings = settingsFor(model, options.settings);
        return { model, condition: { set }, seed, options: { ...options, settings } };
      }),
    ),
  );

/**
 * A model of the registry for data in any units: a flow behind a layer that brings them to mean 0 and variance 1 and learns on from
 * there, any other model behind a fixed map.
 */
export function trainableDensity(name: string, domain: ModelDomain, settings: FlowSettings): Density {
  const family = getDensity(name);
  const own = Object.entries(settings).filter(([field]) => field in family.schema.shape);
  const model = family.create(domain, Object.fromEntries(own));
  if (!isFlow(model) || family.ownTraining) return standardized(model);
  return inUnits(model);
}

/** File of the parameters of a finished training, in its run folder: those of the epoch that was best on validation. */
const PARAMETERS_FILE = 'flow.safetensors';

/**
 * The model of a run and its trained parameters.
 *
 * @throws if the run is not a finished training of a flow: checkpoints hold parameters in the units of the data.
 */
export async function openTrainedFlow(run: Run): Promise<{ model: Density; parameters: unknown }> {
  const { config } = run;
  const domain = flowDomain.safeParse(config.options['domain']);
  if (!domain.success) throw new Error(`${run.folder} holds no trained flow`);
  const model = trainableDensity(config.model, domain.data, flowSettings.parse(config.options['settings']));
  if ((await run.readResult()) === null) {
    throw new Error(`${run.name}: the training is not finished; run the same flow train command again first`);
  }
  const { parameters } = await loadParameters(run.path(PARAMETERS_FILE), model.init(key(config.seed)));
  return { model, parameters };
}

/** The log density of a run's model, at the epoch that was best on validation samples: a run keeps no other. */
export async function exportLogProb(
  run: Run,
  { batchSize }: { readonly batchSize: number },
): Promise<ExportedModel> {
  const { model, parameters } = await openTrainedFlow(run);
  return {
    bytes: exportFlow(model, parameters, 'logprob', batchSize),
    signature: `${exportOutputs.logprob}, batch ${batchSize}`,
    checkpoint: 'best',
  };
}

export interface MeasuredFlow {
  readonly extra?: Readonly<Record<string, number>>;
  readonly arrays?: NpzArrays;
  /** Rules of the pictured samples in the arrays. */
  readonly samples?: readonly string[];
  readonly axes?: JobOutput['result']['axes'];
  readonly curves?: Readonly<Record<string, readonly number[]>>;
}

/**
 * Trains a flow by maximum likelihood (Adam, cosine schedule, clipped gradients) and measures it on the test split with the parameters
 * of the epoch that was best on the validation split. Continues from the run's checkpoints.
 *
 * @throws the signal's reason when aborted; where a number is not finite, naming the layer, the step and the sample.
 */
export async function trainFlow(
  model: Density,
  { train, validation, test, rows }: SampleSplits,
  { epochs, batchSize, learningRate, weightDecay, clipNorm, logDet }: FlowSettings,
  context: JobContext,
  measure?: (parameters: unknown, logDensities: NDArray) => Promise<MeasuredFlow>,
): Promise<JobOutput> {
  const { run, signal, engine, threads } = context;
  const trained = await fit(model, {
    data: { train: { ...train }, validation: { ...validation } },
    rows,
    optimizer: adam({ learningRate, weightDecay }),
    schedule: cosineSchedule({ epochs }),
    clipNorm,
    ...(canEstimate(model, logDet) && { augment: traceProbes({ roulette: logDet === 'roulette' }) }),
    ...runTraining({ epochs, batchSize }, context),
  });
  signal.throwIfAborted();
  const { best } = trained;
  const parameters = best?.parameters ?? trained.parameters;
  await saveParameters(run.path(PARAMETERS_FILE), parameters);
  const { x, ...beside } = test;
  const began = performance.now();
  const logDensities = await logProb(model, parameters, x, beside, { engine, threads });
  const milliseconds = performance.now() - began;
  const value = -mean(logDensities.data);
  const measured = await measure?.(parameters, logDensities);
  return {
    result: {
      metric: NLL_METRIC,
      value,
      best: best && { epoch: best.epoch, validation: best.validation, value },
      parameters: countParameters(parameters),
      seconds: trained.seconds,
      inferenceMilliseconds: milliseconds / x.shape[0],
      samples: [...(measured?.samples ?? [])],
      extra: { ...measured?.extra },
      ...(measured?.axes && { axes: measured.axes }),
      ...(measured?.curves && {
        curves: Object.fromEntries(Object.entries(measured.curves).map(([name, row]) => [name, [...row]])),
      }),
    },
    arrays: measured?.arrays ?? null,
  };
}

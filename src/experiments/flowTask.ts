/** Training a density model on samples and measuring its likelihood: the part that all experiments with flows share. */
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { z } from 'zod';
import type { NpzArrays } from '../../datasets/npz.ts';
import type { SampleSplits } from '../../datasets/samples.ts';
import {
  actNorm,
  fit,
  flow,
  getModel,
  logProb,
  models,
  type Flow,
  type FlowParameters,
  type ModelDomain,
} from '../flows/index.ts';
import { loadParameters, saveParameters } from '../nn/files.ts';
import { adam, cosineSchedule, countParameters } from '../nn/index.ts';
import type { Run } from '../runs/index.ts';
import type { NDArray } from '../tensor/index.ts';
import { key } from '../tensor/random.ts';
import type { JobContext, JobOutput } from './experiment.ts';
import { mean } from './operatorTask.ts';

export const NLL_METRIC = 'negative log-likelihood, nats a sample, test split, best checkpoint on validation';

export const flowModelNames = models.map(({ name }) => name);

/** Flags of an experiment that trains flows. */
export const flowFields = {
  blocks: z
    .int()
    .min(1)
    .default(8)
    .describe('blocks of a flow: couplings, autoregressive or residual layers'),
  hidden: z.array(z.int().min(1)).default([64, 64]).describe('widths of the hidden layers of its networks'),
  activation: z.enum(['relu', 'silu', 'gelu', 'tanh']).default('relu').describe('of its networks'),
  epochs: z.int().min(1).default(60).describe('passes over the training samples'),
  batchSize: z.int().min(1).default(500).describe('samples a step'),
  learningRate: z.number().positive().default(2e-3).describe('of Adam, falling to 0 along a cosine'),
  weightDecay: z.number().min(0).default(0).describe('L2 regularisation'),
  clipNorm: z.number().positive().default(5).describe('largest norm of the gradient'),
};

/** Settings as they stand in the configuration of a job. */
export const flowSettings = z.object(flowFields);
export type FlowSettings = z.infer<typeof flowSettings>;

/** What a trained flow is rebuilt from, in the configuration of a job. */
export const flowDomain = z.object({ shape: z.array(z.int().min(1)), context: z.int().min(0) });

/** A model of the registry behind a layer that brings the data to mean 0 and variance 1 and learns on from there. */
export function trainableFlow(name: string, domain: ModelDomain, settings: FlowSettings): Flow {
  const { blocks, hidden, activation } = settings;
  const { layers, base } = getModel(name).create(domain, { blocks, hidden, activation });
  return flow({ ...domain, layers: [actNorm.create(), ...layers], base });
}

/** File of the parameters of a finished training, in its run folder: those of the epoch that was best on validation. */
const PARAMETERS_FILE = 'flow.safetensors';

/** The flow of a run and its trained parameters: those of the finished training, or of the best epoch so far. */
export async function openTrainedFlow(run: Run): Promise<{ model: Flow; parameters: FlowParameters }> {
  const { config } = run;
  const domain = flowDomain.safeParse(config.options['domain']);
  if (!domain.success) throw new Error(`${run.folder} holds no trained flow`);
  const model = trainableFlow(config.model, domain.data, flowSettings.parse(config.options['settings']));
  const finished = (await run.readResult()) !== null;
  const file = finished ? run.path(PARAMETERS_FILE) : path.join(run.checkpoints, 'best.safetensors');
  const { parameters } = await loadParameters(file, model.init(key(config.seed)));
  return { model, parameters };
}

export interface MeasuredFlow {
  readonly extra?: Readonly<Record<string, number>>;
  readonly arrays?: NpzArrays;
}

/**
 * Trains a flow by maximum likelihood (Adam, cosine schedule, clipped gradients) and measures it on the test split with the parameters
 * of the epoch that was best on the validation split. Continues from the run's checkpoints.
 *
 * @throws the signal's reason when aborted; where a number is not finite, naming the layer, the step and the sample.
 */
export async function trainFlow(
  model: Flow,
  { train, validation, test }: SampleSplits,
  { epochs, batchSize, learningRate, weightDecay, clipNorm }: FlowSettings,
  { run, config, signal, engine, threads, onEpoch, onResume }: JobContext,
  measure?: (parameters: FlowParameters, logDensities: NDArray) => Promise<MeasuredFlow>,
): Promise<JobOutput> {
  const trained = await fit(model, {
    data: { train: { ...train }, validation: { ...validation } },
    optimizer: adam({ learningRate, weightDecay }),
    schedule: cosineSchedule({ epochs }),
    epochs,
    batchSize,
    clipNorm,
    seed: config.seed,
    checkpoints: run.checkpoints,
    onResume,
    onEpoch: (line) => onEpoch(line, epochs),
    signal,
    engine,
    threads,
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
      samples: [],
      extra: { ...measured?.extra },
    },
    arrays: measured?.arrays ?? null,
  };
}

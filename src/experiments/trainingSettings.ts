/** How a model is trained: the experiment's settings, or those its authors published where it has them. */
import { z } from 'zod';
import { adam } from '../nn/optimizers/adam.ts';
import { stepSchedule } from '../nn/schedules.ts';
import type { Operator } from '../operators/index.ts';
import type { MetricLine } from '../runs/index.ts';
import { augmentationNames, shiftSamples } from './augmentation.ts';
import type { JobContext } from './experiment.ts';

/** Flags of an experiment that trains operators. */
export const trainingFields = {
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
  ema: z
    .number()
    .gt(0)
    .lt(1)
    .optional()
    .describe('decay a step of a moving average of the weights, which is then what is measured (none)'),
  settings: z
    .enum(['published', 'shared'])
    .optional()
    .describe(
      'published: a model keeps the optimiser settings of its authors in place of the defaults above; shared: all are trained alike (published)',
    ),
};

/** Settings as they stand in the configuration of a job. */
export const trainingOptions = z.object({
  epochs: z.number(),
  batchSize: z.number(),
  learningRate: z.number(),
  weightDecay: z.number(),
  halveEvery: z.number(),
  /** What the learning rate is multiplied by every `halveEvery` epochs, where it is not halved. */
  gamma: z.number().optional(),
  reduction: z.enum(['sum', 'mean']),
  ema: z.number().optional(),
  augmentation: z.enum(augmentationNames).optional(),
});
export type TrainingOptions = z.infer<typeof trainingOptions>;

/** What every training of a job has in common, whatever it trains: the job's own run, seed, signal and engine. */
export const runTraining = (
  { epochs, batchSize }: { readonly epochs: number; readonly batchSize: number },
  { run, config, signal, engine, threads, onEpoch, onResume }: JobContext,
) => ({
  epochs,
  batchSize,
  seed: config.seed,
  checkpoints: run.checkpoints,
  onResume,
  onEpoch: (line: MetricLine) => onEpoch(line, epochs),
  signal,
  engine,
  threads,
});

/** The same for operators: Adam, and steps of the learning rate. */
export const trainingBy = (
  {
    learningRate,
    weightDecay,
    halveEvery,
    gamma = 0.5,
    reduction,
    ema,
    augmentation,
    ...passes
  }: TrainingOptions,
  context: JobContext,
) => ({
  reduction,
  ema,
  ...(augmentation === 'shift' && { augment: shiftSamples }),
  optimizer: adam({ learningRate, weightDecay }),
  schedule: stepSchedule({ every: halveEvery, gamma }),
  ...runTraining(passes, context),
});

const { settings, ...shared } = trainingFields;
const configured = z.object({ ...shared, settings });

/**
 * The settings a model is trained with under a configuration that has `trainingFields`: those of its authors, but every value
 * of the configuration that is not the default holds for all models.
 */
export function trainingOf(operator: Operator, configuration: unknown): TrainingOptions {
  const { settings: wanted, ...given } = configured.parse(configuration);
  const own = operator.publishedTraining;
  if (!own || wanted === 'shared') return given;
  const defaults = z.object(shared).parse({});
  const { schedule, ...rest } = own;
  const { every, gamma } = schedule;
  const theirs = { ...rest, halveEvery: every };
  const chosen = Object.fromEntries(
    Object.entries(theirs).map(([key, value]) => {
      const name = key as keyof typeof theirs;
      return [name, given[name] === defaults[name] ? value : given[name]];
    }),
  );
  const ownSchedule = given.halveEvery === defaults.halveEvery && gamma !== 0.5;
  return { ...given, ...chosen, ...(ownSchedule ? { gamma } : {}) };
}

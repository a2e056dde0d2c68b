/**
 * The shapes on disk that the rooms agree on: what a run folder holds and what every experiment's `result.json` says.
 *
 * A run folder (one training job):
 *   config.json        the validated configuration of the job, with the data hash (RunConfig)
 *   environment.json   machine, versions, git commit (Environment)
 *   status.json        {state, epoch, epochs, updatedAt, pid, part?, error?} (RunStatus)
 *   metrics.jsonl      one MetricLine an epoch
 *   checkpoints/       last.safetensors + last.json, best.safetensors + best.json
 *   parts/             what a job without epochs has measured so far (Run.keep); gone once it is finished
 *   arrays.npz         predictions for the report (see SampleArrays)
 *   result.json        the job's measured numbers (JobResult); its presence means the job is finished
 *
 * An experiment folder: experiment.json (ExperimentConfig), result.json (ExperimentResult), report.html, jobs/<run folder>/.
 */
import { z } from 'zod';

export const environmentSchema = z.object({
  sextant: z.string(),
  commit: z.string().nullable(),
  dirty: z.boolean().nullable(),
  node: z.string(),
  platform: z.string(),
  cpu: z.string(),
  cores: z.number().int(),
  memoryGiB: z.number(),
  engine: z.string(),
  /** Threads that a job's tensors are computed with; missing where none are fixed, as for an experiment as a whole. */
  threads: z.number().int().positive().nullable().optional(),
  libraries: z.record(z.string(), z.string()),
  startedAt: z.string(),
});
export type Environment = z.infer<typeof environmentSchema>;

/** A condition is what varies between rows beside the model: `{ resolution: 64, labels: 'released' }`. */
export const conditionSchema = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));
export type Condition = z.infer<typeof conditionSchema>;

export const runConfigSchema = z.object({
  experiment: z.string(),
  preset: z.string(),
  model: z.string(),
  condition: conditionSchema,
  seed: z.number().int().nonnegative(),
  options: z.record(z.string(), z.unknown()),
});
export type RunConfig = z.infer<typeof runConfigSchema>;

export const runStatusSchema = z.object({
  state: z.enum(['queued', 'running', 'finished', 'failed', 'interrupted']),
  epoch: z.number().int(),
  epochs: z.number().int(),
  updatedAt: z.string(),
  pid: z.number().int().nullable(),
  secondsLeft: z.number().nullable().default(null),
  /** What is done beside epochs, such as the measurements after them. */
  part: z.object({ label: z.string(), done: z.number(), total: z.number() }).optional(),
  error: z.string().optional(),
});
export type RunStatus = z.infer<typeof runStatusSchema>;

/** One line of metrics.jsonl. `seconds` is training time since the start of the run, resumed parts added up. */
export const metricLineSchema = z.object({
  epoch: z.number().int(),
  train: z.number(),
  validation: z.number().nullable(),
  learningRate: z.number(),
  seconds: z.number(),
  gradientNorm: z.number().nullable().default(null),
});
export type MetricLine = z.infer<typeof metricLineSchema>;

export const resultRowSchema = z.object({
  model: z.string(),
  condition: conditionSchema,
  /** The metric in full: 'mean relative L2 error, test split, last checkpoint'. */
  metric: z.string(),
  published: z.number().nullable(),
  /** Mean and sample standard deviation over seeds, or what they stand for; `std` is null for n = 1. */
  mean: z.number().nullable(),
  std: z.number().nullable(),
  n: z.number().int(),
  parameters: z.number().int().nullable(),
  seconds: z.number().nullable(),
  /** True for a baseline without training (linear propagator, persistence …). */
  baseline: z.boolean().default(false),
  /**
   * True beside `baseline` for a value that no model can pass but by chance, such as the entropy of what is modelled: a floor where lower
   * is better, a ceiling where higher is. It is compared with nobody.
   */
  limit: z.boolean().optional(),
  /**
   * True beside `baseline` for a value to read the others by that nobody has to reach and somebody may pass, such as the error of labels
   * that models learn. It is compared with nobody.
   */
  reference: z.boolean().optional(),
  note: z.string().default(''),
});
export type ResultRow = z.infer<typeof resultRowSchema>;

/** A statement with a number behind it: `{name: 'pade test error at s=64', value: 0.0039, limit: '≤ 0.0042', holds: true}`. */
export const checkSchema = z.object({
  name: z.string(),
  value: z.number().nullable(),
  limit: z.string(),
  holds: z.boolean(),
});
export type Check = z.infer<typeof checkSchema>;

/** What the values of a row are repeated over, in one word, where a seed stands for more than random numbers: `fold`. Default `seed`. */
export const repetitionSchema = z.string().optional();

export const experimentResultSchema = z.object({
  experiment: z.string(),
  preset: z.string(),
  title: z.string(),
  /** Where the published numbers stand. */
  source: z.string(),
  command: z.string(),
  environment: environmentSchema,
  repetition: repetitionSchema,
  /** Facts of the data: recipe, seed, sizes, SHA-256, certified error of the labels. */
  data: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
  rows: z.array(resultRowSchema),
  checks: z.array(checkSchema),
  /** Plain sentences the reader needs to judge the table. */
  notes: z.array(z.string()).default([]),
  /** Curves that belong to the experiment as a whole rather than to one job (bounds over degrees, spectra, …). */
  figures: z
    .array(
      z.object({
        id: z.string(),
        title: z.string(),
        caption: z.string(),
        xLabel: z.string(),
        yLabel: z.string(),
        xScale: z.enum(['linear', 'log']).default('linear'),
        yScale: z.enum(['linear', 'log']).default('linear'),
        series: z.array(
          z.object({
            name: z.string(),
            /** Series of one group share a colour; default each its own. */
            group: z.string().optional(),
            /** Series of one panel share a chart of that title, all panels their axes; default one chart for all. */
            panel: z.string().optional(),
            x: z.array(z.number()),
            y: z.array(z.number()),
            /** Half-width of a band around y, where there is one. */
            band: z.array(z.number()).optional(),
            style: z.enum(['line', 'points', 'dashed']).default('line'),
          }),
        ),
      }),
    )
    .default([]),
});
export type ExperimentResult = z.infer<typeof experimentResultSchema>;
export type Figure = ExperimentResult['figures'][number];

const pictureAxisSchema = z.object({ label: z.string(), extent: z.tuple([z.number(), z.number()]) });

/** What one finished job leaves: its metric on the test split at the last and at the best (validation) checkpoint. */
export const jobResultSchema = z.object({
  config: runConfigSchema,
  metric: z.string(),
  value: z.number(),
  best: z.object({ epoch: z.number().int(), validation: z.number(), value: z.number() }).nullable(),
  parameters: z.number().int(),
  seconds: z.number(),
  inferenceMilliseconds: z.number().nullable(),
  /**
   * Rules by which the n pictured samples were chosen, in the order of arrays.npz: ['median', 'worst']. The file holds, in float32 or
   * float64, x [s] · input [n, s] · truth [n, s] · prediction [n, s] · error [tests], the relative L2 error of every test sample.
   */
  samples: z.array(z.string()),
  /** What the axes of pictured fields `[height, width]` are, the first row lowest; default: columns and rows. */
  axes: z.object({ x: pictureAxisSchema, y: pictureAxisSchema, quantity: z.string() }).optional(),
  /** Free numbers a report may show: Lipschitz bounds, per-sample quantiles … */
  extra: z.record(z.string(), z.number()).default({}),
  /** Images in arrays.npz, each [height, width] with its first row at the top; those of one scale share their colours. */
  maps: z
    .array(z.object({ array: z.string(), title: z.string(), quantity: z.string(), scale: z.string() }))
    .optional(),
  /** Rows of numbers that figures of the experiment as a whole are drawn from. */
  curves: z.record(z.string(), z.array(z.number())).optional(),
});
export type JobResult = z.infer<typeof jobResultSchema>;

/** Experiments on the noise of trained reconstructions: a job trains one network and measures it; what its table shows is their own. */
import { z } from 'zod';
import type { JobResult } from '../runs/index.ts';
import {
  experiment,
  type DataFacts,
  type Experiment,
  type JobConfig,
  type JobContext,
  type JobOutput,
  type Preset,
  type Summary,
} from './experiment.ts';
import { checkAcs, openSlices, sliceFacts, sliceFields, sliceOptions } from './mriData.ts';
import { measureNoise, noiseFields, noiseSettings } from './mriNoiseTask.ts';
import {
  openTrainedReconstruction,
  reconstructionFields,
  reconstructionSettings,
  trainableNetwork,
  trainableNetworks,
  trainReconstruction,
} from './mriTask.ts';

/** The acceleration is an axis here. */
const trainingFields = z.object(reconstructionFields).omit({ acceleration: true }).shape;

const configuration = z.strictObject({
  models: z.array(z.enum(trainableNetworks)).min(1).default(['varnet']).describe('networks to train'),
  accelerations: z.array(z.number().min(1)).min(1).default([3]).describe('R of the masks; each is trained'),
  regularisers: z
    .array(z.number().min(0))
    .min(1)
    .default([0])
    .describe('λ of λ trace(J Jᵀ)/pixels in the loss; each is trained'),
  seeds: z.array(z.int().min(0)).min(1).default([0]).describe('seeds of initial parameters, masks and noise'),
  ...sliceFields,
  ...trainingFields,
  ...noiseFields,
});
export type NoiseConfiguration = z.output<typeof configuration>;

export interface NoiseBenchmark {
  readonly title: string;
  readonly source: string;
  readonly presets: Readonly<Record<string, Preset<z.input<typeof configuration>>>>;
  summarize(finished: readonly JobResult[], config: NoiseConfiguration): Summary;
}

/** Defines an experiment whose jobs train a network for each acceleration, λ and seed and measure its noise. */
export const noiseBenchmark = (name: string, benchmark: NoiseBenchmark): Experiment =>
  experiment(name, {
    ...benchmark,
    configuration,
    axes: ['models', 'accelerations', 'regularisers', 'seeds'],
    check(config) {
      checkAcs({ ...config, acceleration: config.accelerations });
      if (config.levels.some((level, l) => l > 0 && level <= config.levels[l - 1]))
        throw new Error(`--levels: got ${config.levels.join(',')}, expected ascending numbers`);
    },
    prepare: sliceFacts,
    jobs,
    runJob,
  });

function jobs(config: NoiseConfiguration, facts: DataFacts): JobConfig[] {
  const data = sliceOptions(config, facts);
  const noise = noiseSettings.parse(config);
  return config.seeds.flatMap((seed) =>
    config.models.flatMap((model) =>
      config.accelerations.flatMap((acceleration) =>
        config.regularisers.map((regulariser) => ({
          model,
          condition: {
            R: acceleration,
            ACS: config.acsLines,
            ...(config.regularisers.some((λ) => λ > 0) ? { λ: regulariser } : {}),
          },
          seed,
          options: {
            data,
            settings: reconstructionSettings.parse({ ...config, acceleration: [acceleration] }),
            regulariser,
            noise,
          },
        })),
      ),
    ),
  );
}

/** Trains, or continues, and measures at the epoch that was best on validation. */
async function runJob(context: JobContext): Promise<JobOutput> {
  const { model, options } = context.config;
  const slices = await openSlices(context.config, context);
  const settings = reconstructionSettings.parse(options['settings']);
  const regulariser = z.number().parse(options['regulariser']);
  const network = trainableNetwork(z.enum(trainableNetworks).parse(model), settings);
  const { result } = await trainReconstruction(network, slices, settings, regulariser, context);
  const trained = await openTrainedReconstruction(context.run);
  const { extra, curves, maps, arrays } = await measureNoise(
    trained,
    slices.test,
    noiseSettings.parse(options['noise']),
    context,
  );
  return { result: { ...result, extra: { ...result.extra, ...extra }, curves, maps }, arrays };
}

/** Experiments on the noise of trained reconstructions: a job trains one network, or is given one, and measures it; what its table shows is their own. */
import { z } from 'zod';
import type { JobResult } from '../runs/index.ts';
import {
  experiment,
  type DataFacts,
  type Experiment,
  type JobConfig,
  type JobContext,
  type JobOutput,
  type PrepareContext,
  type Preset,
  type Summary,
} from './experiment.ts';
import { list, seedList } from './lists.ts';
import { checkAcs, openSlices, sliceFacts, sliceFields, sliceOptions, type SliceSplits } from './mriData.ts';
import type { Slices } from './mriSlices.ts';
import { measureNoise, noiseFields, noiseSettings } from './mriNoiseTask.ts';
import {
  measureTrained,
  openTrainedReconstruction,
  reconstructionFields,
  reconstructionSettings,
  regulariserList,
  trainableNetwork,
  trainableNetworks,
  trainReconstruction,
  type ReconstructionSettings,
  type TrainedReconstruction,
} from './mriTask.ts';
import { findTrainedNetwork } from './mriTrainedNetwork.ts';

const givenNetwork = z.object({ folder: z.string(), hash: z.string() });

/** The acceleration is an axis here. */
const trainingFields = z.object(reconstructionFields).omit({ acceleration: true }).shape;

const configuration = z.strictObject({
  network: z
    .string()
    .min(1)
    .optional()
    .describe('folder of a job of mri train: its network is measured at every acceleration, none is trained'),
  models: list(z.enum(trainableNetworks)).default(['varnet']).describe('networks to train'),
  accelerations: list(z.number().min(1)).default([3]).describe('R of the masks; each is a job'),
  regularisers: regulariserList,
  seeds: seedList('initial parameters, masks and noise'),
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
      const { network, models, regularisers, seeds } = config;
      if (network !== undefined && (models.length > 1 || regularisers.length > 1 || seeds.length > 1))
        throw new Error(
          `--network: got ${network}, and several of --models, --regularisers or --seeds; expected one of each, nothing is trained`,
        );
      if (config.levels.some((level, l) => l > 0 && level <= config.levels[l - 1]))
        throw new Error(`--levels: got ${config.levels.join(',')}, expected ascending numbers`);
    },
    prepare,
    jobs,
    runJob,
  });

const NETWORK = 'SHA-256 of the network';

async function prepare(config: NoiseConfiguration, context: PrepareContext): Promise<DataFacts> {
  const facts = await sliceFacts(config, context);
  if (config.network === undefined) return facts;
  const { model, hash } = await findTrainedNetwork(config.network);
  if (model !== config.models[0])
    throw new Error(`--models: got ${config.models[0]}, expected ${model}, as ${config.network} is`);
  return { ...facts, [NETWORK]: hash };
}

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
            ...(config.network === undefined
              ? {}
              : { network: { folder: config.network, hash: String(facts[NETWORK]) } }),
          },
        })),
      ),
    ),
  );
}

/** Trains, or continues, and measures at the epoch that was best on validation; a given network is measured as it is. */
async function runJob(context: JobContext): Promise<JobOutput> {
  const { model, options } = context.config;
  const slices = await openSlices(context.config, context);
  const settings = reconstructionSettings.parse(options['settings']);
  const given = givenNetwork.optional().parse(options['network']);
  const { trained, result } = given
    ? await measureGiven(given, settings, slices.test, context)
    : await trainOne(z.enum(trainableNetworks).parse(model), settings, slices, context);
  const { extra, curves, maps, arrays } = await measureNoise(
    trained,
    slices.test,
    noiseSettings.parse(options['noise']),
    context,
  );
  return { result: { ...result, extra: { ...result.extra, ...extra }, curves, maps }, arrays };
}

interface Ready {
  readonly trained: TrainedReconstruction;
  readonly result: JobOutput['result'];
}

async function trainOne(
  model: (typeof trainableNetworks)[number],
  settings: ReconstructionSettings,
  slices: SliceSplits,
  context: JobContext,
): Promise<Ready> {
  const regulariser = z.number().parse(context.config.options['regulariser']);
  const network = trainableNetwork(model, settings);
  const { result } = await trainReconstruction(network, slices, settings, regulariser, context);
  return { result, trained: await openTrainedReconstruction(context.run) };
}

/** The network with the masks and the noise of the job. @throws if it is no longer the one the job was set up with. */
async function measureGiven(
  { folder, hash }: z.output<typeof givenNetwork>,
  settings: ReconstructionSettings,
  test: Slices,
  context: JobContext,
): Promise<Ready> {
  const found = await findTrainedNetwork(folder);
  if (found.hash !== hash)
    throw new Error(
      `${folder}: the network has changed since this job was set up; run the command again for a new job`,
    );
  const trained = { ...found.trained, settings };
  return { trained, result: (await measureTrained(trained, test, context)).result };
}

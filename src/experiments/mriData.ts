/** Which slices an experiment on reconstructions trains and measures on: its flags, its facts, and the way from a job back to the data. */
import path from 'node:path';
import { z } from 'zod';
import { hashSplit } from '../nn/batches.ts';
import { contentHash, type RunConfig } from '../runs/index.ts';
import type { DataFacts, PrepareContext } from './experiment.ts';
import { loadSlices, type Slices, type SliceSource } from './mriSlices.ts';

/** Flags of an experiment on slices. */
export const sliceFields = {
  data: z.string().min(1).optional().describe("folder of fastMRI's .h5 volumes; default: generated heads"),
  height: z.int().min(16).default(48).describe('of generated slices'),
  width: z.int().min(16).default(48).describe('of generated slices'),
  coils: z.int().min(1).default(6).describe('of generated slices'),
  train: z.int().min(1).default(200).describe('training slices'),
  validation: z.int().min(1).default(20).describe('validation slices, which choose the best epoch'),
  test: z.int().min(1).default(40).describe('test slices'),
  dataSeed: z.int().min(0).default(0).describe('seed of generated slices'),
};
const configured = z.object(sliceFields);
export type SliceConfiguration = z.output<typeof configured>;

const jobData = configured
  .omit({ data: true, dataSeed: true })
  .extend({ folder: z.string().nullable(), seed: z.int(), hash: z.string() });

const sourceOf = (config: SliceConfiguration): SliceSource => {
  const { data, dataSeed: seed, ...sizes } = configured.parse(config);
  return { ...sizes, folder: data === undefined ? null : path.resolve(data), seed };
};

export interface SliceSplits {
  readonly train: Slices;
  readonly validation: Slices;
  readonly test: Slices;
}

const HASH = 'SHA-256';
const hashOf = ({ train, validation, test }: SliceSplits): string =>
  contentHash([train, validation, test].map(hashSplit));

/** Loads or generates the slices once, for the facts that stand beside the result. @throws as `loadSlices` does. */
export async function sliceFacts(config: SliceConfiguration, context: PrepareContext): Promise<DataFacts> {
  const slices = await loadSlices(sourceOf(config), context);
  const { train, validation, test } = slices;
  return {
    slices: config.data === undefined ? 'generated heads' : path.basename(config.data),
    'size of k-space': train.re.shape.slice(1).join(' × '),
    'size of an image': train.target.shape.slice(1).join(' × '),
    train: train.re.shape[0],
    validation: validation.re.shape[0],
    test: test.re.shape[0],
    [HASH]: hashOf(slices),
  };
}

/** The option `data` of a job, which `openSlices` reads. */
export const sliceOptions = (config: SliceConfiguration, facts: DataFacts): z.output<typeof jobData> => ({
  ...sourceOf(config),
  hash: String(facts[HASH]),
});

/** The slices of a job. @throws if they are no longer those it was set up with. */
export async function openSlices(
  { options }: RunConfig,
  context: { readonly threads: number; readonly signal: AbortSignal },
): Promise<SliceSplits> {
  const { hash, ...source } = jobData.parse(options['data']);
  const slices = await loadSlices(source, context);
  if (hashOf(slices) !== hash)
    throw new Error('the data have changed since this job was set up; run the command again for a new job');
  return slices;
}

/** Refuses an ACS that leaves no columns to choose, where the columns are chosen at random. */
export function checkAcs({
  data,
  width,
  acceleration,
  acsLines,
  mask,
}: Pick<SliceConfiguration, 'data' | 'width'> & {
  readonly acceleration: readonly number[];
  readonly acsLines: number;
  readonly mask: string;
}): void {
  const spread = mask === 'random' || mask === 'true-acceleration';
  const largest = Math.max(...acceleration);
  if (data === undefined && spread && acsLines * largest >= width) {
    throw new Error(
      `--acs-lines: got ${acsLines}, expected fewer than ${width / largest} (width ${width} over acceleration ${largest}) for a mask '${mask}'`,
    );
  }
}

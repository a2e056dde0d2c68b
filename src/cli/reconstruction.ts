/** What the commands that reconstruct have in common: the file of k-space, the method with its flags or a trained network, the coils. */
import { z } from 'zod';
import { readKspace } from '../../datasets/mri/readKspace.ts';
import { explainIssue, flagOf } from '../experiments/configuration.ts';
import { openTrainedReconstruction } from '../experiments/mriTask.ts';
import {
  getReconstruction,
  networkReconstruction,
  prepareAcquisition,
  reconstructionFamilies,
  sensitivityChoices,
  type Acquisition,
  type PreparationOptions,
  type Reconstruction,
} from '../mri/index.ts';
import { Run } from '../runs/index.ts';
import { asUsage, UsageError } from './errors.ts';
import { flagsOf, type Flag } from './flags.ts';
import { pauseForInterruption } from './interruption.ts';
import { findRunFolder, RUNS_FOLDER } from './runs.ts';
import { nonEmpty, oneOf, wholeNumber } from './text.ts';

const DEFAULT_METHOD = 'cg-sense';

/**
 * Where the command line has defaults of its own: measured k-space is noisy, and conjugate gradients without λ amplify the noise of
 * undersampled data.
 */
const defaults: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  'cg-sense': { tikhonov: 0.01, iterations: 20 },
};

/** For the description of a command. */
export const methodList = `Methods: ${reconstructionFamilies.map(({ name, title }) => `${name} (${title})`).join(', ')}.`;

export const kspaceArgument = {
  help: 'k-space [coils, height, width] of one slice or several: .npy, .npz, .cfl, HDF5 of fastMRI or ISMRMRD',
  schema: nonEmpty,
};

export const reconstructionOptions = {
  method: {
    value: 'name',
    help: `the reconstruction (${DEFAULT_METHOD})`,
    schema: oneOf(...reconstructionFamilies.map(({ name }) => name)).optional(),
  },
  network: {
    value: 'run',
    help: 'a trained network instead of a method: folder of a job of mri train, or its name',
    schema: nonEmpty.optional(),
  },
  sensitivities: {
    value: 'name',
    help: `${sensitivityChoices.slice(0, -1).join(', ')}, or given: those of the file (given if the file has any, else espirit)`,
    schema: oneOf(...sensitivityChoices).optional(),
  },
  slice: { value: 'number', help: 'slice of the file (0)', schema: wholeNumber(0).default(0) },
  coils: {
    value: 'number',
    help: 'compress to so many virtual coils first',
    schema: wholeNumber(1).optional(),
  },
  runs: { value: 'folder', help: `folder of runs (${RUNS_FOLDER})`, schema: nonEmpty.default(RUNS_FOLDER) },
};

/** The options of all methods: one flag for each name, with the methods that know it. */
export const methodFlags: readonly Flag[] = [
  ...new Map(
    reconstructionFamilies
      .flatMap((family) => flagsOf(family.schema))
      .map((flag) => {
        const owners = reconstructionFamilies.filter(({ schema }) => flag.key in schema.shape);
        const help = `${flag.help.replace(/; default .*/, '')} (${owners.map(({ name }) => name).join(', ')})`;
        return [flag.key, { ...flag, help }] as const;
      }),
  ).values(),
];

/** The method with its flags, or the trained network. @throws a usage error for what does not exist or does not go together. */
export async function chosenReconstruction(
  { method, network, runs }: { method?: string | undefined; network?: string | undefined; runs: string },
  flags: Readonly<Record<string, unknown>>,
): Promise<Reconstruction> {
  if (network === undefined) {
    const name = method ?? DEFAULT_METHOD;
    checkFlags(name, flags);
    return asUsage(() => getReconstruction(name, { ...defaults[name], ...flags }));
  }
  const others = [...(method === undefined ? [] : ['method']), ...Object.keys(flags)];
  if (others.length)
    throw new UsageError(
      `--network: a trained network was given, and ${others.join(', ')} too; expected one of them`,
    );
  const run = await Run.open(await findRunFolder(network, runs));
  const trained = await openTrainedReconstruction(run);
  return networkReconstruction(trained.network, trained.parameters);
}

function checkFlags(name: string, flags: Readonly<Record<string, unknown>>): void {
  const schema = reconstructionFamilies.find((family) => family.name === name)?.schema ?? z.object({});
  const known = Object.keys(schema.shape).map(flagOf);
  const unknown = Object.keys(flags)
    .map(flagOf)
    .filter((flag) => !known.includes(flag));
  if (unknown.length)
    throw new UsageError(
      `${unknown.join(', ')}: ${name} has no such option, expected ${known.join(', ') || 'none'}`,
    );
  const checked = schema.safeParse(flags);
  if (!checked.success) throw new UsageError(explainIssue(checked.error.issues[0], flags));
}

/** A slice of a file, ready to be reconstructed, and what the file says beside k-space. */
export interface AcquiredFile {
  readonly acquisition: Acquisition;
  readonly format: string;
  /** Whether noise readouts brought it to SNR units: the noise of a real component is then 1. */
  readonly whitened: boolean;
  /** mm along columns and rows of the image; null where the file does not say. */
  readonly pixelMm: readonly [column: number, row: number] | null;
}

/** @throws one sentence that names the file. */
export async function readAcquisition(
  file: string,
  {
    slice,
    signal,
    whiten = true,
    ...options
  }: Omit<PreparationOptions, 'name'> & { slice: number; signal: AbortSignal; whiten?: boolean },
): Promise<AcquiredFile> {
  const { format, pixelMm, ...read } = await readKspace(file, slice, { signal });
  await pauseForInterruption(signal);
  const measured = whiten ? read : { ...read, noise: null };
  const acquisition = await prepareAcquisition(measured, { ...options, name: file });
  return { acquisition, format, whitened: measured.noise !== null, pixelMm };
}

/** A trained network that an experiment measures as it is: found by its folder, told from others by its parameters. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { contentHash, Run } from '../runs/index.ts';
import { openTrainedReconstruction, type TrainedReconstruction } from './mriTask.ts';

/** The network that comes with Sextant, see the README in its folder. */
export const SHIPPED_NETWORK = 'docs/results/mri-network';

const project = fileURLToPath(new URL('../../', import.meta.url));

export interface FoundNetwork {
  readonly trained: TrainedReconstruction;
  /** `varnet` or `unet`. */
  readonly model: string;
  /** Of the file of its parameters. */
  readonly hash: string;
}

/**
 * The network of a job of `mri train`, at its best checkpoint. The folder is looked for from the working directory, then from the
 * folder of Sextant.
 *
 * @throws if there is no such job, or its checkpoint is missing or damaged.
 */
export async function findTrainedNetwork(folder: string): Promise<FoundNetwork> {
  const places = [path.resolve(folder), path.resolve(project, folder)];
  const run = await Run.open(
    places.find((place) => existsSync(path.join(place, 'config.json'))) ?? places[0],
  );
  const trained = await openTrainedReconstruction(run);
  const bytes = await readFile(path.join(run.checkpoints, 'best.safetensors'));
  return { trained, model: run.config.model, hash: contentHash(bytes.toString('base64')) };
}

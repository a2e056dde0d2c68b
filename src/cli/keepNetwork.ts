/** Keeping a trained network: of the folder of its job, what is needed to use it, and a README that says how it was made. */
import { copyFile } from 'node:fs/promises';
import path from 'node:path';
import type { BenchmarkOutcome } from '../experiments/index.ts';
import { isTrainable } from '../experiments/mriTask.ts';
import {
  diskError,
  ensureFolder,
  writeFileAtomic,
  writeJson,
  type ExperimentResult,
  type JobResult,
} from '../runs/index.ts';
import { formatSeconds, shortPath } from './format.ts';
import { resultLines } from './resultTable.ts';

/** `sextant mri train` with the flags of the experiment behind it. */
const trainingCommand = (command: string): string =>
  command
    .replace('bench mri-training --preset train', 'mri train')
    .replace('--models ', '--model ')
    .replace('--regularisers ', '--regulariser ');

const readme = (
  result: ExperimentResult,
  { best, seconds, parameters }: JobResult,
  folder: string,
): string => {
  const { environment: machine } = result;
  return `# A trained reconstruction network

Made by

    ${trainingCommand(result.command)} --keep ${folder}

with ${formatSeconds(seconds)} of training, on ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB memory, ${machine.platform}, Node ${machine.node}, engine ${machine.engine}, at commit ${machine.commit ?? 'unknown'}${machine.dirty ? ' with uncommitted changes' : ''}, ${machine.startedAt.slice(0, 10)}. ${parameters.toLocaleString('en')} parameters; epoch ${best?.epoch ?? 'unknown'}, the best on the validation slices, is kept.

\`\`\`
${resultLines(result).join('\n').trim()}
\`\`\`

Used by

    npx sextant mri phantom
    npx sextant mri recon phantom.npz --network ${folder}
    npx sextant uq mri phantom.npz --network ${folder}

\`config.json\` has the configuration of its job, \`result.json\` the numbers and \`checkpoints/best.safetensors\` the parameters by name.
The files are written by that command and by nothing else.
`;
};

/**
 * Copies the network that a training made to `folder`, in the form in which `--network` takes it.
 *
 * @throws unless exactly one network was trained to the end.
 */
export async function keepNetwork({ outcomes, result }: BenchmarkOutcome, folder: string): Promise<void> {
  const trained = outcomes.filter(({ run }) => isTrainable(run.config.model));
  const run = trained.at(0)?.run;
  const finished = (await run?.readResult()) ?? null;
  if (trained.length !== 1 || run === undefined || result === null || finished === null)
    throw new Error(
      `--keep: ${trained.length} networks were trained${finished === null ? ', and not to the end' : ''}; expected one`,
    );
  const checkpoints = path.join(folder, 'checkpoints');
  ensureFolder(checkpoints);
  try {
    for (const name of ['best.safetensors', 'best.json'])
      await copyFile(path.join(run.checkpoints, name), path.join(checkpoints, name));
  } catch (error) {
    throw diskError('write', checkpoints, error);
  }
  await writeJson(path.join(folder, 'config.json'), run.config);
  // The pictures stay behind with the arrays.
  await writeJson(path.join(folder, 'result.json'), { ...finished, maps: undefined });
  await writeFileAtomic(
    path.join(folder, 'README.md'),
    readme(result, finished, shortPath(path.resolve(folder))),
  );
}

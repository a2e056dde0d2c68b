/** What the commands that use a trained flow have in common. */
import type { NDArray } from '../../tensor/index.ts';
import { readNpz, type NpzArrays } from '../../../datasets/npz.ts';
import { finiteArray, sampleArrayIn } from '../../../datasets/samples.ts';
import { openTrainedFlow } from '../../experiments/flowTask.ts';
import { Run } from '../../runs/index.ts';
import { UsageError } from '../errors.ts';
import { findRunFolder, RUNS_FOLDER } from '../runs.ts';
import { nonEmpty, wholeNumber } from '../text.ts';

export const runArgument = {
  help: `folder of a job of flow train, or its name in ${RUNS_FOLDER}/*/jobs`,
  schema: nonEmpty,
};

export const runsOption = {
  value: 'folder',
  help: `folder of runs (${RUNS_FOLDER})`,
  schema: nonEmpty.default(RUNS_FOLDER),
};

export const seedOption = (help: string) => ({ value: 'number', help, schema: wholeNumber(0).default(0) });

/** The trained flow of a run that the user named. */
export async function openFlow(text: string, runs: string) {
  const run = await Run.open(await findRunFolder(text, runs));
  return { run, ...(await openTrainedFlow(run)) };
}

/** The samples of a file, of the shape that a flow was trained on. */
export async function readRows(file: string, shape: readonly number[]): Promise<NDArray> {
  const arrays = await readNpz(file);
  return rowsOf(arrays, sampleArrayIn(arrays, file), file, shape);
}

function rowsOf(arrays: NpzArrays, name: string, file: string, shape: readonly number[]): NDArray {
  const found = finiteArray(arrays, name, file);
  const [, ...row] = found.shape;
  if (row.length === shape.length && row.every((length, i) => length === shape[i])) return found;
  throw new UsageError(
    `${file}: ${name} is [${found.shape.join(', ')}], expected [samples, ${shape.join(', ')}] as in training`,
  );
}

/** The context that a conditional flow needs, from `context` of a file. */
export async function readContext(file: string | undefined, width: number): Promise<NDArray | undefined> {
  if (width === 0) return undefined;
  if (file === undefined) {
    throw new UsageError(`this flow is conditional: give a file whose "context" is [samples, ${width}]`);
  }
  return rowsOf(await readNpz(file), 'context', file, [width]);
}

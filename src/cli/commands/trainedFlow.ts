/** What the commands that use a trained flow have in common. */
import { array, type NDArray } from '../../tensor/index.ts';
import { numbersOf } from '../../../datasets/npy.ts';
import { readNpz } from '../../../datasets/npz.ts';
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

/**
 * An array of a file as float32 with rows of a shape.
 *
 * @throws naming the array, its shape and the shape that the flow was trained on.
 */
export async function readRows(file: string, name: string, shape: readonly number[]): Promise<NDArray> {
  const arrays = await readNpz(file);
  if (!(name in arrays)) {
    throw new UsageError(
      `${file}: there is no array "${name}"; it has ${Object.keys(arrays).join(', ') || 'none'}`,
    );
  }
  const found = arrays[name];
  const rows = found.shape.slice(1);
  if (rows.length !== shape.length || rows.some((length, i) => length !== shape[i])) {
    throw new UsageError(
      `${file}: ${name} is [${found.shape.join(', ')}], expected [samples, ${shape.join(', ')}] as in training`,
    );
  }
  return array(Float32Array.from(numbersOf(found, `${file}: ${name}`)), [...found.shape], 'float32');
}

/** The context that a conditional flow needs, from `context` of a file. */
export async function readContext(file: string | undefined, width: number): Promise<NDArray | undefined> {
  if (width === 0) return undefined;
  if (file === undefined) {
    throw new UsageError(`this flow is conditional: give a file whose "context" is [samples, ${width}]`);
  }
  return readRows(file, 'context', [width]);
}

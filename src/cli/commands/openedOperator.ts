/** What the commands that use a trained operator have in common. */
import { z } from 'zod';
import { findExperiment } from '../../experiments/index.ts';
import { mean, medianAndWorst, relativeL2Errors, standardError } from '../../experiments/statistics.ts';
import { requireGrid, type Checkpoint, type TrainedOperator } from '../../experiments/trainedOperator.ts';
import { Run, type Unfinished } from '../../runs/index.ts';
import { defaultThreads } from '../../tensor/engines/threads.ts';
import { UsageError } from '../errors.ts';
import { findRunFolder, RUNS_FOLDER } from '../runs.ts';
import { nonEmpty, oneOf, wholeNumber } from '../text.ts';

export const operatorArgument = {
  help: `folder of a job, or its name in ${RUNS_FOLDER}/*/jobs`,
  schema: nonEmpty,
};

export const operatorOptions = {
  checkpoint: {
    value: 'name',
    help: 'last, or best on the validation samples (last)',
    schema: oneOf('last', 'best').default('last'),
  },
  interleaved: {
    help: 'take a finer grid as interleaved grids of the trained size, each by itself',
    schema: z.boolean().default(false),
  },
  batch: {
    value: 'number',
    help: 'functions in one pass (20)',
    schema: wholeNumber(1, 65536).default(20),
  },
  threads: {
    value: 'number',
    help: 'threads (one a physical core)',
    schema: wholeNumber(1, 1024).default(defaultThreads),
  },
  runs: {
    value: 'folder',
    help: `folder of runs (${RUNS_FOLDER})`,
    schema: nonEmpty.default(RUNS_FOLDER),
  },
};

export interface OpenedOperator extends TrainedOperator {
  readonly model: string;
  /** Where its training stands, null of one that has come to its end. */
  readonly unfinished: Unfinished | null;
}

/** The trained operator of a run that the user named. */
export async function openOperator(
  text: string,
  runs: string,
  checkpoint: Checkpoint,
): Promise<OpenedOperator> {
  const run = await Run.open(await findRunFolder(text, runs));
  const { experiment } = await findExperiment(run.config.experiment);
  if (!experiment.openOperator)
    throw new Error(
      `${run.name}: jobs of ${experiment.name} hold no operator that this command can evaluate`,
    );
  const trained = await experiment.openOperator(run, checkpoint);
  return { model: run.config.model, unfinished: await run.unfinished(), ...trained };
}

/** @throws a usage error that begins with `where` unless the operator can be evaluated on so many points. */
export function requirePoints(
  where: string,
  trained: TrainedOperator,
  points: number,
  interleaved: boolean,
): void {
  try {
    requireGrid(trained, points, interleaved);
  } catch (error) {
    throw new UsageError(`${where}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Relative L2 errors of fields of so many points, as facts. */
export function errorFacts(
  prediction: ArrayLike<number>,
  truth: ArrayLike<number>,
  points: number,
): Record<'mean' | 'error' | 'median' | 'worst', number | null> {
  const errors = relativeL2Errors(prediction, truth, points);
  const [median, worst] = medianAndWorst(errors);
  return {
    mean: mean(errors),
    error: standardError(errors),
    median: errors[median],
    worst: errors[worst],
  };
}

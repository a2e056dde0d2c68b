/** One epoch of a training: its steps, several at a time, and the validation metric after them. */
import type { NDArray } from '../tensor/index.ts';
import { foldIn, permutation, type Key } from '../tensor/random.ts';
import { batchRanges, type Batch, type openSplit } from './batches.ts';
import type { EpochLine, Progress } from './checkpoint.ts';
import type { Evaluator } from './evaluate.ts';
import { FLUSH_EVERY, flushTiny } from './flush.ts';
import { refuseMetric, refuseStep, sampleNames } from './notFinite.ts';
import { unpackTree } from './parameters.ts';
import { breather, type Pace, type ProgramsBySize } from './programs.ts';
import {
  evaluatedParameters,
  hyperOf,
  stateInBlocks,
  stateOfBlocks,
  type StepDefinition,
  type StepInput,
  type StepProgram,
  type TrainingState,
} from './step.ts';
import type { TrainOptions } from './train.ts';

/** What all epochs of a training share. */
export interface EpochSetting<P> {
  readonly options: TrainOptions<P>;
  readonly definition: StepDefinition<P>;
  /** Training samples. */
  readonly count: number;
  readonly drawBatch: (indices: Int32Array, epoch: number, step: number) => Batch;
  readonly steps: ProgramsBySize<StepProgram>;
  readonly stepPace: Pace;
  readonly validation: Evaluator | null;
  /** The samples of `validation`. */
  readonly held: ReturnType<typeof openSplit> | undefined;
  readonly shuffleKey: Key;
}

/** The training one epoch later; null when the signal was given, the begun epoch then counts for nothing. */
export async function runEpoch<P>(setting: EpochSetting<P>, from: Progress): Promise<Progress | null> {
  const { options, definition, validation } = setting;
  const began = performance.now();
  const pass = await runSteps(setting, from);
  if (!pass) return null;
  const { state } = pass;
  const parameters = evaluatedParameters(definition, state);
  const value = validation ? await validation.run(parameters, options.signal) : null;
  if (validation && value === null) return null;
  const epoch = from.epoch + 1;
  if (value !== null && !Number.isFinite(value)) {
    refuseMetric(value, epoch, await reasonInValidation(setting, parameters));
  }
  const seconds = from.seconds + (performance.now() - began) / 1000;
  const { train: loss, learningRate, gradientNorm } = pass;
  const line: EpochLine = { epoch, train: loss, validation: value, learningRate, seconds, gradientNorm };
  const improved = value !== null && (from.best === null || value < from.best.validation);
  return {
    epoch,
    state,
    best: improved ? { epoch, validation: value, parameters } : from.best,
    patience:
      value === null ? from.patience : waited(from.patience, value, options.earlyStopping?.minDelta ?? 0),
    history: [...from.history, line],
    seconds,
  };
}

async function reasonInValidation<P>(
  { options, definition, held }: EpochSetting<P>,
  parameters: NDArray,
): Promise<string | null | undefined> {
  return (
    held &&
    options.explain?.({
      parameters: unpackTree(parameters, definition.layout),
      batch: held.arrays,
      split: 'validation',
      nameOf: sampleNames(
        'validation',
        Int32Array.from({ length: held.count }, (_, i) => i),
        options.rows,
      ),
    })
  );
}

const waited = (patience: Progress['patience'], value: number, minDelta: number): Progress['patience'] =>
  patience.reference === null || value < patience.reference - minDelta
    ? { reference: value, waited: 0 }
    : { reference: patience.reference, waited: patience.waited + 1 };

interface Pass {
  readonly state: TrainingState;
  readonly train: number;
  readonly learningRate: number;
  readonly gradientNorm: number;
}

interface PlannedStep {
  /** Within the epoch, from 0. */
  readonly step: number;
  readonly rate: number;
  readonly samples: Int32Array;
  readonly input: StepInput<NDArray> & { readonly batch: Batch };
}

const sizeOfRange = ([from, to]: readonly [number, number]): number => to - from;

/** One pass over the training split in the order of the epoch's own permutation; null when the signal was given. */
async function runSteps<P>(
  setting: EpochSetting<P>,
  { epoch, state: start }: Progress,
): Promise<Pass | null> {
  const { options, definition, count, drawBatch, steps, stepPace, shuffleKey } = setting;
  const { batchSize, optimizer, schedule, signal } = options;
  const order = permutation(foldIn(shuffleKey, epoch), count);
  const ranges = batchRanges(count, batchSize);
  const pause = breather();
  let state = stateInBlocks(definition.layout, start);
  let learningRate = 0;
  let lossSum = 0;
  let normSum = 0;
  const plan = ([from, to]: readonly [number, number], step: number): PlannedStep => {
    const factor = schedule.factor({ epoch, step, stepsPerEpoch: ranges.length });
    const rate = optimizer.learningRate * factor;
    const samples = order.subarray(from, to);
    const hyper = hyperOf(definition, rate, epoch * ranges.length + step + 1);
    return { step, rate, samples, input: { hyper, batch: drawBatch(samples, epoch, step) } };
  };
  for (let next = 0; next < ranges.length;) {
    await pause();
    if (signal?.aborted) return null;
    const size = sizeOfRange(ranges[next]);
    const atOnce = Math.min(stepPace.steps(), FLUSH_EVERY - (next % FLUSH_EVERY));
    const group = ranges.slice(next, next + atOnce).filter((range) => sizeOfRange(range) === size);
    const program = await steps.get(size);
    const planned = group.map((range, i) => plan(range, next + i));
    const inputs = planned.map(({ input }) => input);
    const began = performance.now();
    const { carry, values } = await program.run(state, inputs);
    stepPace.took(group.length, performance.now() - began);
    const reports = values.map(({ loss, gradientNorm }) => [loss.data[0], gradientNorm.data[0]] as const);
    const failed = reports.findIndex((numbers) => !numbers.every(Number.isFinite));
    if (failed >= 0) {
      const before = failed === 0 ? state : (await program.run(state, inputs.slice(0, failed))).carry;
      const parameters = unpackTree(stateOfBlocks(before)[0], definition.layout);
      const { step, rate, samples, input } = planned[failed];
      const nameOf = sampleNames('training', samples, options.rows);
      const reason = await options.explain?.({ parameters, batch: input.batch, split: 'training', nameOf });
      const [loss, gradient] = reports[failed];
      refuseStep({ loss, gradient }, { epoch: epoch + 1, step: step + 1, learningRate: rate }, reason);
    }
    for (const [loss, norm] of reports) {
      lossSum += loss * size;
      normSum += norm;
    }
    learningRate = planned[planned.length - 1].rate;
    next += group.length;
    const flush = next % FLUSH_EVERY === 0 || next === ranges.length;
    state = flush ? flushTiny(definition, carry) : carry;
  }
  return {
    state: stateOfBlocks(state),
    learningRate,
    train: lossSum / count,
    gradientNorm: normSum / ranges.length,
  };
}

/** The training loop: deterministic, resumable to the bit, stopped by a signal between two steps. */
import type { NDArray } from '../tensor/index.ts';
import { foldIn, key, permutation, split as splitKey, type Key } from '../tensor/random.ts';
import { batchRanges, gatherBatch, hashSplit, openSplit, type Batch, type Split } from './batches.ts';
import {
  openCheckpoints,
  type Checkpoints,
  type EpochLine,
  type Fingerprint,
  type Progress,
} from './checkpoint.ts';
import { evaluator, requireCount, type Evaluator, type Metric } from './evaluate.ts';
import { refuseMetric, refuseStep, type Explain } from './notFinite.ts';
import type { Optimizer } from './optimizers/optimizer.ts';
import { layoutOf, packTree, unpackTree, type Layout } from './parameters.ts';
import { breather, pace, programsBySize, type Pace, type ProgramsBySize } from './programs.ts';
import type { Schedule } from './schedules.ts';
import {
  compileStep,
  evaluatedParameters,
  hyperOf,
  initialState,
  stateNames,
  type EngineChoice,
  type LossFunction,
  type LossReduction,
  type StepDefinition,
  type StepInput,
  stateInBlocks,
  stateOfBlocks,
  type StepProgram,
  type TrainingState,
} from './step.ts';

export type { EpochLine } from './checkpoint.ts';

export interface TrainOptions<P> extends EngineChoice {
  /** A tree of float32 arrays. */
  readonly init: (key: Key) => P;
  readonly loss: LossFunction<P>;
  /** Whether a step follows the gradient of the batch's mean loss (default) or of its sum; what is reported is the mean. */
  readonly reduction?: LossReduction | undefined;
  /** `[batch]`, averaged over the validation split; default: the loss. Smaller is better. */
  readonly metric?: Metric<P> | undefined;
  /** Arrays whose axis 0 counts samples. */
  readonly data: { readonly train: Split; readonly validation?: Split | undefined };
  readonly optimizer: Optimizer;
  readonly schedule: Schedule;
  readonly epochs: number;
  /** Samples a step. The last batch of an epoch is shorter where the split does not divide. */
  readonly batchSize: number;
  /** Seed of the initial parameters and of the order of samples. */
  readonly seed: number;
  /**
   * What a step is given in the place of a training batch: noise, crops, choices drawn anew. A pure function of the batch and a key
   * that names the seed, the epoch and the step; batches of one size give results of one size. Validation is left as it is.
   */
  readonly augment?: ((batch: Batch, key: Key) => Batch) | undefined;
  /** Largest norm of the whole gradient. */
  readonly clipNorm?: number | undefined;
  /** Decay of a moving average of the parameters; where given, the average is what is evaluated, selected and returned. */
  readonly ema?: number | undefined;
  /** Stop after `patience` epochs without a validation metric lower by more than `minDelta` (default 0). */
  readonly earlyStopping?: { readonly patience: number; readonly minDelta?: number } | undefined;
  /** Folder of last.safetensors, best.safetensors and their JSON. Training resumes from `last` when it is there. */
  readonly checkpoints?: string | undefined;
  /**
   * Least time in seconds between two checkpoints that are flushed to the disk, default 2. A killed training loses at most the
   * epoch in progress whatever this is; a power cut at most this time besides.
   */
  readonly checkpointInterval?: number | undefined;
  /** Called once with the lines of earlier parts of a resumed training, before it goes on. */
  readonly onResume?: ((history: readonly EpochLine[]) => void | Promise<void>) | undefined;
  readonly onEpoch?: ((line: EpochLine) => void | Promise<void>) | undefined;
  /** Looks for the reason of a loss, gradient or validation metric that is not finite. */
  readonly explain?: Explain<P> | undefined;
  readonly signal?: AbortSignal | undefined;
}

type TrainSettings = Omit<TrainOptions<unknown>, 'init' | 'loss' | 'metric' | 'explain'>;

export interface TrainResult<P> {
  /** After the last completed epoch, with `ema` their moving average; with `earlyStopping`, those of the best epoch. */
  readonly parameters: P;
  /** As the last step left them: `parameters`, unless `ema` or `earlyStopping` returns others there. */
  readonly lastStep: P;
  /** The epoch with the lowest validation metric; null without a validation split. */
  readonly best: { readonly epoch: number; readonly validation: number; readonly parameters: P } | null;
  readonly history: readonly EpochLine[];
  readonly stopped: 'finished' | 'early' | 'aborted';
  /** Training time, resumed parts added up. */
  readonly seconds: number;
}

/** The result of a training whose parameters are a part of larger ones. */
export const mapParameters = <P, Q>(
  { parameters, lastStep, best, ...rest }: TrainResult<P>,
  whole: (parameters: P) => Q,
): TrainResult<Q> => ({
  ...rest,
  parameters: whole(parameters),
  lastStep: whole(lastStep),
  best: best && { ...best, parameters: whole(best.parameters) },
});

/**
 * Trains a model. With `checkpoints`, a training that was killed at any moment and is called again with the same options
 * ends with the same parameters, bit for bit, as one that was not (same engine and threads).
 *
 * @throws on options that do not fit, damaged checkpoints, and a loss, gradient or metric that is not finite (the last
 * checkpoint then holds the last good epoch).
 */
export async function train<P>(options: TrainOptions<P>): Promise<TrainResult<P>> {
  checkOptions(options);
  const session = openSession(options);
  const { checkpoints, definition } = session;
  const saved = await checkpoints?.load();
  let progress = saved ?? session.start;
  let stopped: TrainResult<P>['stopped'] | null = outcome(progress, options);
  try {
    if (saved) await options.onResume?.(saved.history);
    while (stopped === null) {
      const next = await session.runEpoch(progress);
      if (next === null) {
        stopped = 'aborted';
        break;
      }
      progress = next;
      stopped = outcome(progress, options);
      await checkpoints?.save(progress);
      await options.onEpoch?.(progress.history[progress.history.length - 1]);
    }
    await checkpoints?.save(progress, { now: true });
  } catch (error) {
    // The first error is the one to report, even if the disk is what failed.
    await checkpoints?.save(progress, { now: true }).catch(() => undefined);
    throw error;
  } finally {
    await session.dispose();
  }
  const { best, history, seconds } = progress;
  const tree = (flat: NDArray): P => unpackTree(flat, session.layout);
  const chosen =
    options.earlyStopping && best ? best.parameters : evaluatedParameters(definition, progress.state);
  return {
    parameters: tree(chosen),
    lastStep: tree(progress.state[0]),
    best: best && { ...best, parameters: tree(best.parameters) },
    history,
    stopped,
    seconds,
  };
}

/** Whether a training that stands here is over. */
function outcome({ epoch, patience }: Progress, options: TrainSettings): 'finished' | 'early' | null {
  if (options.earlyStopping && patience.waited >= options.earlyStopping.patience) return 'early';
  return epoch >= options.epochs ? 'finished' : null;
}

interface Session<P> {
  readonly layout: Layout<P>;
  readonly definition: StepDefinition<P>;
  readonly start: Progress;
  readonly checkpoints: Checkpoints | null;
  /** The training one epoch later; null when the signal was given, the begun epoch then counts for nothing. */
  runEpoch(progress: Progress): Promise<Progress | null>;
  dispose(): Promise<void>;
}

function openSession<P>(options: TrainOptions<P>): Session<P> {
  const {
    init,
    loss,
    reduction,
    metric = loss,
    optimizer,
    clipNorm,
    ema,
    batchSize,
    engine,
    threads,
    augment = (batch: Batch) => batch,
  } = options;
  const training = openSplit(options.data.train, 'data.train');
  const held = options.data.validation && openSplit(options.data.validation, 'data.validation');
  const [initKey, shuffleKey, augmentKey] = splitKey(key(options.seed), 3);
  const initial = init(initKey);
  const layout = layoutOf(initial);
  const definition = { loss, reduction, layout, optimizer, clipNorm, ema };
  const steps = programsBySize((n) =>
    compileStep(definition, drawBatch(new Int32Array(n), 0, 0), { engine, threads }),
  );
  const validation = held ? evaluator(metric, layout, held, { batchSize, engine, threads }) : null;
  const names = stateNames(definition);
  const evaluated = ema === undefined ? 0 : names.length - 1;
  const drawBatch = (indices: Int32Array, epoch: number, step: number): Batch =>
    augment(gatherBatch(training.arrays, indices), foldIn(foldIn(augmentKey, epoch), step));
  const setting: EpochSetting<P> = {
    options,
    definition,
    count: training.count,
    drawBatch,
    steps,
    stepPace: pace(),
    validation,
    held,
    shuffleKey,
  };
  return {
    layout,
    definition,
    start: {
      epoch: 0,
      state: initialState(definition, packTree(initial, layout)),
      best: null,
      patience: { reference: null, waited: 0 },
      history: [],
      seconds: 0,
    },
    checkpoints:
      options.checkpoints === undefined
        ? null
        : openCheckpoints({
            folder: options.checkpoints,
            layout,
            names,
            evaluated,
            fingerprint: fingerprintOf(options, training.arrays, held?.arrays),
            intervalSeconds: options.checkpointInterval ?? 2,
          }),
    runEpoch: (progress) => runEpoch(setting, progress),
    async dispose() {
      await steps.dispose();
      await validation?.dispose();
    },
  };
}

interface EpochSetting<P> {
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

async function runEpoch<P>(setting: EpochSetting<P>, from: Progress): Promise<Progress | null> {
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
      samples: Int32Array.from({ length: held.count }, (_, i) => i),
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
    const group = ranges.slice(next, next + stepPace.steps()).filter((range) => sizeOfRange(range) === size);
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
      const reason = await options.explain?.({ parameters, batch: input.batch, split: 'training', samples });
      const [loss, gradient] = reports[failed];
      refuseStep({ loss, gradient }, { epoch: epoch + 1, step: step + 1, learningRate: rate }, reason);
    }
    for (const [loss, norm] of reports) {
      lossSum += loss * size;
      normSum += norm;
    }
    learningRate = planned[planned.length - 1].rate;
    state = carry;
    next += group.length;
  }
  return {
    state: stateOfBlocks(state),
    learningRate,
    train: lossSum / count,
    gradientNorm: normSum / ranges.length,
  };
}

/** What must not change between the parts of one training. Epochs and patience may: a training can be prolonged. */
const fingerprintOf = (options: TrainSettings, training: Split, validation?: Split): Fingerprint => ({
  seed: options.seed,
  batchSize: options.batchSize,
  optimizer: options.optimizer.description,
  schedule: options.schedule.description,
  reduction: options.reduction ?? 'mean',
  clipNorm: options.clipNorm ?? null,
  ema: options.ema ?? null,
  'training data SHA-256': hashSplit(training),
  'validation data SHA-256': validation ? hashSplit(validation) : null,
});

function checkOptions(options: TrainSettings): void {
  const { epochs, batchSize, clipNorm, ema, earlyStopping, checkpointInterval, data } = options;
  requireCount('train', 'epochs', epochs);
  requireCount('train', 'batchSize', batchSize);
  if (clipNorm !== undefined && !(clipNorm > 0)) {
    throw new Error(`train: clipNorm is ${clipNorm}, expected a number above 0`);
  }
  if (ema !== undefined && !(ema >= 0 && ema < 1)) {
    throw new Error(`train: ema is ${ema}, expected a decay in [0, 1)`);
  }
  if (checkpointInterval !== undefined && !(checkpointInterval >= 0)) {
    throw new Error(`train: checkpointInterval is ${checkpointInterval}, expected seconds ≥ 0`);
  }
  if (!earlyStopping) return;
  requireCount('train', 'earlyStopping.patience', earlyStopping.patience);
  if (!data.validation) {
    throw new Error('train: earlyStopping needs data.validation, which is missing');
  }
}

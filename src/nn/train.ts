/** The training loop: deterministic, resumable to the bit, stopped by a signal between two steps. */
import type { NDArray } from '../tensor/index.ts';
import { foldIn, key, split as splitKey, type Key } from '../tensor/random.ts';
import { gatherBatch, hashSplit, openSplit, type Batch, type Split } from './batches.ts';
import {
  openCheckpoints,
  type Checkpoints,
  type EpochLine,
  type Fingerprint,
  type Progress,
} from './checkpoint.ts';
import { runEpoch, type EpochSetting } from './epoch.ts';
import { evaluator, requireCount, type Metric } from './evaluate.ts';
import type { Explain, SourceRows } from './notFinite.ts';
import type { Optimizer } from './optimizers/optimizer.ts';
import { layoutOf, packTree, unpackTree, type Layout } from './parameters.ts';
import { pace, programsBySize } from './programs.ts';
import type { Schedule } from './schedules.ts';
import {
  compileStep,
  evaluatedParameters,
  initialState,
  stateNames,
  type EngineChoice,
  type LossFunction,
  type LossReduction,
  type StepDefinition,
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
  /** Rows of the user's data that the samples are, for messages. */
  readonly rows?: SourceRows | undefined;
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

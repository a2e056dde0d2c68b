/**
 * The training step: packed parameters, optimiser state and a batch become those of one step later, with the loss and the
 * gradient's norm. Steps are compiled as a scan, whose state stays inside the engine for as many steps as run at once.
 */
import {
  add,
  compileScan,
  div,
  mean,
  minimum,
  mul,
  reshape,
  sameShape,
  showShape,
  spec,
  specsOf,
  sqrt,
  square,
  sub,
  sum,
  valueAndGrad,
  type EngineName,
  type NDArray,
  type Scan,
  type Spec,
  type Tensor,
  type Turn,
} from '../tensor/index.ts';
import { flatten } from '../tensor/tree.ts';
import { blockLengths, cut, join, regroup, type Blocks } from './blocks.ts';
import { scalarsOf, type Optimizer } from './optimizers/optimizer.ts';
import { unpackTensors, type Layout, type TensorsOf } from './parameters.ts';

/** `[batch]`, one value a sample; or a scalar, the mean over the batch. */
export type LossFunction<P> = (params: TensorsOf<P>, batch: Record<string, Tensor>) => Tensor;

/** Whether a step follows the gradient of the batch's mean loss or of its sum. */
export type LossReduction = 'mean' | 'sum';

export interface EngineChoice {
  readonly engine?: EngineName | undefined;
  readonly threads?: number | undefined;
}

/** What defines the arithmetic of a step. */
export interface StepDefinition<P> {
  readonly loss: LossFunction<P>;
  /** What is differentiated, default 'mean'. Weight decay and clipping act beside its gradient, so they tell the two apart. */
  readonly reduction?: LossReduction | undefined;
  readonly layout: Layout<P>;
  readonly optimizer: Optimizer;
  /** Largest norm of the whole gradient. */
  readonly clipNorm?: number | undefined;
  /** Decay of the exponential moving average of the parameters. */
  readonly ema?: number | undefined;
}

/** The part of a definition that says which vectors and numbers a step takes. */
export type StateDefinition = Pick<StepDefinition<unknown>, 'optimizer' | 'ema'>;

/**
 * Packed vectors of a training, all `[layout.size]`: the parameters, the optimiser's slots, and with `ema` the moving
 * average of the parameters.
 */
export type TrainingState = readonly NDArray[];

/** Names of the vectors of a state, in order. */
export const stateNames = ({ optimizer, ema }: StateDefinition): string[] => [
  'parameters',
  ...optimizer.slots,
  ...(ema === undefined ? [] : ['average']),
];

/** The state before the first step: slots are zero, the average begins at the initial parameters. */
export const initialState = (definition: StateDefinition, parameters: NDArray): TrainingState =>
  stateNames(definition).map((name) => ({
    ...parameters,
    data:
      name === 'parameters' || name === 'average'
        ? parameters.data.slice()
        : new Float32Array(parameters.data.length),
  }));

/** A state as a step program takes and returns it. The blocks share the state's memory. */
export const stateInBlocks = (layout: Layout, state: TrainingState): readonly Blocks<NDArray>[] =>
  state.map((vector) => cut(vector, blockLengths(layout)));

/** The state of such blocks, in memory of its own. */
export const stateOfBlocks = (blocks: readonly Blocks<NDArray>[]): TrainingState => blocks.map(join);

/** The vector of a state that evaluation, selection and export use: the average where there is one. */
export const evaluatedParameters = (definition: StateDefinition, state: TrainingState): NDArray =>
  definition.ema === undefined ? state[0] : state[state.length - 1];

/**
 * The numbers fed to step t (from 1): those of the optimiser, and the decay of the moving average, which starts lower so
 * that the average forgets the initial values: min(ema, (1 + t) / (10 + t)).
 */
export function hyperOf({ optimizer, ema }: StateDefinition, learningRate: number, t: number): NDArray {
  const values = optimizer.hyper(learningRate, t);
  if (ema !== undefined) values.push(Math.min(ema, (1 + t) / (10 + t)));
  return { data: Float32Array.from(values), shape: [values.length], dtype: 'float32' };
}

/** What a step is fed beside the state. */
export type StepInput<Leaf> = {
  /** Of `hyperOf`. */
  readonly hyper: Leaf;
  readonly batch: Readonly<Record<string, Leaf>>;
};

/** What a step tells. */
export type StepReport<Leaf> = {
  /** `[]`, mean over the batch, before the update. */
  readonly loss: Leaf;
  /** `[]`, ‖gradient‖₂ before clipping. */
  readonly gradientNorm: Leaf;
};

/**
 * The step as a function over tensors; every vector of the state comes in blocks of the same lengths. The gradient is taken
 * with respect to the tree, then cut as they are.
 */
export function trainingStep<P>({ loss, reduction, layout, optimizer, clipNorm, ema }: StepDefinition<P>) {
  return (
    state: readonly Blocks<Tensor>[],
    { hyper, batch }: StepInput<Tensor>,
  ): Turn<readonly Blocks<Tensor>[], StepReport<Tensor>> => {
    const [parameters] = state;
    const scale = reduction === 'sum' ? batchOf(batch) : 1;
    const objective: LossFunction<P> = (p, b) => mul(scale, meanLoss(loss(p, b), batchOf(b)));
    const [value, gradientTree] = valueAndGrad(objective)(unpackTensors(parameters, layout), batch);
    const gradient = regroup(
      flatten<Tensor>(gradientTree).leaves.map((leaf) => reshape(leaf, [-1])),
      parameters.map(({ shape }) => shape[0]),
    );
    const gradientNorm = sqrt(gradient.map((block) => sum(square(block))).reduce((a, b) => add(a, b)));
    const clip = clipNorm === undefined ? null : clipFactor(gradientNorm, clipNorm);
    const numbers = scalarsOf(hyper);
    const blocks = gradient.map((block, i) => {
      const vectors = state.map((vector) => vector[i]);
      const next = optimizer.update({
        parameters: vectors[0],
        gradient: clip === null ? block : mul(block, clip),
        slots: vectors.slice(1, 1 + optimizer.slots.length),
        hyper: numbers,
      });
      const average =
        ema === undefined ? [] : [movingAverage(vectors[vectors.length - 1], next.parameters, numbers)];
      return [next.parameters, ...next.slots, ...average];
    });
    const next = state.map((_, vector) => blocks.map((block) => block[vector]));
    return { carry: next, values: { loss: div(value, scale), gradientNorm } };
  };
}

/** min(1, limit / (length + 1e-6)) (Pascanu et al. 2013; the small number as in PyTorch). */
const clipFactor = (length: Tensor, limit: number): Tensor => minimum(1, div(limit, add(length, 1e-6)));

/** a + (1 − decay)(θ − a); the decay is the last of the fed numbers. */
const movingAverage = (average: Tensor, parameters: Tensor, numbers: readonly Tensor[]): Tensor =>
  add(average, mul(sub(1, numbers[numbers.length - 1]), sub(parameters, average)));

export type StepProgram = Scan<readonly Blocks<NDArray>[], StepInput<NDArray>, StepReport<NDArray>>;

/**
 * Compiles steps with batches like `batch` (only shapes and dtypes are read).
 *
 * @throws if the loss is neither a scalar nor one value a sample, and what its ops throw about shapes.
 */
export async function compileStep<P>(
  definition: StepDefinition<P>,
  batch: Record<string, NDArray>,
  options: EngineChoice = {},
): Promise<StepProgram> {
  const vector = blockLengths(definition.layout).map((length) => spec([length], 'float32'));
  const carry: readonly Blocks<Spec>[] = stateNames(definition).map(() => vector);
  const hyper = spec(hyperOf(definition, 1, 1).shape, 'float32');
  return compileScan(
    trainingStep(definition),
    { carry, values: { hyper, batch: specsOf(batch) } },
    engineOptions(options),
  );
}

const batchOf = (batch: Readonly<Record<string, Tensor>>): number =>
  Object.values(batch).at(0)?.shape[0] ?? 1;

function meanLoss(value: Tensor, n: number): Tensor {
  if (value.rank === 0) return value;
  if (sameShape(value.shape, [n])) return mean(value);
  throw new Error(
    `train: the loss has shape ${showShape(value.shape)} for a batch of ${n}, expected [${n}] (one value a sample) or a scalar`,
  );
}

/** Without the options that were left out: their defaults are the core's. */
export const engineOptions = ({
  engine,
  threads,
}: EngineChoice): { engine?: EngineName; threads?: number } => ({
  ...(engine !== undefined && { engine }),
  ...(threads !== undefined && { threads }),
});

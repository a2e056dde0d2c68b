/**
 * Deep ensembles (Lakshminarayanan, Pritzel & Blundell 2017, arXiv 1612.01474): models of one kind that differ in their initial
 * parameters and in the order of their samples. Members share one training program through vmap: their parameters are stacked,
 * and the loss is the sum of their losses, whose gradient is each member's own.
 */
import path from 'node:path';
import {
  layoutOf,
  predictor,
  train,
  type EpochLine,
  type LossFunction,
  type Metric,
  type PredictOptions,
  type TensorsOf,
  type TrainOptions,
} from '../nn/index.ts';
import { mean, moveAxis, showShape, sizeOf, sum, vmap, type NDArray, type Tensor } from '../tensor/index.ts';
import { foldIn, key, permutation, split, type Key } from '../tensor/random.ts';
import { stackMembers, unstackMembers } from './members.ts';

/** Whether members see the samples in orders of their own, or all in the same. */
export type SampleOrder = 'own' | 'shared';

/**
 * A training, and how many of it. `clipNorm` and `earlyStopping` are refused: both would let one member act on the others.
 * `seed` is the ensemble's: everything random of every member follows from it.
 */
export interface EnsembleOptions<P> extends Omit<TrainOptions<P>, 'clipNorm' | 'earlyStopping'> {
  /** One value a sample, `[batch]`, of one member. */
  readonly loss: LossFunction<P>;
  readonly members: number;
  /**
   * Members trained by one program, default all. A program of k members needs about k times the memory of one; 1 trains one after
   * the other. The members are the same whatever it is, up to rounding.
   */
  readonly membersAtOnce?: number | undefined;
  /** Default 'own', which keeps a copy of the training split for each member of a program. */
  readonly order?: SampleOrder | undefined;
}

export interface EnsembleResult<P> {
  /** After the last epoch. */
  readonly members: readonly P[];
  /** Losses and metrics are means over the members; epochs of the programs follow one another. */
  readonly history: readonly EpochLine[];
  readonly stopped: 'finished' | 'aborted';
  readonly seconds: number;
}

/** Key of the initial parameters of member m of an ensemble, from the key that a training gives its `init`. */
export const memberKey = (initKey: Key, member: number): Key => foldIn(initKey, member);

/** The order in which member m keeps the n training samples; a training shuffles that order anew every epoch. */
export const memberOrder = (seed: number, member: number, n: number): Int32Array =>
  permutation(foldIn(split(key(seed), 3)[2], member), n);

/**
 * Trains the members of an ensemble. Resumes from `checkpoints`, where every program has a folder of its own, as `train` does.
 *
 * @throws on clipNorm and earlyStopping, and what `train` throws.
 */
export async function trainEnsemble<P>(options: EnsembleOptions<P>): Promise<EnsembleResult<P>> {
  const { members, membersAtOnce = members, onEpoch, onResume } = options;
  checkOptions(options);
  const trained: P[] = [];
  let before: EpochLine[] = [];
  for (let from = 0; from < members; from += membersAtOnce) {
    const group = Array.from({ length: Math.min(membersAtOnce, members - from) }, (_, i) => from + i);
    const earlier = before;
    const renumber = (line: EpochLine): EpochLine => ({
      ...line,
      epoch: earlier.length + line.epoch,
      seconds: (earlier.at(-1)?.seconds ?? 0) + line.seconds,
      train: line.train / group.length,
    });
    const result = await train({
      ...trainingOf(options, group),
      onEpoch: onEpoch && ((line) => onEpoch(renumber(line))),
      onResume: onResume && ((lines) => onResume([...earlier, ...lines.map(renumber)])),
    });
    before = [...earlier, ...result.history.map(renumber)];
    const seconds = before.at(-1)?.seconds ?? 0;
    trained.push(...unstackMembers(result.parameters));
    if (result.stopped === 'aborted')
      return { members: trained, history: before, stopped: 'aborted', seconds };
  }
  return { members: trained, history: before, stopped: 'finished', seconds: before.at(-1)?.seconds ?? 0 };
}

function checkOptions<P>(options: EnsembleOptions<P>): void {
  for (const [name, value] of Object.entries({
    members: options.members,
    membersAtOnce: options.membersAtOnce,
  })) {
    if (value !== undefined && !(Number.isInteger(value) && value >= 1))
      throw new Error(`trainEnsemble: ${name} is ${value}, expected a whole number ≥ 1`);
  }
  for (const coupling of ['clipNorm', 'earlyStopping'] as const) {
    if ((options as Partial<TrainOptions<P>>)[coupling] === undefined) continue;
    throw new Error(
      `trainEnsemble: ${coupling} would act on all members at once by what one of them does; leave it out, or call train for each member`,
    );
  }
}

/** The training of some members as one model. */
function trainingOf<P>(options: EnsembleOptions<P>, group: readonly number[]): TrainOptions<P> {
  const { init, loss, metric = loss, data, order = 'own', checkpoints, seed } = options;
  const [first, last] = [group[0], group[group.length - 1]];
  return {
    ...options,
    init: (initKey) => stackMembers(group.map((member) => init(memberKey(initKey, member)))),
    loss: (parameters, batch) =>
      sum(
        ofEveryMember(loss, parameters, order === 'own' ? memberBatches(batch) : batch, order === 'own'),
        0,
      ),
    metric: (parameters, batch) => mean(ofEveryMember(metric, parameters, batch, false), 0),
    data: order === 'own' ? { ...data, train: ownOrders(data.train, seed, group) } : data,
    checkpoints: checkpoints === undefined ? undefined : path.join(checkpoints, `members-${first}-${last}`),
  };
}

/** The loss or metric of every member: `[members, batch]`. */
function ofEveryMember<P>(
  measure: Metric<P>,
  parameters: TensorsOf<P>,
  batch: Record<string, Tensor>,
  batchMapped: boolean,
): Tensor {
  const values = vmap(measure, [true, batchMapped])(parameters, batch);
  if (values.rank === 2) return values;
  throw new Error(
    `trainEnsemble: the loss or metric of a member has shape ${showShape(values.shape.slice(1))}, expected one value a sample, [batch]`,
  );
}

type Arrays = Readonly<Record<string, NDArray>>;

/** [n, ...] → [n, members, ...]: beside each other stand the samples that the members see at the same time. */
function ownOrders(arrays: Arrays, seed: number, group: readonly number[]): Arrays {
  const entries = Object.entries(arrays).map(([name, { data, shape, dtype }]) => {
    const [count, ...rest] = shape;
    const row = sizeOf(rest);
    const all = data.slice(0, 0);
    const ordered = new (all.constructor as new (length: number) => typeof all)(group.length * data.length);
    group.forEach((member, m) => {
      memberOrder(seed, member, count).forEach((from, i) =>
        ordered.set(data.subarray(from * row, (from + 1) * row), (i * group.length + m) * row),
      );
    });
    return [name, { data: ordered, shape: [count, group.length, ...rest], dtype }] as const;
  });
  return Object.fromEntries(entries);
}

/** [batch, members, ...] → [members, batch, ...] */
const memberBatches = (batch: Record<string, Tensor>): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(batch).map(([name, values]) => [name, moveAxis(values, 1, 0)]));

export interface EnsemblePrediction {
  /** `[members, n, ...]` */
  readonly members: NDArray;
  /** `[n, ...]` */
  readonly mean: NDArray;
  /** Sample standard deviation over the members, `[n, ...]`; zero for one member. */
  readonly deviation: NDArray;
}

/** apply(member, inputs) of every member for `[n, ...]` inputs, in batches, by one program. Throws as `predict` does. */
export async function predictEnsemble<P>(
  apply: (parameters: TensorsOf<P>, inputs: Tensor) => Tensor,
  members: readonly P[],
  inputs: NDArray,
  options: PredictOptions = {},
): Promise<EnsemblePrediction> {
  const stacked = stackMembers(members);
  layoutOf(stacked);
  const model = predictor<P>(
    (parameters, x) => moveAxis(vmap(apply, [true, false])(parameters, x), 0, 1),
    stacked,
    inputs,
    options,
  );
  try {
    return momentsOf(await model.run(stacked, inputs));
  } finally {
    await model.dispose();
  }
}

/** From predictions `[n, members, ...]`, in float64. */
function momentsOf({ data, shape }: NDArray): EnsemblePrediction {
  const [count, members, ...rest] = shape;
  const row = sizeOf(rest);
  const each = new Float32Array(data.length);
  const average = new Float64Array(count * row);
  const deviation = new Float64Array(count * row);
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < row; j++) {
      const at = (m: number): number => data[(i * members + m) * row + j];
      let total = 0;
      for (let m = 0; m < members; m++) {
        total += at(m);
        each[(m * count + i) * row + j] = at(m);
      }
      const centre = total / members;
      let squares = 0;
      for (let m = 0; m < members; m++) squares += (at(m) - centre) ** 2;
      average[i * row + j] = centre;
      deviation[i * row + j] = members > 1 ? Math.sqrt(squares / (members - 1)) : 0;
    }
  }
  const outputs = [count, ...rest];
  return {
    members: { data: each, shape: [members, ...outputs], dtype: 'float32' },
    mean: { data: average, shape: outputs, dtype: 'float64' },
    deviation: { data: deviation, shape: outputs, dtype: 'float64' },
  };
}

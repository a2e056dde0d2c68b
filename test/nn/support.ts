/** What the tests of the networks share: formula arrays (see golden.py), evaluation in float64, a tiny regression. */
import {
  array,
  compile,
  mapTree,
  sizeOf,
  specsOf,
  type MapLeaves,
  type NDArray,
  type Shape,
  type Tensor,
} from '../../src/tensor/index.ts';
import { split } from '../../src/tensor/random.ts';
import {
  adam,
  adamw,
  constantSchedule,
  mlp,
  mse,
  stepSchedule,
  type MlpParameters,
  type TrainOptions,
} from '../../src/nn/index.ts';
import { tanh } from '../../src/tensor/index.ts';

/** 0.5 sin(1.7 i + phase) over the flat index i, float64. */
export const wave = (shape: Shape, phase: number): NDArray =>
  array(
    Float64Array.from({ length: sizeOf(shape) }, (_, i) => 0.5 * Math.sin(1.7 * i + phase)),
    shape,
  );

/** The tree with its k-th leaf replaced by `wave(shape, k)`. */
export const waves = <T>(tree: T): T => mapTree(tree, (leaf: NDArray, k) => wave(leaf.shape, k)) as T;

/** f of concrete trees, by the reference engine in float64. */
export async function evaluate<Args extends readonly unknown[], R>(
  f: (...args: { [K in keyof Args]: MapLeaves<Args[K], NDArray, Tensor> }) => R,
  ...args: Args
): Promise<MapLeaves<R, Tensor, NDArray>> {
  const program = await compile(f as never, specsOf(args) as never, {
    engine: 'reference',
    dtype: 'float64',
  });
  return (await program.run(args as never)) as MapLeaves<R, Tensor, NDArray>;
}

/** y = sin 3x on 37 points (no multiple of the batch size), by a network of 8 hidden units. */
export function regression(changes: Partial<TrainOptions<MlpParameters>> = {}): TrainOptions<MlpParameters> {
  const count = 37;
  const x = Float64Array.from({ length: count }, (_, i) => (2 * i) / (count - 1) - 1);
  const y = x.map((v) => Math.sin(3 * v));
  const points = { x: array(x, [count, 1]), y: array(y, [count, 1]) };
  return {
    init: (key) => mlp.init(split(key, 1)[0], { sizes: [1, 8, 1] }),
    loss: (params, batch) => mse(mlp.apply(params, batch['x'], tanh), batch['y']),
    data: { train: points, validation: points },
    optimizer: adam({ learningRate: 0.02 }),
    schedule: constantSchedule,
    epochs: 4,
    batchSize: 8,
    seed: 1,
    threads: 1,
    ...changes,
  };
}

/** The regression with everything that has a state: optimiser, schedule, moving average, clipping. Saved every epoch. */
export const stateful = (changes: Partial<TrainOptions<MlpParameters>> = {}): TrainOptions<MlpParameters> =>
  regression({
    optimizer: adamw({ learningRate: 0.02, weightDecay: 0.01 }),
    schedule: stepSchedule({ every: 3, gamma: 0.5 }),
    ema: 0.9,
    clipNorm: 0.5,
    epochs: 8,
    checkpointInterval: 0,
    ...changes,
  });

/** The values of all leaves, for comparison to the bit. */
export const bits = (tree: unknown): number[] => {
  const values: number[] = [];
  mapTree(tree, (leaf: NDArray) => values.push(...leaf.data));
  return values;
};

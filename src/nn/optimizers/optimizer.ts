/**
 * What an optimiser is: a pure update of one packed parameter vector. It treats every entry alike and apart, since a step
 * applies it to the vector block by block (blocks.ts).
 */
import { take, type Tensor } from '../../tensor/index.ts';

export interface UpdateInput {
  /** `[n]` */
  readonly parameters: Tensor;
  /** `[n]`, after clipping. */
  readonly gradient: Tensor;
  /** State vectors `[n]`, in the order of `slots`. */
  readonly slots: readonly Tensor[];
  /** The numbers of `hyper`, as scalars. */
  readonly hyper: readonly Tensor[];
}

export interface UpdateOutput {
  readonly parameters: Tensor;
  readonly slots: readonly Tensor[];
}

export interface Optimizer {
  /** Says what the optimiser is; a training resumes only under the optimiser it began with. */
  readonly description: string;
  /** The base learning rate, which the schedule's factor multiplies. */
  readonly learningRate: number;
  /** Names of the state vectors, each as long as the parameters and zero at the start. */
  readonly slots: readonly string[];
  /** The slots that hold squares, whose tiny values count beside an ε as tiny. */
  readonly squares?: readonly string[];
  /**
   * The numbers that change from step to step (learning rate, bias corrections), computed in float64 on the host and fed
   * as one small vector, so that one compiled step serves the whole training. `step` counts from 1.
   */
  hyper(learningRate: number, step: number): number[];
  update(input: UpdateInput): UpdateOutput;
}

/** The entries of a small vector as scalars. */
export const scalarsOf = (vector: Tensor): Tensor[] =>
  Array.from({ length: vector.shape[0] }, (_, i) => take(vector, 0, i));

/** Checks settings by `[low, high)` and writes them down: `adam(learningRate=0.001, beta1=0.9)`. */
export function describe(
  name: string,
  settings: Readonly<Record<string, number | boolean>>,
  ranges: Readonly<Record<string, readonly [number, number]>>,
): string {
  for (const [setting, [low, high]] of Object.entries(ranges)) {
    const value = settings[setting];
    if (!(Number(value) >= low && Number(value) < high)) {
      throw new Error(`${name}: ${setting} is ${value}, expected a number in [${low}, ${high})`);
    }
  }
  const list = Object.entries(settings).map(([key, value]) => `${key}=${value}`);
  return `${name}(${list.join(', ')})`;
}

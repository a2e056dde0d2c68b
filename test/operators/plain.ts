/** Networks as loops over numbers, for the references of tests. */
import type { NDArray } from '../../src/tensor/index.ts';

export interface Affine {
  /** [inputs, outputs] */
  readonly weight: NDArray;
  readonly bias: NDArray;
}

export const affine = ({ weight, bias }: Affine, x: readonly number[]): number[] =>
  Array.from(bias.data, (b, o) =>
    x.reduce((sum, value, i) => sum + value * weight.data[i * bias.data.length + o], Number(b)),
  );

/** ReLU between the maps, none after the last. */
export const perceptron = (layers: readonly Affine[], x: readonly number[]): number[] =>
  layers.reduce(
    (y, layer, l) => affine(layer, l === 0 ? [...y] : y.map((value) => Math.max(value, 0))),
    [...x],
  );

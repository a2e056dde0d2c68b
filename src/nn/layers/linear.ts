/** The affine map on the last axis. */
import { add, matmul, reshape, showShape, type NDArray, type Tensor } from '../../tensor/index.ts';
import { split, type Key } from '../../tensor/random.ts';
import { fanInUniform, type Initialiser } from '../initialisers.ts';

export type LinearParameters<Leaf = NDArray> = {
  /** `[inputs, outputs]`: the transpose of PyTorch's. */
  readonly weight: Leaf;
  /** `[outputs]` */
  readonly bias: Leaf;
};

export interface LinearOptions {
  readonly inputs: number;
  readonly outputs: number;
  /** Default for both: uniform on ±1/√inputs, as PyTorch's Linear. */
  readonly weight?: Initialiser;
  readonly bias?: Initialiser;
}

export const linear = {
  init(key: Key, { inputs, outputs, ...initialisers }: LinearOptions): LinearParameters {
    const { weight = fanInUniform(inputs), bias = fanInUniform(inputs) } = initialisers;
    const [weightKey, biasKey] = split(key, 2);
    return { weight: weight(weightKey, [inputs, outputs]), bias: bias(biasKey, [outputs]) };
  },

  /** x W + b: `[..., inputs]` → `[..., outputs]`, as one matrix product whatever the leading axes. */
  apply({ weight, bias }: LinearParameters<Tensor>, x: Tensor): Tensor {
    const [inputs, outputs] = weight.shape;
    if (x.rank < 1 || x.shape[x.rank - 1] !== inputs) {
      throw new Error(`linear: the input is ${showShape(x.shape)}, expected [..., ${inputs}]`);
    }
    const rows = add(matmul(reshape(x, [-1, inputs]), weight), bias);
    return reshape(rows, [...x.shape.slice(0, -1), outputs]);
  },
};

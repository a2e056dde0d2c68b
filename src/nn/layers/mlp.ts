/** Multilayer perceptron: linear maps with a non-linearity between them, none after the last. */
import { relu, type NDArray, type Tensor } from '../../tensor/index.ts';
import { split, type Key } from '../../tensor/random.ts';
import { linear, type LinearOptions, type LinearParameters } from './linear.ts';

export type MlpParameters<Leaf = NDArray> = readonly LinearParameters<Leaf>[];

export type Activation = (x: Tensor) => Tensor;

export const mlp = {
  /** `sizes`: inputs, hidden widths, outputs. Initialisers hold for every layer. */
  init(
    key: Key,
    {
      sizes,
      ...initialisers
    }: { readonly sizes: readonly number[] } & Pick<LinearOptions, 'weight' | 'bias'>,
  ): MlpParameters {
    if (sizes.length < 2) {
      throw new Error(
        `mlp: sizes [${sizes.join(', ')}], expected at least the number of inputs and of outputs`,
      );
    }
    return split(key, sizes.length - 1).map((layer, i) =>
      linear.init(layer, { inputs: sizes[i], outputs: sizes[i + 1], ...initialisers }),
    );
  },

  /** `[..., inputs]` → `[..., outputs]`. */
  apply(layers: MlpParameters<Tensor>, x: Tensor, activation: Activation = relu): Tensor {
    return layers.reduce((y, layer, i) => {
      const z = linear.apply(layer, y);
      return i < layers.length - 1 ? activation(z) : z;
    }, x);
  },
};

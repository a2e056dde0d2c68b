/** U-Net for images (Ronneberger, Fischer & Brox 2015, arXiv 1505.04597), in the form of fastMRI (Zbontar et al. 2018, arXiv 1811.08839). */
import {
  averagePool,
  concat,
  conv,
  convTranspose,
  instanceNorm,
  leakyRelu,
  showShape,
  sliceAxis,
  type NDArray,
  type Tensor,
} from '../../tensor/index.ts';
import { split, type Key } from '../../tensor/random.ts';
import { convolution, fanInUniform, type ConvolutionParameters, type Initialiser } from '../../nn/index.ts';

/** Two convolutions of 3 × 3 without bias, each followed by instance normalisation and a leaky ReLU. */
export type ConvolutionBlock<Leaf = NDArray> = {
  /** [outputs, inputs, 3, 3] */
  readonly first: Leaf;
  /** [outputs, outputs, 3, 3] */
  readonly second: Leaf;
};

/** With C channels and P pools; level i has C·2^i channels. */
export type UNetParameters<Leaf = NDArray> = {
  /** P levels, the finest first. */
  readonly down: readonly ConvolutionBlock<Leaf>[];
  /** C·2^(P − 1) → C·2^P channels. */
  readonly bottleneck: ConvolutionBlock<Leaf>;
  /** P levels, the coarsest first: a transposed convolution [2c, c, 2, 2], then a block of 2c → c channels. */
  readonly up: readonly { readonly transposed: Leaf; readonly block: ConvolutionBlock<Leaf> }[];
  /** A convolution of 1 × 1 with bias. */
  readonly last: ConvolutionParameters<Leaf>;
};

export interface UNetOptions {
  readonly inputs: number;
  readonly outputs: number;
  /** C, channels of the finest level. */
  readonly channels: number;
  /** P, how often the resolution is halved; at least 1. */
  readonly pools: number;
  /** Of all weights and the bias; default uniform on ±1/√fan-in, as PyTorch's. */
  readonly weights?: Initialiser;
}

export const uNet = {
  /** @throws unless all sizes are whole numbers ≥ 1. */
  init(key: Key, { weights, ...sizes }: UNetOptions): UNetParameters {
    for (const [name, value] of Object.entries(sizes))
      if (!Number.isInteger(value) || value < 1)
        throw new Error(`uNet: ${name} is ${value}, expected a whole number ≥ 1`);
    const { inputs, outputs, channels, pools } = sizes;
    const [downKey, bottleneckKey, upKey, lastKey] = split(key, 4);
    const initialise = (fanIn: number): Initialiser => weights ?? fanInUniform(fanIn);
    const block = (k: Key, from: number, to: number): ConvolutionBlock => {
      const [first, second] = split(k, 2);
      return {
        first: initialise(9 * from)(first, [to, from, 3, 3]),
        second: initialise(9 * to)(second, [to, to, 3, 3]),
      };
    };
    const widths = Array.from({ length: pools }, (_, level) => channels * 2 ** level);
    const coarsest = widths[pools - 1];
    return {
      down: split(downKey, pools).map((k, i) => block(k, i === 0 ? inputs : widths[i - 1], widths[i])),
      bottleneck: block(bottleneckKey, coarsest, 2 * coarsest),
      up: split(upKey, pools).map((k, i) => {
        const [transposedKey, blockKey] = split(k, 2);
        const width = widths[pools - 1 - i];
        return {
          // PyTorch takes the second axis of a transposed convolution's weight for its fan-in.
          transposed: initialise(4 * width)(transposedKey, [2 * width, width, 2, 2]),
          block: block(blockKey, 2 * width, width),
        };
      }),
      last: convolution.init(lastKey, {
        inputs: channels,
        outputs,
        kernel: [1, 1],
        ...(weights && { weight: weights, bias: weights }),
      }),
    };
  },

  /**
   * [batch, inputs, h, w] → [batch, outputs, h, w], any size that is at least 2^P. Where a level is odd, what comes up is one row
   * or column short and repeats by reflection.
   *
   * @throws if the image is too small for the pools.
   */
  apply({ down, bottleneck, up, last }: UNetParameters<Tensor>, x: Tensor): Tensor {
    const [h, w] = x.shape.slice(2);
    if (x.rank !== 4 || Math.min(h, w) < 2 ** down.length) {
      throw new Error(
        `uNet: x is ${showShape(x.shape)}, expected [batch, channels, h, w] with h and w of at least ${2 ** down.length} for ${down.length} pools`,
      );
    }
    const skipped: Tensor[] = [];
    let y = x;
    for (const level of down) {
      const features = applyBlock(level, y);
      skipped.push(features);
      y = averagePool(features, 2);
    }
    y = applyBlock(bottleneck, y);
    for (const { transposed, block } of up) {
      const skip = skipped.pop() as Tensor;
      const risen = activation(convTranspose(y, transposed, { strides: 2 }));
      y = applyBlock(block, concat([reflectTo(risen, skip), skip], 1));
    }
    return convolution.apply(last, y);
  },
};

const activation = (x: Tensor): Tensor => leakyRelu(instanceNorm(x), 0.2);

const applyBlock = ({ first, second }: ConvolutionBlock<Tensor>, x: Tensor): Tensor =>
  [first, second].reduce((y, weight) => activation(conv(y, weight, { padding: 'same' })), x);

/** x with its last but one row and column repeated behind the last, where it is one shorter than `like`. */
const reflectTo = (x: Tensor, like: Tensor): Tensor =>
  [2, 3].reduce((y, axis) => {
    const n = y.shape[axis];
    return n === like.shape[axis] ? y : concat([y, sliceAxis(y, axis, n - 2, n - 1)], axis);
  }, x);

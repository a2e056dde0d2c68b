/** A small convolutional network (after LeCun et al. 1998) that tells digits; its hidden features measure distances of sets of images. */
import { cached } from '../../datasets/cache.ts';
import { CLASSES, type LabelledImages } from '../../datasets/images.ts';
import { npy } from '../../datasets/npy.ts';
import {
  adam,
  convolution,
  cosineSchedule,
  crossEntropy,
  layoutOf,
  linear,
  packTree,
  predict,
  train,
  unpackTree,
  type ConvolutionParameters,
  type LinearParameters,
} from '../nn/index.ts';
import { array, relu, reshape, type EngineName, type NDArray, type Tensor } from '../tensor/index.ts';
import { key as keyOf, split, type Key } from '../tensor/random.ts';

type Classifier<Leaf = NDArray> = {
  readonly convolutions: readonly ConvolutionParameters<Leaf>[];
  readonly hidden: LinearParameters<Leaf>;
  readonly output: LinearParameters<Leaf>;
};

/** Numbers of a feature vector. */
const FEATURES = 64;
const CHANNELS = [1, 16, 32] as const;
const STRIDE = 2;

function init(key: Key, side: number): Classifier {
  const [first, second, hidden, output] = split(key, 4);
  const smallest = Math.ceil(Math.ceil(side / STRIDE) / STRIDE);
  return {
    convolutions: [first, second].map((own, i) =>
      convolution.init(own, { inputs: CHANNELS[i], outputs: CHANNELS[i + 1], kernel: [5, 5] }),
    ),
    hidden: linear.init(hidden, { inputs: CHANNELS[2] * smallest ** 2, outputs: FEATURES }),
    output: linear.init(output, { inputs: FEATURES, outputs: CLASSES }),
  };
}

/** x `[batch, 1, side, side]` in [0, 1] → `[batch, FEATURES]`, before the last layer. */
function featuresOf({ convolutions, hidden }: Classifier<Tensor>, x: Tensor): Tensor {
  const maps = convolutions.reduce(
    (v, layer) => relu(convolution.apply(layer, v, { strides: STRIDE, padding: 'same' })),
    x,
  );
  return relu(linear.apply(hidden, reshape(maps, [x.shape[0], -1])));
}

const logitsOf = (p: Classifier<Tensor>, x: Tensor): Tensor => linear.apply(p.output, featuresOf(p, x));

export interface ClassifierOptions {
  readonly epochs: number;
  readonly seed: number;
  /** SHA-256 of the images: with the other options the name under which the trained network is kept. */
  readonly hash: string;
  readonly engine?: EngineName;
  readonly threads: number;
  readonly signal: AbortSignal;
  readonly onEpoch?: (done: number) => void;
}

export interface ImageFeatures {
  /** Share of the images whose class is right. */
  accuracy(images: LabelledImages): Promise<number>;
  /** `[n, 64]` */
  features(images: Pick<LabelledImages, 'levels' | 'shape'>): Promise<NDArray>;
}

/** Raised when the same options give another network. */
const VERSION = 1;

/** Levels 0 … 255 as numbers in [0, 1]: `[n, 1, height, width]`. */
const inputsOf = ({ levels, shape: [n, h, w] }: Pick<LabelledImages, 'levels' | 'shape'>): NDArray =>
  array(
    Float32Array.from(levels, (level) => level / 255),
    [n, 1, h, w],
    'float32',
  );

/** The network trained on images, from the cache of generated arrays where it is there. Throws the signal's reason when aborted. */
export async function imageFeatures(
  images: LabelledImages,
  { epochs, seed, hash, engine, threads, signal, onEpoch }: ClassifierOptions,
): Promise<ImageFeatures> {
  const initial = init(keyOf(seed), images.shape[1]);
  const layout = layoutOf(initial);
  const choice = { ...(engine && { engine }), threads };
  const { parameters } = await cached(
    'image-classifier',
    { version: VERSION, hash, epochs, seed },
    async () => {
      const trained = await train<Classifier>({
        init: () => initial,
        loss: (p, { x, label }) => crossEntropy(logitsOf(p, x), label, { reduction: 'none' }),
        data: {
          train: {
            x: inputsOf(images),
            label: array(Int32Array.from(images.labels), [images.labels.length], 'int32'),
          },
        },
        optimizer: adam({ learningRate: 2e-3 }),
        schedule: cosineSchedule({ epochs }),
        epochs,
        batchSize: 100,
        seed,
        signal,
        onEpoch: ({ epoch }) => onEpoch?.(epoch),
        ...choice,
      });
      signal.throwIfAborted();
      const { data } = packTree(trained.parameters, layout);
      return { parameters: npy(data, [layout.size]) };
    },
  );
  const trained = unpackTree(
    { data: parameters.data as Float32Array, shape: [layout.size], dtype: 'float32' },
    layout,
  );
  const through = (f: (p: Classifier<Tensor>, x: Tensor) => Tensor, x: NDArray): Promise<NDArray> =>
    predict(f as never, trained, x, { batchSize: 500, ...choice });
  return {
    async accuracy(held) {
      const { data } = await through(logitsOf, inputsOf(held));
      const right = held.labels.filter((label, i) => {
        const own = data.subarray(i * CLASSES, (i + 1) * CLASSES);
        return own.indexOf(Math.max(...own)) === label;
      });
      return right.length / held.labels.length;
    },
    features: (held) => through(featuresOf, inputsOf(held)),
  };
}

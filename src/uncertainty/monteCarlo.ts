/** Propagation of Gaussian input noise by sampling, to all orders: mean and standard deviation of f(x + ε) over draws of ε. */
import {
  add,
  compile,
  mul,
  reshape,
  showShape,
  sizeOf,
  spec,
  type NDArray,
  type Tensor,
} from '../tensor/index.ts';
import { foldIn, key, normal } from '../tensor/random.ts';
import { noiseMap, type InputNoise } from './noise.ts';
import { compileOptions, type PrecisionChoice } from './precision.ts';
import type { SampleFunction } from './propagation.ts';

export interface MonteCarloOptions extends PrecisionChoice {
  readonly noise: InputNoise;
  /** Draws of the noise, N. */
  readonly samples: number;
  /** Draw number j is a function of (seed, j) alone: more samples go on where fewer ended. Default 0. */
  readonly seed?: number | undefined;
  /** Draws in one pass; default as many as keep an array of inputs or outputs below about 32,000 numbers. */
  readonly samplesAtOnce?: number | undefined;
}

export interface MonteCarlo {
  /** `[n, ...output]`, float64, as the others. */
  readonly mean: NDArray;
  readonly deviation: NDArray;
  /** Standard error of `deviation`: deviation / √(2 (N − 1)), which holds for outputs that are close to normal. */
  readonly standardError: NDArray;
  readonly samples: number;
}

/**
 * Mean and sample standard deviation of every output under noise of the input, at each of the inputs x `[n, ...input]`. Sums are
 * running ones (Welford 1962), so memory does not grow with the number of samples.
 *
 * @throws when the noise does not fit the input, samples < 2, or f does not give one output for each sample.
 */
export async function monteCarlo(
  f: SampleFunction,
  x: NDArray,
  { noise, samples, seed = 0, samplesAtOnce, ...choice }: MonteCarloOptions,
): Promise<MonteCarlo> {
  if (!(Number.isInteger(samples) && samples >= 2))
    throw new Error(`monteCarlo: samples is ${samples}, expected a whole number ≥ 2`);
  const [n, ...input] = x.shape;
  const { rank, scale, colour } = noiseMap(noise, input);
  const atOnce = Math.min(samples, samplesAtOnce ?? Math.max(1, Math.floor(2 ** 15 / sizeOf(x.shape))));
  const program = await compile(
    (at: Tensor, z: Tensor) => {
      const ε = reshape(mul(scale, colour(z)), [atOnce, ...x.shape]);
      const y = f(reshape(add(at, ε), [atOnce * n, ...input]));
      if (y.shape[0] === atOnce * n) return reshape(y, [atOnce, n, ...y.shape.slice(1)]);
      throw new Error(
        `monteCarlo: the function gave shape ${showShape(y.shape)} for ${atOnce * n} inputs, expected [${atOnce * n}, ...]; give a function of one sample through vmap`,
      );
    },
    [spec(x.shape), spec([atOnce * n, rank])],
    compileOptions(choice),
  );
  try {
    let moments = new RunningMoments(0);
    let outputs: readonly number[] = [];
    for (let from = 0; from < samples; from += atOnce) {
      const z = new Float64Array(atOnce * n * rank);
      for (let j = 0; j < atOnce; j++) z.set(normal(foldIn(key(seed), from + j), n * rank), j * n * rank);
      const y = await program.run([x, { data: z, shape: [atOnce * n, rank], dtype: 'float64' }]);
      outputs = y.shape.slice(1);
      const size = sizeOf(outputs);
      if (from === 0) moments = new RunningMoments(size);
      for (let j = 0; j < Math.min(atOnce, samples - from); j++)
        moments.add(y.data.subarray(j * size, (j + 1) * size));
    }
    const array = (data: Float64Array): NDArray => ({ data, shape: outputs, dtype: 'float64' });
    const deviation = moments.deviation();
    return {
      mean: array(moments.mean),
      deviation: array(deviation),
      standardError: array(deviation.map((value) => value / Math.sqrt(2 * (samples - 1)))),
      samples,
    };
  } finally {
    await program.dispose();
  }
}

/** Mean and sample standard deviation of vectors that come one after the other (Welford 1962). */
export class RunningMoments {
  readonly mean: Float64Array;
  private readonly squares: Float64Array;
  private count = 0;

  constructor(size: number) {
    this.mean = new Float64Array(size);
    this.squares = new Float64Array(size);
  }

  add(values: ArrayLike<number>): void {
    this.count++;
    for (let i = 0; i < this.mean.length; i++) {
      const before = values[i] - this.mean[i];
      this.mean[i] += before / this.count;
      this.squares[i] += before * (values[i] - this.mean[i]);
    }
  }

  /** NaN for fewer than two vectors. */
  deviation(): Float64Array {
    return this.squares.map((total) => Math.sqrt(total / (this.count - 1)));
  }
}

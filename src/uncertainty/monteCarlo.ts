/** Propagation of Gaussian input noise by sampling, to all orders: mean and standard deviation of f(x + ε) over draws of ε. */
import { breather } from '../nn/programs.ts';
import {
  add,
  compile,
  mul,
  showShape,
  sizeOf,
  spec,
  specsOf,
  vmap,
  type NDArray,
  type Program,
  type Tensor,
} from '../tensor/index.ts';
import { foldIn, key, normal } from '../tensor/random.ts';
import { noiseMap, type InputNoise } from './noise.ts';
import type { Perturbed, Traced } from './perturbed.ts';
import { compileOptions, type SeededChoice } from './precision.ts';
import type { SampleFunction } from './propagation.ts';
import { RunningMoments } from './runningMoments.ts';

export interface SamplingOptions extends SeededChoice {
  /** Draws of the noise, N. */
  readonly samples: number;
  /** Draws in one pass; default as many as keep an array of inputs below about 32,000 numbers. */
  readonly samplesAtOnce?: number | undefined;
}

export interface MonteCarloOptions extends SamplingOptions {
  readonly noise: InputNoise;
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
export function monteCarlo(
  f: SampleFunction,
  x: NDArray,
  { noise, ...options }: MonteCarloOptions,
): Promise<MonteCarlo> {
  const [n, ...input] = x.shape;
  const { rank, scale, colour } = noiseMap(noise, input);
  const perturbed = (z: Tensor, at: Tensor): Tensor => {
    const y = f(add(at, colour(z)));
    if (y.shape[0] === n) return y;
    throw new Error(
      `monteCarlo: the function gave shape ${showShape(y.shape)} for ${n} inputs, expected [${n}, ...]; give a function of one sample through vmap`,
    );
  };
  return samplePerturbed({ f: perturbed, args: x, noise: [n, rank], scale }, options);
}

/**
 * The same for a function that is given with its noise: mean and deviation of all of its outputs.
 *
 * @throws when samples < 2.
 */
export async function samplePerturbed<A>(
  { f, args, noise, scale }: Perturbed<A>,
  { samples, seed = 0, samplesAtOnce, onProgress, signal, ...choice }: SamplingOptions,
): Promise<MonteCarlo> {
  if (!(Number.isInteger(samples) && samples >= 2))
    throw new Error(`monteCarlo: samples is ${samples}, expected a whole number ≥ 2`);
  const rank = sizeOf(noise);
  const atOnce = Math.min(samples, samplesAtOnce ?? Math.max(1, Math.floor(2 ** 15 / rank)));
  const draws = (given: Traced<A>, z: Tensor): Tensor =>
    vmap((draw: Tensor) => f(mul(scale, draw), given))(z);
  // The types of a tree that the caller chose are known to the caller alone.
  const program = (await compile(
    draws as never,
    [specsOf(args), spec([atOnce, ...noise])] as never,
    compileOptions(choice),
  )) as Program<readonly unknown[], NDArray>;
  const pause = breather();
  try {
    let moments = new RunningMoments(0);
    let outputs: readonly number[] = [];
    for (let from = 0; from < samples; from += atOnce) {
      const z = new Float64Array(atOnce * rank);
      for (let j = 0; j < atOnce; j++) z.set(normal(foldIn(key(seed), from + j), rank), j * rank);
      const y = await program.run([args, { data: z, shape: [atOnce, ...noise], dtype: 'float64' }]);
      outputs = y.shape.slice(1);
      const size = sizeOf(outputs);
      if (from === 0) moments = new RunningMoments(size);
      const count = Math.min(atOnce, samples - from);
      for (let j = 0; j < count; j++) moments.add(y.data.subarray(j * size, (j + 1) * size));
      onProgress?.(from + count, samples);
      await pause();
      signal?.throwIfAborted();
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

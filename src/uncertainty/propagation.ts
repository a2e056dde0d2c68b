/**
 * First-order propagation of Gaussian input noise through a function: y = f(x + ε), ε ~ N(0, Σ), has to first order the covariance
 * J Σ Jᵀ with J = ∂f/∂x (the delta method). With Σ = L Lᵀ its diagonal is the sum of squares over the rows of J L, which is the
 * Jacobian of z ↦ f(x + L z) at z = 0: products by columns (forward mode), by rows (reverse mode), or with random vectors.
 */
import {
  add,
  broadcastTo,
  compile,
  linearize,
  moveAxis,
  placeholder,
  reshape,
  showShape,
  sizeOf,
  spec,
  square,
  sum,
  vjp,
  vmap,
  zeros,
  type NDArray,
  type Shape,
  type Tensor,
} from '../tensor/index.ts';
import { foldIn, key, uniform } from '../tensor/random.ts';
import { noiseMap, type InputNoise, type NoiseMap } from './noise.ts';
import { compileOptions, type PrecisionChoice } from './precision.ts';

/**
 * `[n, ...input]` → `[n, ...output]`, where sample i of the result depends on sample i of the argument alone. A function of one
 * sample becomes one by `vmap`.
 */
export type SampleFunction = (x: Tensor) => Tensor;

export interface PropagationOptions extends PrecisionChoice {
  readonly noise: InputNoise;
  /**
   * `columns`: as many forward products as Σ has rank. `rows`: as many reverse products as an output has numbers. `probes`: random
   * products, with a standard error. Default: columns or rows, whichever are fewer; both are exact.
   */
  readonly method?: 'columns' | 'rows' | 'probes' | undefined;
  /** Random vectors a sample, for `probes`; default 256, which leaves a relative error of about √(1/512) = 4 % or less. */
  readonly probes?: number | undefined;
  /** Of the random vectors, default 0. */
  readonly seed?: number | undefined;
  /** Products in one pass; default as many as keep an array of outputs below about 32,000 numbers. */
  readonly productsAtOnce?: number | undefined;
}

export interface Propagation {
  /** f(x), `[n, ...output]`. */
  readonly value: NDArray;
  /** √diag(J Σ Jᵀ), `[n, ...output]`, float64. */
  readonly deviation: NDArray;
  /** Standard error of `deviation` where it was estimated with random vectors; null where it is exact. */
  readonly standardError: NDArray | null;
  readonly method: 'columns' | 'rows' | 'probes';
  /** Products with J or Jᵀ for each sample. */
  readonly products: number;
}

/**
 * Standard deviation of every output of f under noise of its input, to first order, at each of the inputs x `[n, ...input]`.
 * Probes are random signs v: E (J L v)² = diag(J Σ Jᵀ) (Hutchinson 1990; Bekas, Kokiopoulou & Saad 2007), with independent v for
 * every sample, and the standard error from their own scatter.
 *
 * @throws when the noise does not fit the input, or f does not give one output for each sample.
 */
export async function propagateNoise(
  f: SampleFunction,
  x: NDArray,
  options: PropagationOptions,
): Promise<Propagation> {
  const { noise, probes = 256, seed = 0 } = options;
  const [n, ...input] = x.shape;
  const map = noiseMap(noise, input);
  const outputs = outputShape(f, x);
  const m = sizeOf(outputs.slice(1));
  const method = options.method ?? (map.rank <= m ? 'columns' : 'rows');
  if (method === 'probes' && !(Number.isInteger(probes) && probes >= 2))
    throw new Error(`propagateNoise: probes is ${probes}, expected a whole number ≥ 2`);
  const products = { columns: map.rank, rows: m, probes }[method];
  const atOnce = Math.min(products, options.productsAtOnce ?? Math.max(1, Math.floor(2 ** 15 / (n * m))));
  const setting: Setting = { f, x, map, outputs, products, atOnce, options };
  const array = (data: Float64Array): NDArray => ({ data, shape: outputs, dtype: 'float64' });
  const scaledRoot = (variance: Float64Array): NDArray =>
    array(variance.map((v) => map.scale * Math.sqrt(v)));
  const done = (value: NDArray, variance: Float64Array, standardError: NDArray | null): Propagation => ({
    value,
    deviation: scaledRoot(variance),
    standardError,
    method,
    products,
  });
  if (method === 'rows') {
    const { value, variance } = await squaredRows(setting);
    return done(value, variance, null);
  }
  if (method === 'columns') {
    const { value, squares } = await pushedSquares(setting, 1, unitVector(map.rank));
    return done(value, squares, null);
  }
  const signs = (index: number): Float64Array =>
    uniform(foldIn(key(seed), index), n * map.rank).map((u) => (u < 0.5 ? -1 : 1));
  const { value, squares, fourth } = await pushedSquares(setting, n, signs);
  const variance = squares.map((total) => total / probes);
  const standardError = variance.map((v, i) => {
    const scatter = Math.sqrt(Math.max(0, fourth[i] / probes - v * v) / (probes - 1));
    // d√v = dv / (2√v)
    return v === 0 ? 0 : (map.scale * scatter) / (2 * Math.sqrt(v));
  });
  return done(value, variance, array(standardError));
}

/** z ↦ f(x + L z / scale) */
const noisy =
  (f: SampleFunction, x: Tensor, { colour }: NoiseMap) =>
  (z: Tensor): Tensor =>
    f(add(x, colour(z)));

/** `[n, ...output]`, found by tracing. */
function outputShape(f: SampleFunction, { shape }: NDArray): Shape {
  const outputs = f(placeholder(shape)).shape;
  if (outputs.length > 0 && outputs[0] === shape[0]) return outputs;
  throw new Error(
    `propagation: the function gave shape ${showShape(outputs)} for inputs of shape ${showShape(shape)}, expected [${shape[0]}, ...]; give a function of one sample through vmap`,
  );
}

interface Setting {
  readonly f: SampleFunction;
  readonly x: NDArray;
  readonly map: NoiseMap;
  readonly outputs: Shape;
  /** Products for each sample, and so many of them in one pass. */
  readonly products: number;
  readonly atOnce: number;
  readonly options: PrecisionChoice;
}

const unitVector =
  (size: number) =>
  (index: number): Float64Array =>
    new Float64Array(size).fill(1, index, index + 1);

/** Passes of `atOnce` vectors `[width, size]` each; those beyond the last product are zero and add nothing. */
function* passes(
  { products, atOnce }: Setting,
  size: number,
  vector: (index: number) => Float64Array,
): Generator<{ readonly data: Float64Array; readonly from: number; readonly count: number }> {
  for (let from = 0; from < products; from += atOnce) {
    const count = Math.min(atOnce, products - from);
    const data = new Float64Array(atOnce * size);
    for (let i = 0; i < count; i++) data.set(vector(from + i), i * size);
    yield { data, from, count };
  }
}

const addTo = (total: Float64Array, part: ArrayLike<number>): void => {
  for (let i = 0; i < total.length; i++) total[i] += part[i];
};

/** Sums over all directions v of (J L v)² and of its square: directions [width, rank], where width 1 serves all samples. */
async function pushedSquares(
  setting: Setting,
  width: number,
  direction: (index: number) => Float64Array,
): Promise<{ value: NDArray; squares: Float64Array; fourth: Float64Array }> {
  const { f, x, map, outputs, atOnce, options } = setting;
  const n = x.shape[0];
  const program = await compile(
    (at: Tensor, directions: Tensor) => {
      const [value, push] = linearize(noisy(f, at, map), zeros([n, map.rank]));
      const pushed = vmap((v: Tensor) => push(broadcastTo(v, [n, map.rank])))(directions);
      const squares = square(pushed);
      return { value, squares: sum(squares, 0), fourth: sum(square(squares), 0) };
    },
    [spec(x.shape), spec([atOnce, width, map.rank])],
    compileOptions(options),
  );
  try {
    const squares = new Float64Array(sizeOf(outputs));
    const fourth = new Float64Array(sizeOf(outputs));
    let value: NDArray = x;
    for (const { data } of passes(setting, width * map.rank, direction)) {
      const shape = [atOnce, width, map.rank];
      const result = await program.run([x, { data, shape, dtype: 'float64' }]);
      addTo(squares, result.squares.data);
      addTo(fourth, result.fourth.data);
      value = result.value;
    }
    return { value: copyOf(value), squares, fourth };
  } finally {
    await program.dispose();
  }
}

/** ‖(J L)ᵀ e_k‖² for every output k. */
async function squaredRows(setting: Setting): Promise<{ value: NDArray; variance: Float64Array }> {
  const { f, x, map, outputs, products, atOnce, options } = setting;
  const n = x.shape[0];
  const program = await compile(
    (at: Tensor, cotangents: Tensor) => {
      const [value, pull] = vjp(noisy(f, at, map), zeros([n, map.rank]));
      const rows = vmap((v: Tensor) => pull(broadcastTo(reshape(v, [1, ...outputs.slice(1)]), outputs))[0])(
        cotangents,
      );
      return { value, variance: moveAxis(sum(square(rows), 2), 0, 1) };
    },
    [spec(x.shape), spec([atOnce, products])],
    compileOptions(options),
  );
  try {
    const variance = new Float64Array(n * products);
    let value: NDArray = x;
    for (const { data, from, count } of passes(setting, products, unitVector(products))) {
      const result = await program.run([x, { data, shape: [atOnce, products], dtype: 'float64' }]);
      for (let i = 0; i < n; i++)
        for (let k = 0; k < count; k++)
          variance[i * products + from + k] = result.variance.data[i * atOnce + k];
      value = result.value;
    }
    return { value: copyOf(value), variance };
  } finally {
    await program.dispose();
  }
}

/** The engine may reuse the arrays that it returned. */
const copyOf = (array: NDArray): NDArray => ({ ...array, data: array.data.slice() });

/** Running flow layers in float64, and determinants by plain elimination. */
import {
  array,
  compile,
  flatten,
  mapTree,
  reshape,
  specsOf,
  sum,
  take,
  grad,
  stack,
  unflatten,
  type FloatDType,
  type NDArray,
  type Tensor,
} from '../../src/tensor/index.ts';
import { foldIn, key, normal, uniform, type Key } from '../../src/tensor/random.ts';
import { adam, constantSchedule, cosineSchedule } from '../../src/nn/index.ts';
import { spectralNorm, type Model, type Support } from '../../src/flows/index.ts';

/** Runs f on trees of arrays, in float64 unless told otherwise. */
export async function evaluate<R>(
  f: (...args: never[]) => R,
  args: readonly unknown[],
  dtype: FloatDType = 'float64',
): Promise<R extends Tensor ? NDArray : { [K in keyof R]: NDArray }> {
  const program = await compile(f as never, args.map((arg) => specsOf(arg)) as never, {
    dtype,
    threads: 1,
  });
  const result = await program.run(args as never);
  await program.dispose();
  return result as never;
}

/** float64 parameters around those given, far enough that every term of a formula shows. */
export function perturb<P>(parameters: P, seed: number, by: number): P {
  let leaf = 0;
  return mapTree(parameters, (values: NDArray) => {
    const noise = normal(foldIn(key(seed), leaf++), values.data.length);
    return array(
      noise.map((z, i) => values.data[i] + by * z),
      values.shape,
    );
  }) as unknown as P;
}

/**
 * Largest error of the gradient of loss(parameters, ...given) along a random direction of each array of parameters, so that no array hides
 * behind a larger one, beside central differences; relative to the slope, or to 1e-3 where that is more.
 */
export async function gradientError(
  loss: (p: never, ...given: Tensor[]) => Tensor,
  parameters: unknown,
  given: readonly NDArray[],
): Promise<number> {
  const { leaves, structure } = flatten<NDArray>(parameters);
  if (leaves.length === 0) return 0;
  const gradient = await evaluate(grad(loss as never) as never, [parameters, ...given]);
  const slopes = flatten<NDArray>(gradient).leaves;
  const program = await compile(loss as never, [parameters, ...given].map((arg) => specsOf(arg)) as never, {
    dtype: 'float64',
    threads: 1,
  });
  const h = 1e-5;
  let worst = 0;
  for (const [i, leaf] of leaves.entries()) {
    const direction = normal(foldIn(key(12), i), leaf.data.length);
    const at = async (by: number): Promise<number> => {
      const moved = array(
        direction.map((z, j) => leaf.data[j] + by * z),
        leaf.shape,
      );
      const tree = unflatten(structure, leaves.with(i, moved));
      return ((await program.run([tree, ...given] as never)) as NDArray).data[0];
    };
    const numeric = ((await at(h)) - (await at(-h))) / (2 * h);
    const along = direction.reduce((total, z, j) => total + z * slopes[i].data[j], 0);
    const error = Math.abs(along - numeric) / Math.max(1e-3, Math.abs(numeric));
    if (!(error <= worst)) worst = error;
  }
  await program.dispose();
  return worst;
}

export const single = (x: NDArray): NDArray => ({ ...x, data: Float32Array.from(x.data), dtype: 'float32' });

/** Entries ±1. */
export const signs = (of: Key, shape: readonly number[]): NDArray =>
  array(
    uniform(
      of,
      shape.reduce((a, b) => a * b, 1),
    ).map((u) => (u < 0.5 ? -1 : 1)),
    shape,
  );

/** Normal entries, times `by`. */
export const gaussianMatrix = (seed: number, n: number, k: number, by: number): NDArray =>
  array(
    normal(key(seed), n * k).map((z) => by * z),
    [n, k],
  );

/** A random d × d matrix with spectral norm `size`. */
export function contraction(seed: number, d: number, size: number): NDArray {
  const matrix = gaussianMatrix(seed, d, d, 1);
  const by = size / spectralNorm(matrix);
  return array(
    matrix.data.map((v) => by * v),
    [d, d],
  );
}

/**
 * Derivatives of loss(tree, ...given) along `count` random directions over the whole tree, by its gradient: a row for each of the sets of
 * arrays that are given, all of the same shapes.
 */
export async function slopesOf(
  loss: (tree: never, ...given: Tensor[]) => Tensor,
  tree: unknown,
  given: readonly (readonly NDArray[])[],
  count: number,
): Promise<number[][]> {
  const program = await compile(
    grad(loss as never),
    [tree, ...given[0]].map((arg) => specsOf(arg)) as never,
    {
      dtype: 'float64',
      threads: 1,
    },
  );
  const rows: number[][] = [];
  for (const own of given) {
    const { leaves } = flatten<NDArray>(await program.run([tree, ...own] as never));
    rows.push(
      Array.from({ length: count }, (_, k) =>
        leaves.reduce((total, { data }, leaf) => {
          const direction = normal(foldIn(foldIn(key(51), k), leaf), data.length);
          return direction.reduce((sum, z, i) => sum + z * data[i], total);
        }, 0),
      ),
    );
  }
  await program.dispose();
  return rows;
}

/** Those of the options that a model has. */
export const optionsFor = (
  { schema }: Pick<Model, 'schema'>,
  options: Readonly<Record<string, unknown>>,
): Record<string, unknown> =>
  Object.fromEntries(Object.entries(options).filter(([name]) => name in schema.shape));

/** Options of a short training with Adam on one thread; its rate is constant, or falls to 0 along a cosine. */
export const training = ({
  learningRate,
  falling = false,
  epochs,
  ...rest
}: {
  readonly learningRate: number;
  readonly falling?: boolean;
  readonly epochs: number;
  readonly batchSize: number;
  readonly clipNorm?: number;
  readonly seed?: number;
}) => ({
  optimizer: adam({ learningRate }),
  schedule: falling ? cosineSchedule({ epochs }) : constantSchedule,
  epochs,
  seed: 1,
  threads: 1,
  ...rest,
});

/** Samples that a layer takes. */
export function samplesFor(support: Support, shape: readonly number[], n: number, seed: number): NDArray {
  const z = normal(key(seed), n * shape.reduce((a, b) => a * b, 1));
  const to = {
    reals: (v: number) => 1.5 * v,
    unit: (v: number) => 1 / (1 + Math.exp(-v)),
    positive: Math.exp,
  };
  return array(z.map(to[support]), [n, ...shape]);
}

/** Samples `[batch, ...shape]` as rows `[batch, d]`. */
const flat = (y: Tensor): Tensor => reshape(y, [y.shape[0], -1]);

/** Jacobians `[batch, outputs, inputs]` of a map of independent samples: row j is the gradient of the sum of all y_j. */
export function batchJacobian(f: (x: Tensor) => Tensor, x: Tensor): Tensor {
  const outputs = flat(f(x)).shape[1];
  const rows = Array.from({ length: outputs }, (_, j) =>
    flat(grad((v: Tensor) => sum(take(flat(f(v)), 1, j)))(x)),
  );
  return stack(rows, 1);
}

/** log |det A| of each `[d, d]` block. */
export function logDeterminants({ data, shape }: NDArray): Float64Array {
  const [n, d] = shape;
  return Float64Array.from({ length: n }, (_, b) =>
    logDeterminant(data.slice(b * d * d, (b + 1) * d * d), d),
  );
}

function logDeterminant(a: ArrayLike<number>, d: number): number {
  const m = Array.from({ length: d }, (_, i) => Array.from({ length: d }, (_, j) => a[i * d + j]));
  let total = 0;
  for (let k = 0; k < d; k++) {
    let p = k;
    for (let i = k + 1; i < d; i++) if (Math.abs(m[i][k]) > Math.abs(m[p][k])) p = i;
    [m[k], m[p]] = [m[p], m[k]];
    total += Math.log(Math.abs(m[k][k]));
    for (let i = k + 1; i < d; i++) {
      const f = m[i][k] / m[k][k];
      for (let j = k; j < d; j++) m[i][j] -= f * m[k][j];
    }
  }
  return total;
}

/** For layers that set their parameters from samples and take them no further. */
export const noPass = (): never => {
  throw new Error('the layer asked for what lies behind it');
};

export const negated = (values: ArrayLike<number>): Float64Array => Float64Array.from(values, (v) => -v);

export const largestDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  if (a.length !== b.length) return Infinity;
  let worst = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i] - b[i]);
    if (!(difference <= worst)) worst = Number.isNaN(difference) ? Infinity : difference;
  }
  return worst;
};

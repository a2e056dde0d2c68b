/** Running flow layers in float64, and determinants by plain elimination. */
import {
  array,
  compile,
  mapTree,
  reshape,
  specsOf,
  sum,
  take,
  grad,
  stack,
  type NDArray,
  type Tensor,
} from '../../src/tensor/index.ts';
import { foldIn, key, normal } from '../../src/tensor/random.ts';
import type { Support } from '../../src/flows/index.ts';

/** Runs f on trees of arrays in float64. */
export async function evaluate<R>(
  f: (...args: never[]) => R,
  args: readonly unknown[],
): Promise<R extends Tensor ? NDArray : { [K in keyof R]: NDArray }> {
  const program = await compile(f as never, args.map((arg) => specsOf(arg)) as never, {
    dtype: 'float64',
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

export const largestDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  if (a.length !== b.length) return Infinity;
  let worst = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i] - b[i]);
    if (!(difference <= worst)) worst = Number.isNaN(difference) ? Infinity : difference;
  }
  return worst;
};

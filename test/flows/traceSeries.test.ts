/** A14: estimators of log det(I + A) and of its gradient by random power series, over 20 000 draws. */
import { Matrix, determinant, inverse } from 'ml-matrix';
import { expect, test } from 'vitest';
import { array, grad, matmul, mul, sum, type NDArray, type Tensor } from '../../src/tensor/index.ts';
import { key, normal, uniform } from '../../src/tensor/random.ts';
import {
  neumannSurrogate,
  rouletteWeights,
  seriesEstimate,
  truncatedWeights,
} from '../../src/flows/index.ts';
import { meanWithError } from './planeGrid.ts';
import { contraction, evaluate, gaussianMatrix, signs } from './support.ts';

/** log |det(I + A)| and the gradient of it in A, (I + A)^{−T}. */
function exactLogDet({ data, shape: [d] }: NDArray): { logDet: number; gradient: number[] } {
  const moved = Matrix.eye(d).add(Matrix.from1DArray(d, d, Array.from(data)));
  return { logDet: Math.log(Math.abs(determinant(moved))), gradient: inverse(moved).transpose().to1DArray() };
}

const draws = 20_000;
const d = 8;
const series = { exact: 2, terms: 60, stop: 0.5 };
const probesOf = (seed: number): NDArray => signs(key(seed), [draws, d]);

test.each([
  // Where κ² is above the chance 1 − p to go on, the variance of the whole series is infinite.
  [1, 0.6, 'signs'],
  [2, 0.97, 'signs'],
  [5, 0.9, 'normal'],
  [8, 0.5, 'signs'],
  [8, 0.9, 'signs'],
  [8, 0.97, 'normal'],
])(
  'Russian roulette is unbiased in %i dimensions for spectral norm %f, %s probes',
  async (m, size, probes) => {
    const A = contraction(11, m, size);
    const count = draws * m;
    const v = probes === 'normal' ? normal(key(12), count) : probesOf(12).data.slice(0, count);
    const { estimate } = await evaluate(
      (a: Tensor, v: Tensor, u: Tensor) => ({
        estimate: seriesEstimate((w) => matmul(w, a), v, rouletteWeights(u, series)),
      }),
      [A, array(v, [draws, m]), array(uniform(key(13), draws), [draws])] as never,
    );
    const { mean, error } = meanWithError(estimate.data);
    expect(Math.abs(mean - exactLogDet(A).logDet)).toBeLessThan(4 * error);
    expect(error).toBeLessThan(0.02);
  },
);

test('a short power series is biased by its missing terms, and by no more', async () => {
  const A = contraction(11, d, 0.9);
  const terms = 2;
  const { estimate } = await evaluate(
    (a: Tensor, v: Tensor) => ({
      estimate: seriesEstimate((w) => matmul(w, a), v, truncatedWeights({ terms })),
    }),
    [A, probesOf(12)] as never,
  );
  let square = 0;
  let trace = 0;
  for (let i = 0; i < d; i++) {
    trace += A.data[i * d + i];
    for (let j = 0; j < d; j++) square += A.data[i * d + j] * A.data[j * d + i];
  }
  const { mean, error } = meanWithError(estimate.data);
  expect(Math.abs(mean - (trace - square / 2))).toBeLessThan(4 * error);
  expect(Math.abs(mean - exactLogDet(A).logDet)).toBeGreaterThan(4 * error);
});

test('the Neumann gradient along a random direction is that of the exact log-determinant', async () => {
  const A = contraction(14, d, 0.8);
  const surrogate = (a: Tensor, v: Tensor, u: Tensor, direction: Tensor): Tensor => {
    const gradient = grad((m: Tensor) =>
      sum(neumannSurrogate((w) => matmul(w, m), v, rouletteWeights(u, series))),
    );
    return sum(mul(gradient(a), direction));
  };
  // One number: the derivative along a direction, in blocks of draws, whose means give the standard error.
  const direction = gaussianMatrix(15, d, d, 1);
  const blocks = 40;
  const rows = draws / blocks;
  const v = probesOf(16);
  const u = uniform(key(17), draws);
  const values: number[] = [];
  for (let b = 0; b < blocks; b++) {
    const { value } = await evaluate(
      (a: Tensor, w: Tensor, r: Tensor, t: Tensor) => ({ value: surrogate(a, w, r, t) }),
      [
        A,
        array(v.data.slice(b * rows * d, (b + 1) * rows * d) as Float64Array, [rows, d]),
        array(u.slice(b * rows, (b + 1) * rows), [rows]),
        direction,
      ] as never,
    );
    values.push(value.data[0] / rows);
  }
  const { mean, error } = meanWithError(values);
  const exact = exactLogDet(A).gradient.reduce((total, g, i) => total + g * direction.data[i], 0);
  expect(Math.abs(mean - exact)).toBeLessThan(4 * error);
  expect(error).toBeLessThan(0.1 * Math.abs(exact));
});

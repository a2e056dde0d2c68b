/** Linear algebra on plain arrays in float64: what the graphs of elimination.ts are tested against. */
import { allocate, type NDArray, type NumericData } from '../array.ts';
import type { Signature } from '../op.ts';
import { sizeOf } from '../shape.ts';
import { broadcastOffsets } from './broadcast.ts';

const store = (values: Float64Array, node: Signature): NumericData => {
  const out = allocate(node.dtype, values.length);
  out.set(values);
  return out;
};

const lastSize = ({ shape }: { readonly shape: readonly number[] }): number => shape[shape.length - 1];

/** Copies of matrix number i of each operand, batch axes broadcast to those of the result. */
function pairs(a: NDArray, b: NDArray, node: Signature): { matrix: Float64Array; right: Float64Array }[] {
  const batch = node.shape.slice(0, -2);
  const copies = [a, b].map((x) => {
    const block = sizeOf(x.shape.slice(-2));
    const offset = broadcastOffsets(x.shape.slice(0, -2), batch);
    return (i: number): Float64Array =>
      Float64Array.from(x.data.subarray(offset(i) * block, (offset(i) + 1) * block));
  });
  return Array.from({ length: sizeOf(batch) }, (_, i) => ({ matrix: copies[0](i), right: copies[1](i) }));
}

function joined(parts: readonly Float64Array[], node: Signature): NumericData {
  const all = new Float64Array(sizeOf(node.shape));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return store(all, node);
}

/** LU factors with partial pivoting, in place; `right` (n × columns) has its rows exchanged along. Returns the parity. */
function factorize(a: Float64Array, n: number, right: Float64Array, columns: number): number {
  let parity = 1;
  for (let k = 0; k < n; k++) {
    let pivot = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(a[i * n + k]) > Math.abs(a[pivot * n + k])) pivot = i;
    if (pivot !== k) {
      parity = -parity;
      exchangeRows(a, n, k, pivot);
      exchangeRows(right, columns, k, pivot);
    }
    for (let i = k + 1; i < n; i++) {
      // With a pivot of 0 the whole column is 0: the factor 0 keeps the rest of a determinant finite.
      const factor = a[k * n + k] === 0 ? 0 : a[i * n + k] / a[k * n + k];
      a[i * n + k] = factor;
      for (let j = k + 1; j < n; j++) a[i * n + j] -= factor * a[k * n + j];
    }
  }
  return parity;
}

function exchangeRows(a: Float64Array, columns: number, i: number, j: number): void {
  const row = a.slice(i * columns, (i + 1) * columns);
  a.copyWithin(i * columns, j * columns, (j + 1) * columns);
  a.set(row, j * columns);
}

/** Solves T X = B in place of B; `at(i, j)` reads T. */
function substitute(
  at: (i: number, j: number) => number,
  n: number,
  b: Float64Array,
  columns: number,
  { lower, unit }: { readonly lower: boolean; readonly unit: boolean },
): void {
  for (let step = 0; step < n; step++) {
    const i = lower ? step : n - 1 - step;
    for (let c = 0; c < columns; c++) {
      let value = b[i * columns + c];
      for (let j = lower ? 0 : i + 1; j < (lower ? i : n); j++) value -= at(i, j) * b[j * columns + c];
      b[i * columns + c] = unit ? value : value / at(i, i);
    }
  }
}

export function referenceSolve(a: NDArray, b: NDArray, node: Signature): NumericData {
  const [n, columns] = [lastSize(a), lastSize(b)];
  const solutions = pairs(a, b, node).map(({ matrix, right }) => {
    factorize(matrix, n, right, columns);
    const at = (i: number, j: number): number => matrix[i * n + j];
    substitute(at, n, right, columns, { lower: true, unit: true });
    substitute(at, n, right, columns, { lower: false, unit: false });
    return right;
  });
  return joined(solutions, node);
}

export function referenceDeterminant(a: NDArray, node: Signature, part: 'sign' | 'logAbs'): NumericData {
  const n = lastSize(a);
  const values = Float64Array.from({ length: sizeOf(node.shape) }, (_, i) => {
    const matrix = Float64Array.from(a.data.subarray(i * n * n, (i + 1) * n * n));
    const parity = factorize(matrix, n, new Float64Array(0), 0);
    const diagonal = Array.from({ length: n }, (_, k) => matrix[k * (n + 1)]);
    return part === 'sign'
      ? diagonal.reduce((product, pivot) => product * Math.sign(pivot), parity)
      : diagonal.reduce((total, pivot) => total + Math.log(Math.abs(pivot)), 0);
  });
  return store(values, node);
}

export function referenceTriangularSolve(
  t: NDArray,
  b: NDArray,
  node: Signature,
  { lower, transpose }: { readonly lower: boolean; readonly transpose: boolean },
): NumericData {
  const [n, columns] = [lastSize(t), lastSize(b)];
  const solutions = pairs(t, b, node).map(({ matrix, right }) => {
    const at = (i: number, j: number): number => (transpose ? matrix[j * n + i] : matrix[i * n + j]);
    substitute(at, n, right, columns, { lower: lower !== transpose, unit: false });
    return right;
  });
  return joined(solutions, node);
}

/** Cholesky–Banachiewicz, row by row; reads the lower triangle. */
export function referenceCholesky(a: NDArray, node: Signature): NumericData {
  const n = lastSize(a);
  const out = new Float64Array(a.data.length);
  for (let start = 0; start < out.length; start += n * n) {
    for (let i = 0; i < n; i++) {
      for (let j = 0; j <= i; j++) {
        let value = a.data[start + i * n + j];
        for (let k = 0; k < j; k++) value -= out[start + i * n + k] * out[start + j * n + k];
        out[start + i * n + j] = i === j ? Math.sqrt(value) : value / out[start + j * n + j];
      }
    }
  }
  return store(out, node);
}

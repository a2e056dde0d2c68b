/** Triangular matrices in the graph. */
import {
  add,
  concat,
  constant,
  identityMatrix,
  matmul,
  mul,
  neg,
  pad,
  reciprocal,
  reshape,
  sliceAxis,
  gather,
  type Tensor,
} from '../tensor/index.ts';

/** Keeps the entries strictly below the diagonal, or strictly above it. */
export function strictTriangle(a: Tensor, part: 'lower' | 'upper'): Tensor {
  const [n] = a.shape;
  const factors = Float64Array.from({ length: n * n }, (_, flat) => {
    const [i, j] = [Math.floor(flat / n), flat % n];
    return Number(part === 'lower' ? i > j : i < j);
  });
  return mul(a, constant(factors, [n, n]));
}

/**
 * T⁻¹ of a lower triangular T `[n, n]` by doubling: inverses of the diagonal blocks of size s give those of size 2s,
 *
 *   [A 0; C B]⁻¹ = [A⁻¹ 0; −B⁻¹ C A⁻¹ B⁻¹],
 *
 * for all blocks at once. About ten nodes for each of log₂ n levels, where substitution needs several for each row.
 */
export function lowerInverse(t: Tensor): Tensor {
  const [n] = t.shape;
  const size = 2 ** Math.ceil(Math.log2(n));
  const padded = size === n ? t : add(pad(t, [0, 0], [size - n, size - n]), padDiagonal(n, size));
  const flat = reshape(padded, [size * size]);
  let blocks = reciprocalDiagonal(flat, size);
  for (let s = 1; s < size; s *= 2) {
    const pairs = size / (2 * s);
    const halves = reshape(blocks, [pairs, 2, s, s]);
    const [a, b] = [0, 1].map((i) => reshape(sliceAxis(halves, 1, i, i + 1), [pairs, s, s]));
    const c = gather(flat, belowDiagonal(size, s));
    const corner = neg(matmul(b, matmul(c, a)));
    const top = pad(a, [0, 0, 0], [0, 0, s]);
    blocks = concat([top, concat([corner, b], 2)], 1);
  }
  const whole = reshape(blocks, [size, size]);
  return size === n ? whole : sliceAxis(sliceAxis(whole, 0, 0, n), 1, 0, n);
}

const indices = (length: number, shape: number[], at: (i: number) => number): Tensor =>
  constant({ data: Int32Array.from({ length }, (_, i) => at(i)), shape, dtype: 'int32' });

const padDiagonal = (n: number, size: number): Tensor =>
  mul(identityMatrix(size), constant(Float64Array.from({ length: size }, (_, i) => Number(i >= n))));

function reciprocalDiagonal(flat: Tensor, size: number): Tensor {
  const diagonal = gather(
    flat,
    indices(size, [size, 1, 1], (i) => i * (size + 1)),
  );
  return reciprocal(diagonal);
}

/** Positions, in the flattened matrix, of the block C of every pair of diagonal blocks: `[pairs, s, s]`. */
function belowDiagonal(size: number, s: number): Tensor {
  const pairs = size / (2 * s);
  return indices(pairs * s * s, [pairs, s, s], (flat) => {
    const pair = Math.floor(flat / (s * s));
    const [i, j] = [Math.floor(flat / s) % s, flat % s];
    return (2 * s * pair + s + i) * size + 2 * s * pair + j;
  });
}

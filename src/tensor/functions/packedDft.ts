/**
 * Discrete Fourier transforms of any length as products with small dense DFT matrices, which run at the speed of matrix
 * multiplication and differentiate by themselves.
 *
 * A transform works on packed tensors [front, part, n, behind] (part: re, im), so the batch is the long side of every
 * product. Cooley and Tukey's splitting n = n₁n₂ with j = n₂j₁ + j₂ and k = k₁ + n₁k₂ becomes two products: one with the
 * n₁-point DFT, and for each k₁ one with ω_n^(j₂(k₁ + n₁k₂)), an n₂-point DFT that already holds the twiddle factors.
 * Large prime lengths go through Bluestein's convolution with a chirp.
 */
import { array, castArray, type DType, type NDArray } from '../array.ts';
import { matmul } from '../ops/matmul.ts';
import { concat, reshape, transpose } from '../ops/shape.ts';
import { pad, reverse, sliceAxis } from '../ops/slice.ts';
import { sizeOf, type Shape } from '../shape.ts';
import { constant, zeros, type Tensor } from '../tensor.ts';
import { mul as complexMul } from './complex.ts';
import {
  blockMatrix,
  costOf,
  hostTransform,
  MERGE_LIMIT,
  planOf,
  rightFactors,
  shiftedRoot,
  STAGE,
  unitRoot,
  type Origins,
} from './dftMatrices.ts';

export interface Transform extends Origins {
  /** Only the modes 0 … outputs − 1 are wanted. */
  readonly outputs: number;
  readonly scale: number;
}

/** What a block of `lastToFront` may hold, to stay in the second-level cache, and how many streams do no harm. */
const BLOCK_VALUES = 1 << 16;
const FEW_STREAMS = 16;

const matrices = new Map<string, NDArray>();

/** One array for one matrix: a training graph transforms many tensors of one length, and shares it. */
function shared(name: string, shape: Shape, dtype: DType, make: () => Float64Array): Tensor {
  const key = `${name} ${dtype}`;
  const known = matrices.get(key) ?? castArray(array(make(), shape), dtype);
  matrices.set(key, known);
  return constant(known, undefined, dtype);
}

/** Fewer wanted modes than the cost of a fast transform: a dense product with those rows alone. */
const isDense = (n: number, outputs: number): boolean =>
  planOf(n).kind === 'dense' || outputs + STAGE <= costOf(n);

/** x [front, parts (1: real, 2: complex), n, behind] → [front, 2, outputs, behind]. */
export function transform(x: Tensor, t: Transform): Tensor {
  const n = x.shape[2];
  const plan = planOf(n);
  if (plan.kind === 'dense' || isDense(n, t.outputs)) return denseTransform(x, t);
  if (plan.kind === 'chirp') return chirpTransform(x, plan.length, t);
  return splitTransform(x, plan.first, plan.rest, t);
}

function denseTransform(x: Tensor, t: Transform): Tensor {
  const [front, parts, n, behind] = x.shape;
  const { from, to, outputs, scale } = t;
  const matrix = shared(
    `dense ${n} ${parts} ${from} ${to} ${outputs} ${scale}`,
    [2 * outputs, parts * n],
    x.dtype,
    () => blockMatrix(shiftedRoot(n, t), { rows: outputs, columns: n, realInput: parts === 1, scale }),
  );
  const product = multiply(matrix, reshape(x, [front, parts * n, behind]));
  return reshape(product, [front, 2, outputs, behind]);
}

/** A constant [rows, columns] times x [front, columns, behind]: one flat product where the layout allows it. */
function multiply(matrix: Tensor, x: Tensor): Tensor {
  const [front, columns, behind] = x.shape;
  const rows = matrix.shape[0];
  if (front === 1) return reshape(matmul(matrix, reshape(x, [columns, behind])), [1, rows, behind]);
  if (behind === 1) return reshape(matmul(reshape(x, [front, columns]), transpose(matrix)), [front, rows, 1]);
  return matmul(reshape(matrix, [1, rows, columns]), x);
}

function splitTransform(x: Tensor, first: number, rest: number, t: Transform): Tensor {
  const [front, parts, n, behind] = x.shape;
  const { to, outputs } = t;
  // Over j₁, for all j₂ at once: [front, k₁, part, j₂, behind].
  const stage = shared(`first ${first} ${parts} ${to}`, [2 * first, parts * first], x.dtype, () =>
    blockMatrix(shiftedRoot(first, { from: 0, to }), {
      rows: first,
      columns: first,
      realInput: parts === 1,
      interleaveRows: true,
    }),
  );
  const partial = multiply(stage, reshape(x, [front, parts * first, rest * behind]));
  const kept = Math.ceil(outputs / first);
  const merged = planOf(rest).kind === 'dense' && 4 * n * kept <= MERGE_LIMIT;
  const modes = merged
    ? matmul(twiddledMatrices(n, first, kept, t, x.dtype), reshape(partial, [front, first, 2 * rest, behind]))
    : twiddledTransform(reshape(partial, [front, first, 2, rest, behind]), n, kept, t);
  // [front, k₁, part, k₂, behind] in the order of k = k₁ + n₁k₂.
  const ordered = transpose(reshape(modes, [front, first, 2, kept, behind]), [0, 2, 3, 1, 4]);
  return sliceAxis(reshape(ordered, [front, 2, kept * first, behind]), 2, 0, outputs);
}

/** For each k₁ the second stage with its twiddle factors: [1, first, (part, k₂), (part, j₂)]. */
function twiddledMatrices(
  n: number,
  first: number,
  kept: number,
  { from, to, scale }: Transform,
  dtype: DType,
): Tensor {
  const rest = n / first;
  const shape = [1, first, 2 * kept, 2 * rest];
  return shared(`second ${n} ${first} ${kept} ${from} ${to} ${scale}`, shape, dtype, () => {
    const root = shiftedRoot(n, { from, to });
    const blocks = new Float64Array(sizeOf(shape));
    for (let k1 = 0; k1 < first; k1++) {
      const block = blockMatrix((k2, j2) => root(k1 + first * k2, j2), {
        rows: kept,
        columns: rest,
        realInput: false,
        scale,
      });
      blocks.set(block, k1 * block.length);
    }
    return blocks;
  });
}

/** The second stage in two steps, where its matrices would be too large: twiddle factors, then a transform of its own. */
function twiddledTransform(partial: Tensor, n: number, kept: number, t: Transform): Tensor {
  const [front, first, , rest, behind] = partial.shape;
  const root = shiftedRoot(n, t);
  const name = `twiddle ${n} ${first} ${t.from} ${t.to}`;
  const twiddled = timesRoots(partial, name, [first, rest], (k1, j2) => root(k1, j2));
  return transform(reshape(twiddled, [front * first, 2, rest, behind]), {
    ...t,
    to: 0,
    outputs: kept,
  });
}

/** z [front, a, 2, b, behind] times complex constants [a, b]. */
function timesRoots(
  z: Tensor,
  name: string,
  [a, b]: readonly [number, number],
  root: (i: number, j: number) => readonly [number, number],
): Tensor {
  const part = (which: 0 | 1): Tensor =>
    shared(`${name} ${which}`, [a, 1, b, 1], z.dtype, () =>
      Float64Array.from({ length: a * b }, (_, at) => root(Math.floor(at / b), at % b)[which]),
    );
  const product = complexMul(
    { re: sliceAxis(z, 2, 0, 1), im: sliceAxis(z, 2, 1, 2) },
    { re: part(0), im: part(1) },
  );
  return concat([product.re, product.im], 2);
}

/**
 * Bluestein's algorithm: jk = (j² + k² − (k − j)²)/2 makes the transform a convolution with the chirp e^(iπm²/n), done
 * by transforms of a length that splits well (Bluestein 1970, IEEE Trans. Audio Electroacoustics 18, 451–455).
 */
function chirpTransform(x: Tensor, length: number, t: Transform): Tensor {
  const [front, parts, n, behind] = x.shape;
  const { from, to, outputs, scale } = t;
  const chirp = (m: number): [number, number] => unitRoot((m * m) % (2 * n), 2 * n);
  const whole = parts === 2 ? x : concat([x, zeros(x.shape, x.dtype)], 1);
  const z = timesRoots(reshape(whole, [front, 1, 2, n, behind]), `chirp ${n} ${from}`, [1, n], (_, j) =>
    chirp(j - from),
  );
  const padded = pad(reshape(z, [front, 2, n, behind]), [0, 0, 0, 0], [0, 0, length - n, 0]);
  const full = { from: 0, to: 0, outputs: length, scale: 1 };
  const name = `chirp spectrum ${n} ${length} ${from - to} ${outputs}`;
  const response = chirpSpectrum(n, length, from - to, outputs);
  const spectrum = timesRoots(
    reshape(transform(padded, full), [front, 1, 2, length, behind]),
    name,
    [1, length],
    (_, k) => [response.re[k], response.im[k]],
  );
  // The inverse transform is the forward one with re and im exchanged on both sides.
  const back = transform(reverse(reshape(spectrum, [front, 2, length, behind]), 1), {
    ...full,
    outputs,
    scale: scale / length,
  });
  const modes = timesRoots(
    reshape(reverse(back, 1), [front, 1, 2, outputs, behind]),
    `chirp out ${n} ${to} ${outputs}`,
    [1, outputs],
    (_, k) => chirp(k - to),
  );
  return reshape(modes, [front, 2, outputs, behind]);
}

/** Spectrum of the conjugate chirp at m = k − j + offset, for k < outputs and j < n, laid around a circle. */
function chirpSpectrum(
  n: number,
  length: number,
  offset: number,
  outputs: number,
): { re: Float64Array; im: Float64Array } {
  const re = new Float64Array(length);
  const im = new Float64Array(length);
  for (let d = 1 - n; d < outputs; d++) {
    const m = d + offset;
    const at = (d + length) % length;
    [re[at], im[at]] = unitRoot(-((m * m) % (2 * n)), 2 * n);
  }
  hostTransform(re, im);
  return { re, im };
}

/** x [rows, parts, n] → [2, rows, outputs]: rows stand before the transformed axis, where they make the products long. */
export function rowsTransform(x: Tensor, t: Transform): Tensor {
  const [rows, parts, n] = x.shape;
  const plan = planOf(n);
  if (isDense(n, t.outputs))
    return transpose(
      reshape(denseTransform(reshape(x, [rows, parts, n, 1]), t), [rows, 2, t.outputs]),
      [1, 0, 2],
    );
  if (plan.kind === 'split' && planOf(plan.rest).kind === 'dense' && 4 * n * plan.rest <= MERGE_LIMIT)
    return rowsSplit(x, plan.first, plan.rest, t);
  const columns = reshape(transpose(x, [1, 2, 0]), [1, parts, n, rows]);
  return reshape(transpose(transform(columns, t)), [2, rows, t.outputs]);
}

/**
 * The splitting the other way round, j = j₁ + n₁j₂ and k = n₂k₁ + k₂: first over j₂ for each j₁, with the twiddle factors,
 * then over j₁. The costly moves of single values shrink to one, of the input.
 */
function rowsSplit(x: Tensor, first: number, rest: number, t: Transform): Tensor {
  const [rows, parts, n] = x.shape;
  const { from, to, outputs, scale } = t;
  const realInput = parts === 1;
  const root = shiftedRoot(n, t);
  const inner = shared(
    `rows inner ${n} ${first} ${parts} ${from} ${to}`,
    [first, 2, parts * rest, rest],
    x.dtype,
    () => {
      const blocks = new Float64Array(first * 2 * parts * rest * rest);
      for (let j1 = 0; j1 < first; j1++) {
        const block = blockMatrix((k2, j2) => root(k2, j1 + first * j2), {
          rows: rest,
          columns: rest,
          realInput,
        });
        blocks.set(rightFactors(block, rest), j1 * block.length);
      }
      return blocks;
    },
  );
  const apart = lastToFront(reshape(x, [rows, parts * rest, first]));
  const partial = matmul(reshape(apart, [first, 1, rows, parts * rest]), inner);
  const kept = Math.ceil(outputs / rest);
  const outer = shared(`rows outer ${first} ${kept} ${from} ${scale}`, [2 * kept, 2 * first], x.dtype, () =>
    blockMatrix(shiftedRoot(first, { from, to: 0 }), {
      rows: kept,
      columns: first,
      realInput: false,
      interleaveColumns: true,
      scale,
    }),
  );
  const modes = matmul(outer, reshape(partial, [2 * first, rows * rest]));
  const ordered = transpose(reshape(modes, [2, kept, rows, rest]), [0, 2, 1, 3]);
  return sliceAxis(reshape(ordered, [2, rows, kept * rest]), 2, 0, outputs);
}

/**
 * [rows, a, b] → [b, rows, a]. Written at once, many b are as many streams far apart in memory, which thrash the cache
 * (measured: five times slower at b = 32); so blocks of rows go first, then whole blocks are put in order.
 */
function lastToFront(x: Tensor): Tensor {
  const [rows, a, b] = x.shape;
  const most = Math.floor(BLOCK_VALUES / (a * b));
  let block = b > FEW_STREAMS ? Math.min(most, rows - 1) : 0;
  while (block > 1 && rows % block !== 0) block--;
  if (block < 4) return transpose(x, [2, 0, 1]);
  const within = transpose(reshape(x, [rows / block, block, a, b]), [0, 3, 1, 2]);
  const blocks = reshape(within, [rows / block, b, block * a]);
  return reshape(transpose(blocks, [1, 0, 2]), [b, rows, a]);
}

/**
 * Kernels on the lowest Fourier modes of a periodic field: truncated DFTs, each one matrix product an axis, and one small
 * complex product a mode (Li et al. 2021, "Fourier Neural Operator", eq. 4–5).
 */
import {
  add,
  array,
  concat,
  matmul,
  mul,
  neg,
  reshape,
  sizeOf,
  sliceAxis,
  split,
  sub,
  transpose,
  zeros,
  type NDArray,
  type Tensor,
} from '../tensor/index.ts';
import { uniform, type Key } from '../tensor/random.ts';
import {
  fieldToModes,
  frequencyCounts,
  keptFrequencies,
  keptWeights,
  modesToField,
  placeOfMean,
} from './fourierModes.ts';

/** How many of `wanted` modes a real field of s points has. */
export const availableModes = (s: number, wanted: number): number => Math.min(wanted, Math.floor(s / 2) + 1);

/** Modes from … to − 1. */
export interface ModeRange {
  readonly from: number;
  readonly to: number;
}

/**
 * cos and −sin rows of the DFT for a range of m modes, [2m, s]: rows k and m + k belong to one mode. Rows of modes from
 * `kept` on are zero.
 */
export function analysisMatrix(s: number, { from, to }: ModeRange, kept = to): Float64Array {
  const modes = to - from;
  const out = new Float64Array(2 * modes * s);
  for (let k = from; k < Math.min(to, kept); k++) {
    for (let x = 0; x < s; x++) {
      // k·x is reduced mod s as an integer: the angle stays exact however large the product.
      const angle = (2 * Math.PI * ((k * x) % s)) / s;
      out[(k - from) * s + x] = Math.cos(angle);
      out[(modes + k - from) * s + x] = -Math.sin(angle);
    }
  }
  return out;
}

/** The inverse real DFT of a spectrum that is zero outside the range and from mode `kept` on, [s, 2m]. */
export function synthesisMatrix(s: number, { from, to }: ModeRange, kept = to): Float64Array {
  const modes = to - from;
  const out = new Float64Array(s * 2 * modes);
  for (let k = from; k < Math.min(to, kept); k++) {
    const weight = (k === 0 || 2 * k === s ? 1 : 2) / s;
    for (let x = 0; x < s; x++) {
      const angle = (2 * Math.PI * ((k * x) % s)) / s;
      out[x * 2 * modes + k - from] = weight * Math.cos(angle);
      out[x * 2 * modes + modes + k - from] = -weight * Math.sin(angle);
    }
  }
  return out;
}

/**
 * Weights of one kernel, a complex matrix a mode, real part beside imaginary part: [2m_1, …, m_D, in, 2·out] for modes
 * m_1, …, m_D (a number: one axis).
 */
export function initSpectral(
  key: Key,
  modes: number | readonly number[],
  input: number,
  output: number,
): NDArray {
  const shape = [...frequencyCounts([modes].flat()), input, 2 * output];
  return array(
    Float32Array.from(uniform(key, sizeOf(shape)), (value) => value / (input * output)),
    shape,
  );
}

/**
 * Complex matrices as real ones that act on rows [x_r | x_i] from the right:
 * [modes, in, 2·out] → [[W_r, W_i], [−W_i, W_r]] of shape [modes, 2·in, 2·out].
 */
export function realForm(weights: Tensor): Tensor {
  const output = weights.shape[2] / 2;
  const rotated = concat([neg(sliceAxis(weights, 2, output)), sliceAxis(weights, 2, 0, output)], 2);
  return concat([weights, rotated], 1);
}

export interface MergedMaps {
  /** [inputs, in]: a map of the channels that the field has yet to pass. */
  readonly before?: Tensor | undefined;
  /** [out, outputs]: a map of the channels that follows. */
  readonly after?: Tensor | undefined;
  /** [outputs], a constant field: mode 0, where adding it costs nothing. On the grid it would be a pass over the field. */
  readonly bias?: Tensor | undefined;
}

/**
 * Multiplies the lowest Fourier modes of a field by the kernel and drops the rest, on grids of any number of axes:
 * weights [2m_1, …, m_D, in, 2·out], field [batch, n_1, …, n_D, in] → [batch, n_1, …, n_D, out]. Modes that the grid has not
 * are left out (`keptFrequencies`). Maps of the channels before and after it act on the few modes too.
 */
export function spectralConvolution(
  weights: Tensor,
  field: Tensor,
  { before, after, bias }: MergedMaps = {},
): Tensor {
  const [batch, ...grid] = field.shape.slice(0, -1);
  const counts = weights.shape.slice(0, grid.length);
  const wanted = counts.map((count, axis) => (axis === grid.length - 1 ? count : count / 2));
  const kept = keptFrequencies(grid, wanted);
  const spectrum = fieldToModes(field, kept);
  const [, modes, , inputs] = spectrum.shape;
  // Rows of a mode: the real parts of all samples, then the imaginary ones.
  const rows = reshape(transpose(spectrum, [1, 2, 0, 3]), [modes, 2 * batch, inputs]);
  const mixed = complexProduct(before ? matmul(rows, before) : rows, keptWeights(weights, kept));
  const mapped = after ? matmul(mixed, after) : mixed;
  const outputs = mapped.shape[2];
  const back = transpose(reshape(mapped, [2, modes, batch, outputs]), [2, 1, 0, 3]);
  if (!bias) return modesToField(back, kept);
  const mean = reshape(mul(sizeOf(grid), bias), [1, outputs]);
  const place = 2 * placeOfMean(kept);
  const zeroRows = [place, 2 * modes - place - 1].map((rows) => zeros([rows, outputs], bias.dtype));
  const constantField = concat(
    [zeroRows[0], mean, zeroRows[1]].filter(({ shape }) => shape[0] > 0),
    0,
  );
  return modesToField(add(back, reshape(constantField, [modes, 2, outputs])), kept);
}

/**
 * (x_r + i x_i)(W_r + i W_i) for rows [x_r; x_i] and weights [W_r | W_i]: [modes, 2·rows, in] · [modes, in, 2·out] →
 * [2·modes, rows, out], all real parts first. The four real products are one; only their results are sorted.
 */
function complexProduct(x: Tensor, weights: Tensor): Tensor {
  const [modes, rows] = x.shape;
  const output = weights.shape[2] / 2;
  const products = reshape(matmul(x, weights), [modes, 2, rows / 2, 2 * output]);
  const [fromReal, fromImaginary] = split(products, [1, 1], 1).map((half) =>
    split(reshape(half, [modes, rows / 2, 2 * output]), [output, output], 2),
  );
  return concat([sub(fromReal[0], fromImaginary[1]), add(fromReal[1], fromImaginary[0])], 0);
}

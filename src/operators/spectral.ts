/**
 * Kernels on the lowest Fourier modes of a periodic field: truncated DFTs, each one matrix product an axis, and one small
 * complex product a mode (Li et al. 2021, "Fourier Neural Operator", eq. 4–5).
 */
import {
  array,
  concat,
  matmul,
  neg,
  reshape,
  sizeOf,
  sliceAxis,
  type NDArray,
  type Tensor,
} from '../tensor/index.ts';
import { uniform, type Key } from '../tensor/random.ts';
import { fieldToModes, frequencyCounts, keptFrequencies, keptWeights, modesToField } from './fourierModes.ts';

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

/**
 * Multiplies the lowest Fourier modes of a field by the kernel and drops the rest, on grids of any number of axes:
 * weights [2m_1, …, m_D, in, 2·out], field [batch, n_1, …, n_D, in] → [batch, n_1, …, n_D, out].
 * Modes that the grid has not are left out (`keptFrequencies`).
 */
export function spectralConvolution(weights: Tensor, field: Tensor): Tensor {
  const grid = field.shape.slice(1, -1);
  const [input, columns] = weights.shape.slice(-2);
  const counts = weights.shape.slice(0, -2);
  const kept = keptFrequencies(
    grid,
    counts.map((count, axis) => (axis === grid.length - 1 ? count : count / 2)),
  );
  const spectrum = fieldToModes(field, kept);
  const [modes, batch] = spectrum.shape;
  const rows = reshape(spectrum, [modes, 2 * batch, input]);
  const products = matmul(rows, keptWeights(weights, kept));
  return modesToField(reshape(products, [modes, batch, 2 * columns]), kept, 4);
}

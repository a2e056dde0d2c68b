/**
 * The multiwavelet pyramid of a periodic field, and Fourier kernels that act on all of its levels at once.
 *
 * A level holds rows of ck coefficients (c channels × k polynomials). Only two things of a level are needed in space: the
 * scaling coefficients that the next level starts from, and what a non-linearity acts on. Everything else happens on the
 * lowest Fourier modes of the pair [even | odd], because filters act on channels and DFTs on points, so they commute.
 * The modes of all levels are stacked into the rows of one matrix a mode, so each kernel is one batched product
 * however many levels there are.
 */
import {
  array,
  concat,
  constant,
  matmul,
  mul,
  reshape,
  sliceAxis,
  transpose,
  type NDArray,
  type Tensor,
} from '../tensor/index.ts';
import { uniform, type Key } from '../tensor/random.ts';
import { analysisMatrix, availableModes, synthesisMatrix } from './spectral.ts';
import { multiwaveletFilters, waveletMatrices, type WaveletBasis } from './multiwaveletFilters.ts';

export interface WaveletOptions {
  readonly basis: WaveletBasis;
  /** Polynomials a cell. */
  readonly k: number;
  readonly channels: number;
  /** Fourier modes kept at a level. */
  readonly modes: number;
}

/** Filters as constants, for rows of ck coefficients. */
export function waveletTransform({ basis, k, channels }: WaveletOptions) {
  const width = channels * k;
  const { analysis, synthesis } = waveletMatrices(multiwaveletFilters(basis, k), channels);
  const both = constant(analysis, [2 * width, 2 * width]);
  const up = constant(synthesis, [2 * width, 2 * width]);
  return {
    width,
    /** [even | odd] → [d | s] and its two halves. */
    toDetailAndScaling: both,
    toDetail: sliceAxis(both, 1, 0, width),
    toScaling: sliceAxis(both, 1, width),
    /** [s | d] → [even | odd] and its two halves. */
    fromScaling: sliceAxis(up, 0, 0, width),
    fromDetail: sliceAxis(up, 0, width),
  };
}

/** Neighbouring cells side by side: [batch, 2n, w] → [batch, n, 2w]. */
export const pair = (field: Tensor): Tensor => {
  const [batch, points, width] = field.shape;
  return reshape(field, [batch, points / 2, 2 * width]);
};

/** The opposite of `pair`. */
export const unpair = (field: Tensor): Tensor => {
  const [batch, points, width] = field.shape;
  return reshape(field, [batch, 2 * points, width / 2]);
};

/**
 * Truncated DFTs of all levels, stacked: fields [batch, n_j, w] → [modes, levels · batch, 2w], real parts beside imaginary
 * parts. A level with fewer modes than the rest gives zeros for those it has not; `nyquist: false` drops mode n_j/2 too.
 */
export function levelsToModes(
  fields: readonly Tensor[],
  modes: number,
  { nyquist = true }: { readonly nyquist?: boolean } = {},
): Tensor {
  const [batch, , width] = fields[0].shape;
  const spectra = fields.map((field) => {
    const n = field.shape[1];
    const kept = nyquist ? availableModes(n, modes) : Math.min(modes, Math.ceil(n / 2));
    return matmul(constant(analysisMatrix(n, modes, kept), [2 * modes, n]), field);
  });
  const stacked = reshape(concat(spectra, 1), [batch, fields.length, 2, modes, width]);
  return reshape(transpose(stacked, [3, 1, 0, 2, 4]), [modes, fields.length * batch, 2 * width]);
}

/**
 * Clears the imaginary parts of modes 0 and n_j/2, which a real field has not but a complex product leaves behind:
 * [kernels · modes, levels · batch, 2w] → the same shape.
 */
export function dropImaginaryOfRealModes(stacked: Tensor, sizes: readonly number[], modes: number): Tensor {
  const [count, rows, columns] = stacked.shape;
  const levels = sizes.length;
  const mask = new Float64Array(modes * levels * 2).fill(1);
  sizes.forEach((n, level) => {
    for (const k of [0, n / 2]) if (Number.isInteger(k) && k < modes) mask[(k * levels + level) * 2 + 1] = 0;
  });
  const parts = reshape(stacked, [count / modes, modes, levels, rows / levels, 2, columns / 2]);
  return reshape(mul(parts, constant(mask, [modes, levels, 1, 2, 1])), stacked.shape);
}

/** The inverse: [modes, levels · batch, 2w] → fields [batch, n_j, w] of the given sizes. */
export function modesToLevels(stacked: Tensor, sizes: readonly number[]): Tensor[] {
  const [modes, rows, columns] = stacked.shape;
  const [levels, width] = [sizes.length, columns / 2];
  const batch = rows / levels;
  const byBatch = transpose(reshape(stacked, [modes, levels, batch, 2, width]), [2, 1, 3, 0, 4]);
  const spectra = reshape(byBatch, [batch, levels * 2 * modes, width]);
  return sizes.map((n, level) =>
    matmul(
      constant(synthesisMatrix(n, modes, availableModes(n, modes)), [n, 2 * modes]),
      sliceAxis(spectra, 1, level * 2 * modes, (level + 1) * 2 * modes),
    ),
  );
}

/** A real matrix on the channels of stacked modes: [modes, rows, 2w] → [modes, rows, 2w']. */
export function mixChannels(stacked: Tensor, matrix: Tensor): Tensor {
  const [modes, rows, columns] = stacked.shape;
  const [input, output] = matrix.shape;
  return reshape(matmul(reshape(stacked, [modes * rows * (columns / input), input]), matrix), [
    modes,
    rows,
    (columns / input) * output,
  ]);
}

/** Several kernels, a complex matrix a mode each: [kernels · modes, w, 2w], real part beside imaginary part. */
export function initKernels(key: Key, kernels: number, modes: number, width: number): NDArray {
  const values = uniform(key, kernels * modes * width * 2 * width);
  return array(
    Float32Array.from(values, (value) => value / width ** 2),
    [kernels * modes, width, 2 * width],
  );
}

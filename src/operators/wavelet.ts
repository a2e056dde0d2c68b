/**
 * The multiwavelet pyramid of a periodic field, and Fourier kernels that act on all of its levels at once.
 *
 * A level holds rows of kc coefficients (k polynomials × c channels: all channels of a polynomial side by side, so that filters
 * are products from the left, without sorting). Only two things of a level are needed in space: the scaling coefficients that
 * the next level starts from, and what a non-linearity acts on. Everything else happens on the
 * lowest Fourier modes of the pair [even | odd], because filters act on channels and DFTs on points, so they commute.
 * The modes of all levels are stacked into the rows of one matrix a mode, so each kernel is one batched product
 * however many levels there are.
 */
import { Matrix } from 'ml-matrix';
import {
  array,
  concat,
  constant,
  matmul,
  mul,
  reshape,
  sliceAxis,
  split,
  transpose,
  type NDArray,
  type Tensor,
} from '../tensor/index.ts';
import { uniform, type Key } from '../tensor/random.ts';
import { analysisMatrix, availableModes, realForm, synthesisMatrix, type ModeRange } from './spectral.ts';
import { multiwaveletFilters, waveletMatrices, type WaveletBasis } from './multiwaveletFilters.ts';

export interface WaveletOptions {
  readonly basis: WaveletBasis;
  /** Polynomials a cell. */
  readonly k: number;
  readonly channels: number;
  /** Fourier modes kept at a level. */
  readonly modes: number;
}

/** The 2k × 2k matrices of a pair of cells, acting from the right on rows of the coefficients of one channel. */
export function cellMatrices({ basis, k }: Pick<WaveletOptions, 'basis' | 'k'>) {
  const { analysis, synthesis } = waveletMatrices(multiwaveletFilters(basis, k), 1);
  const square = (data: Float64Array): Matrix => Matrix.from1DArray(2 * k, 2 * k, data);
  return { analysis: square(analysis), synthesis: square(synthesis) };
}

const fromMatrix = (m: Matrix): Tensor => constant(Float64Array.from(m.to1DArray()), [m.rows, m.columns]);

/** Filters as constants, for rows of kc coefficients. */
export function waveletTransform(options: WaveletOptions) {
  const { k, channels } = options;
  const width = channels * k;
  const matrices = cellMatrices(options);
  const onChannels = (m: Matrix): Tensor => fromMatrix(m.kroneckerProduct(Matrix.eye(channels)));
  const both = onChannels(matrices.analysis);
  const up = onChannels(matrices.synthesis);
  return {
    width,
    /** [even | odd] → [s | d] and its two halves. */
    toScalingAndDetail: both,
    toScaling: sliceAxis(both, 1, 0, width),
    toDetail: sliceAxis(both, 1, width),
    /** [s | d] → [even | odd] and its two halves. */
    fromScaling: sliceAxis(up, 0, 0, width),
    fromDetail: sliceAxis(up, 0, width),
    /** Scaling coefficients of half as many cells: [batch, 2n, w] → [batch, n, w]. */
    coarsen: (field: Tensor): Tensor =>
      onPairsOfCells(matrices.analysis.subMatrix(0, 2 * k - 1, 0, k - 1), field, channels),
    /** The field of scaling coefficients alone: [batch, n, w] → [batch, 2n, w]. */
    refine: (field: Tensor): Tensor =>
      onPairsOfCells(matrices.synthesis.subMatrix(0, k - 1, 0, 2 * k - 1), field, channels),
  };
}

/**
 * A filter, acting from the right on the coefficients of one cell (or of a pair), on all of a field [batch, n, kc]. Each cell by
 * itself would be a product of a few numbers, all channels at once a matrix that is nearly all zeros: up to eight cells are
 * taken together, which is the fastest between the two.
 */
function onPairsOfCells(filter: Matrix, field: Tensor, channels: number): Tensor {
  const [batch, n, width] = field.shape;
  const perCell = (n * width) / channels / filter.rows;
  const together = Math.min(perCell, CELLS_TOGETHER);
  const matrix = fromMatrix(Matrix.eye(together).kroneckerProduct(filter.transpose()));
  const groups = reshape(field, [(batch * perCell) / together, together * filter.rows, channels]);
  return reshape(matmul(matrix, groups), [batch, -1, width]);
}

/** A power of two. With 4 and 8 ONNX Runtime 1.30 takes the same time, with 1 and 16 twice as long. */
const CELLS_TOGETHER = 8;

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

/** A range of modes and the sizes of the levels (the finest first) that have any of them. */
export interface Band extends ModeRange {
  readonly sizes: readonly number[];
}

/**
 * Splits the modes in (at most) two bands. Stacking all levels in every mode would compute with zeros where coarse levels
 * have no high modes: at s = 64 that is half of the work. The split that stacks the fewest rows is taken.
 */
export function bandsOf(sizes: readonly number[], modes: number): Band[] {
  const levelsWith = (mode: number): readonly number[] =>
    sizes.filter((n) => availableModes(n, modes) > mode);
  const rows = (split: number): number =>
    split * levelsWith(0).length + (modes - split) * levelsWith(split).length;
  let best = modes;
  for (let split = 1; split < modes; split++) if (rows(split) < rows(best)) best = split;
  const bands = [
    { from: 0, to: best, sizes: levelsWith(0) },
    { from: best, to: modes, sizes: levelsWith(best) },
  ];
  return bands.filter((band) => band.to > band.from && band.sizes.length > 0);
}

interface RealModes {
  /** false: mode n/2 of an even grid is left out. */
  readonly nyquist?: boolean;
}

/**
 * Truncated DFTs of all levels of a band, stacked: fields [batch, n_j, w] → [modes, levels · batch, 2w], real parts beside
 * imaginary parts. A level with fewer modes than the band gives zeros for those it has not.
 */
export function levelsToModes(
  fields: readonly Tensor[],
  band: Band,
  { nyquist = true }: RealModes = {},
): Tensor {
  const [batch, , width] = fields[0].shape;
  const modes = band.to - band.from;
  const spectra = band.sizes.map((n, level) => {
    const kept = nyquist ? availableModes(n, band.to) : Math.ceil(n / 2);
    return matmul(constant(analysisMatrix(n, band, kept), [2 * modes, n]), fields[level]);
  });
  const stacked = reshape(concat(spectra, 1), [batch, spectra.length, 2, modes, width]);
  return reshape(transpose(stacked, [3, 1, 0, 2, 4]), [modes, spectra.length * batch, 2 * width]);
}

/** The inverse: stacked modes of all bands → fields [batch, n_j, w] of the given sizes. */
export function modesToLevels(
  stacked: readonly Tensor[],
  bands: readonly Band[],
  sizes: readonly number[],
): Tensor[] {
  const perBand = stacked.map((band, i) => unstack(band, bands[i]));
  return sizes.map((n, level) => {
    const present = bands.flatMap((band, i) =>
      level < band.sizes.length ? [{ band, spectrum: perBand[i][level] }] : [],
    );
    const matrices = present.map(({ band }) => {
      const kept = availableModes(n, band.to);
      return constant(synthesisMatrix(n, band, kept), [n, 2 * (band.to - band.from)]);
    });
    return matmul(
      concat(matrices, 1),
      concat(
        present.map(({ spectrum }) => spectrum),
        1,
      ),
    );
  });
}

/** [modes, levels · batch, 2w] → a spectrum [batch, 2 · modes, w] for each level. */
function unstack(stacked: Tensor, { sizes }: Band): Tensor[] {
  const [modes, rows, columns] = stacked.shape;
  const [levels, width] = [sizes.length, columns / 2];
  const batch = rows / levels;
  const byBatch = transpose(reshape(stacked, [modes, levels, batch, 2, width]), [2, 1, 3, 0, 4]);
  return split(
    reshape(byBatch, [batch, levels * 2 * modes, width]),
    sizes.map(() => 2 * modes),
    1,
  );
}

/**
 * Clears the imaginary parts of modes 0 and n_j/2, which a real field has not but a complex product leaves behind:
 * [modes, levels · batch, 2w] → the same shape.
 */
export function dropImaginaryOfRealModes(stacked: Tensor, { from, to, sizes }: Band): Tensor {
  const [modes, rows, columns] = stacked.shape;
  const levels = sizes.length;
  const mask = new Float64Array(modes * levels * 2).fill(1);
  sizes.forEach((n, level) => {
    const real = [0, n / 2].filter((k) => Number.isInteger(k) && k >= from && k < to);
    for (const k of real) mask[((k - from) * levels + level) * 2 + 1] = 0;
  });
  const parts = reshape(stacked, [modes, levels, rows / levels, 2, columns / 2]);
  return reshape(mul(parts, constant(mask, [modes, levels, 1, 2, 1])), stacked.shape);
}

/** Weights [modes, w, 2w] of a kernel on the modes of a band, as real matrices [modes, 2w, 2w]. */
export const kernelOn = (kernel: Tensor, { from, to }: ModeRange): Tensor =>
  realForm(sliceAxis(kernel, 0, from, to));

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

/** Several kernels, each a complex matrix a mode, real part beside imaginary part: [modes, w, 2w]. */
export function initKernels(key: Key, kernels: number, modes: number, width: number): NDArray[] {
  const size = modes * width * 2 * width;
  const values = uniform(key, kernels * size);
  return Array.from({ length: kernels }, (_, i) =>
    array(
      Float32Array.from(values.subarray(i * size, (i + 1) * size), (value) => value / width ** 2),
      [modes, width, 2 * width],
    ),
  );
}

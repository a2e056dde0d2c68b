/**
 * The coarse end of a multiwavelet pyramid in two matrix products.
 *
 * Filters and DFTs are linear and act on every channel alike. So the way from the n·k coefficients of a channel to the Fourier
 * modes of [s | d] on all its levels is one constant matrix, and the way back another. For long fields such a matrix would cost
 * more than going level by level; for short ones the arithmetic is less, in one large product in place of a dozen small operations
 * a level.
 */
import { Matrix } from 'ml-matrix';
import { concat, constant, matmul, reshape, sizeOf, split, transpose, type Tensor } from '../tensor/index.ts';
import { analysisMatrix, availableModes, synthesisMatrix } from './spectral.ts';
import { cellMatrices, type Band, type WaveletOptions } from './wavelet.ts';

/** Most coefficients n·k of a channel that are treated at once (128 and 256 take the same time with 16 channels of k = 4). */
const MOST_COEFFICIENTS = 128;

/** Cells of the longest field whose levels are treated at once, a power of two. */
export const coarseCells = (k: number): number => 2 ** Math.floor(Math.log2(MOST_COEFFICIENTS / k));

/** Modes of scaling and detail coefficients on the levels of a band, each [modes, levels · batch, 2w]. */
export interface ScalingAndDetail {
  readonly s: Tensor;
  readonly d: Tensor;
}

/** Both ways for fields of n cells. The sizes of the bands are numbers of pairs of cells, n/2, n/4, …; every band has some. */
export function coarsePyramid(options: WaveletOptions, n: number, bands: readonly Band[]) {
  const { k, channels } = options;
  const width = k * channels;
  /** Of the modes of a band, in this order: s or d, mode, level, real or imaginary part, coefficient. */
  const shapes = bands.map(({ from, to, sizes }) => [2, to - from, sizes.length, 2, k]);
  const lengths = [k, ...shapes.map(sizeOf)];
  const matrices = pyramidMatrices(options, n, bands);
  const [toModes, fromModes] = [matrices.analysis, matrices.synthesis].map((m) =>
    constant(Float64Array.from(m.to1DArray()), [m.rows, m.columns]),
  );
  return {
    /** [batch, n, w] → modes of each band, and the scaling coefficients of the single cell at the top [batch, 1, w]. */
    toModes(field: Tensor): { readonly modes: readonly ScalingAndDetail[]; readonly top: Tensor } {
      const [batch] = field.shape;
      const all = matmul(toModes, reshape(field, [batch, n * k, channels]));
      const [top, ...parts] = split(all, lengths, 1);
      const modes = parts.map((part, i): ScalingAndDetail => {
        const [kinds, count, levels] = shapes[i];
        const byBatch = reshape(part, [batch, kinds, count, levels, 2 * width]);
        const rows = reshape(transpose(byBatch, [1, 2, 3, 0, 4]), [kinds * count, levels * batch, 2 * width]);
        const [s, d] = split(rows, [count, count]);
        return { s, d };
      });
      return { modes, top: reshape(top, [batch, 1, width]) };
    },

    /** The way back: the field [batch, n, w] of these modes and this cell at the top. */
    fromModes(modes: readonly ScalingAndDetail[], top: Tensor): Tensor {
      const [batch] = top.shape;
      const parts = modes.map(({ s, d }, i) => {
        const [kinds, count, levels] = shapes[i];
        const rows = reshape(concat([s, d]), [kinds, count, levels, batch, 2 * width]);
        return reshape(transpose(rows, [3, 0, 1, 2, 4]), [batch, lengths[i + 1], channels]);
      });
      const all = concat([reshape(top, [batch, k, channels]), ...parts], 1);
      return reshape(matmul(fromModes, all), [batch, n, width]);
    },
  };
}

/**
 * `analysis` [modes, n·k] times the coefficients of a channel: the k coefficients at the top, then the modes of each band.
 * `synthesis` [n·k, modes] is the way back. Modes that a level lacks are zero.
 */
function pyramidMatrices({ k, basis }: WaveletOptions, n: number, bands: readonly Band[]) {
  const cell = cellMatrices({ basis, k });
  const size = ({ from, to }: Band): number => 2 * (to - from);
  return {
    analysis: rowsOfModes(n, k, bands, {
      cell: cell.analysis,
      dft: (pairs, band) =>
        Matrix.from1DArray(size(band), pairs, analysisMatrix(pairs, band, keptOf(pairs, band))),
    }),
    synthesis: rowsOfModes(n, k, bands, {
      cell: cell.synthesis.transpose(),
      dft: (pairs, band) =>
        Matrix.from1DArray(pairs, size(band), synthesisMatrix(pairs, band, keptOf(pairs, band))).transpose(),
    }).transpose(),
  };
}

const keptOf = (pairs: number, { to }: Band): number => availableModes(pairs, to);

interface LevelMatrices {
  /** [even | odd] → [s | d], from the right: [2k, 2k]. */
  readonly cell: Matrix;
  /** Pairs of cells → modes, real parts first: [2 · modes, pairs]. */
  readonly dft: (pairs: number, band: Band) => Matrix;
}

/** What filters, level by level, and then DFTs make of the unit vectors of a field: [modes, n·k]. */
function rowsOfModes(n: number, k: number, bands: readonly Band[], { cell, dft }: LevelMatrices): Matrix {
  const top: Float64Array[] = [];
  const modes: Float64Array[][] = bands.map(() => []);
  // Rows (pair, half, coefficient) of [even | odd], each a linear map of the field.
  let field: Float64Array[] = Matrix.eye(n * k)
    .to2DArray()
    .map((row) => Float64Array.from(row));
  for (let [pairs, level] = [n / 2, 0]; pairs >= 1; pairs /= 2, level++) {
    // The same rows as (pair, s or d, coefficient).
    const scalingAndDetail = field.map((_, row) => {
      const [pair, column] = [Math.floor(row / (2 * k)), row % (2 * k)];
      return combination(cell.getColumn(column), (i) => field[pair * 2 * k + i]);
    });
    bands.forEach((band, b) => {
      const [count, levels] = [band.to - band.from, band.sizes.length];
      if (level >= levels) return;
      const matrix = dft(pairs, band);
      for (let row = 0; row < 2 * count; row++) {
        const [part, mode] = [Math.floor(row / count), row % count];
        for (let column = 0; column < 2 * k; column++) {
          const [kind, j] = [Math.floor(column / k), column % k];
          const place = (((kind * count + mode) * levels + level) * 2 + part) * k + j;
          modes[b][place] = combination(
            matrix.getRow(row),
            (pair) => scalingAndDetail[pair * 2 * k + column],
          );
        }
      }
    });
    const scaling = scalingAndDetail.filter((_, row) => row % (2 * k) < k);
    if (pairs === 1) top.push(...scaling);
    field = scaling;
  }
  return new Matrix([...top, ...modes.flat()]);
}

/** Σ_i weights_i · row(i) */
function combination(weights: readonly number[], row: (i: number) => Float64Array): Float64Array {
  const total = new Float64Array(row(0).length);
  for (const [i, weight] of weights.entries()) {
    if (weight === 0) continue;
    const values = row(i);
    for (let j = 0; j < total.length; j++) total[j] += weight * values[j];
  }
  return total;
}

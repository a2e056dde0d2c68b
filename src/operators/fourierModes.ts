/**
 * The lowest Fourier modes of real fields [batch, n_1, …, n_D, w] on grids of any number of axes, by truncated DFTs axis by
 * axis. Every DFT is one product with a small constant matrix from the left, in an order of axes that needs no
 * transposition on the way: real parts stand beside imaginary parts where the next product sums over both.
 *
 * A real field has û(−κ) = conj û(κ), so frequencies κ_D ≥ 0 suffice on the last axis; the others need both signs.
 */
import {
  add,
  concat,
  constant,
  gather,
  matmul,
  mul,
  reshape,
  sizeOf,
  sliceAxis,
  type Shape,
  type Tensor,
} from '../tensor/index.ts';
import { blockMatrix, shiftedRoot } from '../tensor/functions/dftMatrices.ts';

/** Frequencies from … from + count − 1 of an axis of n points. */
export interface KeptFrequencies {
  readonly n: number;
  readonly from: number;
  readonly count: number;
  /** How many modes were asked for. */
  readonly modes: number;
}

/**
 * What is kept of `modes` on each axis: 0 … m − 1 on the last one and −m … m − 1 on the others (Li et al. 2021), as far as an
 * axis of n points has them: 0 … ⌊n/2⌋ on the last, −⌊n/2⌋ … ⌈n/2⌉ − 1 on the others.
 */
export function keptFrequencies(grid: Shape, modes: readonly number[]): KeptFrequencies[] {
  return grid.map((n, axis) => {
    const m = modes[axis];
    if (axis === grid.length - 1) return { n, from: 0, count: Math.min(m, Math.floor(n / 2) + 1), modes: m };
    const negative = Math.min(m, Math.floor(n / 2));
    return { n, from: -negative, count: negative + Math.min(m, Math.ceil(n / 2)), modes: m };
  });
}

/** Numbers of frequencies that weights for `modes` hold on each axis, whatever the grid: 2m, … , 2m, m. */
export const frequencyCounts = (modes: readonly number[]): number[] =>
  modes.map((m, axis) => (axis === modes.length - 1 ? m : 2 * m));

/** The part of weights [2m_1, …, m_D, ...rest] that acts on a grid: [kept modes, ...rest]. */
export function keptWeights(weights: Tensor, kept: readonly KeptFrequencies[]): Tensor {
  const cut = kept.reduce((w, { from, count, modes }, axis) => {
    const start = axis === kept.length - 1 ? 0 : modes + from;
    return sliceAxis(w, axis, start, start + count);
  }, weights);
  return reshape(cut, [-1, ...weights.shape.slice(kept.length)]);
}

const countModes = (kept: readonly KeptFrequencies[]): number => sizeOf(kept.map(({ count }) => count));

/** Σ_j x_j e^(−2πijκ/n) on one axis: [(frequency, re/im), (re/im,) point]; the first axis gets a real field. */
function analysisMatrix({ n, from, count }: KeptFrequencies, realInput: boolean): Float64Array {
  return blockMatrix(shiftedRoot(n, { from: 0, to: -from }), {
    rows: count,
    columns: n,
    realInput,
    interleaveRows: true,
  });
}

/** Where the mode of frequency zero on every axis stands. */
export const placeOfMean = (kept: readonly KeptFrequencies[]): number =>
  kept.reduce((place, { from, count }) => place * count - from, 0);

/** Kept modes of a field: [batch, ...grid, w] → [batch, modes, 2, w], real part before imaginary part. */
export function fieldToModes(field: Tensor, kept: readonly KeptFrequencies[]): Tensor {
  const [batch] = field.shape;
  const width = field.shape[field.rank - 1];
  let front = batch;
  let behind = sizeOf(field.shape.slice(1));
  let x = field;
  kept.forEach((axis, i) => {
    const parts = i === 0 ? 1 : 2;
    behind /= axis.n;
    const matrix = constant(analysisMatrix(axis, i === 0), [2 * axis.count, parts * axis.n]);
    x = matmul(matrix, reshape(x, [front, parts * axis.n, behind]));
    front *= axis.count;
  });
  return reshape(x, [batch, front / batch, 2, width]);
}

/**
 * The real field with those modes, the others being zero: [batch, modes, 2, w] → [batch, ...grid, w]. Of modes that a real
 * field must have real, the imaginary part does not count.
 */
export function modesToField(z: Tensor, kept: readonly KeptFrequencies[]): Tensor {
  const [batch, modes, , width] = z.shape;
  let front = batch * modes;
  let behind = width;
  let x = z;
  for (let i = kept.length - 1; i >= 0; i--) {
    const axis = kept[i];
    front /= axis.count;
    const matrix = synthesisMatrix(axis, { realOutput: i === 0, last: i === kept.length - 1 });
    const rows = (i === 0 ? 1 : 2) * axis.n;
    x = matmul(constant(matrix, [rows, 2 * axis.count]), reshape(x, [front, 2 * axis.count, behind]));
    behind *= axis.n;
  }
  return reshape(x, [batch, ...kept.map(({ n }) => n), width]);
}

interface Synthesis {
  readonly realOutput: boolean;
  readonly last: boolean;
}

/**
 * 1/n Σ_κ X_κ e^(2πijκ/n) on one axis, [(re/im,) point, (frequency, re/im)]: the transpose of the analysis over n. On the last
 * axis the frequencies that stand for their conjugates as well count twice.
 */
function synthesisMatrix(axis: KeptFrequencies, { realOutput, last }: Synthesis): Float64Array {
  const { n, from, count } = axis;
  const rows = (realOutput ? 1 : 2) * n;
  const columns = 2 * count;
  const analysis = analysisMatrix(axis, realOutput);
  const out = new Float64Array(rows * columns);
  for (let column = 0; column < columns; column++) {
    const frequency = from + Math.floor(column / 2);
    const weight = (last && frequency !== 0 && 2 * frequency !== n ? 2 : 1) / n;
    for (let row = 0; row < rows; row++) out[row * columns + column] = weight * analysis[column * rows + row];
  }
  return out;
}

/**
 * The multiplier of real fields that kept weights stand for, which leaves their spectrum Hermitian: kept weights [modes, in, 2·out] → the
 * same shape. Powers of it can be taken on the modes, with the kept weights themselves in the last product: `modesToField` takes
 * the real part once more, which halves a mode whose negative is not kept.
 *
 * Where κ_D = 0 (or n_D/2) the modes κ and −κ belong to one real field, whose part W(κ)û(κ) + conj(W(−κ)û(−κ)) is taken; so
 * W(κ) becomes (W(κ) + conj W(−κ)) / 2, with W(−κ) = 0 if −κ is not kept.
 */
export function hermitianWeights(weights: Tensor, kept: readonly KeptFrequencies[]): Tensor {
  const last = kept[kept.length - 1];
  const others = kept.slice(0, -1);
  const { partner, present } = partners(others);
  const [, input, columns] = weights.shape;
  const planes = reshape(weights, [partner.length, last.count, input, columns]);
  const output = columns / 2;
  const conjugate = new Float64Array(partner.length * columns);
  present.forEach((isKept, i) => {
    const sign = isKept ? 0.5 : 0;
    conjugate
      .fill(sign, i * columns, i * columns + output)
      .fill(-sign, i * columns + output, (i + 1) * columns);
  });
  const symmetric = (at: number): Tensor => {
    const plane = sliceAxis(planes, 1, at, at + 1);
    const mirrored = gather(plane, constant({ data: partner, shape: [partner.length], dtype: 'int32' }));
    return add(mul(plane, 0.5), mul(mirrored, constant(conjugate, [partner.length, 1, 1, columns])));
  };
  const nyquist = 2 * (last.count - 1) === last.n && last.count > 1;
  const middle = sliceAxis(planes, 1, 1, last.count - (nyquist ? 1 : 0));
  const whole = concat([symmetric(0), middle, ...(nyquist ? [symmetric(last.count - 1)] : [])], 1);
  return reshape(whole, weights.shape);
}

/** For each kept (κ_1, …, κ_(D−1)): where its negative stands, modulo the sizes of the axes, and whether it is kept. */
function partners(axes: readonly KeptFrequencies[]): { partner: Int32Array; present: boolean[] } {
  const count = countModes(axes);
  const partner = new Int32Array(count);
  const present = Array.from({ length: count }, (_, index) => {
    let rest = index;
    let stride = 1;
    let mirrored = 0;
    for (const { n, from, count: size } of [...axes].reverse()) {
      const frequency = from + (rest % size);
      rest = Math.floor(rest / size);
      const place = [-frequency - from, -frequency - from - n].find((at) => at >= 0 && at < size);
      if (place === undefined) return false;
      mirrored += place * stride;
      stride *= size;
    }
    partner[index] = mirrored;
    return true;
  });
  return { partner, present };
}

/**
 * GRAPPA (Griswold, Jakob, Heidemann, Nittka, Jellus, Wang, Kiefer & Haase, Magnetic Resonance in Medicine 47, 2002): where every
 * R-th column of k-space is sampled, the columns in between are linear combinations of their sampled neighbours in all coils,
 * with weights fitted to the ACS lines. Fitting is done on arrays in float64; applying the weights is traced, one convolution
 * over the sampled columns.
 */
import {
  add,
  complexArray,
  concat,
  constant,
  conv,
  mul,
  reshape,
  sliceAxis,
  sub,
  transpose,
  type Complex,
  type ComplexArray,
  type Tensor,
} from '../tensor/index.ts';
import { solveHermitian } from './hermitian.ts';

export interface GrappaCalibrationOptions {
  /** R: one column in R is sampled. */
  readonly acceleration: number;
  /** Neighbours along the readout, odd; default 5. */
  readonly readout?: number;
  /** Sampled neighbours along the phase encodes, even; default 4: two on each side of the gap. */
  readonly phase?: number;
  /** The singular values of the fit are regularised by this share of the largest; default 0.001. */
  readonly regularisation?: number;
}

export interface GrappaKernel {
  readonly acceleration: number;
  readonly readout: number;
  readonly phase: number;
  /**
   * [R − 1, c, c, readout, phase]: of the m-th column after a sampled one, coil by coil, from each coil at rows −⌊readout/2⌋ … and
   * sampled columns −phase/2 + 1 … phase/2 around it.
   */
  readonly weights: ComplexArray;
}

/** ACS lines that give at least one equation. */
const linesNeeded = (acceleration: number, phase: number): number => (phase - 1) * acceleration + 1;

/**
 * Fits the weights to ACS data [c, rows, columns], by least squares with Tikhonov regularisation.
 *
 * @throws if a size of the kernel is not allowed, or there are too few rows or columns for one equation.
 */
export function calibrateGrappa(
  acs: ComplexArray,
  { acceleration, readout = 5, phase = 4, regularisation = 0.001 }: GrappaCalibrationOptions,
): GrappaKernel {
  const [coils, rows, columns] = acs.re.shape;
  if (!Number.isInteger(readout) || readout < 1 || readout % 2 === 0)
    throw new Error(`grappa: readout is ${readout}, expected an odd whole number`);
  if (!Number.isInteger(phase) || phase < 2 || phase % 2 === 1)
    throw new Error(`grappa: phase is ${phase}, expected an even whole number ≥ 2`);
  const needed = linesNeeded(acceleration, phase);
  if (columns < needed || rows < readout) {
    throw new Error(
      `grappa: ${columns} ACS lines of ${rows} samples, expected at least ${needed} for acceleration ${acceleration} and a kernel of ${phase} sampled columns, and ${readout} samples; acquire more, or take phase 2`,
    );
  }
  const [sources, targets] = [coils * readout * phase, (acceleration - 1) * coils];
  // Rows of [sources | targets], one an equation; AᴴA and AᴴB are parts of one Gram matrix.
  const width = sources + targets;
  const gram = complexArray(new Float64Array(sources * width), new Float64Array(sources * width), [
    sources,
    width,
  ]);
  const [left, right] = [(phase / 2 - 1) * acceleration, (phase / 2) * acceleration];
  const equation = { re: new Float64Array(width), im: new Float64Array(width) };
  const put = (at: number, coil: number, row: number, column: number): void => {
    const from = (coil * rows + row) * columns + column;
    equation.re[at] = acs.re.data[from];
    equation.im[at] = acs.im.data[from];
  };
  for (let row = 0; row + readout <= rows; row++)
    for (let column = left; column + right < columns; column++) {
      let at = 0;
      for (let c = 0; c < coils; c++)
        for (let i = 0; i < readout; i++)
          for (let t = 0; t < phase; t++) put(at++, c, row + i, column - left + t * acceleration);
      for (let m = 1; m < acceleration; m++)
        for (let c = 0; c < coils; c++) put(at++, c, row + (readout - 1) / 2, column + m);
      addOuterProduct(gram, equation, sources);
    }
  const { a, b } = splitGram(gram, sources, regularisation);
  const solution = solveHermitian(a, b, 'GRAPPA calibration');
  const flipped = (data: ArrayLike<number>): Float64Array =>
    Float64Array.from(
      { length: sources * targets },
      (_, i) => data[(i % sources) * targets + Math.floor(i / sources)],
    );
  return {
    acceleration,
    readout,
    phase,
    weights: complexArray(flipped(solution.re.data), flipped(solution.im.data), [
      acceleration - 1,
      coils,
      coils,
      readout,
      phase,
    ]),
  };
}

/** gram[i, j] += e_i* e_j for the first `rows` i. */
function addOuterProduct(
  gram: ComplexArray,
  { re, im }: { readonly re: Float64Array; readonly im: Float64Array },
  rows: number,
): void {
  const width = re.length;
  const [gr, gi] = [gram.re.data, gram.im.data];
  for (let i = 0; i < rows; i++) {
    const [x, y] = [re[i], im[i]];
    for (let j = i; j < width; j++) {
      gr[i * width + j] += x * re[j] + y * im[j];
      gi[i * width + j] += x * im[j] - y * re[j];
    }
  }
}

/** AᴴA + λ with λ = (share · σ_max)², bounded by the trace where σ_max² is, and AᴴB, from the upper half [AᴴA | AᴴB]. */
function splitGram(
  gram: ComplexArray,
  n: number,
  share: number,
): { readonly a: ComplexArray; readonly b: ComplexArray } {
  const width = gram.re.shape[1];
  const upper = (data: ArrayLike<number>, sign: number): Float64Array =>
    Float64Array.from({ length: n * n }, (_, flat) => {
      const [i, j] = [Math.floor(flat / n), flat % n];
      return i <= j ? data[i * width + j] : sign * data[j * width + i];
    });
  const right = (data: ArrayLike<number>): Float64Array =>
    Float64Array.from({ length: n * (width - n) }, (_, flat) => {
      const [i, j] = [Math.floor(flat / (width - n)), flat % (width - n)];
      return data[i * width + n + j];
    });
  const a = complexArray(upper(gram.re.data, 1), upper(gram.im.data, -1), [n, n]);
  const largest = largestEigenvalue(a);
  if (!(largest > 0)) throw new Error('grappa: the ACS lines are zero everywhere, expected signal');
  for (let i = 0; i < n; i++) a.re.data[i * (n + 1)] += share * share * largest;
  return { a, b: complexArray(right(gram.re.data), right(gram.im.data), [n, width - n]) };
}

/** Of a positive semidefinite Hermitian matrix, by power iteration from its diagonal: to a few per cent, which λ needs. */
function largestEigenvalue({ re, im }: ComplexArray): number {
  const n = re.shape[0];
  let v = { re: Float64Array.from({ length: n }, (_, i) => re.data[i * (n + 1)]), im: new Float64Array(n) };
  let value = 0;
  for (let step = 0; step < 30; step++) {
    const size = Math.hypot(...v.re, ...v.im);
    if (size === 0) return 0;
    const next = { re: new Float64Array(n), im: new Float64Array(n) };
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) {
        const [x, y] = [re.data[i * n + j], im.data[i * n + j]];
        next.re[i] += (x * v.re[j] - y * v.im[j]) / size;
        next.im[i] += (x * v.im[j] + y * v.re[j]) / size;
      }
    v = next;
    value = Math.hypot(...v.re, ...v.im);
  }
  return value;
}

export interface GrappaSampling {
  /** The first sampled column, 0 … R − 1. */
  readonly offset: number;
}

/**
 * k-space [.., c, h, w] with the columns between the sampled ones (offset, offset + R, …) filled in; other columns than these are
 * not looked at. k-space is periodic to the convolution along the readout, and along the phase encodes where R divides the
 * width; otherwise it is zero beyond its ends.
 *
 * @throws if the coils are not those of the kernel.
 */
export function fillGrappa(
  kspace: Complex,
  { acceleration: R, readout, phase, weights }: GrappaKernel,
  { offset }: GrappaSampling,
): Complex {
  const { shape } = kspace.re;
  const [coils, h, w] = shape.slice(-3);
  if (weights.re.shape[1] !== coils)
    throw new Error(
      `grappa: k-space of ${coils} coils and a kernel for ${weights.re.shape[1]}, expected the same`,
    );
  if (R === 1) return kspace;
  const images = shape.slice(0, -3).reduce((product, n) => product * n, 1);
  const sampled = Math.ceil((w - offset) / R);
  // [images, 2c, h, sampled]: real parts of all coils, then imaginary ones.
  const compact = concat(
    [kspace.re, kspace.im].map((part) =>
      reshape(sliceAxis(part, -1, offset, w, R), [images, coils, h, sampled]),
    ),
    1,
  );
  const around = extend(extend(compact, 2, (readout - 1) / 2, true), 3, phase / 2, w % R === 0);
  const bases = sampled + 1;
  const between = reshape(conv(around, realWeights(weights, kspace.re.dtype)), [
    images,
    2,
    R - 1,
    coils,
    h,
    bases,
  ]);
  // Bases are the sampled columns and the one before the first, whose gap may reach into the image.
  const base = sliceAxis(
    sliceAxis(around, 3, phase / 2 - 1, phase / 2 - 1 + bases),
    2,
    (readout - 1) / 2,
    (readout - 1) / 2 + h,
  );
  const all = concat([reshape(base, [images, 2, 1, coils, h, bases]), between], 2);
  const columns = reshape(transpose(all, [0, 1, 3, 4, 5, 2]), [images, 2, coils, h, bases * R]);
  const part = (index: number): Tensor =>
    reshape(sliceAxis(sliceAxis(columns, 4, R - offset, R - offset + w), 1, index, index + 1), shape);
  return { re: part(0), im: part(1) };
}

/** As `fillGrappa`, with measured values, the ACS lines among them, wherever the mask has any. */
export function grappa(
  kspace: Complex,
  mask: Tensor,
  kernel: GrappaKernel,
  sampling: GrappaSampling,
): Complex {
  const filled = fillGrappa(kspace, kernel, sampling);
  const keep = (measured: Tensor, made: Tensor): Tensor => add(made, mul(mask, sub(measured, made)));
  return { re: keep(kspace.re, filled.re), im: keep(kspace.im, filled.im) };
}

/** `by` more slices on both sides of an axis: those of the other end, or zeros. */
function extend(x: Tensor, axis: number, by: number, periodic: boolean): Tensor {
  const n = x.shape[axis];
  if (by === 0) return x;
  if (periodic && by > n)
    throw new Error(
      `grappa: a kernel that reaches ${by} samples beyond an axis of ${n}; expected a smaller kernel`,
    );
  const [before, behind] = periodic
    ? [sliceAxis(x, axis, n - by, n), sliceAxis(x, axis, 0, by)]
    : [0, 1].map(() => mul(0, sliceAxis(x, axis, 0, by)));
  return concat([before, x, behind], axis);
}

/** [2 (R − 1) c, 2c, readout, phase]: complex multiplication as a real convolution; outputs are parts, gaps, coils. */
function realWeights({ re, im }: ComplexArray, dtype: Tensor['dtype']): Tensor {
  const [gaps, coils, , readout, phase] = re.shape;
  const part = (values: ComplexArray['re'], sign: number): Tensor =>
    mul(sign, reshape(constant(values.data, values.shape, dtype), [gaps * coils, coils, readout, phase]));
  return concat([concat([part(re, 1), part(im, -1)], 1), concat([part(im, 1), part(re, 1)], 1)], 0);
}

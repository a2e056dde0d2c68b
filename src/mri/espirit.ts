/**
 * ESPIRiT (Uecker, Lai, Murphy, Virtue, Elad, Pauly, Vasanawala & Lustig, Magnetic Resonance in Medicine 71, 2014): sensitivities
 * as eigenvectors of the operator that projects every patch of k-space onto the span of the patches of the calibration data.
 *
 * The operator is a convolution over coils, so it is one c × c matrix at each pixel. Its entries are trigonometric polynomials,
 * the Fourier series of the lags of the projection: they are evaluated as such, without images of single kernels.
 */
import { array, complexArray, type ComplexArray, type NDArray } from '../tensor/index.ts';
import { fourierSeries, type PixelSeries } from './fourierSeries.ts';
import { hermitianEigen } from './hermitianEigen.ts';

export interface EspiritOptions {
  /** Side of the square patch of k-space; default 6. */
  readonly kernel?: number;
  /** Singular vectors of the patches below this share of the largest singular value are noise; default 0.02. */
  readonly threshold?: number;
  /** Pixels whose eigenvalue, 1 where the model holds, is lower have sensitivity 0; default 0.95. */
  readonly crop?: number;
}

export interface EspiritMaps {
  /** [c, h, w]: Σ|S|² = 1 and coil 0 real and not negative, or 0 where the eigenvalue is below the crop. */
  readonly sensitivities: ComplexArray;
  /** The largest eigenvalue at each pixel [h, w], 0 … 1. */
  readonly eigenvalue: NDArray;
}

/**
 * Sensitivities of a whole image from fully sampled calibration data [c, rows, columns], the centre of k-space (24 × 24 is usual).
 *
 * @throws if the calibration data are smaller than the kernel or zero.
 */
export function espiritSensitivities(
  calibration: ComplexArray,
  [h, w]: readonly [number, number],
  { kernel = 6, threshold = 0.02, crop = 0.95 }: EspiritOptions = {},
): EspiritMaps {
  const { shape } = calibration.re;
  const [coils, rows, columns] = shape;
  if (!Number.isInteger(kernel) || kernel < 1)
    throw new Error(`espirit: kernel is ${kernel}, expected a whole number ≥ 1`);
  if (shape.length !== 3 || rows < kernel || columns < kernel) {
    throw new Error(
      `espirit: calibration data are [${shape.join(', ')}], expected [coils, rows, columns] with at least ${kernel} rows and columns`,
    );
  }
  const { values, vectors } = hermitianEigen(patchCovariance(calibration, kernel), 'patch covariance');
  if (!(values[0] > 0)) throw new Error('espirit: the calibration data are zero everywhere, expected signal');
  const rank = values.filter((value) => value > threshold * threshold * values[0]).length;
  const reach = Array.from({ length: 2 * kernel - 1 }, (_, i) => i - kernel + 1);
  const matrices = fourierSeries(lags(vectors, rank, coils, kernel), reach, reach, [h, w]);
  return dominantVectors(matrices, coils, [h, w], crop);
}

/** Σ y yᴴ over all patches y (coil, row, column of the patch) of the calibration data. */
function patchCovariance({ re, im }: ComplexArray, kernel: number): ComplexArray {
  const [coils, rows, columns] = re.shape;
  const n = coils * kernel * kernel;
  const [outRe, outIm] = [new Float64Array(n * n), new Float64Array(n * n)];
  const [yr, yi] = [new Float64Array(n), new Float64Array(n)];
  for (let top = 0; top + kernel <= rows; top++)
    for (let left = 0; left + kernel <= columns; left++) {
      let at = 0;
      for (let c = 0; c < coils; c++)
        for (let i = 0; i < kernel; i++)
          for (let j = 0; j < kernel; j++, at++) {
            const from = (c * rows + top + i) * columns + left + j;
            yr[at] = re.data[from];
            yi[at] = im.data[from];
          }
      for (let a = 0; a < n; a++) {
        const [x, y] = [yr[a], yi[a]];
        for (let b = 0; b <= a; b++) {
          outRe[a * n + b] += x * yr[b] + y * yi[b];
          outIm[a * n + b] += y * yr[b] - x * yi[b];
        }
      }
    }
  for (let a = 0; a < n; a++)
    for (let b = 0; b < a; b++) {
      outRe[b * n + a] = outRe[a * n + b];
      outIm[b * n + a] = -outIm[a * n + b];
    }
  return complexArray(outRe, outIm, [n, n]);
}

/** (c, d) with d ≤ c: the entries that say all of a Hermitian matrix. */
const pairsOf = (coils: number): (readonly [c: number, d: number])[] =>
  Array.from({ length: coils }, (_, c) => Array.from({ length: c + 1 }, (_, d) => [c, d] as const)).flat();

/**
 * The projection P = U Uᴴ on the first `rank` vectors, summed over places of equal lag and divided by the size of the patch: for
 * each pair of coils [2k − 1, 2k − 1].
 */
function lags(vectors: ComplexArray, rank: number, coils: number, kernel: number): PixelSeries {
  const n = vectors.re.shape[0];
  const [area, span] = [kernel * kernel, 2 * kernel - 1];
  const pairs = pairsOf(coils);
  const [re, im] = [
    new Float64Array(pairs.length * span * span),
    new Float64Array(pairs.length * span * span),
  ];
  // Rows of U, contiguous over the vectors.
  const part = (data: ArrayLike<number>): Float64Array =>
    Float64Array.from({ length: n * rank }, (_, i) => data[Math.floor(i / rank) * n + (i % rank)]);
  const [ur, ui] = [part(vectors.re.data), part(vectors.im.data)];
  pairs.forEach(([c, d], pair) => {
    for (let i = 0; i < area; i++)
      for (let j = 0; j < area; j++) {
        const [a, b] = [(c * area + i) * rank, (d * area + j) * rank];
        let [x, y] = [0, 0];
        for (let r = 0; r < rank; r++) {
          x += ur[a + r] * ur[b + r] + ui[a + r] * ui[b + r];
          y += ui[a + r] * ur[b + r] - ur[a + r] * ui[b + r];
        }
        const row = Math.floor(i / kernel) - Math.floor(j / kernel) + kernel - 1;
        const column = (i % kernel) - (j % kernel) + kernel - 1;
        const to = (pair * span + row) * span + column;
        re[to] += x / area;
        im[to] += y / area;
      }
  });
  return { re, im };
}

const ITERATIONS = 200;
const TOLERANCE = 1e-7;

/** Power iteration on the Hermitian matrix of each pixel; neighbours start from each other's vector. */
function dominantVectors(
  { re, im }: PixelSeries,
  coils: number,
  [h, w]: readonly [number, number],
  crop: number,
): EspiritMaps {
  const [pairs, pixels] = [pairsOf(coils), h * w];
  const [outRe, outIm] = [new Float64Array(coils * pixels), new Float64Array(coils * pixels)];
  const eigenvalue = new Float64Array(pixels);
  const [mr, mi] = [new Float64Array(coils * coils), new Float64Array(coils * coils)];
  let v = { re: new Float64Array(coils).fill(1 / Math.sqrt(coils)), im: new Float64Array(coils) };
  let next = { re: new Float64Array(coils), im: new Float64Array(coils) };
  for (let pixel = 0; pixel < pixels; pixel++) {
    pairs.forEach(([c, d], pair) => {
      mr[c * coils + d] = mr[d * coils + c] = re[pair * pixels + pixel];
      mi[c * coils + d] = im[pair * pixels + pixel];
      mi[d * coils + c] = -im[pair * pixels + pixel];
    });
    let value = 0;
    for (let step = 0, change = Infinity; step < ITERATIONS && change > TOLERANCE; step++) {
      multiplyInto(mr, mi, v, next);
      value = Math.sqrt(next.re.reduce((t, x, c) => t + x * x + next.im[c] ** 2, 0));
      change = 0;
      // A start that the matrix sends to 0 says nothing about its vectors: then there is no signal here.
      if (value === 0) break;
      for (let c = 0; c < coils; c++) {
        next.re[c] /= value;
        next.im[c] /= value;
        change = Math.max(change, Math.abs(next.re[c] - v.re[c]), Math.abs(next.im[c] - v.im[c]));
      }
      [v, next] = [next, v];
    }
    eigenvalue[pixel] = value;
    if (value < crop) continue;
    const size = Math.hypot(v.re[0], v.im[0]);
    const [cos, sin] = size === 0 ? [1, 0] : [v.re[0] / size, v.im[0] / size];
    for (let c = 0; c < coils; c++) {
      outRe[c * pixels + pixel] = v.re[c] * cos + v.im[c] * sin;
      outIm[c * pixels + pixel] = v.im[c] * cos - v.re[c] * sin;
    }
  }
  return {
    sensitivities: complexArray(outRe, outIm, [coils, h, w]),
    eigenvalue: array(eigenvalue, [h, w]),
  };
}

interface Vector {
  readonly re: Float64Array;
  readonly im: Float64Array;
}

function multiplyInto(mr: Float64Array, mi: Float64Array, v: Vector, out: Vector): void {
  const n = v.re.length;
  for (let i = 0; i < n; i++) {
    let [x, y] = [0, 0];
    for (let j = 0; j < n; j++) {
      const [a, b] = [mr[i * n + j], mi[i * n + j]];
      x += a * v.re[j] - b * v.im[j];
      y += a * v.im[j] + b * v.re[j];
    }
    out.re[i] = x;
    out.im[i] = y;
  }
}

/**
 * Fourier transforms of any length n along any axis, of images, and of real signals with few modes (packedDft.ts says how).
 * Conventions are NumPy's: forward X_k = Σ_j x_j e^(−2πijk/n), inverse with 1/n.
 */
import { isFloat } from '../array.ts';
import { concat, reshape, transpose } from '../ops/shape.ts';
import { roll, take } from '../ops/slice.ts';
import { normalizeAxes, normalizeAxis, sameShape, showShape, sizeOf, type Shape } from '../shape.ts';
import { constant, zeros, type Tensor } from '../tensor.ts';
import { vjp } from '../transforms/reverse.ts';
import { scale as scaleComplex, type Complex } from './complex.ts';
import { rowsTransform, transform, type Transform } from './packedDft.ts';

/** Parts [re] or [re, im] of one shape → {re, im} with `outputs` modes on the axis. */
function alongAxis(parts: readonly Tensor[], axis: number, t: Transform): Complex {
  const { shape } = parts[0];
  const n = shape[axis];
  const [front, behind] = [sizeOf(shape.slice(0, axis)), sizeOf(shape.slice(axis + 1))];
  const modes = shape.map((size, i) => (i === axis ? t.outputs : size));
  const packed = concat(
    parts.map((part) => reshape(part, [front, 1, n, behind])),
    1,
  );
  return behind === 1
    ? unpack(rowsTransform(reshape(packed, [front, parts.length, n]), t), 0, modes)
    : unpack(transform(packed, t), 1, modes);
}

const unpack = (packed: Tensor, axis: number, shape: Shape): Complex => ({
  re: reshape(take(packed, axis, 0), shape),
  im: reshape(take(packed, axis, 1), shape),
});

function lengthOf(x: Tensor, axis: number, name: string): [axis: number, n: number] {
  const where = normalizeAxis(axis, x.rank, name);
  const n = x.shape[where];
  if (!isFloat(x.dtype) || n === 0)
    throw new Error(
      `${name}: got ${x.dtype}${showShape(x.shape)}, expected floats and at least one value on axis ${axis}`,
    );
  return [where, n];
}

function checkComplex({ re, im }: Complex, name: string): void {
  if (!sameShape(re.shape, im.shape) || re.dtype !== im.dtype)
    throw new Error(`${name}: re is ${re.toString()} and im ${im.toString()}; expected one shape and dtype`);
}

/** X_k = Σ_j z_j e^(−2πijk/n) along an axis (the last by default), any n. */
export function fft(z: Complex, axis = -1): Complex {
  checkComplex(z, 'fft');
  const [where, n] = lengthOf(z.re, axis, 'fft');
  return alongAxis([z.re, z.im], where, { from: 0, to: 0, outputs: n, scale: 1 });
}

/** z_j = 1/n Σ_k X_k e^(2πijk/n) along an axis (the last by default). */
export function ifft(z: Complex, axis = -1): Complex {
  checkComplex(z, 'ifft');
  const [where, n] = lengthOf(z.re, axis, 'ifft');
  const { re, im } = alongAxis([z.im, z.re], where, { from: 0, to: 0, outputs: n, scale: 1 / n });
  return { re: im, im: re };
}

/** Modes 0 … ⌊n/2⌋ of a real signal; the others are their conjugates. */
export function rfft(x: Tensor, axis = -1): Complex {
  const [, n] = lengthOf(x, axis, 'rfft');
  return truncatedDft(x, Math.floor(n / 2) + 1, axis);
}

/**
 * The real signal of n values with the modes 0 … ⌊n/2⌋ given. Imaginary parts of mode 0 and, for even n, of mode n/2 do
 * not count.
 *
 * @throws if the axis does not hold ⌊n/2⌋ + 1 modes; `truncatedIdft` takes fewer.
 */
export function irfft(z: Complex, n: number, axis = -1): Tensor {
  const [, modes] = lengthOf(z.re, axis, 'irfft');
  if (modes !== Math.floor(n / 2) + 1) {
    throw new Error(
      `irfft: ${modes} modes for ${n} values, expected ${Math.floor(n / 2) + 1}; use truncatedIdft where the higher ones are zero`,
    );
  }
  return truncatedIdft(z, n, axis);
}

/**
 * The lowest modes 0 … modes − 1 of a real signal: x [.., n, ..] → [.., modes, ..]. Few modes are one real matrix product.
 *
 * @throws if modes exceeds ⌊n/2⌋ + 1.
 */
export function truncatedDft(x: Tensor, modes: number, axis = -1): Complex {
  const [where, n] = lengthOf(x, axis, 'truncatedDft');
  checkModes(modes, n, 'truncatedDft');
  return alongAxis([x], where, { from: 0, to: 0, outputs: modes, scale: 1 });
}

/**
 * The real signal of n values whose lowest modes are given and whose others are zero: irfft of the padded spectrum.
 * Its matrix is the transpose of truncatedDft's, with weight 2/n for the modes that stand for a conjugate as well and 1/n
 * for mode 0 and mode n/2; so it is built as that transpose.
 *
 * @throws if there are more than ⌊n/2⌋ + 1 modes.
 */
export function truncatedIdft(z: Complex, n: number, axis = -1): Tensor {
  checkComplex(z, 'truncatedIdft');
  const [where, modes] = lengthOf(z.re, axis, 'truncatedIdft');
  checkModes(modes, n, 'truncatedIdft');
  const shape = z.re.shape.map((size, i) => (i === where ? n : size));
  const weights = Float64Array.from({ length: modes }, (_, k) => (k === 0 || 2 * k === n ? 1 : 2) / n);
  const spread = z.re.shape.slice(where + 1).map(() => 1);
  const weighted = scaleComplex(constant(weights, [modes, ...spread], z.re.dtype), z);
  const [, pull] = vjp((x: Tensor) => truncatedDft(x, modes, where), zeros(shape, z.re.dtype));
  return pull(weighted)[0];
}

function checkModes(modes: number, n: number, name: string): void {
  const most = Math.floor(n / 2) + 1;
  if (!Number.isInteger(n) || !Number.isInteger(modes) || modes < 1 || modes > most)
    throw new Error(
      `${name}: ${modes} modes of a real signal of ${n} values, expected whole numbers and 1 … ${most} modes`,
    );
}

// ── centred transforms of images ─────────────────────────────────────────────────────────────────────────────────

/**
 * Centred orthonormal transform over the last two axes: fftshift ∘ fft2 ∘ ifftshift / √(hw), for odd sizes too, as k-space
 * is kept in MRI. The shifts are part of the DFT matrices and cost nothing.
 */
export const fft2c = (z: Complex): Complex => centred(z, 'fft2c');

/** The inverse of fft2c, which is also its adjoint. */
export function ifft2c(z: Complex): Complex {
  const { re, im } = centred({ re: z.im, im: z.re }, 'ifft2c');
  return { re: im, im: re };
}

/** Centred orthonormal transform along one axis (the last by default): fftshift ∘ fft ∘ ifftshift / √n. */
export function fftc(z: Complex, axis = -1): Complex {
  checkComplex(z, 'fftc');
  const [where, n] = lengthOf(z.re, axis, 'fftc');
  return alongAxis([z.re, z.im], where, centre(n));
}

/** The inverse of fftc, which is also its adjoint. */
export function ifftc(z: Complex, axis = -1): Complex {
  const { re, im } = fftc({ re: z.im, im: z.re }, axis);
  return { re: im, im: re };
}

function centre(n: number): Transform {
  const middle = Math.floor(n / 2);
  return { from: middle, to: middle, outputs: n, scale: 1 / Math.sqrt(n) };
}

function centred(z: Complex, name: string): Complex {
  checkComplex(z, name);
  const { shape } = z.re;
  if (shape.length < 2)
    throw new Error(`${name}: got ${showShape(shape)}, expected an image [.., height, width]`);
  const [, height] = lengthOf(z.re, -2, name);
  const [, width] = lengthOf(z.re, -1, name);
  const images = sizeOf(shape.slice(0, -2));
  const packed = concat(
    [z.re, z.im].map((part) => reshape(part, [images, 1, height, width])),
    1,
  );
  const columns = transpose(transform(packed, centre(height)), [0, 2, 1, 3]);
  return unpack(rowsTransform(reshape(columns, [images * height, 2, width]), centre(width)), 0, shape);
}

// ── shifts and frequencies ───────────────────────────────────────────────────────────────────────────────────────

/** Moves mode 0 from the front to the middle, ⌊n/2⌋, of axes (all by default). */
export const fftshift = (x: Tensor, axes?: number | readonly number[]): Tensor =>
  normalizeAxes(axes, x.rank, 'fftshift').reduce(
    (y, axis) => roll(y, Math.floor(y.shape[axis] / 2), axis),
    x,
  );

/** Undoes fftshift, for odd sizes too. */
export const ifftshift = (x: Tensor, axes?: number | readonly number[]): Tensor =>
  normalizeAxes(axes, x.rank, 'ifftshift').reduce(
    (y, axis) => roll(y, -Math.floor(y.shape[axis] / 2), axis),
    x,
  );

/** Frequencies of the n modes, in cycles per unit of `spacing`: 0, 1, …, −1 over n·spacing (NumPy's fftfreq). */
export function fftFrequencies(n: number, spacing = 1): Float64Array {
  if (!Number.isInteger(n) || n < 1)
    throw new Error(`fftFrequencies: got ${n} modes, expected a whole number ≥ 1`);
  const negative = Math.floor((n - 1) / 2) + 1;
  return Float64Array.from({ length: n }, (_, k) => (k < negative ? k : k - n) / (n * spacing));
}

/**
 * Discrete Fourier transforms of real signals of any length on top of fft.js, which knows powers of two.
 *
 * Complex arrays are interleaved [re, im, re, im, …]. The transform of a real signal of N points is kept as its half
 * spectrum of ⌊N/2⌋ + 1 modes; the other modes are their conjugates. Forward transforms are unscaled,
 * û_k = Σ_j u_j e^{−2πijk/N}, and inverse transforms divide by N (NumPy's convention).
 */
import FFT from 'fft.js';

export interface FourierTransform {
  readonly points: number;
  /** Modes of the half spectrum, ⌊points/2⌋ + 1. */
  readonly modes: number;
  /** Real [points] → half spectrum [2·modes]. */
  readonly forward: (u: Float64Array) => Float64Array;
  /** Half spectrum [2·modes] → real [points]. The imaginary parts of mode 0 and of an even N's last mode are ignored. */
  readonly inverse: (spectrum: Float64Array) => Float64Array;
}

/** Complex DFT, interleaved [2n] → [2n], into an array of the caller's: time steppers take millions of transforms, and arrays are dear. */
type TransformInto = (output: Float64Array, input: Float64Array) => void;

const realPlans = new Map<number, FourierTransform>();
const complexPlans = new Map<number, TransformInto>();

/** The (cached) transform of real signals of `points` samples, any points ≥ 1. */
export function fourierTransform(points: number): FourierTransform {
  let plan = realPlans.get(points);
  if (!plan) {
    if (!Number.isInteger(points) || points < 1)
      throw new Error(`a Fourier transform needs a whole number of points ≥ 1, got ${points}`);
    plan = points % 2 === 0 ? evenTransform(points) : oddTransform(points);
    realPlans.set(points, plan);
  }
  return plan;
}

/** The complex DFT of any length n ≥ 1: radix 4 of fft.js for powers of two, Bluestein's algorithm otherwise. */
function complexPlan(n: number): TransformInto {
  let plan = complexPlans.get(n);
  if (!plan) {
    plan = n === 1 ? (output, input) => output.set(input) : isPowerOfTwo(n) ? powerOfTwo(n) : bluestein(n);
    complexPlans.set(n, plan);
  }
  return plan;
}

const isPowerOfTwo = (n: number): boolean => (n & (n - 1)) === 0;

function powerOfTwo(n: number): TransformInto {
  const fft = new FFT(n);
  return (output, input) => fft.transform(output, input);
}

/**
 * Bluestein's algorithm: with jk = (j² + k² − (k − j)²)/2 the DFT is a chirp times a convolution, done with a power of two
 * (Bluestein, IEEE Trans. Audio Electroacoust. 18, 1970).
 */
function bluestein(n: number): TransformInto {
  const m = 2 ** Math.ceil(Math.log2(2 * n - 1));
  const fft = new FFT(m);
  const chirp = new Float64Array(2 * n);
  for (let j = 0; j < n; j++) {
    // j² mod 2n keeps the angle small, and with it the rounding error.
    const angle = (-Math.PI * ((j * j) % (2 * n))) / n;
    chirp[2 * j] = Math.cos(angle);
    chirp[2 * j + 1] = Math.sin(angle);
  }
  const kernel = new Float64Array(2 * m);
  for (let j = 0; j < n; j++) {
    const mirror = (m - j) % m;
    kernel[2 * j] = kernel[2 * mirror] = chirp[2 * j] / m;
    kernel[2 * j + 1] = kernel[2 * mirror + 1] = -chirp[2 * j + 1] / m;
  }
  const filter = new Float64Array(2 * m);
  fft.transform(filter, kernel);
  const padded = new Float64Array(2 * m);
  const product = new Float64Array(2 * m);
  const convolution = new Float64Array(2 * m);
  return (output, input) => {
    multiplyInto(padded, input, chirp, n);
    fft.transform(product, padded);
    // The second transform, of the conjugate, is the inverse one up to conjugation (and 1/m, which is in the kernel).
    for (let i = 0; i < 2 * m; i += 2) {
      const re = product[i] * filter[i] - product[i + 1] * filter[i + 1];
      product[i + 1] = -(product[i] * filter[i + 1] + product[i + 1] * filter[i]);
      product[i] = re;
    }
    fft.transform(convolution, product);
    for (let i = 0; i < 2 * n; i += 2) {
      output[i] = convolution[i] * chirp[i] + convolution[i + 1] * chirp[i + 1];
      output[i + 1] = convolution[i] * chirp[i + 1] - convolution[i + 1] * chirp[i];
    }
  };
}

/** target[0 … n) = a·b, interleaved complex. */
function multiplyInto(target: Float64Array, a: Float64Array, b: Float64Array, n: number): void {
  for (let i = 0; i < 2 * n; i += 2) {
    target[i] = a[i] * b[i] - a[i + 1] * b[i + 1];
    target[i + 1] = a[i] * b[i + 1] + a[i + 1] * b[i];
  }
}

/** Even N: the samples, read in pairs as N/2 complex numbers, need a transform of half the length only. */
function evenTransform(points: number): FourierTransform {
  const half = points / 2;
  const modes = half + 1;
  const transformHalf = complexPlan(half);
  const z = new Float64Array(points);
  const twiddle = new Float64Array(2 * modes);
  for (let k = 0; k < modes; k++) {
    twiddle[2 * k] = Math.cos((2 * Math.PI * k) / points);
    twiddle[2 * k + 1] = -Math.sin((2 * Math.PI * k) / points);
  }
  return {
    points,
    modes,
    forward(u) {
      transformHalf(z, u);
      const spectrum = new Float64Array(2 * modes);
      for (let k = 0; k < modes; k++) {
        const a = 2 * (k % half);
        const b = 2 * ((half - k) % half);
        const evenRe = 0.5 * (z[a] + z[b]);
        const evenIm = 0.5 * (z[a + 1] - z[b + 1]);
        const oddRe = 0.5 * (z[a + 1] + z[b + 1]);
        const oddIm = 0.5 * (z[b] - z[a]);
        spectrum[2 * k] = evenRe + twiddle[2 * k] * oddRe - twiddle[2 * k + 1] * oddIm;
        spectrum[2 * k + 1] = evenIm + twiddle[2 * k] * oddIm + twiddle[2 * k + 1] * oddRe;
      }
      spectrum[1] = 0;
      spectrum[2 * half + 1] = 0;
      return spectrum;
    },
    inverse(spectrum) {
      for (let k = 0; k < half; k++) {
        const a = 2 * k;
        const b = 2 * (half - k);
        // Mode 0 and mode N/2 of a real signal are real; their imaginary parts are not ours to use.
        const aIm = k === 0 ? 0 : spectrum[a + 1];
        const bIm = k === 0 ? 0 : spectrum[b + 1];
        const evenRe = 0.5 * (spectrum[a] + spectrum[b]);
        const evenIm = 0.5 * (aIm - bIm);
        const differenceRe = 0.5 * (spectrum[a] - spectrum[b]);
        const differenceIm = 0.5 * (aIm + bIm);
        const oddRe = twiddle[a] * differenceRe + twiddle[a + 1] * differenceIm;
        const oddIm = twiddle[a] * differenceIm - twiddle[a + 1] * differenceRe;
        z[a] = evenRe - oddIm;
        z[a + 1] = -(evenIm + oddRe);
      }
      // Inverse transform as the conjugate of the transform of the conjugate.
      const u = new Float64Array(points);
      transformHalf(u, z);
      for (let j = 0; j < points; j += 2) {
        u[j] /= half;
        u[j + 1] /= -half;
      }
      return u;
    },
  };
}

/** Odd N: one complex transform of the full length. */
function oddTransform(points: number): FourierTransform {
  const modes = (points + 1) / 2;
  const transform = complexPlan(points);
  const z = new Float64Array(2 * points);
  const transformed = new Float64Array(2 * points);
  return {
    points,
    modes,
    forward(u) {
      z.fill(0);
      for (let j = 0; j < points; j++) z[2 * j] = u[j];
      transform(transformed, z);
      const spectrum = transformed.slice(0, 2 * modes);
      spectrum[1] = 0;
      return spectrum;
    },
    inverse(spectrum) {
      // The forward transform of the mirrored spectrum is N times the inverse transform.
      z[0] = spectrum[0];
      z[1] = 0;
      for (let k = 1; k < modes; k++) {
        const mirror = points - k;
        z[2 * k] = z[2 * mirror] = spectrum[2 * k];
        z[2 * k + 1] = -spectrum[2 * k + 1];
        z[2 * mirror + 1] = spectrum[2 * k + 1];
      }
      transform(transformed, z);
      const u = new Float64Array(points);
      for (let j = 0; j < points; j++) u[j] = transformed[2 * j] / points;
      return u;
    },
  };
}

/**
 * Eigenvalues and eigenvectors of a complex Hermitian matrix, float64: Householder reflections to a real tridiagonal matrix, then
 * implicit QL steps (Golub & Van Loan, Matrix Computations, 4th edition, 8.3). A few seconds for a thousand rows.
 */
import { complexArray, type ComplexArray } from '../tensor/index.ts';
import { checkHermitian } from './hermitian.ts';

export interface HermitianEigen {
  /** [n], falling. */
  readonly values: Float64Array;
  /** Orthonormal, as columns [n, n]. */
  readonly vectors: ComplexArray;
}

/** @throws if A is not square and Hermitian. */
export function hermitianEigen(a: ComplexArray, name = 'matrix'): HermitianEigen {
  const n = checkHermitian(a, name);
  const { diagonal, offDiagonal, phases, reflections } = tridiagonalise(a, n);
  const rows = diagonalise(diagonal, offDiagonal, name);
  const order = Array.from({ length: n }, (_, k) => k).sort((j, k) => diagonal[k] - diagonal[j]);
  const [re, im] = [new Float64Array(n * n), new Float64Array(n * n)];
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) {
      const z = rows[order[j] * n + i];
      re[i * n + j] = phases.re[i] * z;
      im[i * n + j] = phases.im[i] * z;
    }
  for (const reflection of reflections.reverse()) reflect(re, im, n, reflection);
  return { values: Float64Array.from(order, (k) => diagonal[k]), vectors: complexArray(re, im, [n, n]) };
}

/** 1 − β v vᴴ; v begins at row `first`. */
interface Reflection {
  readonly first: number;
  readonly re: Float64Array;
  readonly im: Float64Array;
  readonly beta: number;
}

interface Tridiagonal {
  readonly diagonal: Float64Array;
  /** Real: element k couples rows k and k + 1; the last is 0. */
  readonly offDiagonal: Float64Array;
  /** The diagonal unitary that makes the coupling real. */
  readonly phases: { readonly re: Float64Array; readonly im: Float64Array };
  readonly reflections: Reflection[];
}

/** A = Q D T Dᴴ Qᴴ with T real and tridiagonal, D the phases and Q the product of the reflections in their order. */
function tridiagonalise(a: ComplexArray, n: number): Tridiagonal {
  const [re, im] = [Float64Array.from(a.re.data), Float64Array.from(a.im.data)];
  const reflections: Reflection[] = [];
  const phases = { re: new Float64Array(n).fill(1), im: new Float64Array(n) };
  const offDiagonal = new Float64Array(n);
  for (let k = 0; k + 1 < n; k++) {
    const size = n - k - 1;
    const v = { re: new Float64Array(size), im: new Float64Array(size) };
    let norm = 0;
    for (let i = 0; i < size; i++) {
      v.re[i] = re[(k + 1 + i) * n + k];
      v.im[i] = im[(k + 1 + i) * n + k];
      norm = Math.hypot(norm, v.re[i], v.im[i]);
    }
    offDiagonal[k] = norm;
    const head = Math.hypot(v.re[0], v.im[0]);
    // The column becomes −e^(iφ)‖x‖ in its first place, φ the phase of what is there: no cancellation.
    const [cos, sin] = head === 0 ? [1, 0] : [v.re[0] / head, v.im[0] / head];
    phases.re[k + 1] = -(cos * phases.re[k] - sin * phases.im[k]);
    phases.im[k + 1] = -(cos * phases.im[k] + sin * phases.re[k]);
    if (norm === 0) continue;
    v.re[0] += cos * norm;
    v.im[0] += sin * norm;
    const reflection = { first: k + 1, ...v, beta: 1 / (norm * (norm + head)) };
    reflections.push(reflection);
    conjugate(re, im, n, reflection);
  }
  const diagonal = Float64Array.from({ length: n }, (_, i) => re[i * n + i]);
  return { diagonal, offDiagonal, phases, reflections };
}

/** H A H on the rows and columns from `first`, as A − v qᴴ − q vᴴ. */
function conjugate(
  re: Float64Array,
  im: Float64Array,
  n: number,
  { first, re: vr, im: vi, beta }: Reflection,
): void {
  const size = n - first;
  const [qr, qi] = [new Float64Array(size), new Float64Array(size)];
  let overlap = 0;
  for (let i = 0; i < size; i++) {
    const row = (first + i) * n + first;
    let [x, y] = [0, 0];
    for (let j = 0; j < size; j++) {
      x += re[row + j] * vr[j] - im[row + j] * vi[j];
      y += re[row + j] * vi[j] + im[row + j] * vr[j];
    }
    qr[i] = beta * x;
    qi[i] = beta * y;
    // vᴴ A v is real.
    overlap += vr[i] * qr[i] + vi[i] * qi[i];
  }
  const half = (beta * overlap) / 2;
  for (let i = 0; i < size; i++) {
    qr[i] -= half * vr[i];
    qi[i] -= half * vi[i];
  }
  for (let i = 0; i < size; i++) {
    const row = (first + i) * n + first;
    const [a, b, c, d] = [vr[i], vi[i], qr[i], qi[i]];
    for (let j = 0; j < size; j++) {
      re[row + j] -= a * qr[j] + b * qi[j] + c * vr[j] + d * vi[j];
      im[row + j] -= b * qr[j] - a * qi[j] + d * vr[j] - c * vi[j];
    }
  }
}

/** H V for V [n, n]. */
function reflect(
  re: Float64Array,
  im: Float64Array,
  n: number,
  { first, re: vr, im: vi, beta }: Reflection,
): void {
  const [pr, pi] = [new Float64Array(n), new Float64Array(n)];
  for (let i = 0; i < vr.length; i++) {
    const [row, a, b] = [(first + i) * n, vr[i], vi[i]];
    for (let j = 0; j < n; j++) {
      pr[j] += a * re[row + j] + b * im[row + j];
      pi[j] += a * im[row + j] - b * re[row + j];
    }
  }
  for (let i = 0; i < vr.length; i++) {
    const [row, a, b] = [(first + i) * n, beta * vr[i], beta * vi[i]];
    for (let j = 0; j < n; j++) {
      re[row + j] -= a * pr[j] - b * pi[j];
      im[row + j] -= a * pi[j] + b * pr[j];
    }
  }
}

/**
 * Implicit QL with Wilkinson's shift on a real symmetric tridiagonal matrix: eigenvalues replace `diagonal`, eigenvectors are the
 * rows of the result [n, n]. `off` is used up.
 */
function diagonalise(diagonal: Float64Array, off: Float64Array, name: string): Float64Array {
  const n = diagonal.length;
  const vectors = Float64Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0));
  // What the reflections have left uncertain anyway counts as zero: a matrix of low rank has a block of nothing but that.
  let size = 0;
  for (let i = 0; i < n; i++) size = Math.max(size, Math.abs(diagonal[i]) + Math.abs(off[i]));
  for (let l = 0; l < n; l++)
    for (let step = 0; ; step++) {
      let m = l;
      while (m + 1 < n && Math.abs(off[m]) > 1e-16 * size) m++;
      if (m === l) break;
      if (step === 60) throw new Error(`the eigenvalues of the ${name} were not found in 60 steps each`);
      qlStep(diagonal, off, vectors, l, m);
    }
  return vectors;
}

/** One QL step on rows l … m, by plane rotations from the bottom up. */
function qlStep(d: Float64Array, off: Float64Array, vectors: Float64Array, l: number, m: number): void {
  const n = d.length;
  const ratio = (d[l + 1] - d[l]) / (2 * off[l]);
  let g = d[m] - d[l] + off[l] / (ratio + (ratio < 0 ? -1 : 1) * Math.hypot(ratio, 1));
  let [s, c, p] = [1, 1, 0];
  for (let i = m - 1; i >= l; i--) {
    const [f, b] = [s * off[i], c * off[i]];
    const r = Math.hypot(f, g);
    off[i + 1] = r;
    if (r === 0) {
      // The matrix falls apart here: what was done so far is kept, and the next step begins anew.
      d[i + 1] -= p;
      off[m] = 0;
      return;
    }
    [s, c] = [f / r, g / r];
    g = d[i + 1] - p;
    const t = (d[i] - g) * s + 2 * c * b;
    p = s * t;
    d[i + 1] = g + p;
    g = c * t - b;
    const [upper, lower] = [i * n, (i + 1) * n];
    for (let k = 0; k < n; k++) {
      const [u, v] = [vectors[upper + k], vectors[lower + k]];
      vectors[lower + k] = s * u + c * v;
      vectors[upper + k] = c * u - s * v;
    }
  }
  d[l] -= p;
  off[l] = g;
  off[m] = 0;
}

/** Dense complex linear algebra on arrays, float64: products, Cholesky factors and eigenvectors of Hermitian matrices. */
import { complexArray, type ComplexArray } from '../tensor/index.ts';

/** A B of [m, k] and [k, n]. */
export function multiply(a: ComplexArray, b: ComplexArray): ComplexArray {
  const [[m, k], [inner, n]] = [a.re.shape, b.re.shape];
  if (k !== inner) throw new Error(`multiply: [${m}, ${k}] times [${inner}, ${n}], expected ${k} rows`);
  const [re, im] = [new Float64Array(m * n), new Float64Array(m * n)];
  for (let i = 0; i < m; i++)
    for (let l = 0; l < k; l++) {
      const [x, y] = [a.re.data[i * k + l], a.im.data[i * k + l]];
      if (x === 0 && y === 0) continue;
      for (let j = 0; j < n; j++) {
        const [u, v] = [b.re.data[l * n + j], b.im.data[l * n + j]];
        re[i * n + j] += x * u - y * v;
        im[i * n + j] += x * v + y * u;
      }
    }
  return complexArray(re, im, [m, n]);
}

/** Aᴴ of [m, n]. */
export function conjugateTranspose({ re, im }: ComplexArray): ComplexArray {
  const [m, n] = re.shape;
  const pick = (data: ArrayLike<number>, sign: number): Float64Array =>
    Float64Array.from({ length: m * n }, (_, flat) => sign * data[(flat % m) * n + Math.floor(flat / m)]);
  return complexArray(pick(re.data, 1), pick(im.data, -1), [n, m]);
}

/**
 * L, lower triangular with a positive diagonal, with L Lᴴ = A [n, n].
 *
 * @throws if A is not square, not Hermitian, or not positive definite to working accuracy.
 */
export function choleskyFactor(a: ComplexArray, name = 'matrix'): ComplexArray {
  const n = checkHermitian(a, name);
  const [re, im] = [new Float64Array(n * n), new Float64Array(n * n)];
  let largest = 0;
  for (let i = 0; i < n; i++) largest = Math.max(largest, a.re.data[i * n + i]);
  for (let j = 0; j < n; j++)
    for (let i = j; i < n; i++) {
      let [x, y] = [a.re.data[i * n + j], a.im.data[i * n + j]];
      for (let k = 0; k < j; k++) {
        const [p, q, u, v] = [re[i * n + k], im[i * n + k], re[j * n + k], im[j * n + k]];
        x -= p * u + q * v;
        y -= q * u - p * v;
      }
      if (i > j) {
        re[i * n + j] = x / re[j * n + j];
        im[i * n + j] = y / re[j * n + j];
      } else if (x > n * 1e-14 * largest) re[j * n + j] = Math.sqrt(x);
      else {
        throw new Error(
          `the ${name} is singular or not positive definite at row ${j} (pivot ${x}): expected independent channels; leave out dead or duplicate ones, or measure more noise`,
        );
      }
    }
  return complexArray(re, im, [n, n]);
}

/** L⁻¹ of a lower triangular L [n, n]. */
export function invertLower({ re: lre, im: lim }: ComplexArray): ComplexArray {
  const n = lre.shape[0];
  const [re, im] = [new Float64Array(n * n), new Float64Array(n * n)];
  for (let j = 0; j < n; j++) {
    for (let i = j; i < n; i++) {
      let [x, y] = [i === j ? 1 : 0, 0];
      for (let k = j; k < i; k++) {
        const [p, q, u, v] = [lre.data[i * n + k], lim.data[i * n + k], re[k * n + j], im[k * n + j]];
        x -= p * u - q * v;
        y -= p * v + q * u;
      }
      const [d, e] = [lre.data[i * n + i], lim.data[i * n + i]];
      re[i * n + j] = (x * d + y * e) / (d * d + e * e);
      im[i * n + j] = (y * d - x * e) / (d * d + e * e);
    }
  }
  return complexArray(re, im, [n, n]);
}

/** A⁻¹ of a Hermitian positive definite A. @throws as `choleskyFactor` does. */
export function invertHermitian(a: ComplexArray, name = 'matrix'): ComplexArray {
  const inverse = invertLower(choleskyFactor(a, name));
  return multiply(conjugateTranspose(inverse), inverse);
}

/**
 * Eigenvalues [n], falling, and orthonormal eigenvectors as columns [n, n] of a Hermitian matrix, by cyclic Jacobi rotations:
 * for as many channels as receive arrays have.
 *
 * @throws if A is not square and Hermitian.
 */
export function hermitianEigen(
  a: ComplexArray,
  name = 'matrix',
): { readonly values: Float64Array; readonly vectors: ComplexArray } {
  const n = checkHermitian(a, name);
  const [re, im] = [Float64Array.from(a.re.data), Float64Array.from(a.im.data)];
  const vre = Float64Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0));
  const vim = new Float64Array(n * n);
  const size = Math.hypot(...re, ...im);
  let off = Infinity;
  for (let sweep = 0; sweep < 60 && off > 1e-15 * size; sweep++) {
    off = 0;
    for (let p = 0; p < n; p++)
      for (let q = p + 1; q < n; q++) {
        const [x, y] = [re[p * n + q], im[p * n + q]];
        const length = Math.hypot(x, y);
        off = Math.max(off, length);
        if (length <= 1e-300) continue;
        const tau = (re[q * n + q] - re[p * n + p]) / (2 * length);
        const t = (tau < 0 ? -1 : 1) / (Math.abs(tau) + Math.hypot(1, tau));
        const c = 1 / Math.hypot(1, t);
        const rotation = { n, p, q, c, x: (t * c * x) / length, y: (t * c * y) / length };
        rotateColumns(re, im, rotation);
        rotateRows(re, im, rotation);
        rotateColumns(vre, vim, rotation);
      }
  }
  const order = Array.from({ length: n }, (_, k) => k).sort((j, k) => re[k * n + k] - re[j * n + j]);
  const sorted = (v: Float64Array): Float64Array =>
    Float64Array.from({ length: n * n }, (_, i) => v[Math.floor(i / n) * n + order[i % n]]);
  return {
    values: Float64Array.from(order, (k) => re[k * n + k]),
    vectors: complexArray(sorted(vre), sorted(vim), [n, n]),
  };
}

/** The unitary [[c, s], [−s*, c]] in the plane of p and q, s = x + iy. */
interface Rotation {
  readonly n: number;
  readonly p: number;
  readonly q: number;
  readonly c: number;
  readonly x: number;
  readonly y: number;
}

/** A U. */
function rotateColumns(re: Float64Array, im: Float64Array, { n, p, q, c, x, y }: Rotation): void {
  for (let i = 0; i < n * n; i += n) {
    const [a, b, u, v] = [re[i + p], im[i + p], re[i + q], im[i + q]];
    re[i + p] = c * a - (x * u + y * v);
    im[i + p] = c * b - (x * v - y * u);
    re[i + q] = x * a - y * b + c * u;
    im[i + q] = x * b + y * a + c * v;
  }
}

/** Uᴴ A. */
function rotateRows(re: Float64Array, im: Float64Array, { n, p, q, c, x, y }: Rotation): void {
  for (let j = 0; j < n; j++) {
    const [a, b, u, v] = [re[p * n + j], im[p * n + j], re[q * n + j], im[q * n + j]];
    re[p * n + j] = c * a - (x * u - y * v);
    im[p * n + j] = c * b - (x * v + y * u);
    re[q * n + j] = x * a + y * b + c * u;
    im[q * n + j] = x * b - y * a + c * v;
  }
}

function checkHermitian({ re, im }: ComplexArray, name: string): number {
  const [n, columns] = re.shape;
  if (re.shape.length !== 2 || n !== columns)
    throw new Error(`the ${name} is [${re.shape.join(', ')}], expected a square matrix`);
  const size = Math.hypot(...re.data, ...im.data);
  for (let i = 0; i < n; i++)
    for (let j = 0; j <= i; j++) {
      const [x, y] = [re.data[i * n + j] - re.data[j * n + i], im.data[i * n + j] + im.data[j * n + i]];
      if (!(Math.hypot(x, y) <= 1e-6 * size)) {
        throw new Error(
          `the ${name} is not Hermitian: entries (${i}, ${j}) and (${j}, ${i}) are not each other's conjugates, or not numbers`,
        );
      }
    }
  return n;
}

/** Dense complex linear algebra on arrays, float64: products, Cholesky factors and inverses. */
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

/** X with A X = B for a Hermitian positive definite A [n, n] and B [n, k]. @throws as `choleskyFactor` does. */
export function solveHermitian(a: ComplexArray, b: ComplexArray, name = 'matrix'): ComplexArray {
  const inverse = invertLower(choleskyFactor(a, name));
  return multiply(conjugateTranspose(inverse), multiply(inverse, b));
}

/** Rows of a square Hermitian matrix. @throws if it is none. */
export function checkHermitian({ re, im }: ComplexArray, name: string): number {
  const [n, columns] = re.shape;
  if (re.shape.length !== 2 || n !== columns)
    throw new Error(`the ${name} is [${re.shape.join(', ')}], expected a square matrix`);
  let energy = 0;
  for (let i = 0; i < re.data.length; i++) energy += re.data[i] ** 2 + im.data[i] ** 2;
  const size = Math.sqrt(energy);
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

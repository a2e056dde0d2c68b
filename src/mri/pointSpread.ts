/** The point spread function of a sampling mask: Fᴴ M F, which depends on the distance of two pixels alone. */
import { array, complexArray, type ComplexArray } from '../tensor/index.ts';
import type { SamplingMask } from './masks.ts';

/**
 * p [h, w] with (Fᴴ M F z)(y, x) = Σ p(y − y', x − x') z(y', x'), indices modulo h and w, for the centred orthonormal transform and
 * a mask [1, w] or [h, w]; p(0, 0) is the sampled fraction.
 */
export function pointSpread(
  { data, shape }: SamplingMask,
  [h, w]: readonly [height: number, width: number],
): ComplexArray {
  const rows = shape[0] === 1 ? 1 : h;
  const along = transformRows(
    array(Float64Array.from(data), [rows, w]).data,
    new Float64Array(rows * w),
    rows,
    w,
  );
  const [re, im] = [new Float64Array(h * w), new Float64Array(h * w)];
  if (rows === 1) {
    // Every row is sampled alike: a point along the rows.
    re.set(along.re);
    im.set(along.im);
    return complexArray(re, im, [h, w]);
  }
  const turned = (part: Float64Array, m: number, n: number): Float64Array =>
    Float64Array.from({ length: m * n }, (_, i) => part[(i % m) * n + Math.floor(i / m)]);
  const both = transformRows(turned(along.re, h, w), turned(along.im, h, w), w, h);
  return complexArray(turned(both.re, w, h), turned(both.im, w, h), [h, w]);
}

/** (1/n) Σ_k z_k e^{2πi (k − ⌊n/2⌋) x / n} of each of m rows. */
function transformRows(
  re: ArrayLike<number>,
  im: ArrayLike<number>,
  m: number,
  n: number,
): { readonly re: Float64Array; readonly im: Float64Array } {
  const cosine = Float64Array.from({ length: n }, (_, i) => Math.cos((2 * Math.PI * i) / n) / n);
  const sine = Float64Array.from({ length: n }, (_, i) => Math.sin((2 * Math.PI * i) / n) / n);
  const centre = Math.floor(n / 2);
  const [a, b] = [new Float64Array(m * n), new Float64Array(m * n)];
  for (let row = 0; row < m; row++)
    for (let k = 0; k < n; k++) {
      const [u, v] = [re[row * n + k], im[row * n + k]];
      if (u === 0 && v === 0) continue;
      for (let x = 0; x < n; x++) {
        const turn = ((k - centre + n) * x) % n;
        a[row * n + x] += u * cosine[turn] - v * sine[turn];
        b[row * n + x] += u * sine[turn] + v * cosine[turn];
      }
    }
  return { re: a, im: b };
}

/** Convolutions of k-space as multiplications at pixels: the image of a short kernel, float64, on arrays. */

/** For each of some functions its values at the pixels, [functions, h, w]. */
export interface PixelSeries {
  readonly re: Float64Array;
  readonly im: Float64Array;
}

/**
 * Σ_d k(d) e^(2πi d·x/n) at all pixels x counted from the centre ⌊n/2⌋: what a convolution with k over centred k-space does to
 * the image. Coefficients are [functions, row lags, column lags].
 */
export function fourierSeries(
  { re, im }: PixelSeries,
  rowLags: readonly number[],
  columnLags: readonly number[],
  [h, w]: readonly [number, number],
): PixelSeries {
  const [rows, columns] = [rowLags.length, columnLags.length];
  const functions = re.length / (rows * columns);
  const [down, across] = [waves(rowLags, h), waves(columnLags, w)];
  const out = { re: new Float64Array(functions * h * w), im: new Float64Array(functions * h * w) };
  const line = { re: new Float64Array(w), im: new Float64Array(w) };
  for (let row = 0; row < functions * rows; row++) {
    line.re.fill(0);
    line.im.fill(0);
    for (let column = 0; column < columns; column++)
      accumulate(line, 0, across, column * w, w, re[row * columns + column], im[row * columns + column]);
    for (let y = 0; y < h; y++) {
      const at = (row % rows) * h + y;
      accumulate(out, (Math.floor(row / rows) * h + y) * w, line, 0, w, down.re[at], down.im[at]);
    }
  }
  return out;
}

/** e^(2πi d x/n) for each lag d, x = −⌊n/2⌋ …: [lags, n]. */
function waves(lags: readonly number[], n: number): PixelSeries {
  const angle = (i: number): number =>
    (2 * Math.PI * lags[Math.floor(i / n)] * ((i % n) - Math.floor(n / 2))) / n;
  return {
    re: Float64Array.from({ length: lags.length * n }, (_, i) => Math.cos(angle(i))),
    im: Float64Array.from({ length: lags.length * n }, (_, i) => Math.sin(angle(i))),
  };
}

/** target += (a + ib) · source over `length` numbers from the given places. */
function accumulate(
  target: PixelSeries,
  to: number,
  source: PixelSeries,
  from: number,
  length: number,
  a: number,
  b: number,
): void {
  for (let i = 0; i < length; i++) {
    const [x, y] = [source.re[from + i], source.im[from + i]];
    target.re[to + i] += a * x - b * y;
    target.im[to + i] += a * y + b * x;
  }
}

/**
 * The orthonormal wavelet transform with the four filter taps and two vanishing moments of Daubechies (Communications on Pure and
 * Applied Mathematics 41, 1988) of images of any size, traced. The signal is periodic; at a level of odd length the last sample
 * joins the coarse ones unfiltered, which keeps the transform orthonormal.
 */
import { concat, constant, matmul, sliceAxis, transpose, type Tensor } from '../tensor/index.ts';

const SQRT3 = Math.sqrt(3);
const LOW = [1 + SQRT3, 3 + SQRT3, 3 - SQRT3, 1 - SQRT3].map((tap) => tap / (4 * Math.SQRT2));
const HIGH = LOW.map((_, k) => (k % 2 === 0 ? 1 : -1) * LOW[3 - k]);

/** Coarse samples of a level of n. */
const coarse = (n: number): number => Math.ceil(n / 2);

/** One level as an orthonormal matrix [n, n]: rows of coarse samples, then rows of details. */
function levelMatrix(n: number): Float64Array {
  const matrix = new Float64Array(n * n);
  const even = n - (n % 2);
  for (let i = 0; 2 * i < even; i++)
    for (let k = 0; k < 4; k++) {
      const column = (2 * i + k) % even;
      matrix[i * n + column] += LOW[k];
      matrix[(coarse(n) + i) * n + column] += HIGH[k];
    }
  if (n % 2 === 1) matrix[(even / 2) * n + n - 1] = 1;
  return matrix;
}

/** Sizes of the images that the levels act on, the finest first; a side below 4 is not divided further. */
function sizesOf([h, w]: readonly number[], levels: number): [number, number][] {
  const sizes: [number, number][] = [];
  for (let [a, b] = [h, w]; sizes.length < levels && a >= 4 && b >= 4; [a, b] = [coarse(a), coarse(b)])
    sizes.push([a, b]);
  return sizes;
}

const matrices = ([h, w]: readonly [number, number], dtype: Tensor['dtype']): [Tensor, Tensor] => [
  constant(levelMatrix(h), [h, h], dtype),
  constant(levelMatrix(w), [w, w], dtype),
];

/** Details of all levels [.., h, w] with the coarsest image in the corner of row 0 and column 0. */
export function waveletTransform(x: Tensor, levels: number): Tensor {
  return sizesOf(x.shape.slice(-2), levels).reduce((image, size) => {
    const [down, across] = matrices(size, x.dtype);
    return replaceCorner(image, size, matmul(matmul(down, corner(image, size)), transpose(across)));
  }, x);
}

/** The inverse of `waveletTransform`, which is its transpose. */
export function inverseWaveletTransform(x: Tensor, levels: number): Tensor {
  return sizesOf(x.shape.slice(-2), levels).reduceRight((image, size) => {
    const [down, across] = matrices(size, x.dtype);
    return replaceCorner(image, size, matmul(matmul(transpose(down), corner(image, size)), across));
  }, x);
}

/** 1 at details and 0 at the coarsest image: [h, w]. */
export function detailMask([h, w]: readonly [number, number], levels: number): Float64Array {
  const [[a, b]] = sizesOf([h, w], levels).slice(-1);
  return Float64Array.from({ length: h * w }, (_, i) =>
    Math.floor(i / w) < coarse(a) && i % w < coarse(b) ? 0 : 1,
  );
}

const corner = (x: Tensor, [h, w]: readonly [number, number]): Tensor =>
  sliceAxis(sliceAxis(x, -2, 0, h), -1, 0, w);

function replaceCorner(x: Tensor, [h, w]: readonly [number, number], part: Tensor): Tensor {
  const [rows, columns] = x.shape.slice(-2);
  const right = columns === w ? part : concat([part, sliceAxis(sliceAxis(x, -2, 0, h), -1, w)], -1);
  return rows === h ? right : concat([right, sliceAxis(x, -2, h)], -2);
}

/** Image metrics against plain loops. */
import { expect, test } from 'vitest';
import { array, type NDArray, type Tensor } from '../../src/tensor/index.ts';
import { key, uniform } from '../../src/tensor/random.ts';
import { nmse, psnr, ssim } from '../../src/mri/index.ts';
import { evaluate, numbers } from './support.ts';

const [batch, h, w] = [2, 11, 9];
const images = (seed: number): NDArray => array(uniform(key(seed), batch * h * w), [batch, h, w]);
const ranges = array(Float64Array.of(1.3, 0.7), [batch]);

/** The definition, window by window. */
function plainSsim(x: ArrayLike<number>, y: ArrayLike<number>, range: number): number {
  const [c1, c2] = [(0.01 * range) ** 2, (0.03 * range) ** 2];
  let [total, windows] = [0, 0];
  for (let row = 0; row + 7 <= h; row++)
    for (let column = 0; column + 7 <= w; column++) {
      const a: number[] = [];
      const b: number[] = [];
      for (let i = 0; i < 49; i++) {
        const at = (row + Math.floor(i / 7)) * w + column + (i % 7);
        a.push(x[at]);
        b.push(y[at]);
      }
      const mean = (v: number[]): number => v.reduce((s, value) => s + value, 0) / 49;
      const [ma, mb] = [mean(a), mean(b)];
      const covariance = (p: number[], q: number[]): number =>
        p.reduce((s, value, i) => s + (value - mean(p)) * (q[i] - mean(q)), 0) / 48;
      total +=
        ((2 * ma * mb + c1) * (2 * covariance(a, b) + c2)) /
        ((ma ** 2 + mb ** 2 + c1) * (covariance(a, a) + covariance(b, b) + c2));
      windows++;
    }
  return total / windows;
}

const sample = (x: NDArray, i: number): Float64Array => numbers(x).slice(i * h * w, (i + 1) * h * w);

test.each(['float64', 'float32'] as const)('structural similarity is its definition, %s', async (dtype) => {
  const [x, y] = [images(1), images(2)];
  const values = await evaluate(
    (a, b, r: Tensor) => ({ different: ssim(a, b, r), same: ssim(b, b, r) }),
    [x, y, ranges] as const,
    dtype,
  );
  const tolerance = dtype === 'float64' ? 12 : 5;
  for (let i = 0; i < batch; i++) {
    expect(values.different.data[i]).toBeCloseTo(
      plainSsim(sample(x, i), sample(y, i), ranges.data[i]),
      tolerance,
    );
    expect(values.same.data[i]).toBeCloseTo(1, tolerance);
  }
});

test('normalised error and peak signal to noise ratio are their definitions', async () => {
  const [x, y] = [images(3), images(4)];
  const values = await evaluate((a, b, r: Tensor) => ({ nmse: nmse(a, b), psnr: psnr(a, b, r) }), [
    x,
    y,
    ranges,
  ] as const);
  for (let i = 0; i < batch; i++) {
    const [a, b] = [sample(x, i), sample(y, i)];
    const squares = a.reduce((s, value, j) => s + (value - b[j]) ** 2, 0);
    expect(values.nmse.data[i]).toBeCloseTo(squares / b.reduce((s, value) => s + value ** 2, 0), 12);
    expect(values.psnr.data[i]).toBeCloseTo(10 * Math.log10(ranges.data[i] ** 2 / (squares / (h * w))), 10);
  }
});

test('images that do not fit are refused', async () => {
  const small = array(new Float64Array(2 * 6 * 9), [2, 6, 9]);
  await expect(evaluate((a, r: Tensor) => ssim(a, a, r), [small, ranges] as const)).rejects.toThrow(
    'images of 6 × 9, expected at least 7 × 7 pixels',
  );
  await expect(evaluate((a, b) => nmse(a, b), [small, images(1)] as const)).rejects.toThrow(
    'got [2, 6, 9], [2, 11, 9]; expected images of one shape',
  );
});

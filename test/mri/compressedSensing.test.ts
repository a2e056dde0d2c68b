/** Compressed sensing against closed forms; the wavelet transform against its own algebra. */
import { describe, expect, test } from 'vitest';
import { birdcageCoils } from '../../datasets/mri/coils.ts';
import { brainPhantom } from '../../datasets/mri/phantoms.ts';
import {
  coilImages,
  getReconstruction,
  poissonDiscMask,
  totalVariationReconstruction,
  waveletReconstruction,
} from '../../src/mri/index.ts';
import { detailMask, inverseWaveletTransform, waveletTransform } from '../../src/mri/wavelet.ts';
import {
  array,
  complex,
  complexArray,
  fft2c,
  grad,
  square,
  sum,
  type Complex,
} from '../../src/tensor/index.ts';
import { key } from '../../src/tensor/random.ts';
import { evaluate, largestDifference, numbers, randomComplex, relativeError, total } from './support.ts';

describe('wavelets', () => {
  test.each([
    [16, 12, 2],
    [13, 10, 3],
    [5, 23, 6],
  ])('%i × %i, %i levels: orthonormal, and inverted by its transpose', async (h, w, levels) => {
    const { re: x } = randomComplex(1, [2, h, w]);
    const { coefficients, back } = await evaluate(
      (image) => ({
        coefficients: waveletTransform(image, levels),
        back: inverseWaveletTransform(waveletTransform(image, levels), levels),
      }),
      [x] as const,
    );
    const energy = (v: ArrayLike<number>) => Float64Array.from(v).reduce((t, a) => t + a * a, 0);
    expect(energy(coefficients.data) / energy(x.data)).toBeCloseTo(1, 12);
    expect(largestDifference(back.data, x.data)).toBeLessThan(1e-12);
  });

  test('two vanishing moments: a plane has details at the edges of the image only', async () => {
    const n = 32;
    const plane = array(
      Float64Array.from({ length: n * n }, (_, i) => 3 + 0.5 * Math.floor(i / n) - 0.25 * (i % n)),
      [n, n],
    );
    const c = await evaluate((x) => waveletTransform(x, 1), [plane] as const);
    const details = detailMask([n, n], 1);
    let inside = 0;
    c.data.forEach((value, i) => {
      const [row, column] = [Math.floor(i / n) % (n / 2), (i % n) % (n / 2)];
      if (details[i] === 0 || row === n / 2 - 1 || column === n / 2 - 1) return;
      inside++;
      expect(Math.abs(value)).toBeLessThan(1e-12);
    });
    expect(inside).toBe(3 * (n / 2 - 1) ** 2);
  });
});

const one = (h: number, w: number) =>
  complexArray(new Float64Array(h * w).fill(1), new Float64Array(h * w), [1, h, w]);
const full = (h: number, w: number) => array(new Float64Array(h * w).fill(1), [h, w]);

describe('total variation', () => {
  test('of two rows of two pixels: each side moves by its share of the penalty (closed form)', async () => {
    // Rows are equal, so Σ√(|∂y|² + |∂x|²) = 2 |a − b|: minimising (a − a₀)² + (b − b₀)² + 2 λ'|a − b| moves both by λ'.
    const z = complexArray(Float64Array.of(3, 1, 3, 1), new Float64Array(4), [2, 2]);
    const image = await evaluate(
      (truth, s, mask) =>
        totalVariationReconstruction(
          fft2c(coilImages(truth, s)),
          { sensitivities: s, mask },
          {
            lambda: 0.1,
            iterations: 60,
          },
        ),
      [z, one(2, 2), full(2, 2)] as const,
    );
    // λ' = 0.1 · 3.
    expect(largestDifference(image.re.data, [2.7, 1.3, 2.7, 1.3])).toBeLessThan(1e-4);
  });
});

describe('wavelet sparsity', () => {
  test('fully sampled: soft thresholding of the details (closed form), for each image of a batch by itself', async () => {
    const [h, w, levels, lambda] = [12, 10, 2, 0.2];
    const z = randomComplex(3, [2, h, w]);
    const { image, coefficients, after } = await evaluate(
      (truth, s, mask) => {
        const result = waveletReconstruction(
          fft2c(coilImages(truth, s)),
          { sensitivities: s, mask },
          {
            lambda,
            iterations: 3,
            levels,
          },
        );
        const transformed = (x: Complex) => complex.mapParts(x, (part) => waveletTransform(part, levels));
        return { image: result, coefficients: transformed(truth), after: transformed(result) };
      },
      [z, one(h, w), full(h, w)] as const,
    );
    expect(image.re.shape).toEqual([2, h, w]);
    const details = detailMask([h, w], levels);
    const size = (c: { re: { data: ArrayLike<number> }; im: { data: ArrayLike<number> } }, i: number) =>
      Math.hypot(c.re.data[i], c.im.data[i]);
    for (const batch of [0, 1]) {
      const start = batch * h * w;
      const largest = Math.max(...details.map((_, i) => size(z, start + i)));
      details.forEach((isDetail, i) => {
        const before = size(coefficients, start + i);
        const expected = isDetail ? Math.max(0, before - lambda * largest) : before;
        expect(size(after, start + i)).toBeCloseTo(expected, 10);
      });
    }
  });
});

describe.each(['total-variation', 'wavelet'])('%s', (name) => {
  const [h, w, coils] = [28, 26, 4];
  const s = birdcageCoils(coils, [h, w]);
  const phantom = brainPhantom(key(11), [h, w], { phase: 0.5 });
  const mask = poissonDiscMask(key(2), { height: h, width: w, acceleration: 3, calibration: 8 });
  const options = { lambda: 0.002, iterations: 30 };

  const reconstruct = (method: string, factor: number, chosen = {}) => {
    const acquisition = { kspace: randomComplex(1, [coils, h, w]), mask, sensitivities: s };
    const f = getReconstruction(method, chosen).prepare(acquisition);
    return evaluate(
      (z, maps, m) =>
        f({ kspace: fft2c(coilImages(complex.scale(factor, z), maps)), mask: m, sensitivities: maps }),
      [phantom, s, mask] as const,
    );
  };

  test('undersampled: much nearer to the truth than the zero-filled image, and in the units of the data', async () => {
    const image = await reconstruct(name, 1, options);
    const zeroFilled = await reconstruct('zero-filled', 1, { combine: 'sensitivities' });
    expect(relativeError(image, phantom)).toBeLessThan(0.6 * relativeError(zeroFilled, phantom));
    const scaled = await reconstruct(name, 1e-6, options);
    expect(
      largestDifference(
        numbers(scaled.re).map((v) => 1e6 * v),
        image.re.data,
      ),
    ).toBeLessThan(1e-9);
  });

  test('its derivative is finite, also on an image of zeros', async () => {
    const f = getReconstruction(name, { ...options, iterations: 4 }).prepare({
      kspace: randomComplex(1, [coils, h, w]),
      mask,
      sensitivities: s,
    });
    for (const factor of [0, 1]) {
      const g = await evaluate(
        (k, maps, m) =>
          grad((x: Complex) => sum(square(f({ kspace: x, mask: m, sensitivities: maps }).re)))(
            complex.scale(factor, k),
          ),
        [randomComplex(4, [coils, h, w]), s, mask] as const,
      );
      expect(Number.isFinite(total(g.re) + total(g.im))).toBe(true);
    }
  });

  test('options that cannot be are refused', () => {
    expect(() => getReconstruction(name, { lambda: -1 })).toThrow(`${name}: lambda`);
    expect(() => getReconstruction(name, { iterations: 0 })).toThrow(`${name}: iterations`);
  });
});

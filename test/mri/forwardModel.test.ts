/** The acquisition model: adjoint, unitary transform, and the defining sum. */
import { describe, expect, test } from 'vitest';
import { birdcageCoils } from '../../datasets/mri/coils.ts';
import { applyMask, coilImages, encode, encodeAdjoint, normalOperator } from '../../src/mri/index.ts';
import { array, complex, fft2c, ifft2c, sum, type ComplexArray } from '../../src/tensor/index.ts';
import { key, uniform } from '../../src/tensor/random.ts';
import {
  evaluate,
  innerProduct,
  largestDifference,
  norm,
  randomComplex,
  relativeError,
  total,
} from './support.ts';

const randomMask = (seed: number, shape: number[]) =>
  array(
    uniform(
      key(seed),
      shape.reduce((a, b) => a * b, 1),
    ).map((u) => (u < 0.4 ? 1 : 0)),
    shape,
  );

describe('transforms of the sizes of scanners', () => {
  const sizes = [
    [96, 96],
    [180, 230],
    [320, 368],
    [15, 13],
    [183, 17],
  ];
  test.each(sizes)('%i × %i: the inverse undoes the transform and norms are kept', async (h, w) => {
    const z = randomComplex(1, [h, w]);
    for (const [dtype, tolerance] of [
      ['float64', 1e-12],
      ['float32', 1e-6],
    ] as const) {
      const { there, back } = await evaluate(
        (x) => ({ there: fft2c(x), back: ifft2c(fft2c(x)) }),
        [z] as const,
        dtype,
      );
      expect(Math.abs(norm(there) / norm(z) - 1)).toBeLessThan(tolerance);
      expect(relativeError(back, z)).toBeLessThan(tolerance);
    }
  });
});

test.each([
  [8, 6, 3],
  [7, 9, 1],
  [15, 12, 4],
])('⟨A z, x⟩ = ⟨z, Aᴴ x⟩ for %i × %i, %i coils and any sensitivities and mask', async (h, w, coils) => {
  const [z, x, s] = [
    randomComplex(2, [h, w]),
    randomComplex(3, [coils, h, w]),
    randomComplex(4, [coils, h, w]),
  ];
  const { forward, back } = await evaluate(
    (image, kspace, sensitivities, mask) => ({
      forward: encode(image, { sensitivities, mask }),
      back: encodeAdjoint(kspace, { sensitivities, mask }),
    }),
    [z, x, s, randomMask(5, [h, w])] as const,
  );
  const [a, b] = [innerProduct(forward, x), innerProduct(z, back)];
  const scale = norm(forward) * norm(x);
  expect(Math.hypot(a.re - b.re, a.im - b.im) / scale).toBeLessThan(1e-12);
});

test('k-space is the sum Σ S(p) z(p) e^(−2πi(k·p)) / √(hw) with both centres at ⌊n/2⌋, on sampled columns', async () => {
  const [h, w] = [5, 4];
  const [z, s] = [randomComplex(6, [h, w]), randomComplex(7, [2, h, w])];
  const mask = array(Float64Array.of(1, 0, 1, 1), [w]);
  const kspace = await evaluate((image, sensitivities, m) => encode(image, { sensitivities, mask: m }), [
    z,
    s,
    mask,
  ] as const);
  const at = (v: ComplexArray, i: number) => [v.re.data[i], v.im.data[i]];
  for (let c = 0; c < 2; c++)
    for (let ky = 0; ky < h; ky++)
      for (let kx = 0; kx < w; kx++) {
        let [re, im] = [0, 0];
        for (let y = 0; y < h; y++)
          for (let x = 0; x < w; x++) {
            const [zr, zi] = at(z, y * w + x);
            const [sr, si] = at(s, (c * h + y) * w + x);
            const angle = -2 * Math.PI * (((ky - 2) * (y - 2)) / h + ((kx - 2) * (x - 2)) / w);
            const [pr, pi] = [sr * zr - si * zi, sr * zi + si * zr];
            re += (pr * Math.cos(angle) - pi * Math.sin(angle)) / Math.sqrt(h * w);
            im += (pr * Math.sin(angle) + pi * Math.cos(angle)) / Math.sqrt(h * w);
          }
        const [gr, gi] = at(kspace, (c * h + ky) * w + kx);
        expect(gr).toBeCloseTo(re * mask.data[kx], 12);
        expect(gi).toBeCloseTo(im * mask.data[kx], 12);
      }
});

test('with Σ|S|² = 1 and everything sampled, AᴴA is the identity', async () => {
  const z = randomComplex(8, [3, 12, 10]);
  const s = birdcageCoils(5, [12, 10]);
  const back = await evaluate(
    (image, sensitivities, mask) =>
      encodeAdjoint(encode(image, { sensitivities, mask }), { sensitivities, mask }),
    [z, s, array(Float64Array.of(1), [1])] as const,
  );
  expect(largestDifference(back.re.data, z.re.data)).toBeLessThan(1e-13);
  expect(largestDifference(back.im.data, z.im.data)).toBeLessThan(1e-13);
});

test('zero-filled single coil: sd is σ √(sampled fraction) at every pixel', async () => {
  // Row i of the reconstruction F⁻¹M has squared norm (1/n) Σ mask; the sum over columns of |F⁻¹M e_k|² shows it.
  const [h, w] = [6, 10];
  const mask = randomMask(9, [h, w]);
  const basis = new Float64Array((h * w) ** 2).map((_, i) => (i % (h * w + 1) === 0 ? 1 : 0));
  const variance = await evaluate(
    (columns, m) => sum(complex.abs2(ifft2c(applyMask(complex.fromReal(columns), m))), 0),
    [array(basis, [h * w, h, w]), mask] as const,
  );
  const fraction = total(mask) / (h * w);
  for (const value of variance.data) expect(Math.sqrt(value)).toBeCloseTo(Math.sqrt(fraction), 13);
});

test('sensitivities of another size are refused by name', async () => {
  await expect(
    evaluate((z, s) => coilImages(z, s), [randomComplex(1, [4, 4]), randomComplex(2, [2, 4, 5])] as const),
  ).rejects.toThrow(/coilImages: the sensitivities are .*2.*4.*5.* and the images .*4.*4/);
});

test.each([
  ['points', [7, 12]],
  ['columns', [1, 12]],
])('AᴴA is the acquisition and then its adjoint, for a mask of %s', async (_, shape) => {
  const mask = randomMask(5, shape);
  const { together, apart } = await evaluate(
    (z, sensitivities, m) => {
      const model = { sensitivities, mask: m };
      return { together: normalOperator(z, model), apart: encodeAdjoint(encode(z, model), model) };
    },
    [randomComplex(2, [2, 7, 12]), randomComplex(4, [3, 7, 12]), mask] as const,
  );
  expect(relativeError(together, apart)).toBeLessThan(1e-12);
});

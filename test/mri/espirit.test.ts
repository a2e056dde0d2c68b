/** ESPIRiT against the coils that made the data, and its operator against patches of k-space projected one by one. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { birdcageCoils } from '../../datasets/mri/coils.ts';
import { brainPhantom } from '../../datasets/mri/phantoms.ts';
import { readNpy } from '../../datasets/npy.ts';
import {
  calibrationBlock,
  calibrationData,
  coilImages,
  espiritSensitivities,
  sampledPoints,
} from '../../src/mri/index.ts';
import { hermitianEigen } from '../../src/mri/hermitianEigen.ts';
import { conjugateTranspose, multiply } from '../../src/mri/hermitian.ts';
import { array, complexArray, deinterleave, fft2c } from '../../src/tensor/index.ts';
import { key } from '../../src/tensor/random.ts';
import { evaluate, largestDifference, numbers, randomComplex } from './support.ts';

const [h, w, coils] = [40, 36, 5];
const truth = birdcageCoils(coils, [h, w]);
const phantom = brainPhantom(key(5), [h, w]);
const full = array(new Float64Array(w).fill(1), [1, w]);

const kspace = evaluate((z, s) => fft2c(coilImages(z, s)), [phantom, truth] as const);

describe('ESPIRiT', () => {
  test('the coils of the array, up to a phase, inside the object', async () => {
    const calibration = calibrationData(await kspace, full, { side: 20 });
    expect(calibration.re.shape).toEqual([coils, 20, 20]);
    const { sensitivities, eigenvalue } = espiritSensitivities(calibration, [h, w], { threshold: 0.005 });
    const pixels = h * w;
    let inside = 0;
    for (let p = 0; p < pixels; p++) {
      if (Math.hypot(phantom.re.data[p], phantom.im.data[p]) === 0) continue;
      inside++;
      let [re, im, energy] = [0, 0, 0];
      for (let i = p; i < coils * pixels; i += pixels) {
        const [a, b] = [sensitivities.re.data[i], sensitivities.im.data[i]];
        re += truth.re.data[i] * a + truth.im.data[i] * b;
        im += truth.re.data[i] * b - truth.im.data[i] * a;
        energy += a * a + b * b;
      }
      expect(energy).toBeCloseTo(1, 12);
      expect(Math.hypot(re, im)).toBeGreaterThan(0.995);
      expect(eigenvalue.data[p]).toBeGreaterThan(0.97);
      expect(sensitivities.re.data[p]).toBeGreaterThanOrEqual(0);
      expect(Math.abs(sensitivities.im.data[p])).toBeLessThan(1e-12);
    }
    expect(inside).toBeGreaterThan(500);
  });

  test('its operator is the projection of every patch of k-space on the span of the calibration patches', () => {
    // On a periodic grid of n × n points: W = Σ_patches Rᴴ P R / k², whose restriction to the plane wave at pixel x is the
    // matrix of that pixel. Its largest eigenvalue is found by applying W to plane waves, one a coil.
    const [n, k, channels] = [7, 3, 2];
    const calibration = randomComplex(8, [channels, 4, 4]);
    const { eigenvalue } = espiritSensitivities(calibration, [n, n], { kernel: k, crop: 0 });
    const size = channels * k * k;
    const patches = (z: { re: ArrayLike<number>; im: ArrayLike<number> }, side: number, tops: number) => {
      const [re, im] = [new Float64Array(size * tops * tops), new Float64Array(size * tops * tops)];
      for (let p = 0; p < tops * tops; p++)
        for (let i = 0; i < size; i++) {
          const [c, row, column] = [Math.floor(i / k / k), Math.floor(i / k) % k, i % k];
          const y = (Math.floor(p / tops) + row) % side;
          const x = ((p % tops) + column) % side;
          re[i * tops * tops + p] = z.re[(c * side + y) * side + x];
          im[i * tops * tops + p] = z.im[(c * side + y) * side + x];
        }
      return complexArray(re, im, [size, tops * tops]);
    };
    const data = patches({ re: calibration.re.data, im: calibration.im.data }, 4, 2);
    const { values, vectors } = hermitianEigen(multiply(data, conjugateTranspose(data)));
    const rank = values.filter((v) => v > 4e-4 * values[0]).length;
    expect(rank).toBe(4);
    const keep = (part: ArrayLike<number>) =>
      Float64Array.from({ length: size * rank }, (_, i) => part[Math.floor(i / rank) * size + (i % rank)]);
    const u = complexArray(keep(vectors.re.data), keep(vectors.im.data), [size, rank]);
    for (const pixel of [0, 10, 24, 48]) {
      const [ky, kx] = [Math.floor(pixel / n) - 3, (pixel % n) - 3];
      const columns = Array.from({ length: channels }, (_, coil) => {
        // The k-space of a point at the pixel, in one coil.
        const wave = (f: (angle: number) => number) =>
          Float64Array.from({ length: channels * n * n }, (_, i) =>
            Math.floor(i / n / n) === coil
              ? f((-2 * Math.PI * (ky * (Math.floor(i / n) % n) + kx * (i % n))) / n)
              : 0,
          );
        const z = patches({ re: wave(Math.cos), im: wave(Math.sin) }, n, n);
        return multiply(conjugateTranspose(u), z);
      });
      // ⟨e_c, W e_d⟩ = Σ_patches (Uᴴ R e_c)ᴴ (Uᴴ R e_d) / (k² n²).
      const entry = (c: number, d: number): [number, number] => {
        let [re, im] = [0, 0];
        columns[c].re.data.forEach((a, i) => {
          const [b, x, y] = [columns[c].im.data[i], columns[d].re.data[i], columns[d].im.data[i]];
          re += a * x + b * y;
          im += a * y - b * x;
        });
        return [re / (k * k * n * n), im / (k * k * n * n)];
      };
      const m = [entry(0, 0), entry(0, 1), entry(1, 0), entry(1, 1)];
      const matrix = complexArray(
        Float64Array.from(m, ([re]) => re),
        Float64Array.from(m, ([, im]) => im),
        [2, 2],
      );
      expect(eigenvalue.data[pixel]).toBeCloseTo(hermitianEigen(matrix).values[0], 6);
    }
  });

  test('pixels below the crop have no sensitivity, and the scale of the data does not matter', async () => {
    const calibration = calibrationData(await kspace, full, { side: 16 });
    const small = (part: { data: ArrayLike<number>; shape: readonly number[] }) =>
      array(
        Float64Array.from(part.data, (v) => 1e-7 * v),
        part.shape,
      );
    const a = espiritSensitivities(calibration, [h, w], { crop: 0.99 });
    const b = espiritSensitivities({ re: small(calibration.re), im: small(calibration.im) }, [h, w], {
      crop: 0.99,
    });
    expect(largestDifference(a.eigenvalue.data, b.eigenvalue.data)).toBeLessThan(1e-9);
    const below = numbers(a.eigenvalue).findIndex((v) => v < 0.99);
    expect(below).toBeGreaterThanOrEqual(0);
    for (let c = 0; c < coils; c++) expect(a.sensitivities.re.data[c * h * w + below]).toBe(0);
    expect(Math.max(...numbers(a.eigenvalue))).toBeLessThan(1 + 1e-9);
  });

  test('no ACS lines, a block smaller than the kernel and data of zeros are refused', async () => {
    const gaps = array(
      Float64Array.from({ length: w }, (_, c) => (c % 2) ^ 1),
      [1, w],
    );
    const data = await kspace;
    expect(() => calibrationData(data, array(new Float64Array(w), [1, w]))).toThrow(/no ACS lines/);
    expect(() => calibrationData(data, gaps, { least: 6, name: 'espirit' })).toThrow(
      'espirit: the mask has a fully sampled centre of 40 × 1, expected at least 6 × 6',
    );
    expect(() => espiritSensitivities(randomComplex(1, [2, 5, 9]), [8, 8])).toThrow(/at least 6 rows/);
    expect(() =>
      espiritSensitivities(complexArray(new Float64Array(72), new Float64Array(72), [2, 6, 6]), [8, 8]),
    ).toThrow('zero everywhere');
  });
});

const brain = path.join(process.env['SEXTANT_DATA'] ?? '', 'mri', 'cartesian_ksp.npy');
test.skipIf(!process.env['SEXTANT_DATA'] || !existsSync(brain))(
  'measured brain: the mask shows 24 × 24 calibration points, and the head has an eigenvalue near 1',
  () => {
    const { data, shape } = readNpy(readFileSync(brain));
    const measured = deinterleave(data as Float32Array, shape);
    const mask = sampledPoints(measured);
    expect(mask.shape).toEqual([230, 180]);
    expect(calibrationBlock(mask)).toEqual({ top: 103, left: 78, height: 24, width: 24 });
    const { eigenvalue } = espiritSensitivities(calibrationData(measured, mask), [230, 180]);
    // The middle of the head, and the corner of the field of view.
    expect(eigenvalue.data[115 * 180 + 90]).toBeGreaterThan(0.995);
    expect(eigenvalue.data[0]).toBeLessThan(0.8);
  },
);

/** GRAPPA: filling against direct sums, its noise against the explicit Jacobian, and the image it makes. */
import { describe, expect, test } from 'vitest';
import { birdcageCoils } from '../../datasets/mri/coils.ts';
import { brainPhantom } from '../../datasets/mri/phantoms.ts';
import {
  calibrateGrappa,
  calibrationData,
  coilImages,
  combineCoils,
  correlatedNoise,
  fillGrappa,
  getReconstruction,
  grappaGFactor,
  grappaNoiseSd,
  noiseCovariance,
  senseGFactor,
  type GrappaKernel,
} from '../../src/mri/index.ts';
import {
  array,
  complexArray,
  fft2c,
  ifft2c,
  type ComplexArray,
  type NDArray,
} from '../../src/tensor/index.ts';
import { key } from '../../src/tensor/random.ts';
import { evaluate, largestDifference, numbers, randomComplex, relativeError } from './support.ts';

const randomKernel = (
  seed: number,
  acceleration: number,
  coils: number,
  readout = 3,
  phase = 2,
): GrappaKernel => ({
  acceleration,
  readout,
  phase,
  weights: randomComplex(seed, [acceleration - 1, coils, coils, readout, phase]),
});

/** Every column between sampled ones by its sum over coils, rows and sampled columns. */
function filledDirectly(x: ComplexArray, kernel: GrappaKernel, offset: number): ComplexArray {
  const [coils, h, w] = x.re.shape;
  const { acceleration: R, readout, phase, weights } = kernel;
  const [re, im] = [numbers(x.re), numbers(x.im)];
  for (let k = 0; k < coils; k++)
    for (let row = 0; row < h; row++)
      for (let column = 0; column < w; column++) {
        const m = (((column - offset) % R) + R) % R;
        if (m === 0) continue;
        let [a, b] = [0, 0];
        for (let c = 0; c < coils; c++)
          for (let i = 0; i < readout; i++)
            for (let t = 0; t < phase; t++) {
              const y = (row + i - (readout - 1) / 2 + h) % h;
              let source = column - m + (t - phase / 2 + 1) * R;
              if (w % R === 0) source = (source + w) % w;
              if (source < 0 || source >= w) continue;
              const at = ((((m - 1) * coils + k) * coils + c) * readout + i) * phase + t;
              const from = (c * h + y) * w + source;
              a += weights.re.data[at] * x.re.data[from] - weights.im.data[at] * x.im.data[from];
              b += weights.re.data[at] * x.im.data[from] + weights.im.data[at] * x.re.data[from];
            }
        re[(k * h + row) * w + column] = a;
        im[(k * h + row) * w + column] = b;
      }
  return complexArray(re, im, x.re.shape);
}

describe('filling', () => {
  test.each([
    { R: 2, offset: 1, w: 8, phase: 2 },
    { R: 3, offset: 0, w: 9, phase: 4 },
    { R: 3, offset: 2, w: 11, phase: 2 },
    { R: 4, offset: 3, w: 14, phase: 2 },
  ])('R = $R from column $offset of $w is the sum over neighbours', async ({ R, offset, w, phase }) => {
    const kernel = randomKernel(3, R, 2, 3, phase);
    const x = randomComplex(4, [2, 5, w]);
    const filled = await evaluate((k) => fillGrappa(k, kernel, { offset }), [x] as const);
    expect(relativeError(filled, filledDirectly(x, kernel, offset))).toBeLessThan(1e-13);
  });
});

describe('noise', () => {
  const [coils, h, w, R] = [3, 6, 8, 4];
  const s = birdcageCoils(coils, [h, w]);
  const psi = noiseCovariance(randomComplex(6, [coils, 40]));

  test('its standard deviation is that of the rows of the Jacobian, with and without correlated noise', async () => {
    const [kernel, offset] = [randomKernel(5, R, coils), 1];
    const n = coils * h * w;
    const units = complexArray(
      Float64Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0)),
      new Float64Array(n * n),
      [n, coils, h, w],
    );
    const rows = await evaluate((k, maps) => combineCoils(ifft2c(fillGrappa(k, kernel, { offset })), maps), [
      units,
      s,
    ] as const);
    // J [coil, sample, pixel]; var = Σ_samples J_c Ψ_cd J_d*.
    const pixels = h * w;
    const variance = (covariance: ComplexArray | null, p: number): number => {
      let total = 0;
      for (let sample = 0; sample < pixels; sample++)
        for (let c = 0; c < coils; c++)
          for (let d = 0; d < coils; d++) {
            const [x, y] = covariance
              ? [covariance.re.data[c * coils + d], covariance.im.data[c * coils + d]]
              : [c === d ? 1 : 0, 0];
            const [i, j] = [(c * pixels + sample) * pixels + p, (d * pixels + sample) * pixels + p];
            const [a, b] = [rows.re.data[i], rows.im.data[i]];
            const [u, v] = [rows.re.data[j], rows.im.data[j]];
            total += x * (a * u + b * v) - y * (b * u - a * v);
          }
      return total;
    };
    for (const covariance of [null, psi]) {
      const sd = grappaNoiseSd(kernel, s, { offset }, covariance ?? undefined);
      const direct = Float64Array.from({ length: pixels }, (_, p) => Math.sqrt(variance(covariance, p)));
      expect(largestDifference(sd.data, direct)).toBeLessThan(1e-10);
      const g = grappaGFactor(kernel, s, covariance ?? undefined);
      // Of the full image: the same with the identity for a kernel.
      const full = grappaNoiseSd(
        { ...randomKernel(1, 2, coils), acceleration: 1 },
        s,
        { offset: 0 },
        covariance ?? undefined,
      );
      g.data.forEach((value, p) => {
        if (!covariance) expect(full.data[p]).toBeCloseTo(1, 12);
        expect(value).toBeCloseTo(direct[p] / full.data[p] / Math.sqrt(R), 10);
      });
    }
  });
});

describe('images', () => {
  const [coils, h, w, R] = [8, 40, 48, 3];
  const s = birdcageCoils(coils, [h, w]);
  const phantom = brainPhantom(key(7), [h, w]);
  const mask = array(
    Float64Array.from({ length: w }, (_, c) => (c % R === 1 || Math.abs(c - w / 2) < 10 ? 1 : 0)),
    [1, w],
  );

  test.each(['keep', 'calibrate'])(
    'a phantom with little noise is recovered (ACS lines: %s)',
    async (acs) => {
      const clean = await evaluate((z, maps) => fft2c(coilImages(z, maps)), [phantom, s] as const);
      const covariance = noiseCovariance(randomComplex(2, [coils, 100]));
      const noise = correlatedNoise(key(9), covariance, [coils, h, w]);
      const plus = (x: ComplexArray['re'], n: ComplexArray['re']) =>
        array(
          numbers(x).map((v, i) => v + 1e-4 * n.data[i]),
          x.shape,
        );
      const kspace = { re: plus(clean.re, noise.re), im: plus(clean.im, noise.im) };
      const acquisition = { kspace, mask, sensitivities: s };
      const f = getReconstruction('grappa', { acs }).prepare(acquisition);
      const image = await evaluate((k, m, maps) => f({ kspace: k, mask: m, sensitivities: maps }), [
        kspace,
        mask,
        s,
      ] as const);
      expect(relativeError(image, phantom)).toBeLessThan(acs === 'keep' ? 0.03 : 0.05);
      const zeroFilled = getReconstruction('zero-filled', { combine: 'sensitivities' }).prepare(acquisition);
      const aliased = await evaluate(
        (k, m, maps) => zeroFilled({ kspace: k, mask: m, sensitivities: maps }),
        [kspace, mask, s] as const,
      );
      expect(relativeError(aliased, phantom)).toBeGreaterThan(0.2);
      const kernel = calibrateGrappa(calibrationData(kspace, mask, { side: Infinity }), { acceleration: R });
      // The noise of a good fit is near that of the least squares solution.
      const sense = await evaluate((maps) => senseGFactor(maps, { acceleration: R }), [s] as const);
      const median = (x: NDArray) => numbers(x).sort()[(h * w) / 2];
      expect(median(grappaGFactor(kernel, s)) / median(sense)).toBeGreaterThan(0.7);
      expect(median(grappaGFactor(kernel, s)) / median(sense)).toBeLessThan(1.4);
    },
  );

  test('too few ACS lines, none, and kernels that cannot be are refused', () => {
    const acs = randomComplex(1, [2, 12, 9]);
    expect(() => calibrateGrappa(acs, { acceleration: 3 })).toThrow(
      'grappa: 9 ACS lines of 12 samples, expected at least 10',
    );
    expect(() => calibrateGrappa(acs, { acceleration: 2, readout: 4 })).toThrow('readout is 4');
    expect(() => calibrateGrappa(acs, { acceleration: 2, phase: 3 })).toThrow('phase is 3');
    expect(() =>
      calibrateGrappa(complexArray(new Float64Array(216), new Float64Array(216), [2, 12, 9]), {
        acceleration: 2,
      }),
    ).toThrow('zero everywhere');
    const none = array(
      Float64Array.from({ length: w }, (_, c) => (c % R === 1 ? 1 : 0)),
      [1, w],
    );
    const kspace = randomComplex(1, [coils, h, w]);
    expect(() => getReconstruction('grappa').prepare({ kspace, mask: none, sensitivities: s })).toThrow(
      /ACS lines/,
    );
  });
});

/** Noise maps of linear reconstructions against closed forms and sampling; white and correlated noise. */
import { beforeAll, describe, expect, test } from 'vitest';
import { birdcageCoils, loopCoils } from '../../datasets/mri/coils.ts';
import {
  cgSense,
  correlatedNoise,
  encodeAdjoint,
  equispacedMask,
  mixCoils,
  noiseCovariance,
  rootSumOfSquares,
  senseNoiseSd,
  whiteNoise,
  whiteningMatrix,
} from '../../src/mri/index.ts';
import { applyToCoils } from '../../src/mri/complexLinalg.ts';
import { combColouring } from '../../src/mri/comb.ts';
import type { NoisyAcquisition } from '../../src/mri/kspaceNoise.ts';
import { noiseMaps, type NoiseMaps } from '../../src/mri/noiseMaps.ts';
import type { Reconstruct } from '../../src/mri/reconstruction.ts';
import { replicaMaps } from '../../src/mri/replicas.ts';
import {
  complex,
  complexArray,
  constant,
  ifft2c,
  mul,
  type Complex,
  type ComplexArray,
  type NDArray,
  type Tensor,
} from '../../src/tensor/index.ts';
import { key } from '../../src/tensor/random.ts';
import { evaluate, largestDifference, numbers } from './support.ts';
import { acquire, exact, relative, rms, senseAt, uniform } from './noiseMapsSupport.ts';

describe('SENSE, where the noise is known in closed form', () => {
  const [h, w, coils] = [6, 24, 6];
  const sensitivities = loopCoils([h, w], { coils });

  test.each([
    [2, 'float64', 1e-3],
    [3, 'float64', 1e-3],
    [4, 'float64', 1e-3],
    [4, 'float32', 1e-2],
  ] as const)('R = %i, %s: rows of the Jacobian, real and imaginary part', async (R, dtype, tolerance) => {
    const acquisition = { ...(await acquire([h, w], sensitivities, uniform(w, R))), noise: { sigma: 0.02 } };
    const truth = await evaluate((s) => mul(0.02, senseNoiseSd(s, { acceleration: R })), [
      sensitivities,
    ] as const);
    const maps = await noiseMaps({ reconstruct: senseAt(R), output: 'complex' }, acquisition, {
      method: 'rows',
      dtype,
      threads: 1,
    });
    for (const map of [maps.sd, maps.complex?.real.deviation, maps.complex?.imaginary.deviation])
      expect(Math.max(...relative(map as NDArray, truth).map(Math.abs))).toBeLessThan(tolerance);
    expect(maps.standardError).toBeNull();
    // sd in full sampling is σ, since Σ|S|² = 1: g = sd / (σ √R) ≥ 1.
    expect(Math.min(...numbers(maps.sd).map((s) => s / (0.02 * Math.sqrt(R))))).toBeGreaterThan(1 - 1e-5);
  });

  test('R = 1: the noise of the image is σ everywhere', async () => {
    const acquisition = { ...(await acquire([h, w], sensitivities, uniform(w, 1))), noise: { sigma: 0.5 } };
    const maps = await noiseMaps({ reconstruct: senseAt(1), output: 'complex' }, acquisition, {
      method: 'rows',
      ...exact,
    });
    expect(
      largestDifference(
        maps.sd.data,
        numbers(maps.sd).map(() => 0.5),
      ),
    ).toBeLessThan(1e-6);
  });

  test('a region of interest: its pixels as in the whole map, others not computed; linear in σ', async () => {
    const acquisition = await acquire([h, w], sensitivities, uniform(w, 3));
    const maps = (sigma: number, sites?: Int32Array): Promise<NoiseMaps> =>
      noiseMaps(
        { reconstruct: senseAt(3), output: 'complex' },
        { ...acquisition, noise: { sigma } },
        {
          method: 'rows',
          sites,
          ...exact,
        },
      );
    const whole = await maps(0.1);
    const region = await maps(0.3, Int32Array.of(5, 77));
    expect(region.sd.data[5] / whole.sd.data[5]).toBeCloseTo(3, 10);
    expect(region.sd.data[77] / whole.sd.data[77]).toBeCloseTo(3, 10);
    expect(region.sd.data[6]).toBeNaN();
    await expect(maps(0.1, Int32Array.of(h * w))).rejects.toThrow('site 144 of 144');
  });

  test('probing has the error it displays; replicas have that of theory, real and complex', async () => {
    const R = 3;
    const acquisition = { ...(await acquire([h, w], sensitivities, uniform(w, R))), noise: { sigma: 1 } };
    const truth = await evaluate((s) => senseNoiseSd(s, { acceleration: R }), [sensitivities] as const);
    const [displayed, observed]: [number[], number[]] = [[], []];
    const mean = new Float64Array(h * w);
    for (let seed = 0; seed < 6; seed++) {
      const maps = await noiseMaps({ reconstruct: senseAt(R), output: 'complex' }, acquisition, {
        probes: 64,
        seed,
        ...exact,
      });
      displayed.push((maps.relativeError ?? NaN) * rms(truth.data));
      observed.push(rms(numbers(maps.sd).map((s, i) => s - truth.data[i])));
      maps.complex?.covariance.data
        .slice(0, h * w)
        .forEach((v, i) => (mean[i] += v / truth.data[i] ** 2 / 6));
    }
    expect(rms(observed) / rms(displayed)).toBeGreaterThan(0.9);
    expect(rms(observed) / rms(displayed)).toBeLessThan(1.1);
    // Unbiased: the mean of the variance over all pixels is 1 within three of its standard errors.
    const average = mean.reduce((a, b) => a + b, 0) / (h * w);
    const scatter = rms(mean.map((v) => v - average));
    expect(Math.abs(average - 1)).toBeLessThan((3 * scatter) / Math.sqrt((h * w) / R));

    const N = 256;
    const replicas = await replicaMaps({ reconstruct: senseAt(R), output: 'complex' }, acquisition, {
      replicas: N,
      replicasAtOnce: 32,
      ...exact,
    });
    const error = rms(
      relative((replicas.complex as { component: { deviation: NDArray } }).component.deviation, truth),
    );
    expect(error * 2 * Math.sqrt(N)).toBeGreaterThan(0.9);
    expect(error * 2 * Math.sqrt(N)).toBeLessThan(1.1);
    const real: Reconstruct = (input) => complex.fromReal(senseAt(R)(input).re);
    const ofReal = await replicaMaps({ reconstruct: real, output: 'magnitude' }, acquisition, {
      replicas: N,
      replicasAtOnce: 32,
      seed: 3,
      ...exact,
    });
    const realError = rms(relative(ofReal.sd, truth)) * Math.sqrt(2 * (N - 1));
    expect(realError).toBeGreaterThan(0.9);
    expect(realError).toBeLessThan(1.1);
  });

  test('sketching: relative error √(1/2S) of a deviation, whatever the correlation', async () => {
    const acquisition = { ...(await acquire([h, w], sensitivities, uniform(w, 2))), noise: { sigma: 1 } };
    const truth = await evaluate((s) => senseNoiseSd(s, { acceleration: 2 }), [sensitivities] as const);
    const maps = await noiseMaps({ reconstruct: senseAt(2), output: 'complex' }, acquisition, {
      method: 'sketching',
      probes: 400,
      ...exact,
    });
    const parts = [maps.complex?.real.deviation, maps.complex?.imaginary.deviation] as NDArray[];
    const error = rms(parts.flatMap((part) => Array.from(relative(part, truth)))) * Math.sqrt(2 * 400);
    expect(error).toBeGreaterThan(0.9);
    expect(error).toBeLessThan(1.1);
  });

  test('combs: exact where nothing folds onto them; spacings that alias are refused', async () => {
    // N/R = 8: 4 divides it, 6 does not.
    const acquisition = { ...(await acquire([h, w], sensitivities, uniform(w, 3))), noise: { sigma: 1 } };
    const maps = (spacing: number): Promise<NoiseMaps> =>
      noiseMaps({ reconstruct: senseAt(3), output: 'complex' }, acquisition, {
        method: 'comb',
        spacing,
        ...exact,
      });
    const truth = await evaluate((s) => senseNoiseSd(s, { acceleration: 3 }), [sensitivities] as const);
    expect(Math.max(...relative((await maps(6)).sd, truth).map(Math.abs))).toBeLessThan(1e-10);
    await expect(maps(4)).rejects.toThrow(/8 columns apart are on one comb of spacing 4/);
    const acs = equispacedMask(key(1), { width: 48, acceleration: 3, acsLines: 8 });
    for (const spacing of [4, 8, 16])
      expect(() => combColouring(spacing, [48, 48], acs)).toThrow('16 columns');
    expect(combColouring(12, [48, 48], acs).count).toBe(144);
  });

  test('adaptive: as many probes as the wanted error takes, no fewer than the pilot', async () => {
    const acquisition = { ...(await acquire([h, w], sensitivities, uniform(w, 3))), noise: { sigma: 1 } };
    const maps = (targetError: number): Promise<NoiseMaps> =>
      noiseMaps({ reconstruct: senseAt(3), output: 'complex' }, acquisition, { targetError, ...exact });
    expect((await maps(0.9)).probes).toBe(16);
    const fine = await maps(0.07);
    expect(fine.probes).toBeGreaterThan(32);
    expect(fine.relativeError).toBeLessThan(0.07 * 1.3);
  });
});

describe('zero filling', () => {
  test('one coil: σ times the root of the sampled fraction, at every pixel', async () => {
    const [h, w] = [8, 20];
    const mask = equispacedMask(key(3), { width: w, acceleration: 4, acsLines: 3 });
    const fraction = numbers(mask).reduce((a, b) => a + b, 0) / w;
    const acquisition = { ...(await acquire([h, w], birdcageCoils(1, [h, w]), mask)), noise: { sigma: 0.3 } };
    const adjoint: Reconstruct = ({ kspace, mask: m, sensitivities }) =>
      encodeAdjoint(kspace, { sensitivities: sensitivities as Complex, mask: m });
    const magnitude: Reconstruct = ({ kspace }) => complex.fromReal(rootSumOfSquares(ifft2c(kspace)));
    const expected = new Float64Array(h * w).fill(0.3 * Math.sqrt(fraction));
    const linear = await noiseMaps({ reconstruct: adjoint, output: 'complex' }, acquisition, {
      method: 'rows',
      ...exact,
    });
    expect(largestDifference(linear.sd.data, expected)).toBeLessThan(1e-12);
    const root = await noiseMaps({ reconstruct: magnitude, output: 'magnitude' }, acquisition, {
      method: 'rows',
      ...exact,
    });
    expect(root.complex).toBeNull();
    expect(largestDifference(root.sd.data, expected)).toBeLessThan(1e-12);
    // The phase is known to the deviation across over the magnitude.
    const pixel = numbers(linear.magnitude).findIndex((m) => m > 0.3);
    expect(linear.complex?.phase.deviation.data[pixel]).toBeCloseTo(
      expected[0] / linear.magnitude.data[pixel],
      10,
    );
  });
});

describe('correlated noise', () => {
  const [h, w, coils] = [6, 12, 4];
  const sensitivities = loopCoils([h, w], { coils });
  const mask = equispacedMask(key(2), { width: w, acceleration: 2, acsLines: 4 });
  const Ψ = noiseCovariance(correlatedNoise(key(8), mixture(), [coils, 40]));
  let acquisition: Omit<NoisyAcquisition, 'noise'>;
  beforeAll(async () => {
    acquisition = await acquire([h, w], sensitivities, mask);
  });

  function mixture(): ComplexArray {
    const re = Float64Array.from({ length: 16 }, (_, i) => (i % 5 === 0 ? 2 + i / 10 : 0.5));
    const im = Float64Array.from({ length: 16 }, (_, i) =>
      i % 5 === 0 ? 0 : i % 4 > Math.floor(i / 4) ? 0.3 : -0.3,
    );
    return complexArray(re, im, [4, 4]);
  }
  const reconstruct: Reconstruct = (input) =>
    cgSense(
      input.kspace,
      { sensitivities: input.sensitivities as Complex, mask: input.mask },
      { iterations: 24, tikhonov: 1e-2 },
    );
  const rows = (given: NoisyAcquisition): Promise<NoiseMaps> =>
    noiseMaps({ reconstruct, output: 'complex' }, given, { method: 'rows', ...exact });

  test('Ψ of the data is that of whitened data, in SNR units, with σ = 1', async () => {
    const W = whiteningMatrix(Ψ, 'snrUnits');
    const white = await rows({
      kspace: mixCoils(W, acquisition.kspace),
      mask,
      sensitivities: mixCoils(W, sensitivities),
      noise: { sigma: 1 },
    });
    const traced = (x: NDArray): Tensor => constant(x.data, x.shape, 'float64');
    const whitening: Reconstruct = (input) => {
      const mix = (x: Complex): Complex => applyToCoils({ re: traced(W.re), im: traced(W.im) }, x);
      return reconstruct({
        ...input,
        kspace: mix(input.kspace),
        sensitivities: mix(input.sensitivities as Complex),
      });
    };
    const coloured = await noiseMaps(
      { reconstruct: whitening, output: 'complex' },
      { ...acquisition, noise: { covariance: Ψ } },
      { method: 'rows', ...exact },
    );
    expect(Math.max(...relative(coloured.sd, white.sd).map(Math.abs))).toBeLessThan(1e-10);
    // To ignore Ψ costs noise, and never gains any.
    const ignored = await rows({ ...acquisition, noise: { covariance: Ψ } });
    const cost = relative(ignored.sd, white.sd);
    expect(Math.min(...cost)).toBeGreaterThan(-1e-3);
    expect(Math.max(...cost)).toBeGreaterThan(0.01);
  });

  test('Ψ = 2σ² I is σ of one real component', async () => {
    const identity = complexArray(
      Float64Array.from({ length: 16 }, (_, i) => (i % 5 === 0 ? 2 * 0.09 : 0)),
      new Float64Array(16),
      [4, 4],
    );
    const [byΨ, byσ] = [
      await rows({ ...acquisition, noise: { covariance: identity } }),
      await rows({ ...acquisition, noise: { sigma: 0.3 } }),
    ];
    expect(Math.max(...relative(byΨ.sd, byσ.sd).map(Math.abs))).toBeLessThan(1e-10);
  });
});

test('what does not fit is refused with the reason', async () => {
  const [h, w] = [4, 6];
  const acquisition = await acquire([h, w], birdcageCoils(2, [h, w]), uniform(w, 2));
  const adjoint: Reconstruct = ({ kspace, mask, sensitivities }) =>
    encodeAdjoint(kspace, { sensitivities: sensitivities as Complex, mask });
  const maps = (given: Partial<NoisyAcquisition>, reconstruct = adjoint): Promise<NoiseMaps> =>
    noiseMaps(
      { reconstruct, output: 'complex' },
      { ...acquisition, noise: { sigma: 1 }, ...given },
      { ...exact, probes: 2 },
    );
  await expect(maps({ noise: { sigma: 0 } })).rejects.toThrow('sigma is 0');
  await expect(maps({ mask: uniform(5, 2) })).rejects.toThrow('the mask is [1, 5]');
  await expect(maps({ noise: { covariance: whiteNoise(key(1), [3, 3], 1) } })).rejects.toThrow('for 2 coils');
  await expect(maps({}, ({ kspace }) => kspace)).rejects.toThrow('expected one image [h, w]');
  await expect(
    noiseMaps(
      { reconstruct: adjoint, output: 'complex' },
      { ...acquisition, noise: { sigma: 1 } },
      { probes: 1 },
    ),
  ).rejects.toThrow('1 probes');
});

/** Noise maps of a reconstruction that is neither linear nor holomorphic, against the explicit Jacobian and sampling. */
import { beforeAll, describe, expect, test } from 'vitest';
import { birdcageCoils } from '../../datasets/mri/coils.ts';
import { encodeAdjoint, equispacedMask } from '../../src/mri/index.ts';
import { perturbedReconstruction, type NoisyAcquisition } from '../../src/mri/kspaceNoise.ts';
import { noiseMaps, type NoiseMaps } from '../../src/mri/noiseMaps.ts';
import type { Reconstruct } from '../../src/mri/reconstruction.ts';
import { biasMaps, replicaMaps } from '../../src/mri/replicas.ts';
import {
  add,
  complex,
  complexArray,
  jacobian,
  mul,
  roll,
  tanh,
  zeros,
  type Complex,
  type NDArray,
} from '../../src/tensor/index.ts';
import { key } from '../../src/tensor/random.ts';
import { linearisationError } from '../../src/uncertainty/linearisation.ts';
import { evaluate, largestDifference, numbers } from './support.ts';
import { acquire, exact, rms } from './noiseMapsSupport.ts';

describe('a reconstruction that is neither linear nor holomorphic', () => {
  const [h, w, coils] = [5, 8, 2];
  const mask = equispacedMask(key(2), { width: w, acceleration: 2, acsLines: 2 });
  /** Zero filling, then each part bent in its own way, and each pixel mixed with the next. */
  const bent: Reconstruct = ({ kspace, mask: m, sensitivities }) => {
    const { re, im } = encodeAdjoint(kspace, { sensitivities: sensitivities as Complex, mask: m });
    return { re: add(tanh(re), mul(0.5, roll(im, 1, -1))), im: mul(re, im) };
  };
  let acquisition: NoisyAcquisition;
  beforeAll(async () => {
    acquisition = { ...(await acquire([h, w], birdcageCoils(coils, [h, w]), mask)), noise: { sigma: 0.01 } };
  });

  test('covariance of the parts is that of the explicit Jacobian, which is 0 where nothing is sampled', async () => {
    const maps = await noiseMaps({ reconstruct: bent, output: 'complex' }, acquisition, {
      method: 'rows',
      ...exact,
    });
    const map = perturbedReconstruction({ reconstruct: bent, output: 'complex' }, acquisition);
    const dense = await evaluate((given) => jacobian((z) => map.f(z, given))(zeros(map.noise)), [
      map.args,
    ] as const);
    const J = numbers(dense);
    const [m, n] = [2 * h * w, 2 * coils * h * w];
    for (let p = 0; p < h * w; p++)
      for (const [a, b] of [
        [0, 0],
        [0, 1],
        [1, 1],
      ]) {
        let expected = 0;
        for (let j = 0; j < n; j++) expected += J[(a * h * w + p) * n + j] * J[(b * h * w + p) * n + j];
        expect(maps.complex?.covariance.data[(a * 2 + b) * h * w + p]).toBeCloseTo(1e-4 * expected, 12);
      }
    for (let i = 0; i < m; i++)
      for (let j = 0; j < n; j++) if (mask.data[j % w] === 0) expect(Math.abs(J[i * n + j])).toBe(0);
  });

  test('probing, sketching and combs estimate the same blocks and directions', async () => {
    const maps = (options: object): Promise<NoiseMaps> =>
      noiseMaps({ reconstruct: bent, output: 'complex' }, acquisition, { ...exact, ...options });
    const truth = await maps({ method: 'rows' });
    for (const options of [
      { probes: 3000 },
      { method: 'sketching', probes: 3000 },
      { method: 'comb', spacing: 3, probes: 40 },
    ]) {
      const found = await maps(options);
      for (const [estimate, reference] of [
        [found, truth],
        [found.complex?.real, truth.complex?.real],
        [found.complex?.phase, truth.complex?.phase],
      ] as { sd?: NDArray; deviation?: NDArray; standardError: NDArray | null }[][]) {
        const [x, y] = [estimate, reference].map((map) => (map.sd ?? map.deviation) as NDArray);
        const z = numbers(x).map((v, i) => (v - y.data[i]) / (estimate.standardError?.data[i] ?? NaN));
        // The standard error is itself estimated, from 40 rounds for the comb.
        expect(rms(z)).toBeGreaterThan(0.6);
        expect(rms(z)).toBeLessThan(1.5);
      }
    }
  });

  test('replicas: small noise agrees within sampling; bias² + sd² = rmse², and the seed repeats it', async () => {
    const options = { replicas: 400, replicasAtOnce: 50, seed: 5, ...exact };
    const at = (sigma: number): NoisyAcquisition => ({ ...acquisition, noise: { sigma } });
    const small = await replicaMaps({ reconstruct: bent, output: 'complex' }, at(1e-3), options);
    const first = await noiseMaps({ reconstruct: bent, output: 'complex' }, at(1e-3), {
      method: 'rows',
      ...exact,
    });
    const inside = numbers(first.magnitude).map((m) => (m > 0.05 ? 1 : 0));
    const z = numbers(small.sd).map(
      (s, i) => (inside[i] * (s - first.sd.data[i])) / small.standardError.data[i],
    );
    expect(Math.max(...z.map(Math.abs))).toBeLessThan(4.5);
    const again = await replicaMaps({ reconstruct: bent, output: 'complex' }, at(1e-3), options);
    expect(again.sd.data).toEqual(small.sd.data);
    const { bias, rmse, biasOverSd } = biasMaps(small, first.magnitude);
    for (let i = 0; i < h * w; i++) {
      expect(rmse.data[i] ** 2 / (bias.data[i] ** 2 + small.sd.data[i] ** 2)).toBeCloseTo(1, 10);
      expect(biasOverSd.data[i]).toBeCloseTo(Math.abs(bias.data[i]) / small.sd.data[i], 10);
    }
    // The error of first order grows with the noise.
    const error = (sigma: number): Promise<number> =>
      linearisationError(perturbedReconstruction({ reconstruct: bent, output: 'complex' }, at(sigma)), exact);
    const [little, much] = [await error(1e-4), await error(0.3)];
    expect(little).toBeLessThan(1e-3);
    expect(much).toBeGreaterThan(0.1);
  });

  test('the global phase of k-space does not change the noise of a magnitude', async () => {
    const magnitude: Reconstruct = ({ kspace, mask: m, sensitivities }) =>
      complex.fromReal(
        complex.abs(encodeAdjoint(kspace, { sensitivities: sensitivities as Complex, mask: m })),
      );
    const turned = complexArray(
      numbers(acquisition.kspace.re).map((x, i) => 0.6 * x - 0.8 * acquisition.kspace.im.data[i]),
      numbers(acquisition.kspace.im).map((x, i) => 0.6 * x + 0.8 * acquisition.kspace.re.data[i]),
      acquisition.kspace.re.shape,
    );
    const [as, after] = [acquisition, { ...acquisition, kspace: turned }].map((given) =>
      noiseMaps({ reconstruct: magnitude, output: 'magnitude' }, given, { method: 'rows', ...exact }),
    );
    expect(largestDifference((await as).sd.data, (await after).sd.data)).toBeLessThan(1e-12);
  });
});

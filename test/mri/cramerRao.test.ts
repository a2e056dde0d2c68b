/** The bound of an image against closed-form SENSE and against itself by other means; worst cases. */
import { describe, expect, test } from 'vitest';
import { loopCoils } from '../../datasets/mri/coils.ts';
import { brainPhantom } from '../../datasets/mri/phantoms.ts';
import { cramerRaoBound } from '../../src/mri/cramerRao.ts';
import { encode, sense, senseNoiseSd } from '../../src/mri/index.ts';
import { perturbedReconstruction } from '../../src/mri/kspaceNoise.ts';
import { edgeNoise } from '../../src/mri/noiseLevel.ts';
import { whiteNoise } from '../../src/mri/noise.ts';
import {
  add,
  array,
  complexArray,
  constant,
  mul,
  reshape,
  sin,
  sliceAxis,
  zeros,
  type Complex,
  type Tensor,
} from '../../src/tensor/index.ts';
import { key, uniform as uniformDraws } from '../../src/tensor/random.ts';
import { cramerRaoDeviation } from '../../src/uncertainty/fisher.ts';
import { worstCaseGain } from '../../src/uncertainty/gain.ts';
import { evaluate, numbers } from './support.ts';

const exact = { dtype: 'float64', threads: 1 } as const;
const [h, w, coils] = [6, 24, 6];
const sensitivities = loopCoils([h, w], { coils });
const uniform = (R: number) =>
  array(
    Float64Array.from({ length: w }, (_, k) => (k % R === 1 % R ? 1 : 0)),
    [1, w],
  );

describe('Cramér–Rao bound', () => {
  test.each([1, 2, 3])('R = %i: what SENSE reaches', async (acceleration) => {
    const bound = await cramerRaoBound({ mask: uniform(acceleration), sensitivities, noise: { sigma: 0.1 } });
    const sd = await evaluate((s) => mul(0.1, senseNoiseSd(s, { acceleration })), [sensitivities] as const);
    expect(bound.method).toBe('dense');
    for (let i = 0; i < h * w; i++) expect(bound.sd.data[i] / sd.data[i]).toBeCloseTo(1, 9);
  });

  test('points of k-space: probing agrees with the dense inverse, and pixels without coils are no unknowns', async () => {
    const mask = array(
      uniformDraws(key(1), h * w).map((u) => (u < 0.5 ? 1 : 0)),
      [h, w],
    );
    const part = (data: ArrayLike<number>) => Float64Array.from(data, (v, i) => (i % (h * w) < 5 ? 0 : v));
    const silenced = complexArray(part(sensitivities.re.data), part(sensitivities.im.data), [coils, h, w]);
    const problem = { mask, sensitivities: silenced, noise: { sigma: 1 } };
    const dense = await cramerRaoBound(problem);
    const probed = await cramerRaoBound(problem, {
      method: 'probing',
      probes: 300,
      tolerance: 1e-8,
      ...exact,
    });
    expect(probed.residual).toBeLessThan(1e-8);
    let [square, count] = [0, 0];
    for (let i = 0; i < h * w; i++) {
      if (i < 5) expect([dense.sd.data[i], probed.sd.data[i]]).toEqual([0, 0]);
      else {
        count++;
        square += ((probed.sd.data[i] - dense.sd.data[i]) / (probed.standardError?.data[i] ?? NaN)) ** 2;
      }
    }
    expect(Math.sqrt(square / count)).toBeGreaterThan(0.8);
    expect(Math.sqrt(square / count)).toBeLessThan(1.2);
  });

  test('unknown parameters beside those of interest raise the bound; a free factor makes it infinite', async () => {
    // y = a (1, t, t²) + b sin(c t) at eight t: b and c are of interest, a is a nuisance.
    const t = Float64Array.from({ length: 8 }, (_, i) => 0.2 + i / 4);
    const f = (θ: Tensor): Tensor => {
      const at = (i: number): Tensor => reshape(take(θ, i), [1]);
      return add(mul(at(0), add(1, mul(times(t), times(t)))), mul(at(1), sin(mul(at(2), times(t)))));
    };
    const θ = array(Float64Array.of(0.3, 1, 1.7));
    const all = await cramerRaoDeviation(f, θ, { deviation: 0.1, threads: 1 });
    const known = await cramerRaoDeviation(f, θ, { deviation: 0.1, known: [0], threads: 1 });
    expect(known[0]).toBe(0);
    expect(all[1] / known[1]).toBeGreaterThan(1.01);
    expect(all[2] / known[2]).toBeGreaterThan(1);
    const product = (x: Tensor): Tensor => mul(reshape(mul(take(x, 0), take(x, 1)), [1]), times(t));
    await expect(cramerRaoDeviation(product, array(Float64Array.of(1, 2)), { deviation: 1 })).rejects.toThrow(
      'singular',
    );
  });
});

/** Number i of θ, [1]; a constant vector. */
const take = (θ: Tensor, i: number): Tensor => sliceAxis(θ, 0, i, i + 1);
const times = (t: Float64Array): Tensor => constant(t, [t.length], 'float64');

test('worst case: the largest singular value of SENSE, which is its largest noise in any direction', async () => {
  const R = 3;
  const mask = uniform(R);
  const kspace = await evaluate((z, s, m) => encode(z, { sensitivities: s, mask: m }), [
    brainPhantom(key(1), [h, w]),
    sensitivities,
    mask,
  ] as const);
  const map = perturbedReconstruction(
    {
      reconstruct: (input) =>
        sense(input.kspace, input.sensitivities as Complex, { acceleration: R, offset: 1 }),
      output: 'complex',
    },
    { kspace, mask, sensitivities, noise: { sigma: 0.5 } },
  );
  const worst = await worstCaseGain(map, { tolerance: 1e-10, maximumIterations: 3000, ...exact });
  expect(worst.converged).toBe(true);
  const norm = (data: ArrayLike<number>) => Math.hypot(...Array.from(data));
  expect(norm(worst.perturbation.data)).toBeCloseTo(1, 10);
  expect(norm(worst.response.data)).toBeCloseTo(1, 10);
  // ‖J‖ by the explicit matrix: the largest eigenvalue of J Jᵀ from its trace of powers is its limit from below.
  const bound = await cramerRaoBound({ mask, sensitivities, noise: { sigma: 0.5 } });
  expect(worst.gain).toBeGreaterThan(Math.max(...numbers(bound.sd)) - 1e-9);
  // Unsampled columns take no part in the perturbation.
  worst.perturbation.data.forEach((v, i) => {
    if (mask.data[i % w] === 0) expect(Math.abs(v)).toBeLessThan(1e-12);
  });
  const image = await evaluate((given, z) => map.f(z, given as never), [
    map.args,
    array(
      numbers(worst.perturbation).map((v) => 1e3 * v),
      worst.perturbation.shape,
    ),
  ] as const);
  const still = await evaluate((given) => map.f(zeros(map.noise), given as never), [map.args] as const);
  const change = norm(numbers(image).map((v, i) => v - still.data[i]));
  expect((0.5 * change) / 1e3 / worst.gain).toBeCloseTo(1, 6);
});

test('noise level from the outermost samples', () => {
  const kspace = whiteNoise(key(2), [4, 40, 40], 0.3);
  const full = array(new Float64Array(1600).fill(1), [40, 40]);
  const found = edgeNoise(kspace, full, { share: 0.5 });
  expect(found.samples).toBe(800);
  // 4 · 800 · 2 numbers: relative error of their deviation 1/√(2 · 6400).
  expect(Math.abs(found.sigma / 0.3 - 1)).toBeLessThan(4 / Math.sqrt(2 * 6400));
  expect(() => edgeNoise(kspace, full, { share: 0.005 })).toThrow('give the noise level');
});

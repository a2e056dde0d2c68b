/** Conjugate gradients against a dense solve and closed-form SENSE; combination of coils. */
import { describe, expect, test } from 'vitest';
import { birdcageCoils } from '../../datasets/mri/coils.ts';
import { brainPhantom } from '../../datasets/mri/phantoms.ts';
import {
  adaptiveCombine,
  cgSense,
  coilImages,
  encode,
  encodeAdjoint,
  equispacedMask,
  rootSumOfSquares,
  sense,
  walshSensitivities,
} from '../../src/mri/index.ts';
import {
  array,
  complex,
  complexArray,
  grad,
  jvp,
  square,
  sum,
  vjp,
  type Complex,
  type NDArray,
} from '../../src/tensor/index.ts';
import { key } from '../../src/tensor/random.ts';
import { evaluate, largestDifference, numbers, randomComplex, relativeError } from './support.ts';

const [h, w, coils] = [8, 12, 6];
const s = birdcageCoils(coils, [h, w]);

describe('cgSense', () => {
  test('equals closed-form SENSE for a uniform mask', async () => {
    const mask = array(
      Float64Array.from({ length: w }, (_, c) => (c % 2 === 1 ? 1 : 0)),
      [1, w],
    );
    const { cg, direct } = await evaluate(
      (x, sensitivities, m) => ({
        cg: cgSense(x, { sensitivities, mask: m }, { iterations: 30 }),
        direct: sense(x, sensitivities, { acceleration: 2, offset: 1 }),
      }),
      [randomComplex(1, [coils, h, w]), s, mask] as const,
    );
    expect(relativeError(cg, direct)).toBeLessThan(1e-7);
  });

  test('with λ and an ACS mask it solves (AᴴA + λ) z = Aᴴ x, for each of a batch by itself, and an empty image stays empty', async () => {
    const mask = equispacedMask(key(2), { width: w, acceleration: 4, acsLines: 4 });
    const kspace = randomComplex(3, [3, coils, h, w]);
    for (const part of [kspace.re, kspace.im]) part.data.fill(0, 0, coils * h * w);
    const { image, left, right } = await evaluate(
      (x, sensitivities, m) => {
        const model = { sensitivities, mask: m };
        const z = cgSense(x, model, { tikhonov: 0.1, iterations: 40 });
        return {
          image: z,
          left: complex.add(encodeAdjoint(encode(z, model), model), complex.scale(0.1, z)),
          right: encodeAdjoint(x, model),
        };
      },
      [kspace, s, mask] as const,
    );
    expect(relativeError(left, right)).toBeLessThan(1e-10);
    expect(numbers(image.re).slice(0, h * w)).toEqual(new Float64Array(h * w));
  });

  test('its derivative is finite after convergence and on an empty image', async () => {
    const mask = equispacedMask(key(2), { width: w, acceleration: 2, acsLines: 4 });
    for (const x of [
      randomComplex(4, [coils, h, w]),
      complexArray(new Float64Array(coils * h * w), new Float64Array(coils * h * w), [coils, h, w]),
    ]) {
      const g = await evaluate(
        (kspace, sensitivities, m) =>
          grad((k: Complex) =>
            sum(square(cgSense(k, { sensitivities, mask: m }, { tikhonov: 0.1, iterations: 24 }).re)),
          )(kspace),
        [x, s, mask] as const,
      );
      expect(numbers(g.re).every(Number.isFinite)).toBe(true);
    }
  });

  test('the derivative of the solution is that of converged iterations, with respect to k-space and sensitivities', async () => {
    const mask = equispacedMask(key(2), { width: w, acceleration: 3, acsLines: 4 });
    const inputs = [
      randomComplex(5, [coils, h, w]),
      s,
      mask,
      randomComplex(6, [h, w]),
      randomComplex(7, [coils, h, w]),
    ] as const;
    const [solution, iterations] = await Promise.all(
      (['solution', 'iterations'] as const).map((derivative) =>
        evaluate((kspace, sensitivities, m, cotangent, direction) => {
          const f = (x: Complex, maps: Complex): Complex =>
            cgSense(x, { sensitivities: maps, mask: m }, { tikhonov: 0.5, iterations: 18, derivative });
          const [, pull] = vjp(f, kspace, sensitivities);
          const [rows, maps] = pull(cotangent);
          return { rows, maps, tangent: jvp(f, [kspace, sensitivities], [direction, direction])[1] };
        }, inputs),
      ),
    );
    expect(relativeError(solution.rows, iterations.rows)).toBeLessThan(1e-9);
    expect(relativeError(solution.maps, iterations.maps)).toBeLessThan(1e-9);
    expect(relativeError(solution.tangent, iterations.tangent)).toBeLessThan(1e-9);
  });

  test('the derivative of the solution equals central differences of the image', async () => {
    const mask = equispacedMask(key(2), { width: w, acceleration: 3, acsLines: 4 });
    const [kspace, direction] = [randomComplex(8, [coils, h, w]), randomComplex(9, [coils, h, w])];
    const step = 1e-4;
    const { tangent, difference } = await evaluate(
      (x, maps, m, d) => {
        const f = (y: Complex, of: Complex): Complex =>
          cgSense(
            y,
            { sensitivities: of, mask: m },
            { tikhonov: 0.5, iterations: 18, derivative: 'solution' },
          );
        const at = (t: number): Complex =>
          f(complex.add(x, complex.scale(t, d)), complex.add(maps, complex.scale(t, d)));
        return {
          tangent: jvp(f, [x, maps], [d, d])[1],
          difference: complex.scale(1 / (2 * step), complex.sub(at(step), at(-step))),
        };
      },
      [kspace, s, mask, direction] as const,
    );
    expect(relativeError(tangent, difference)).toBeLessThan(1e-6);
  });

  test.each([
    [{ tikhonov: -1 }, /tikhonov is -1/],
    [{ iterations: 0 }, /0 iterations/],
  ])('%j is refused', async (options, message) => {
    await expect(
      evaluate((x, sensitivities) => cgSense(x, { sensitivities, mask: x.re }, options), [
        randomComplex(1, [coils, h, w]),
        s,
      ] as const),
    ).rejects.toThrow(message);
  });
});

describe('combination', () => {
  const size = [20, 24] as const;
  const truth = birdcageCoils(5, size);
  const phantom = brainPhantom(key(5), size);
  const magnitude = (z: { re: NDArray; im: NDArray }) =>
    numbers(z.re).map((v, i) => Math.hypot(v, z.im.data[i]));

  test('root of sum of squares and adaptive combination of a clean image have its magnitude', async () => {
    const { rss, adaptive } = await evaluate(
      (z, c) => {
        const images = coilImages(z, c);
        return { rss: rootSumOfSquares(images), adaptive: adaptiveCombine(images, { neighbourhood: 1 }) };
      },
      [phantom, truth] as const,
    );
    expect(largestDifference(rss.data, magnitude(phantom))).toBeLessThan(1e-12);
    expect(largestDifference(magnitude(adaptive), magnitude(phantom))).toBeLessThan(1e-12);
  });

  test('Walsh: the coils of the array, up to a phase, inside the object; 0 where there is no signal', async () => {
    const images = await evaluate((z, c) => coilImages(z, c), [phantom, truth] as const);
    const estimate = await evaluate((x) => walshSensitivities(x, { neighbourhood: 3 }), [images] as const);
    const pixels = size[0] * size[1];
    const object = magnitude(phantom);
    let inside = 0;
    for (let p = 0; p < pixels; p++) {
      let [re, im, norm] = [0, 0, 0];
      for (let i = p; i < 5 * pixels; i += pixels) {
        re += truth.re.data[i] * estimate.re.data[i] + truth.im.data[i] * estimate.im.data[i];
        im += truth.re.data[i] * estimate.im.data[i] - truth.im.data[i] * estimate.re.data[i];
        norm += estimate.re.data[i] ** 2 + estimate.im.data[i] ** 2;
      }
      if (object[p] > 0) {
        inside++;
        expect(norm).toBeCloseTo(1, 12);
        expect(Math.hypot(re, im)).toBeGreaterThan(0.98);
        expect(Math.abs(estimate.im.data[p])).toBeLessThan(1e-12);
        expect(estimate.re.data[p]).toBeGreaterThanOrEqual(0);
      } else expect(Math.min(Math.abs(norm), Math.abs(norm - 1))).toBeLessThan(1e-12);
    }
    expect(inside).toBeGreaterThan(100);
    expect(numbers(estimate.re)[0]).toBe(0);
  });
});

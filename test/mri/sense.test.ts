/** SENSE against its definition, its Jacobian against the analytic noise and g-factor maps. */
import { describe, expect, test } from 'vitest';
import { birdcageCoils, loopCoils } from '../../datasets/mri/coils.ts';
import { brainPhantom } from '../../datasets/mri/phantoms.ts';
import { encode, sense, senseGFactor, senseNoiseSd } from '../../src/mri/index.ts';
import { array, complexArray, vjp, vmap, type NDArray, type Tensor } from '../../src/tensor/index.ts';
import { key } from '../../src/tensor/random.ts';
import { evaluate, largestDifference, randomComplex } from './support.ts';

const [H, W, COILS] = [4, 24, 6];
const uniformMask = (w: number, R: number, offset: number): NDArray =>
  array(
    Float64Array.from({ length: w }, (_, k) => (k % R === offset ? 1 : 0)),
    [w],
  );

describe('sense undoes the acquisition', () => {
  test.each([
    [1, 0, 12, 10],
    [2, 1, 12, 10],
    [3, 0, 9, 15],
    [3, 2, 8, 12],
    [4, 3, 16, 16],
  ])('R = %i, first column %i, %i × %i', async (acceleration, offset, h, w) => {
    const z = brainPhantom(key(1), [h, w]);
    const image = await evaluate(
      (image, sensitivities, mask) =>
        sense(encode(image, { sensitivities, mask }), sensitivities, { acceleration, offset }),
      [z, birdcageCoils(8, [h, w]), uniformMask(w, acceleration, offset)] as const,
    );
    expect(largestDifference(image.re.data, z.re.data)).toBeLessThan(1e-10);
    expect(largestDifference(image.im.data, z.im.data)).toBeLessThan(1e-10);
  });

  test('many k-spaces at once, each alone the same', async () => {
    const [k, s] = [randomComplex(2, [2, 3, 5, 6, 8]), birdcageCoils(5, [6, 8])];
    const run = (kspace: typeof k) =>
      evaluate((x, sensitivities) => sense(x, sensitivities, { acceleration: 2 }), [kspace, s] as const);
    const [all, size] = [await run(k), 5 * 6 * 8];
    const part = (a: NDArray) => a.data.slice(4 * size, 5 * size) as Float64Array;
    const one = await run(complexArray(part(k.re), part(k.im), [5, 6, 8]));
    expect(all.re.shape).toEqual([2, 3, 6, 8]);
    expect(largestDifference(all.re.data.slice(4 * 48, 5 * 48), one.re.data)).toBeLessThan(1e-13);
  });
});

/** ‖row‖ of the real Jacobian of the real part of every pixel, by one vjp a pixel: [h, w]. */
async function jacobianSd(
  s: typeof coils,
  acceleration: number,
  dtype: 'float32' | 'float64',
): Promise<NDArray> {
  const zeros = complexArray(new Float64Array(COILS * H * W), new Float64Array(COILS * H * W), [COILS, H, W]);
  const basis = new Float64Array((H * W) ** 2).map((_, i) => (i % (H * W + 1) === 0 ? 1 : 0));
  const rows = await evaluate(
    (kspace, sensitivities, cotangents) => {
      const [, pull] = vjp((x: typeof kspace) => sense(x, sensitivities, { acceleration }).re, kspace);
      return vmap((cotangent: Tensor) => pull(cotangent)[0])(cotangents);
    },
    [zeros, s, array(basis, [H * W, H, W])] as const,
    dtype,
  );
  const inputs = COILS * H * W;
  return array(
    Float64Array.from({ length: H * W }, (_, i) => {
      let square = 0;
      for (let j = i * inputs; j < (i + 1) * inputs; j++)
        square += rows.re.data[j] ** 2 + rows.im.data[j] ** 2;
      return Math.sqrt(square);
    }),
    [H, W],
  );
}

const coils = loopCoils([H, W], { coils: COILS });

describe('noise of SENSE', () => {
  test.each([2, 3, 4])(
    'R = %i: rows of the Jacobian have the analytic standard deviation',
    async (acceleration) => {
      const { sd, g } = await evaluate(
        (s) => ({ sd: senseNoiseSd(s, { acceleration }), g: senseGFactor(s, { acceleration }) }),
        [coils] as const,
      );
      for (const [dtype, tolerance] of [
        ['float64', 1e-3],
        ['float32', 1e-2],
      ] as const) {
        const measured = await jacobianSd(coils, acceleration, dtype);
        const relative = measured.data.map((v, i) => v / sd.data[i]);
        expect(
          largestDifference(
            relative,
            relative.map(() => 1),
          ),
        ).toBeLessThan(tolerance);
      }
      // Σ|S|² = 1, so sd = g √R.
      expect(
        largestDifference(
          sd.data,
          g.data.map((v) => v * Math.sqrt(acceleration)),
        ),
      ).toBeLessThan(1e-10);
      expect(Math.min(...g.data)).toBeGreaterThanOrEqual(1 - 1e-12);
      expect(Math.max(...g.data)).toBeGreaterThan(1.01);
    },
  );

  test('R = 1: g is 1 everywhere', async () => {
    const g = await evaluate((s) => senseGFactor(s, { acceleration: 1 }), [coils] as const);
    expect(
      largestDifference(
        g.data,
        g.data.map(() => 1),
      ),
    ).toBeLessThan(1e-12);
  });

  test('g of two pixels and two coils by hand: 1/√(1 − |⟨a, b⟩|²) for unit columns a, b', async () => {
    const s = randomComplex(11, [2, 1, 2]);
    const column = (p: number) => [0, 1].map((c) => [s.re.data[2 * c + p], s.im.data[2 * c + p]]);
    const [a, b] = [column(0), column(1)];
    const dot = (u: number[][], v: number[][]) => [
      u.reduce((t, [x, y], i) => t + x * v[i][0] + y * v[i][1], 0),
      u.reduce((t, [x, y], i) => t + x * v[i][1] - y * v[i][0], 0),
    ];
    const overlap = Math.hypot(...dot(a, b)) ** 2 / (dot(a, a)[0] * dot(b, b)[0]);
    const g = await evaluate((x) => senseGFactor(x, { acceleration: 2 }), [s] as const);
    for (const value of g.data) expect(value).toBeCloseTo(1 / Math.sqrt(1 - overlap), 12);
  });

  test('pixels without any sensitivity are 0 in image, g and sd, and do not disturb those folded onto them', async () => {
    const silenced = complexArray(
      Float64Array.from(coils.re.data, (v, i) => (i % W < 5 ? 0 : v)),
      Float64Array.from(coils.im.data, (v, i) => (i % W < 5 ? 0 : v)),
      [COILS, H, W],
    );
    const { image, g } = await evaluate(
      (x, s) => ({ image: sense(x, s, { acceleration: 2 }), g: senseGFactor(s, { acceleration: 2 }) }),
      [randomComplex(3, [COILS, H, W]), silenced] as const,
    );
    for (let i = 0; i < H * W; i++) {
      expect(Number.isFinite(image.re.data[i])).toBe(true);
      if (i % W < 5) expect([image.re.data[i], image.im.data[i], g.data[i]]).toEqual([0, 0, 0]);
      // Alone in its group, a pixel is unfolded without loss.
      else if (i % W >= W / 2 && i % W < W / 2 + 5) expect(g.data[i]).toBeCloseTo(1, 12);
    }
  });

  test.each([
    [{ acceleration: 5 }, /acceleration 5 of 24 phase encodes, expected a divisor of 24/],
    [{ acceleration: 8 }, /6 coils cannot separate 8 folded pixels/],
    [{ acceleration: 2, offset: 2 }, /offset is 2, expected a whole number 0 … 1/],
  ])('%j is refused', async (options, message) => {
    await expect(
      evaluate((x, s) => sense(x, s, options), [randomComplex(1, [COILS, H, W]), coils] as const),
    ).rejects.toThrow(message);
  });
});

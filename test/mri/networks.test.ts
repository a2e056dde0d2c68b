/** Networks as functions: sizes, masks, invariances, and derivatives. */
import { describe, expect, test } from 'vitest';
import { array, complex, complexArray, jvp, type Complex, type Tensor } from '../../src/tensor/index.ts';
import { key } from '../../src/tensor/random.ts';
import { countParameters, zerosInitialiser } from '../../src/nn/index.ts';
import {
  calibrationRegion,
  detectAcsLines,
  equispacedMask,
  getNetwork,
  networkReconstruction,
  normUNet,
  rootSumOfSquares,
  uNet,
  varNet,
  varNetSizes,
  type VarNetApplyOptions,
} from '../../src/mri/index.ts';
import { evaluate, largestDifference, numbers, randomComplex } from './support.ts';

const tiny = { cascades: 2, channels: 4, pools: 2, sensitivityChannels: 2, sensitivityPools: 2 };
const columns = (width: number): ReturnType<typeof equispacedMask> =>
  equispacedMask(key(2), { width, acceleration: 3, acsLines: 6 });

const reconstruct = (
  kspace: ReturnType<typeof randomComplex>,
  mask: ReturnType<typeof columns>,
  options: VarNetApplyOptions = {},
) =>
  evaluate(
    (p, k: Complex, m: Tensor) => ({
      magnitude: varNet.apply(p, { kspace: k, mask: m }, options),
      image: varNet.applyComplex(p, { kspace: k, mask: m }, options),
      sensitivities: varNet.sensitivities(p, { kspace: k, mask: m }, options),
    }),
    [varNet.init(key(1), tiny), kspace, mask] as const,
  );

describe('variational network', () => {
  test('has as many parameters as published', () => {
    const count = (name: keyof typeof varNetSizes): number =>
      countParameters(varNet.init(key(0), { ...varNetSizes[name], weights: zerosInitialiser }));
    expect(count('default')).toBe(29_936_966);
    expect(count('small')).toBe(95_003);
  });

  test.each([
    [16, 32],
    [15, 18],
  ])('gives an image of %i × %i, whatever divides that', async (h, w) => {
    const { magnitude, image, sensitivities } = await reconstruct(randomComplex(3, [2, 2, h, w]), columns(w));
    expect(magnitude.shape).toEqual([2, h, w]);
    expect(image.re.shape).toEqual([2, h, w]);
    // Σ|S|² = 1, so that |Σ S* x| ≤ √Σ|x|².
    const energy = await evaluate((s) => rootSumOfSquares(s), [sensitivities] as const);
    expect(largestDifference(energy.data, new Float64Array(2 * h * w).fill(1))).toBeLessThan(1e-12);
    const size = await evaluate((z) => complex.abs(z), [image] as const);
    numbers(size).forEach((value, i) => expect(value).toBeLessThanOrEqual(magnitude.data[i] * (1 + 1e-12)));
  });

  test('does not look at what was not sampled, and follows the scale of what was', async () => {
    const [h, w] = [16, 15];
    const kspace = randomComplex(4, [1, 3, h, w]);
    const mask = columns(w);
    const plain = await reconstruct(kspace, mask);
    const disturbed = (x: ArrayLike<number>): Float64Array =>
      Float64Array.from(x, (value, i) => (mask.data[i % w] === 0 ? 99 : 1e-3 * value));
    const other = await reconstruct(
      complexArray(disturbed(kspace.re.data), disturbed(kspace.im.data), [1, 3, h, w]),
      mask,
    );
    const rescaled = numbers(other.magnitude).map((value) => 1e3 * value);
    expect(largestDifference(rescaled, plain.magnitude.data)).toBeLessThan(1e-9);
  });

  test('takes a mask for each sample, and a mask of points like the one of columns', async () => {
    const [h, w] = [16, 24];
    const kspace = randomComplex(5, [2, 2, h, w]);
    const masks = [7, 8].map((seed) => equispacedMask(key(seed), { width: w, acceleration: 4, acsLines: 4 }));
    expect(numbers(masks[0])).not.toEqual(numbers(masks[1]));
    const each = array(Float64Array.from(masks.flatMap((mask) => [...mask.data])), [2, 1, w]);
    const together = await reconstruct(kspace, each);
    const points = array(
      Float64Array.from({ length: h * w }, (_, i) => masks[0].data[i % w]),
      [h, w],
    );
    const alone = await reconstruct(kspace, points);
    const n = h * w;
    expect(
      largestDifference(together.magnitude.data.slice(0, n), alone.magnitude.data.slice(0, n)),
    ).toBeLessThan(1e-10);
    expect(
      largestDifference(together.magnitude.data.slice(n), alone.magnitude.data.slice(n)),
    ).toBeGreaterThan(1e-3);
  });

  test('stays finite beside a coil without signal', async () => {
    const kspace = randomComplex(6, [1, 3, 16, 16]);
    for (const part of [kspace.re, kspace.im]) part.data.fill(0, 256, 512);
    const { magnitude, sensitivities } = await reconstruct(kspace, columns(16));
    expect(numbers(magnitude).every(Number.isFinite)).toBe(true);
    expect(Math.max(...numbers(sensitivities.re).slice(256, 512).map(Math.abs))).toBe(0);
  });

  test('refuses k-space and masks that do not belong together', async () => {
    const kspace = randomComplex(3, [1, 2, 16, 16]);
    await expect(reconstruct(kspace, columns(18))).rejects.toThrow(
      'k-space is [1, 2, 16, 16] and the mask [1, 18]; expected',
    );
  });
});

describe('calibration region', () => {
  test.each([
    [24, 6],
    [25, 6],
    [24, 5],
    [31, 1],
    [40, 0],
  ])('%i columns with %i ACS lines: what the mask shows', async (width, acsLines) => {
    const mask = equispacedMask(key(11), { width, acceleration: 5, acsLines });
    const lines = detectAcsLines(mask);
    const start = Math.floor((width - lines + 1) / 2);
    const centre = mask.data[Math.floor(width / 2)];
    const expected = Array.from({ length: width }, (_, i) =>
      centre === 1 && i >= start && i < start + lines ? 1 : 0,
    );
    const found = await evaluate((m) => calibrationRegion(m), [mask] as const);
    expect([...found.data]).toEqual(expected);
  });

  test('a mask of points: a rectangle of rows and columns', async () => {
    const [h, w] = [12, 10];
    const inside = (i: number): boolean =>
      Math.floor(i / w) >= 4 && Math.floor(i / w) < 9 && i % w >= 3 && i % w < 7;
    const mask = array(
      Float64Array.from({ length: h * w }, (_, i) => (inside(i) || i === 5 || i === 12 ? 1 : 0)),
      [h, w],
    );
    const found = await evaluate((m) => calibrationRegion(m), [mask] as const);
    expect([...found.data]).toEqual(Array.from({ length: h * w }, (_, i) => (inside(i) ? 1 : 0)));
  });

  test('a given number of lines', async () => {
    const mask = equispacedMask(key(11), { width: 24, acceleration: 5, acsLines: 8 });
    const found = await evaluate((m) => calibrationRegion(m, 4), [mask] as const);
    expect(numbers(found).reduce((a, b) => a + b)).toBe(4);
    await expect(evaluate((m) => calibrationRegion(m, 25), [mask] as const)).rejects.toThrow('25 ACS lines');
  });
});

describe('U-Net', () => {
  test.each([
    [15, 12],
    [13, 18],
    [17, 19],
  ])('keeps an odd size of %i × %i', async (h, w) => {
    const parameters = uNet.init(key(1), { inputs: 2, outputs: 3, channels: 2, pools: 3 });
    const x = randomComplex(2, [2, 2, h, w]).re;
    const y = await evaluate((p, t) => uNet.apply(p, t), [parameters, x] as const);
    expect(y.shape).toEqual([2, 3, h, w]);
  });

  test('refuses an image that is too small for its pools', async () => {
    const parameters = uNet.init(key(1), { inputs: 1, outputs: 1, channels: 2, pools: 3 });
    const x = randomComplex(2, [1, 1, 7, 16]).re;
    await expect(evaluate((p, t) => uNet.apply(p, t), [parameters, x] as const)).rejects.toThrow(
      'h and w of at least 8',
    );
  });

  test('normalised: shifting and scaling either part of the input does the same to the output', async () => {
    const parameters = normUNet.init(key(1), { channels: 2, pools: 2, images: 2 });
    const z = randomComplex(2, [1, 2, 13, 17]);
    const moved = complexArray(
      Float64Array.from(z.re.data, (x) => 3 * x + 5),
      Float64Array.from(z.im.data, (x) => 0.2 * x - 1),
      z.re.shape,
    );
    const run = (input: typeof z) =>
      evaluate((p, t: Complex) => normUNet.apply(p, t), [parameters, input] as const);
    const [plain, other] = [await run(z), await run(moved)];
    const expected = (part: ArrayLike<number>, scale: number, shift: number): Float64Array =>
      Float64Array.from(part, (x) => scale * x + shift);
    expect(largestDifference(other.re.data, expected(plain.re.data, 3, 5))).toBeLessThan(1e-10);
    expect(largestDifference(other.im.data, expected(plain.im.data, 0.2, -1))).toBeLessThan(1e-10);
  });
});

describe('as a reconstruction', () => {
  const network = getNetwork('varnet', tiny);
  const parameters = network.init(key(1));
  const [kspace, mask] = [randomComplex(3, [3, 16, 18]), columns(18)];
  const acquisition = { kspace, mask, sensitivities: null };

  test('gives the image of the network, alone and in a batch', async () => {
    const { magnitude, image } = await reconstruct(
      complexArray(kspace.re.data as Float64Array, kspace.im.data as Float64Array, [1, 3, 16, 18]),
      mask,
    );
    for (const output of ['magnitude', 'complex'] as const) {
      const method = networkReconstruction(network, parameters, { output });
      expect(method).toMatchObject({ name: 'varnet', output, needsSensitivities: false, linear: false });
      const run = method.prepare(acquisition);
      const found = await evaluate((k: Complex, m: Tensor) => run({ kspace: k, mask: m }), [
        kspace,
        mask,
      ] as const);
      expect(found.re.shape).toEqual([16, 18]);
      const expected = output === 'complex' ? image.re : magnitude;
      expect(largestDifference(found.re.data, expected.data)).toBeLessThan(1e-10);
    }
  });

  test('frozen sensitivities change the derivative and not the image', async () => {
    const [frozen, varying] = [true, false].map((frozenSensitivities) =>
      networkReconstruction(network, parameters, { frozenSensitivities }).prepare(acquisition),
    );
    const values = await evaluate(
      (k: Complex, v: Complex, m: Tensor) =>
        [frozen, varying].map((run) => jvp((z: Complex) => run({ kspace: z, mask: m }).re, [k], [v])),
      [kspace, randomComplex(4, [3, 16, 18]), mask] as const,
    );
    const [[imageA, derivativeA], [imageB, derivativeB]] = values;
    expect(largestDifference(imageA.data, imageB.data)).toBe(0);
    expect(largestDifference(derivativeA.data, derivativeB.data)).toBeGreaterThan(1e-6);
  });

  test('refuses a mask without autocalibration lines, and a complex image of a network that makes none', () => {
    const alternate = array(
      Float64Array.from({ length: 18 }, (_, i) => i % 2),
      [1, 18],
    );
    const method = networkReconstruction(network, parameters);
    expect(() => method.prepare({ ...acquisition, mask: alternate })).toThrow(
      'varnet: the mask has no autocalibration lines around column 9, expected at least 2',
    );
    const unet = getNetwork('unet', { channels: 2, pools: 2 });
    expect(() => networkReconstruction(unet, unet.init(key(1)), { output: 'complex' })).toThrow(
      'magnitude images only',
    );
  });

  test('refuses sizes that are none', () => {
    expect(() => getNetwork('varnet', { cascades: 0 })).toThrow('varnet: cascades:');
    expect(() => getNetwork('unet', { depth: 3 })).toThrow('unet:');
  });
});

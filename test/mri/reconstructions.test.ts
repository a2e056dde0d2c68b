/** The registry of reconstructions: each method by its name is the function it stands for; what does not fit is refused. */
import { describe, expect, test } from 'vitest';
import { birdcageCoils } from '../../datasets/mri/coils.ts';
import { brainPhantom } from '../../datasets/mri/phantoms.ts';
import {
  calibrationBlock,
  coilImages,
  getReconstruction,
  poissonDiscMask,
  reconstructionFamilies,
  trueAccelerationMask,
  uniformSampling,
  type Acquisition,
} from '../../src/mri/index.ts';
import { array, fft2c, type ComplexArray } from '../../src/tensor/index.ts';
import { key } from '../../src/tensor/random.ts';
import { evaluate, relativeError } from './support.ts';

const [h, w, coils] = [24, 32, 6];
const sensitivities = birdcageCoils(coils, [h, w]);
const phantom = brainPhantom(key(3), [h, w]);
const columns = (sampled: (column: number) => boolean) =>
  array(
    Float64Array.from({ length: w }, (_, c) => (sampled(c) ? 1 : 0)),
    [1, w],
  );
const acs = columns((c) => c % 4 === 1 || (c >= 10 && c < 22));

async function acquire(mask = acs): Promise<Acquisition> {
  const kspace = await evaluate((z, s) => fft2c(coilImages(z, s)), [phantom, sensitivities] as const);
  return { kspace, mask, sensitivities };
}

async function reconstruct(name: string, acquisition: Acquisition, options = {}): Promise<ComplexArray> {
  const f = getReconstruction(name, options).prepare(acquisition);
  const { kspace, mask } = acquisition;
  return evaluate((k, m, s) => f({ kspace: k, mask: m, sensitivities: s }), [
    kspace,
    mask,
    sensitivities,
  ] as const);
}

describe('reconstructions', () => {
  test.each([
    ['sense', acs, 1e-9],
    ['cg-sense', columns((c) => c % 2 === 1), 1e-3],
  ])('%s recovers a phantom without noise', async (name, mask, tolerance) => {
    const image = await reconstruct(name, await acquire(mask));
    expect(relativeError(image, phantom)).toBeLessThan(tolerance);
  });

  test.each(reconstructionFamilies.map((f) => f.name))('%s: from a full mask, the phantom', async (name) => {
    // Regularised to nothing: a penalty changes the image however much is measured.
    const options = ['total-variation', 'wavelet'].includes(name) ? { lambda: 0 } : {};
    const method = getReconstruction(name, options);
    const image = await reconstruct(name, await acquire(columns(() => true)), options);
    expect(image.re.shape).toEqual([h, w]);
    const magnitude = ({ re, im }: ComplexArray) => ({
      re: array(
        Float64Array.from(re.data, (v, i) => Math.hypot(v, im.data[i])),
        [h, w],
      ),
      im: array(new Float64Array(h * w), [h, w]),
    });
    if (method.output === 'magnitude') expect(Math.max(...image.im.data)).toBe(0);
    expect(relativeError(magnitude(image), magnitude(phantom))).toBeLessThan(
      name === 'adaptive' ? 0.02 : 1e-9,
    );
  });

  test('names, options and shapes that do not fit are refused in one sentence', async () => {
    const acquisition = await acquire();
    expect(() => getReconstruction('grapa')).toThrow(/'grapa' is unknown; expected one of zero-filled/);
    expect(() => getReconstruction('cg-sense', { tikhonov: -1 })).toThrow(/^cg-sense: tikhonov/);
    expect(() => getReconstruction('sense', { iterations: 3 })).toThrow(/iterations/);
    const sense = getReconstruction('sense');
    expect(() => sense.prepare({ ...acquisition, sensitivities: null })).toThrow(
      'sense: needs coil sensitivities [6, 24, 32], and none were given',
    );
    expect(() => sense.prepare({ ...acquisition, mask: columns(() => false) })).toThrow('samples nothing');
    expect(() => sense.prepare({ ...acquisition, mask: array(new Float64Array(h), [1, h]) })).toThrow(
      'the mask is [1, 24], expected [1, 32]',
    );
    const spread = trueAccelerationMask(key(1), { width: w, acceleration: 3, acsLines: 6 });
    expect(() => sense.prepare({ ...acquisition, mask: spread })).toThrow(/every R-th column/);
  });
});

describe('what a mask shows', () => {
  test('spacing and offset beside ACS lines', () => {
    expect(uniformSampling(acs)).toEqual({ acceleration: 4, offset: 1 });
    expect(uniformSampling(columns((c) => c % 2 === 0))).toEqual({ acceleration: 2, offset: 0 });
    expect(uniformSampling(columns(() => true))).toEqual({ acceleration: 1, offset: 0 });
  });

  test('the calibration block of columns and of points', () => {
    expect(calibrationBlock(acs, h)).toEqual({ top: 0, left: 9, height: h, width: 13 });
    expect(calibrationBlock(columns((c) => c % 2 === 1))).toMatchObject({ width: 0, height: 0 });
    const points = poissonDiscMask(key(4), { height: 40, width: 36, acceleration: 5, calibration: 12 });
    const { top, left, height, width } = calibrationBlock(points);
    expect([top, left, height, width]).toEqual([14, 12, 12, 12]);
  });
});

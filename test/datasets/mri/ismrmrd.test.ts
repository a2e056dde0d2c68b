/** ISMRMRD readouts: their places in k-space, noise, oversampling; and a measured file of another trajectory. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import {
  flagSet,
  noiseReadouts,
  readIsmrmrd,
  type IsmrmrdData,
  type IsmrmrdReadout,
} from '../../../datasets/mri/ismrmrd.ts';
import { cartesianKspace, removeOversampling } from '../../../datasets/mri/ismrmrdCartesian.ts';
import { writeIsmrmrd } from '../../../datasets/mri/ismrmrdWriter.ts';
import { readKspace } from '../../../datasets/mri/readKspace.ts';
import { noiseCovariance } from '../../../src/mri/index.ts';
import { complexArray, fft2c, ifft2c, sliceAxis, complex } from '../../../src/tensor/index.ts';
import { evaluate, randomComplex, relativeError } from '../../mri/support.ts';

const counters = {
  kspace_encode_step_1: 0,
  kspace_encode_step_2: 0,
  average: 0,
  slice: 0,
  contrast: 0,
  phase: 0,
  repetition: 0,
  set: 0,
};
const readout = (
  seed: number,
  line: number,
  given: Partial<IsmrmrdReadout> = {},
  slice = 0,
): IsmrmrdReadout => ({
  flags: new Set(),
  centerSample: 4,
  discardBefore: 0,
  discardAfter: 0,
  trajectoryDimensions: 0,
  sampleTime: 5,
  data: randomComplex(seed, [2, 8]),
  ...given,
  counters: { ...counters, kspace_encode_step_1: line, slice },
});
const space = (x: number) => ({ matrix: [x, 6, 1] as const, fieldOfViewMm: [1, 1, 1] as const });
const scan = (readouts: readonly IsmrmrdReadout[], recon = 8): IsmrmrdData => ({
  header: {
    encoded: space(8),
    reconstructed: space(recon),
    trajectory: 'cartesian',
    phaseEncode: { maximum: 4, center: 2 },
    receiverNoiseBandwidth: null,
  },
  readouts,
});

describe('sorting', () => {
  test('lines by their counter from the centre, averages averaged, other slices and kinds of readouts left out', async () => {
    const [a, b] = [readout(1, 0), readout(2, 0)];
    const kspace = await cartesianKspace(
      scan([
        a,
        b,
        readout(3, 1, {}, 1),
        readout(4, 2, { flags: new Set(['noise']) }),
        // Navigation, phase correction, feedback, dummy scans, the body coil's correction scan, phase stabilisation.
        ...[23, 24, 26, 27, 28, 29, 30, 31].map((flag) =>
          readout(flag, 3, { flags: flagSet(1n << BigInt(flag - 1)) }),
        ),
      ]),
    );
    expect(kspace.re.shape).toEqual([2, 8, 6]);
    for (let c = 0; c < 2; c++)
      for (let row = 0; row < 8; row++)
        for (let column = 0; column < 6; column++) {
          const expected = column === 1 ? (a.data.im.data[c * 8 + row] + b.data.im.data[c * 8 + row]) / 2 : 0;
          expect(kspace.im.data[(c * 8 + row) * 6 + column]).toBeCloseTo(expected, 6);
        }
  });

  test('reversed, asymmetric and discarded samples; calibration lines only where no imaging line is', async () => {
    const short = randomComplex(7, [2, 5]);
    const imaging = readout(1, 2);
    const kspace = await cartesianKspace(
      scan([
        readout(6, 0, { flags: new Set(['reverse']), data: short, centerSample: 1, discardAfter: 1 }),
        imaging,
        readout(8, 2, { flags: new Set(['parallelCalibration']) }),
        readout(9, 3, { flags: new Set(['parallelCalibration']) }),
      ]),
    );
    const column = (c: number) => Array.from({ length: 8 }, (_, row) => kspace.re.data[row * 6 + c]);
    const expected = new Float32Array(8);
    for (const i of [0, 1, 2, 3]) expected[4 + 1 - i] = short.re.data[i];
    expect(column(1)).toEqual(Array.from(expected));
    expect(column(3)).toEqual(Array.from(Float32Array.from(imaging.data.re.data.slice(0, 8))));
    expect(column(4)).toEqual(Array.from(Float32Array.from(randomComplex(9, [2, 8]).re.data.slice(0, 8))));
  });

  test('what cannot be sorted is refused', async () => {
    const whole = scan([readout(1, 0)]);
    await expect(
      cartesianKspace({ ...whole, header: { ...whole.header, trajectory: 'radial' } }),
    ).rejects.toThrow('the trajectory is radial, and k-space can be sorted for cartesian only');
    await expect(cartesianKspace(whole, { slice: 3 })).rejects.toThrow(/no readouts of slice 3/);
    await expect(cartesianKspace(scan([readout(1, 9)]))).rejects.toThrow('at phase encode 10');
    await expect(
      cartesianKspace(scan([readout(1, 0), readout(2, 1, { data: randomComplex(1, [3, 8]) })])),
    ).rejects.toThrow('3 channels');
  });
});

test('oversampling: the middle of the image is that of the image of all samples; white noise keeps its size', async () => {
  const kspace = randomComplex(5, [2, 16, 6]);
  const half = await removeOversampling(kspace, 9);
  const images = await evaluate(
    (k, cut) => ({
      expected: complex.mapParts(ifft2c(k), (part) => sliceAxis(part, 1, 4, 13)),
      found: ifft2c(cut),
      back: fft2c(ifft2c(cut)),
    }),
    [kspace, half] as const,
  );
  expect(relativeError(images.found, images.expected)).toBeLessThan(1e-6);
  expect((await cartesianKspace(scan([readout(1, 0)], 4))).re.shape).toEqual([2, 4, 6]);
});

test('noise readouts are joined, and whiten', () => {
  const noise = { flags: flagSet(1n << 18n) };
  expect(noise.flags).toEqual(new Set(['noise']));
  expect(flagSet((1n << 21n) | (1n << 20n))).toEqual(new Set(['reverse', 'parallelCalibrationAndImaging']));
  const joined = noiseReadouts(scan([readout(1, 0, noise), readout(2, 1), readout(3, 0, noise)]));
  expect(joined?.re.shape).toEqual([2, 16]);
  const [first, second] = [randomComplex(1, [2, 8]), randomComplex(3, [2, 8])];
  expect(joined?.im.data[8]).toBe(second.im.data[0]);
  expect(joined?.re.data[16]).toBe(first.re.data[8]);
  expect(
    noiseCovariance(joined ?? complexArray(new Float64Array(0), new Float64Array(0), [0, 0])).re.shape,
  ).toEqual([2, 2]);
  expect(noiseReadouts(scan([readout(1, 0)]))).toBeNull();
});

test('noise that was sampled more slowly, by a receiver of 0.75 of its bandwidth, is as loud as in the image', () => {
  const noise = { flags: flagSet(1n << 18n), sampleTime: 15 };
  const { header, readouts } = scan([readout(1, 0, noise), readout(2, 1)]);
  const joined = noiseReadouts({ header: { ...header, receiverNoiseBandwidth: 0.75 }, readouts });
  // Three times the dwell time at 0.75 of the bandwidth: 4 times the power in the image, twice the amplitude.
  randomComplex(1, [2, 8]).im.data.forEach((x, i) => expect(joined?.im.data[i]).toBeCloseTo(2 * x, 12));
  const untimed = noiseReadouts({ header, readouts: readouts.map((each) => ({ ...each, sampleTime: 0 })) });
  expect(untimed?.im.data).toEqual(randomComplex(1, [2, 8]).im.data);
});

describe('files', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ismrmrd-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const file = (name: string) => path.join(folder, name);
  const single = ({ data, ...rest }: IsmrmrdReadout): IsmrmrdReadout => ({
    ...rest,
    sampleTime: Math.fround(rest.sampleTime),
    data: complexArray(Float32Array.from(data.re.data), Float32Array.from(data.im.data), data.re.shape),
  });
  const readouts = [
    readout(11, 0, { flags: new Set(['noise']), data: randomComplex(11, [2, 40]) }),
    ...[0, 1, 2, 3, 4].map((line) =>
      readout(line + 1, line, line === 3 ? { flags: new Set(['reverse']) } : {}),
    ),
    readout(9, 2, { flags: new Set(['parallelCalibration']), discardBefore: 2, discardAfter: 1 }, 1),
  ].map(single);

  test('written and read back: every readout with its flags and counters, noise, and oversampling removed', async () => {
    const data = scan(readouts, 4);
    await writeIsmrmrd(file('scan.h5'), data);
    expect(await readIsmrmrd(file('scan.h5'))).toEqual(data);
    const read = await readKspace(file('scan.h5'));
    expect(read.format).toBe('ISMRMRD');
    expect(read.kspace).toEqual(await cartesianKspace(data));
    expect(read.kspace.re.shape).toEqual([2, 4, 6]);
    expect(read.noise).toEqual(noiseReadouts(data));
    await expect(readKspace(file('scan.h5'), 2)).rejects.toThrow('no readouts of slice 2');
  });

  test('a volume of several partitions is refused', async () => {
    const { header, readouts: lines } = scan(readouts);
    const encoded = { ...header.encoded, matrix: [8, 6, 4] as const };
    await writeIsmrmrd(file('volume.h5'), { header: { ...header, encoded }, readouts: lines });
    await expect(readKspace(file('volume.h5'))).rejects.toThrow('a volume of 4 partitions');
  });

  test('wherever a file is overwritten by zeros, it is read, or refused in one sentence that names it', async () => {
    await writeIsmrmrd(file('whole.h5'), scan(readouts));
    const whole = readFileSync(file('whole.h5'));
    const heap = whole.indexOf('GCOL', whole.indexOf('GCOL') + 4);
    // In the chain of a collection, in its header, between two of them, in the headers of objects at the end, and in the middle.
    for (const [at, length] of [
      [heap + 16, 4000],
      [heap, 16],
      [heap + 2000, 20000],
      [whole.length - 3000, 900],
      [Math.floor(whole.length / 2), 200],
    ]) {
      const damaged = Buffer.from(whole);
      damaged.fill(0, at, at + length);
      writeFileSync(file('damaged.h5'), damaged);
      const outcome = await readIsmrmrd(file('damaged.h5')).then(
        ({ readouts: found }) => found.length,
        (error: Error) => error.message,
      );
      if (typeof outcome === 'string')
        expect(outcome).toMatch(/^\S*damaged\.h5\S* .*(corrupt|expected|no )[^\n]*$/);
      else expect(outcome).toBe(readouts.length);
      if (at === heap + 16) expect(outcome).toMatch(`breaks off at byte ${heap + 16}`);
    }
  });
});

const sample = path.join(process.env['SEXTANT_DATA'] ?? '', 'mri', 'ismrmrd_acqDataBrainSim100.h5');
test.skipIf(!process.env['SEXTANT_DATA'] || !existsSync(sample))(
  'a radial file: its readouts are read, and sorting is refused',
  async () => {
    const data = await readIsmrmrd(sample);
    expect(data.readouts.length).toBe(256);
    const [{ data: first, centerSample, sampleTime }] = data.readouts;
    expect([first.re.shape, centerSample]).toEqual([[1, 256], 128]);
    expect(sampleTime).toBeCloseTo(117.1875, 6);
    expect(first.re.data[0]).toBeCloseTo(-0.8542273, 6);
    expect(noiseReadouts(data)).toBeNull();
    await expect(cartesianKspace(data)).rejects.toThrow(/a trajectory of 2 dimensions of their own/);
  },
);

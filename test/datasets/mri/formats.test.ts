/** Files of MRI: BART, NIfTI, fastMRI's HDF5, the ISMRMRD header; round trips, golden bytes, and damaged files. */
import * as hdf5 from 'h5wasm/node';
import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parseCflHeader, readCfl, writeCfl } from '../../../datasets/mri/cfl.ts';
import { readFastMri } from '../../../datasets/mri/fastMri.ts';
import { brokenLink } from '../../../datasets/mri/hdf5GlobalHeap.ts';
import { stallDetector, withHdf5 } from '../../../datasets/mri/hdf5.ts';
import { parseIsmrmrdHeader } from '../../../datasets/mri/ismrmrdHeader.ts';
import { readKspace } from '../../../datasets/mri/readKspace.ts';
import { encodeNifti } from '../../../datasets/mri/nifti.ts';
import { array, complexArray } from '../../../src/tensor/index.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'mri-formats-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string) => path.join(folder, name);

describe('BART cfl', () => {
  const z = complexArray(
    Float32Array.of(1, 2, 3, 4, 5, 6),
    Float32Array.of(-1, -2, -3, -4, -5, -6),
    [2, 1, 3],
  );

  test('written and read back; dimensions and bytes are those of BART', async () => {
    await writeCfl(file('a'), z);
    expect(await readCfl(file('a.cfl'))).toEqual(z);
    expect(readFileSync(file('a.hdr'), 'utf8')).toBe(`# Dimensions\n3 1 2 ${'1 '.repeat(13)}\n`);
    // Column-major with x fastest: the second value is (x = 1, coil 0).
    const bytes = readFileSync(file('a.cfl'));
    expect([0, 4, 8].map((at) => bytes.readFloatLE(at))).toEqual([1, -1, 2]);
  });

  test('comments and other sections of a header are passed over', () => {
    expect(parseCflHeader('# Command\nphantom x\n# Dimensions\n8 4 1 2 1 1 \n# Creator\nBART\n')).toEqual([
      8, 4, 1, 2,
    ]);
    expect(() => parseCflHeader('8 4\n', 'x.hdr')).toThrow('x.hdr: expected a line "# Dimensions"');
    expect(() => parseCflHeader('# Dimensions\n8 -4\n')).toThrow('whole numbers');
  });

  test('a file cut short is refused before its numbers are used', async () => {
    await writeCfl(file('b'), z);
    truncateSync(file('b.cfl'), 40);
    await expect(readCfl(file('b'))).rejects.toThrow(
      /dimensions 3 × 1 × 2 need 48 bytes, the file holds 40: it is cut short/,
    );
  });
});

describe('NIfTI-1', () => {
  test.each([
    ['float32', array(Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3]), 16, 32],
    ['float64', array(Float64Array.of(1, 2, 3, 4, 5, 6), [2, 3]), 64, 64],
    ['complex64', complexArray(new Float32Array(6), Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3]), 32, 64],
    ['complex128', complexArray(new Float64Array(6), Float64Array.of(1, 2, 3, 4, 5, 6), [2, 3]), 1792, 128],
  ])('%s: sizes, type and offsets of the header', (_, image, code, bits) => {
    const bytes = Buffer.from(
      encodeNifti(image, { voxelMm: [1.5, 2, 3], description: 'sd in units of noise' }),
    );
    expect(bytes.readInt32LE(0)).toBe(348);
    expect([0, 1, 2, 3, 4].map((i) => bytes.readInt16LE(40 + 2 * i))).toEqual([2, 3, 2, 1, 1]);
    expect([bytes.readInt16LE(70), bytes.readInt16LE(72)]).toEqual([code, bits]);
    expect([80, 84, 88, 108, 112].map((at) => bytes.readFloatLE(at))).toEqual([1.5, 2, 3, 352, 1]);
    expect(bytes.toString('latin1', 344, 348)).toBe('n+1\0');
    expect(bytes.toString('latin1', 148, 168)).toBe('sd in units of noise');
    expect(bytes.length).toBe(352 + (6 * bits) / 8);
    const last = bytes.length - (bits === 32 || (bits === 64 && code === 32) ? 4 : 8);
    expect(bytes.length - last === 4 ? bytes.readFloatLE(last) : bytes.readDoubleLE(last)).toBe(6);
  });

  test('quaternion and matrix place voxels alike, and the middle of the image at the origin', () => {
    const bytes = Buffer.from(
      encodeNifti(array(new Float32Array(4 * 6 * 5), [4, 6, 5]), { voxelMm: [1, 2, 3] }),
    );
    const float = (at: number) => bytes.readFloatLE(at);
    const [b, c, d] = [256, 260, 264].map(float);
    const a = Math.sqrt(Math.max(0, 1 - b * b - c * c - d * d));
    const sign = float(76);
    // nifti1.h, method 2.
    const rotation = [
      [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
      [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
      [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
    ];
    for (const index of [
      [0, 0, 0],
      [4, 5, 3],
      [2, 2.5, 1.5],
    ])
      [0, 1, 2].forEach((axis) => {
        const voxel = [index[0], 2 * index[1], 3 * sign * index[2]];
        const q = rotation[axis].reduce((t, r, i) => t + r * voxel[i], float(268 + 4 * axis));
        const row = [0, 1, 2, 3].map((i) => float(280 + 16 * axis + 4 * i));
        const m = row[0] * index[0] + row[1] * index[1] + row[2] * index[2] + row[3];
        expect(q).toBeCloseTo(m, 5);
        if (index[0] === 2) expect(m).toBeCloseTo(0, 5);
      });
  });

  test('integers and lines are refused', () => {
    expect(() => encodeNifti(array(Int32Array.of(1, 2), [1, 2]))).toThrow('the image is int32');
    expect(() => encodeNifti(array(Float32Array.of(1, 2)))).toThrow('expected 2 to 7 axes');
  });
});

const xml = `<?xml version="1.0"?><ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD"><encoding>
<encodedSpace><matrixSize><x>640</x><y>322</y><z>1</z></matrixSize><fieldOfView_mm><x>440</x><y>220</y><z>7.5</z></fieldOfView_mm></encodedSpace>
<reconSpace><matrixSize><x>320</x><y>320</y><z>1</z></matrixSize><fieldOfView_mm><x>220</x><y>220</y><z>5</z></fieldOfView_mm></reconSpace>
<trajectory>cartesian</trajectory>
<encodingLimits><kspace_encoding_step_1><minimum>0</minimum><maximum>300</maximum><center>151</center></kspace_encoding_step_1></encodingLimits>
</encoding></ismrmrdHeader>`;

describe('ISMRMRD header', () => {
  test('matrices, fields of view and limits of the phase encode', () => {
    const header = parseIsmrmrdHeader(xml);
    expect(header.encoded).toEqual({ matrix: [640, 322, 1], fieldOfViewMm: [440, 220, 7.5] });
    expect(header.reconstructed.matrix).toEqual([320, 320, 1]);
    expect(header.phaseEncode).toEqual({ maximum: 300, center: 151 });
    expect(parseIsmrmrdHeader(xml.replaceAll('<', '<i:').replaceAll('<i:/', '</i:'))).toEqual(header);
  });

  test('text without a matrix is refused', () => {
    expect(() => parseIsmrmrdHeader('<a/>', 'scan.h5')).toThrow(/scan\.h5: no encodedSpace/);
  });
});

describe('fastMRI', () => {
  const shape = [2, 3, 4, 5];
  const values = (sign: number) => Float32Array.from({ length: 120 }, (_, i) => sign * (i + 1));

  async function write(name: string, mask?: Float32Array): Promise<string> {
    await hdf5.ready;
    const out = new hdf5.File(file(name), 'w');
    const data = new Map([
      ['r', values(1)],
      ['i', values(-1)],
    ]);
    out.create_dataset({
      name: 'kspace',
      data,
      shape,
      dtype: [
        ['r', '<f'],
        ['i', '<f'],
      ],
    });
    out.create_dataset({
      name: 'reconstruction_rss',
      data: new Float32Array(2 * 9).fill(7),
      shape: [2, 3, 3],
    });
    out.create_dataset({ name: 'ismrmrd_header', data: xml, shape: [] });
    if (mask) out.create_dataset({ name: 'mask', data: mask, shape: [mask.length] });
    out.create_attribute('acquisition', 'AXT2');
    out.create_attribute('max', 7.5);
    out.close();
    return file(name);
  }

  test('a volume and one slice of it, by bytes', async () => {
    const name = await write('volume.h5', Float32Array.of(1, 0, 1, 0, 1));
    const volume = await readFastMri(name);
    expect(volume.kspace).toEqual(complexArray(values(1), values(-1), shape));
    expect(volume.reconstruction?.shape).toEqual([2, 3, 3]);
    expect(Array.from(volume.mask?.data ?? [])).toEqual([1, 0, 1, 0, 1]);
    expect([volume.acquisition, volume.maximum, volume.header?.encoded.matrix[0]]).toEqual([
      'AXT2',
      7.5,
      640,
    ]);
    const slice = await readFastMri(name, [1, 2]);
    expect(slice.kspace).toEqual(complexArray(values(1).slice(60), values(-1).slice(60), [1, 3, 4, 5]));
    await expect(readFastMri(name, [1, 3])).rejects.toThrow(
      'there is no slice 2; the file holds 2, from 0 to 1',
    );
  });

  test('a slice of 15 coils of 640 × 368, as those of knees, whole and in its place', async () => {
    await hdf5.ready;
    const size = 15 * 640 * 368;
    const part = (sign: number) => Float32Array.from({ length: 2 * size }, (_, i) => sign * i);
    const out = new hdf5.File(file('knee.h5'), 'w');
    out.create_dataset({
      name: 'kspace',
      data: new Map([
        ['r', part(1)],
        ['i', part(-1)],
      ]),
      shape: [2, 15, 640, 368],
      dtype: [
        ['r', '<f'],
        ['i', '<f'],
      ],
    });
    out.close();
    const { kspace, format } = await readKspace(file('knee.h5'), 1);
    expect([format, kspace.re.shape, kspace.im.shape]).toEqual(['fastMRI', [15, 640, 368], [15, 640, 368]]);
    expect(kspace.re.data.every((value, i) => value === size + i)).toBe(true);
    expect(kspace.im.data.every((value, i) => value === -size - i)).toBe(true);
  });

  test('files of another kind, cut short, or with other contents are refused in one sentence', async () => {
    const whole = readFileSync(await write('cut.h5'));
    writeFileSync(file('cut.h5'), whole.subarray(0, whole.length / 2));
    await expect(readFastMri(file('cut.h5'))).rejects.toThrow(/cut short or corrupt/);
    writeFileSync(file('text.h5'), 'not a file of numbers');
    await expect(readFastMri(file('text.h5'))).rejects.toThrow(/not an HDF5 file/);
    await expect(readFastMri(file('missing.h5'))).rejects.toThrow(/no such file/);
    await expect(readFastMri(await write('mask.h5', new Float32Array(4)))).rejects.toThrow(
      'the mask has 4 columns and k-space 5',
    );
    await expect(withHdf5(file('mask.h5'), (f) => f.numbers('nothing'))).rejects.toThrow(
      /no data set "nothing"; the file holds/,
    );
  });
});

describe('damaged HDF5', () => {
  test('a chain of variable-length data that leads nowhere is refused, where the library would never end', async () => {
    await hdf5.ready;
    const out = new hdf5.File(file('chain.h5'), 'w');
    out.create_dataset({ name: 'ismrmrd_header', data: xml, shape: [] });
    out.close();
    const bytes = readFileSync(file('chain.h5'));
    const collection = bytes.indexOf('GCOL');
    expect(brokenLink(bytes.subarray(collection, collection + 4096))).toBeNull();
    bytes.fill(0, collection + 16, collection + 4096);
    writeFileSync(file('chain.h5'), bytes);
    await expect(withHdf5(file('chain.h5'), (opened) => opened.text('ismrmrd_header'))).rejects.toThrow(
      `the chain of its variable-length data breaks off at byte ${collection + 16}`,
    );
  });

  test('a chain: objects by their lengths to the free space or the end; broken where it would not move, or leave the collection', () => {
    const chain = (...objects: readonly (readonly [index: number, length: number])[]): number | null => {
      const bytes = Buffer.alloc(128);
      bytes.write('GCOL');
      let at = 16;
      for (const [index, length] of objects) {
        bytes.writeUInt16LE(index, at);
        bytes.writeBigUInt64LE(BigInt(length), at + 8);
        at += index === 0 ? length : 16 + 8 * Math.ceil(length / 8);
      }
      return brokenLink(bytes);
    };
    expect(chain([1, 9], [2, 24], [0, 40])).toBeNull();
    expect(chain([1, 96])).toBeNull();
    // Eight bytes are left, too few for a header.
    expect(chain([1, 88])).toBeNull();
    expect(chain([1, 9])).toBe(48);
    expect(chain([1, 9], [2, 200])).toBe(48);
    expect(chain([1, 9], [0, 2 ** 40])).toBe(48);
  });

  test('work stands still only while it is awaited, after it began, and for long enough', () => {
    const stalled = stallDetector(2);
    const seen = (counter: number, isAwaited = true): boolean => stalled(counter, isAwaited);
    expect([seen(0), seen(0), seen(0), seen(0)]).not.toContain(true);
    expect([seen(1), seen(1), seen(2), seen(2), seen(2, false), seen(2)]).not.toContain(true);
    expect(seen(2)).toBe(true);
  });

  test('an aborted signal ends the reading with its reason', async () => {
    const out = new hdf5.File(file('long.h5'), 'w');
    out.create_dataset({ name: 'kspace', data: new Float32Array(4), shape: [4] });
    out.close();
    const stop = new AbortController();
    const reading = withHdf5(
      file('long.h5'),
      async (opened) => {
        const first = opened.numbers('kspace');
        stop.abort(new Error('enough'));
        return first;
      },
      { signal: stop.signal },
    );
    await expect(reading).rejects.toThrow('enough');
  });
});

const sample = path.join(process.env['SEXTANT_DATA'] ?? '', 'mri', 'ismrmrd_acqDataBrainSim100.h5');
test.skipIf(!process.env['SEXTANT_DATA'] || !existsSync(sample))('ISMRMRD sample: its header reads', () =>
  withHdf5(sample, async (f) => {
    expect(parseIsmrmrdHeader(await f.text('dataset/xml')).encoded.matrix).toEqual([256, 256, 1]);
    await expect(f.numbers('dataset/data')).rejects.toThrow('expected floating point numbers');
  }),
);

import fc from 'fast-check';
import { zipSync } from 'fflate';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { npy, numbersOf, readNpy, writeNpy, type NpyArray, type NpyType } from '../../datasets/npy.ts';
import { decodeNpz, encodeNpz, readNpz, writeNpz } from '../../datasets/npz.ts';

/** An .npy file put together by hand. */
function file(header: string, body: Uint8Array, version = 1): Uint8Array {
  const text = new TextEncoder().encode(header);
  const length =
    version === 1 ? [text.length & 255, text.length >> 8] : [text.length & 255, text.length >> 8, 0, 0];
  return Uint8Array.from([
    0x93,
    ...new TextEncoder().encode('NUMPY'),
    version,
    0,
    ...length,
    ...text,
    ...body,
  ]);
}
const float64 = (...values: number[]) => new Uint8Array(Float64Array.from(values).buffer);

const samples: Record<NpyType, NpyArray['data']> = {
  '<f4': Float32Array.of(1.5, -2, NaN, Infinity, 0, 3),
  '<f8': Float64Array.of(Math.PI, -0, 1e300, NaN, 5, 6),
  '|i1': Int8Array.of(-128, 127, 0, 1, 2, 3),
  '|u1': Uint8Array.of(0, 255, 1, 2, 3, 4),
  '|b1': Uint8Array.of(0, 1, 1, 0, 0, 1),
  '<i2': Int16Array.of(-32768, 32767, 0, 1, 2, 3),
  '<i4': Int32Array.of(-2147483648, 2147483647, 0, 1, 2, 3),
  '<i8': BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n, 0n, 1n, 2n, 3n),
  '<c8': Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12),
  '<c16': Float64Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12),
};

describe('npy', () => {
  test.each(Object.entries(samples))('%s: written and read back without change', (dtype, data) => {
    const array = { data, shape: [2, 3], dtype: dtype as NpyType };
    expect(readNpy(writeNpy(array))).toEqual(array);
  });

  test.each([[[]], [[1]], [[0, 4]], [[2, 0, 3]], [[1, 1, 1]]])('shape %j survives', (shape) => {
    const count = shape.reduce((a: number, b: number) => a * b, 1);
    expect(readNpy(writeNpy(npy(new Float32Array(count), shape))).shape).toEqual(shape);
  });

  test.each([1, 2, 3])(
    'version %i, keys in any order, Python 2 longs, Fortran order becomes C order',
    (version) => {
      const header = "{'shape': (2L, 3L), 'fortran_order': True, 'descr': '<f8'}\n";
      const array = readNpy(file(header, float64(1, 4, 2, 5, 3, 6), version));
      expect(array).toEqual({ data: Float64Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3], dtype: '<f8' });
    },
  );

  test('the header has the bytes of NumPy: body at a multiple of 64', () => {
    const bytes = writeNpy(npy(Float64Array.of(1, 2), [2]));
    expect(Buffer.from(bytes.subarray(0, 128)).toString('latin1')).toBe(
      "\u0093NUMPY\u0001\u0000v\u0000{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }".padEnd(127) +
        '\n',
    );
  });

  const good = "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }\n";
  test.each([
    ['nothing', new Uint8Array(0), 'not an .npy file'],
    ['text', new TextEncoder().encode('x,u\n1,2\n3,4\n'), 'not an .npy file'],
    ['version 9', file(good, float64(1, 2), 9), 'version 9.0 is not known'],
    ['cut in the header', file(good, float64(1, 2)).subarray(0, 40), 'ends inside its header'],
    ['cut in the body', file(good, float64(1)), 'needs 16 bytes, the file holds 8: it is cut short'],
    ['too long', file(good, float64(1, 2, 3)), 'too long'],
    [
      'a shape beyond memory',
      file(good.replace('(2,)', '(99999999, 99999999, 99999)'), float64(1)),
      'cut short',
    ],
    ['big endian', file(good.replace('<f8', '>f8'), float64(1, 2)), 'type >f8 is not read'],
    ['objects', file(good.replace('<f8', '|O'), float64(1, 2)), 'type |O is not read'],
    ['half precision', file(good.replace('<f8', '<f2'), float64(1, 2)), 'type <f2 is not read'],
    [
      'records',
      file("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (2,), }", float64(1, 2)),
      'structured arrays',
    ],
    ['no shape', file("{'descr': '<f8', 'fortran_order': False}", float64(1, 2)), 'header cannot be read'],
  ])('refused: %s', (_, bytes, message) => {
    expect(() => readNpy(bytes, 'a.npy')).toThrow(message);
    expect(() => readNpy(bytes, 'a.npy')).toThrow('a.npy: ');
  });

  test('any damage to a file is an Error of one sentence or another valid array, never a crash', () => {
    const bytes = writeNpy(npy(Float64Array.of(1, 2, 3, 4), [2, 2]));
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), fc.nat(bytes.length), (at, value, length) => {
        const damaged = bytes.slice(0, length);
        if (at < length) damaged[at] = value;
        try {
          readNpy(damaged);
        } catch (error) {
          expect((error as Error).constructor).toBe(Error);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('numbersOf: exact or refused', () => {
    expect(numbersOf({ data: BigInt64Array.of(7n, -1n), shape: [2], dtype: '<i8' })).toEqual(
      Float64Array.of(7, -1),
    );
    expect(() =>
      numbersOf({ data: BigInt64Array.of(2n ** 60n + 1n), shape: [1], dtype: '<i8' }, 'y'),
    ).toThrow('y holds');
    expect(() => numbersOf({ data: samples['<c8'], shape: [6], dtype: '<c8' }, 'y')).toThrow('y is complex');
  });

  test('data that does not fit its shape or type is not written', () => {
    expect(() => writeNpy(npy(new Float32Array(5), [2, 3]))).toThrow(
      'needs a Float32Array of 6 numbers, got a Float32Array of 5',
    );
    expect(() => writeNpy({ data: new Float64Array(6), shape: [6], dtype: '<f4' })).toThrow('Float32Array');
  });
});

describe('npz', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'sextant-npz-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const arrays = {
    x: npy(Float64Array.from({ length: 300 }, (_, i) => i / 300)),
    u: npy(
      Float32Array.from({ length: 600 }, (_, i) => Math.sin(i)),
      [2, 300],
    ),
  };

  test.each([true, false])('written and read back without change, compress = %s', (compress) => {
    expect(decodeNpz(encodeNpz(arrays, { compress }))).toEqual(arrays);
  });

  test('the same arrays give the same bytes', () => {
    expect(encodeNpz(arrays)).toEqual(encodeNpz(structuredClone(arrays)));
  });

  test('writing to disk leaves the file and nothing else; an existing file is replaced whole', async () => {
    const target = path.join(folder, 'deep', 'a.npz');
    await writeNpz(target, arrays);
    await writeNpz(target, { x: arrays.x });
    expect(readdirSync(path.dirname(target))).toEqual(['a.npz']);
    expect(await readNpz(target)).toEqual({ x: arrays.x });
  });

  test('a missing file, a folder, a path through a file: one clear sentence', async () => {
    await expect(readNpz(path.join(folder, 'none.npz'))).rejects.toThrow('there is no such file');
    await expect(readNpz(folder)).rejects.toThrow('it is a folder');
    await writeNpz(path.join(folder, 'b.npz'), arrays);
    await expect(writeNpz(path.join(folder, 'b.npz', 'c.npz'), arrays)).rejects.toThrow(
      'a part of its path is a file',
    );
  });

  test('refused: truncated anywhere, flipped bits in the data, other content', () => {
    const bytes = encodeNpz(arrays);
    for (const length of [0, 10, 30, 200, bytes.length - 30, bytes.length - 1]) {
      expect(() => decodeNpz(bytes.subarray(0, length), 'a.npz')).toThrow(/^a\.npz: /);
    }
    const flipped = encodeNpz(arrays, { compress: false });
    flipped[500] ^= 1;
    expect(() => decodeNpz(flipped)).toThrow('checksum');
    expect(() => decodeNpz(zipSync({ 'notes.txt': new Uint8Array(3) }))).toThrow(
      'notes.txt is not an .npy array',
    );
    expect(() => decodeNpz(new TextEncoder().encode('a,b\n'.repeat(20)))).toThrow('not an .npz file');
  });

  test('any damage to an archive is an Error or the very same arrays', () => {
    const bytes = encodeNpz(arrays);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        const damaged = bytes.slice();
        damaged[at] ^= mask;
        let read: ReturnType<typeof decodeNpz>;
        try {
          read = decodeNpz(damaged);
        } catch (error) {
          expect((error as Error).constructor).toBe(Error);
          return;
        }
        expect(Object.values(read).map((array) => array.data)).toEqual(
          Object.values(arrays).map((array) => array.data),
        );
      }),
      { numRuns: 300 },
    );
  });
});

const adbench = path.join(process.env['SEXTANT_DATA'] ?? '', 'adbench');
test.skipIf(!existsSync(adbench))(
  'adbench/*.npz: deflated archives of NumPy with shapes as documented',
  () => {
    const read = (name: string) => decodeNpz(readFileSync(path.join(adbench, name)));
    expect(read('38_thyroid.npz')['X'].shape).toEqual([3772, 6]);
    expect(read('4_breastw.npz')['X'].shape).toEqual([683, 9]);
    expect(numbersOf(read('38_thyroid.npz')['y']).reduce((a, b) => a + b, 0)).toBe(93);
  },
);

const kspace = path.join(process.env['SEXTANT_DATA'] ?? '', 'mri', 'cartesian_ksp.npy');
test.skipIf(!existsSync(kspace))('mri/cartesian_ksp.npy: complex64', () => {
  const { shape, dtype, data } = readNpy(readFileSync(kspace));
  expect({ shape, dtype, length: data.length }).toEqual({
    shape: [8, 230, 180],
    dtype: '<c8',
    length: 2 * 8 * 230 * 180,
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sizeOf, type NDArray } from '../../src/tensor/index.ts';
import { decodeSafetensors, encodeSafetensors } from '../../src/nn/index.ts';

const arrays = fc
  .tuple(
    fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 3 }),
    fc.constantFrom('float32' as const, 'float64' as const, 'int32' as const, 'bool' as const),
  )
  .chain(([shape, dtype]): fc.Arbitrary<NDArray> => {
    const size = { minLength: sizeOf(shape), maxLength: sizeOf(shape) };
    if (dtype === 'float32') return fc.float32Array(size).map((data) => ({ data, shape, dtype }));
    if (dtype === 'float64') return fc.float64Array(size).map((data) => ({ data, shape, dtype }));
    if (dtype === 'int32') return fc.int32Array(size).map((data) => ({ data, shape, dtype }));
    return fc.uint8Array({ ...size, max: 1 }).map((data) => ({ data, shape, dtype }));
  });
const names = fc.string({ maxLength: 8 }).filter((name) => name !== '__metadata__');
const files = fc.tuple(
  fc.dictionary(names, arrays, { maxKeys: 5, noNullPrototype: true }),
  fc.dictionary(fc.string({ maxLength: 5 }), fc.string({ unit: 'grapheme' }), {
    maxKeys: 3,
    noNullPrototype: true,
  }),
);

test('decode ∘ encode is the identity, to the bit, also from an unaligned buffer', () => {
  fc.assert(
    fc.property(files, fc.nat(7), ([tensors, metadata], shift) => {
      const bytes = encodeSafetensors(tensors, metadata);
      const moved = new Uint8Array(bytes.length + shift).subarray(shift);
      moved.set(bytes);
      const got = decodeSafetensors(moved);
      expect(got.metadata).toEqual(metadata);
      expect(Object.keys(got.tensors).sort()).toEqual(Object.keys(tensors).sort());
      for (const [name, value] of Object.entries(tensors)) {
        const { data, shape, dtype } = got.tensors[name];
        expect({ shape, dtype }).toEqual({ shape: value.shape, dtype: value.dtype });
        expect(Buffer.from(data.buffer).equals(Buffer.from(value.data.buffer))).toBe(true);
      }
    }),
  );
});

test('every damage of a byte or of the length is an Error with a sentence, never a wrong shape', () => {
  const bytes = encodeSafetensors({ w: { data: Float32Array.of(1, 2, 3), shape: [3], dtype: 'float32' } });
  fc.assert(
    fc.property(
      fc.nat(bytes.length - 1),
      fc.integer({ min: 1, max: 255 }),
      fc.boolean(),
      (at, change, cut) => {
        const damaged = cut ? bytes.slice(0, at) : bytes.slice();
        if (!cut) damaged[at] ^= change;
        try {
          for (const { data, shape } of Object.values(decodeSafetensors(damaged, 'f').tensors)) {
            expect(data.length).toBe(sizeOf(shape));
          }
          // Values and names carry no checksum: only their own bytes may change unnoticed.
          expect(cut).toBe(false);
        } catch (error) {
          expect((error as Error).message).toMatch(/^f is not a readable safetensors file: /);
        }
      },
    ),
    { numRuns: 500 },
  );
});

test('the layout of the format: length, padded JSON, little-endian values', () => {
  const bytes = encodeSafetensors({ a: { data: Int32Array.of(258), shape: [], dtype: 'int32' } }, { k: 'v' });
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  expect((8 + length) % 8).toBe(0);
  expect(JSON.parse(Buffer.from(bytes.subarray(8, 8 + length)).toString())).toEqual({
    __metadata__: { k: 'v' },
    a: { dtype: 'I32', shape: [], data_offsets: [0, 4] },
  });
  expect([...bytes.subarray(8 + length)]).toEqual([2, 1, 0, 0]);
});

describe('inconsistent files are refused with the reason', () => {
  const file = (header: unknown, body = 8): Uint8Array => {
    const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
    const bytes = new Uint8Array(8 + json.length + body);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
    bytes.set(json, 8);
    return bytes;
  };
  const f32 = (from: number, to: number, shape = [(to - from) / 4]) => ({
    dtype: 'F32',
    shape,
    data_offsets: [from, to],
  });
  const huge = new Uint8Array(16).fill(255);
  test.each([
    ['empty', new Uint8Array(0), /0 bytes/],
    ['huge header', huge, /another format or damaged/],
    ['header beyond the end', file('{}').slice(0, 9), /cut off/],
    ['not JSON', file('{"a"'), /not JSON/],
    ['not UTF-8', file('\u0000').fill(0xff, 8), /not JSON/],
    ['a list', file([]), /not a JSON object/],
    ['entry', file({ a: 1 }), /'a' is not an object/],
    ['dtype', file({ a: { ...f32(0, 8), dtype: 'BF16' } }), /dtype "BF16"/],
    ['shape', file({ a: f32(0, 8, [-2]) }), /no valid shape/],
    ['offsets', file({ a: { ...f32(0, 8), data_offsets: [8] } }), /data_offsets/],
    ['span', file({ a: f32(0, 8, [3]) }), /spans 8 bytes, expected 12/],
    ['reversed', file({ a: f32(8, 0, [2]) }), /spans -8 bytes/],
    ['overlap', file({ a: f32(0, 8), b: f32(4, 8) }), /overlap or leave a gap/],
    ['gap', file({ a: f32(4, 8) }), /overlap or leave a gap/],
    ['too short', file({ a: f32(0, 12) }), /need 12 bytes, 8 are there/],
    ['too long', file({ a: f32(0, 4) }), /4 bytes follow/],
    [
      'bool',
      file({ a: { dtype: 'BOOL', shape: [8], data_offsets: [0, 8] } }).fill(2, -8),
      /bytes other than 0 and 1/,
    ],
    ['metadata', file({ __metadata__: { a: 1 } }, 0), /not a record of texts/],
  ])('%s', (_, bytes, message) => {
    expect(() => decodeSafetensors(bytes, 'x.safetensors')).toThrow(message);
  });

  test('a tensor cannot take the name of the metadata', () => {
    const value: NDArray = { data: new Float32Array(1), shape: [1], dtype: 'float32' };
    expect(() => encodeSafetensors({ __metadata__: value })).toThrow(/cannot be named/);
  });
});

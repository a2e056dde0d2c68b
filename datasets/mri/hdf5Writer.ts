/**
 * Writing small HDF5 files by the HDF5 File Format Specification 3.0: superblock version 0, groups of links, contiguous data sets. Unlike
 * h5wasm it writes records with arrays and data of variable length, as ISMRMRD needs them.
 */

/** Puts a value of variable length aside and gives its address. */
type Store = (bytes: Uint8Array) => bigint;

export interface Hdf5Type<Value> {
  /** Bytes of a value. */
  readonly size: number;
  /** The type as files describe it. */
  readonly description: readonly number[];
  write(to: DataView, at: number, value: Value, store: Store): void;
}

export interface Hdf5DataSet {
  readonly description: readonly number[];
  readonly shape: readonly number[];
  readonly encode: (store: Store) => Uint8Array;
}

export interface Hdf5Group {
  readonly [name: string]: Hdf5DataSet | Hdf5Group;
}

const little = (value: number | bigint, bytes: number): number[] =>
  Array.from({ length: bytes }, (_, i) => Number((BigInt(value) >> BigInt(8 * i)) & 255n));
const padded = (bytes: readonly number[], to = 8): number[] => [
  ...bytes,
  ...new Array<number>(Math.ceil(bytes.length / to) * to - bytes.length).fill(0),
];
const named = (name: string): number[] => [...new TextEncoder().encode(name), 0];
const UNDEFINED_ADDRESS = new Array<number>(8).fill(255);

/** `code` is 16 times the version and the class. */
const describe = (code: number, bits: number, size: number, properties: readonly number[]): number[] => [
  code,
  ...little(bits, 3),
  ...little(size, 4),
  ...properties,
];

const integer = (bytes: 1 | 2 | 4 | 8, signed: boolean): Hdf5Type<number | bigint> => ({
  size: bytes,
  description: describe(0x10, signed ? 8 : 0, bytes, [...little(0, 2), ...little(8 * bytes, 2)]),
  write: (to, at, value) => {
    for (const [i, byte] of little(value, bytes).entries()) to.setUint8(at + i, byte);
  },
});
export const uint8 = integer(1, false);
export const uint16 = integer(2, false);
export const uint32 = integer(4, false);
export const uint64 = integer(8, false);
export const int32 = integer(4, true);

/** IEEE 754, little endian. */
const float = (bytes: 4 | 8, exponent: number, mantissa: number): Hdf5Type<number> => ({
  size: bytes,
  description: describe(0x11, 0x20 | ((8 * bytes - 1) << 8), bytes, [
    ...[0, 0, ...little(8 * bytes, 2), mantissa, exponent, 0, mantissa],
    ...little(2 ** (exponent - 1) - 1, 4),
  ]),
  write: (to, at, value) => (bytes === 4 ? to.setFloat32(at, value, true) : to.setFloat64(at, value, true)),
});
export const float32 = float(4, 8, 23);
export const float64 = float(8, 11, 52);

/** `count` values in a row. */
export const arrayOf = <Value>(type: Hdf5Type<Value>, count: number): Hdf5Type<readonly Value[]> => ({
  size: count * type.size,
  description: describe(0x3a, 0, count * type.size, [1, ...little(count, 4), ...type.description]),
  write: (to, at, values, store) =>
    values.forEach((value, i) => type.write(to, at + i * type.size, value, store)),
});

export type RecordValue = number | bigint | Uint8Array | Float32Array | readonly RecordValue[] | RecordValues;
export interface RecordValues {
  readonly [member: string]: RecordValue;
}

/** Records without gaps between their members. */
export function recordOf(members: Readonly<Record<string, Hdf5Type<never>>>): Hdf5Type<RecordValues> {
  const entries = Object.entries(members);
  const size = entries.reduce((total, [, type]) => total + type.size, 0);
  const offsetBytes = Math.ceil(Math.log2(size + 1) / 8);
  let offset = 0;
  const placed = entries.map(([name, type]) => {
    const at = offset;
    offset += type.size;
    return { name, type, at };
  });
  const properties = placed.flatMap(({ name, type, at }) => [
    ...named(name),
    ...little(at, offsetBytes),
    ...type.description,
  ]);
  return {
    size,
    description: describe(0x36, entries.length, size, properties),
    write: (to, start, values, store) => {
      for (const { name, type, at } of placed) type.write(to, start + at, values[name] as never, store);
    },
  };
}

/** So many numbers as there are, elsewhere in the file. */
const ofAnyLength = <Value extends Uint8Array | Float32Array>(
  type: { readonly size: number; readonly description: readonly number[] },
  bits: number,
): Hdf5Type<Value> => ({
  size: 16,
  description: describe(0x19, bits, 16, type.description),
  write(to, at, { buffer, byteOffset, byteLength, length }, store) {
    to.setUint32(at, length, true);
    if (length === 0) return;
    to.setBigUint64(at + 4, store(new Uint8Array(buffer, byteOffset, byteLength)), true);
    to.setUint32(at + 12, 1, true);
  },
});
export const float32OfAnyLength = ofAnyLength<Float32Array>(float32, 0);
const utf8 = ofAnyLength<Uint8Array>(uint8, 0x101);

export const records = <Value>(type: Hdf5Type<Value>, rows: readonly Value[]): Hdf5DataSet => ({
  description: type.description,
  shape: [rows.length],
  encode(store) {
    const bytes = new Uint8Array(rows.length * type.size);
    const view = new DataView(bytes.buffer);
    rows.forEach((row, i) => type.write(view, i * type.size, row, store));
    return bytes;
  },
});

export const text = (value: string): Hdf5DataSet => records(utf8, [new TextEncoder().encode(value)]);

/** Real numbers, or complex ones as {r, i} if they are interleaved. */
export const numbers = (
  data: Float32Array | Float64Array,
  shape: readonly number[],
  { complex = false }: { readonly complex?: boolean } = {},
): Hdf5DataSet => {
  const part = data instanceof Float32Array ? float32 : float64;
  return {
    description: (complex ? recordOf({ r: part, i: part }) : part).description,
    shape,
    encode: () => new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  };
};

/** The bytes of a file. */
export function encodeHdf5(root: Hdf5Group): Uint8Array {
  const parts: Uint8Array[] = [];
  let length = SUPERBLOCK_BYTES;
  const append = (bytes: Uint8Array): number => {
    const address = length;
    const whole = new Uint8Array(Math.ceil(bytes.length / 8) * 8);
    whole.set(bytes);
    parts.push(whole);
    length += whole.length;
    return address;
  };
  const store: Store = (bytes) => BigInt(append(heapCollection(bytes)));
  const put = (entry: Hdf5Group | Hdf5DataSet): number =>
    append(objectHeader(isDataSet(entry) ? messagesOf(entry) : linksOf(entry)));
  const messagesOf = (set: Hdf5DataSet): Message[] => {
    const bytes = set.encode(store);
    return dataSetMessages(set, { address: append(bytes), length: bytes.length });
  };
  const linksOf = (group: Hdf5Group): Message[] => [
    { type: LINK_INFO, body: [0, 0, ...UNDEFINED_ADDRESS, ...UNDEFINED_ADDRESS] },
    ...Object.entries(group).map(([name, entry]) => {
      const letters = named(name).slice(0, -1);
      return { type: LINK, body: [1, 0, letters.length, ...letters, ...little(put(entry), 8)] };
    }),
  ];
  const start = put(root);
  const file = new Uint8Array(length);
  file.set(superblock(start, length));
  let at = SUPERBLOCK_BYTES;
  for (const part of parts) {
    file.set(part, at);
    at += part.length;
  }
  return file;
}

const isDataSet = (entry: Hdf5Group | Hdf5DataSet): entry is Hdf5DataSet =>
  typeof entry['encode'] === 'function';

const SUPERBLOCK_BYTES = 96;
const superblock = (root: number, length: number): number[] => [
  ...[0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a],
  // Versions, then the sizes of addresses and lengths, and the ranks of trees that are not used.
  ...[0, 0, 0, 0, 0, 8, 8, 0, 4, 0, 16, 0, 0, 0, 0, 0],
  ...[...little(0, 8), ...UNDEFINED_ADDRESS, ...little(length, 8), ...UNDEFINED_ADDRESS],
  ...[...little(0, 8), ...little(root, 8), ...little(0, 24)],
];

const [DATA_SPACE, LINK_INFO, DATA_TYPE, FILL_VALUE, LINK, LAYOUT] = [1, 2, 3, 5, 6, 8];
interface Message {
  readonly type: number;
  readonly body: readonly number[];
}

function objectHeader(messages: readonly Message[]): Uint8Array {
  const bodies = messages.flatMap(({ type, body }) => {
    const whole = padded(body);
    return [...little(type, 2), ...little(whole.length, 2), 0, 0, 0, 0, ...whole];
  });
  const prefix = [1, 0, ...little(messages.length, 2), ...little(1, 4), ...little(bodies.length, 4)];
  return Uint8Array.from([...padded(prefix), ...bodies]);
}

const dataSetMessages = (
  { description, shape }: Hdf5DataSet,
  { address, length }: { readonly address: number; readonly length: number },
): Message[] => [
  { type: DATA_SPACE, body: [1, shape.length, 0, 0, ...little(0, 4), ...shape.flatMap((n) => little(n, 8))] },
  { type: DATA_TYPE, body: description },
  { type: FILL_VALUE, body: [2, 2, 2, 0] },
  { type: LAYOUT, body: [3, 1, ...little(address, 8), ...little(length, 8)] },
];

/** A collection of the global heap with one object. */
function heapCollection(bytes: Uint8Array): Uint8Array {
  const used = 32 + 8 * Math.ceil(bytes.length / 8);
  const collection = new Uint8Array(Math.max(4096, used));
  collection.set([...named('GCOL').slice(0, 4), 1, 0, 0, 0, ...little(collection.length, 8)]);
  collection.set([...little(1, 2), ...little(1, 2), 0, 0, 0, 0, ...little(bytes.length, 8)], 16);
  collection.set(bytes, 32);
  const free = collection.length - used;
  if (free >= 16) collection.set([...little(0, 8), ...little(free, 8)], used);
  return collection;
}

/**
 * HDF5 by the C library compiled to WebAssembly, one call after another: what hdf5.ts asks for from a thread of its own, because damaged
 * files can keep the library busy for ever.
 */
import * as hdf5 from 'h5wasm/node';
import { brokenLink, COLLECTION_HEADER, collectionLength } from './hdf5GlobalHeap.ts';

/** What one read may take; larger data are read in parts. */
const MAXIMUM_BYTES = 1.5 * 2 ** 30;
/** Read from the disk at a time, so that reading much shows that it goes on. */
const PIECE_BYTES = 2 ** 22;

export interface Hdf5Numbers {
  /** Interleaved [re, im, …] where complex. */
  readonly data: Float32Array | Float64Array;
  readonly shape: readonly number[];
  readonly complex: boolean;
}

/** Numbers, records in records, or numbers of variable length; null for what is none of them. */
export type Hdf5Value = number | bigint | Float32Array | Float64Array | null | readonly Hdf5Value[];

export interface Hdf5Records {
  readonly members: readonly Hdf5Member[];
  readonly rows: readonly (readonly Hdf5Value[])[];
}

export interface Hdf5Member {
  readonly name: string;
  /** Of a member that is a record itself. */
  readonly members: readonly Hdf5Member[];
}

/** An open file. Every call throws one sentence for what the file does not have, and where it is damaged. */
export interface Hdf5Reader {
  has(path: string): boolean;
  shape(path: string): readonly number[];
  /**
   * Floats, complex numbers stored as pairs {r, i} or {real, imag}, or integers and truth values of up to 4 bytes as float64; of the rows
   * [from, to) of the first axis if given.
   */
  numbers(path: string, rows?: readonly [from: number, to: number]): Hdf5Numbers;
  text(path: string): string;
  /** Rows [from, to) of a data set of records with the names of their members, as arrays in the order of these. */
  records(path: string, rows: readonly [from: number, to: number]): Hdf5Records;
  /** An attribute of the file itself; null where there is none. */
  attribute(name: string): string | number | null;
}

type Module = Awaited<typeof hdf5.ready>;

/**
 * Opens a file; `name` stands in messages. `onProgress` is told whenever bytes came from the disk.
 *
 * @throws one sentence when the library cannot open it.
 */
export async function openHdf5(file: string, name: string, onProgress: () => void): Promise<Hdf5Reader> {
  const module = await hdf5.ready;
  const reads = watchReads(module, onProgress);
  const why = (): string => {
    const at = reads.brokenAt();
    return at === null
      ? 'the file is cut short or corrupt'
      : `the file is corrupt: the chain of its variable-length data breaks off at byte ${at}`;
  };
  const attempt = <T>(f: () => T, what: string): T => {
    const outcome = quietly(module, f);
    if (outcome) return outcome.value;
    throw new Error(`${name}: ${what} cannot be read; ${why()}`);
  };
  const opened = quietly(module, () => new hdf5.File(file, 'r'))?.value;
  if (!opened || opened.file_id <= 0n) throw new Error(`${name}: the HDF5 file cannot be opened; ${why()}`);

  const get = (path: string) => quietly(module, () => opened.get(path))?.value ?? null;
  const find = (path: string): { set: hdf5.Dataset; metadata: hdf5.Metadata } => {
    const set = get(path);
    if (set instanceof hdf5.Dataset)
      return { set, metadata: attempt(() => set.metadata, `the data set "${path}"`) };
    if (set) throw new Error(`${name}: "${path}" is no data set, expected numbers or text under that name`);
    const keys = attempt(() => opened.keys(), 'the list of data sets');
    if (keys.includes(path)) throw new Error(`${name}: the data set "${path}" cannot be read; ${why()}`);
    throw new Error(
      `${name}: there is no data set "${path}"; the file holds ${keys.join(', ') || 'nothing'}`,
    );
  };
  const source = { module, fileId: opened.file_id };
  return {
    has: (path) => get(path) instanceof hdf5.Dataset,
    shape: (path) => find(path).metadata.shape ?? [],
    numbers(path, rows) {
      const { metadata } = find(path);
      const layout = numberLayout(metadata, rows, `${name}, ${path}`, module);
      return attempt(() => readNumbers(source, path, layout), `the numbers of "${path}"`);
    },
    text(path) {
      const { set } = find(path);
      const value: unknown = attempt(() => set.value, `the text of "${path}"`);
      const first: unknown = Array.isArray(value) ? value[0] : value;
      if (typeof first !== 'string') throw new Error(`${name}: "${path}" is not text`);
      return first;
    },
    records(path, rows) {
      const { metadata } = find(path);
      const members = membersOf(metadata);
      if (members.length === 0) throw new Error(`${name}: "${path}" holds no records`);
      return {
        members,
        rows: attempt(() => readRecords(source, path, metadata, rows), `the records of "${path}"`),
      };
    },
    attribute(key) {
      const value: unknown = attempt(
        () => (key in opened.attrs ? opened.attrs[key].value : null),
        `the attribute "${key}"`,
      );
      if (value === null || typeof value === 'string' || typeof value === 'number') return value;
      const [first] =
        Array.isArray(value) || ArrayBuffer.isView(value) ? (value as unknown as unknown[]) : [value];
      return typeof first === 'string' ? first : Number(first);
    },
  };
}

/** What f gives, or null where HDF5 fails: its own report of an error, pages on stderr, is kept back. */
function quietly<T>(module: Module, f: () => T): { readonly value: T } | null {
  module.activate_throwing_error_handler();
  try {
    return { value: f() };
  } catch {
    return null;
  } finally {
    module.deactivate_throwing_error_handler();
  }
}

/** The part of Emscripten's files that every read of the library goes through. */
interface Files {
  read(
    stream: { readonly position: number },
    buffer: Int8Array,
    offset: number,
    length: number,
    position?: number,
  ): number;
  readonly ErrnoError: new (errno: number) => Error;
}
const INPUT_OUTPUT_ERROR = 29;

/**
 * Reads in pieces, tells of each, and lets the library have no collection of the global heap that it would not find the end of: that read
 * fails instead.
 */
function watchReads(module: Module, onProgress: () => void): { brokenAt(): number | null } {
  const files = module.FS as unknown as Files;
  const read = files.read.bind(files);
  let brokenAt: number | null = null;
  files.read = (stream, buffer, offset, length, position) => {
    const start = position ?? stream.position;
    let done = 0;
    while (done < length) {
      const piece = Math.min(PIECE_BYTES, length - done);
      const count = read(
        stream,
        buffer,
        offset + done,
        piece,
        position === undefined ? undefined : position + done,
      );
      done += count;
      onProgress();
      if (count < piece) break;
    }
    const bytes = new Uint8Array(buffer.buffer, buffer.byteOffset + offset, done);
    const whole = collectionLength(bytes);
    if (whole === null) return done;
    let collection = bytes.subarray(0, Math.min(whole, done));
    // The library reads the beginning first; what is longer than the file, it refuses itself.
    if (whole > done && whole <= MAXIMUM_BYTES) {
      const copy = new Int8Array(whole);
      copy.set(collection);
      const rest = read(stream, copy, done, whole - done, start + done);
      if (rest < whole - done) return done;
      collection = new Uint8Array(copy.buffer);
    }
    const broken = brokenLink(collection);
    if (broken === null || collection.length < COLLECTION_HEADER) return done;
    brokenAt = start + broken;
    throw new files.ErrnoError(INPUT_OUTPUT_ERROR);
  };
  return { brokenAt: () => brokenAt };
}

const membersOf = ({ compound_type }: Pick<hdf5.Metadata, 'compound_type'>): Hdf5Member[] =>
  (compound_type?.members ?? []).map((member) => ({ name: member.name, members: membersOf(member) }));

interface Source {
  readonly module: Module;
  readonly fileId: bigint;
}

interface NumberLayout extends Pick<Hdf5Numbers, 'shape' | 'complex'> {
  readonly decode: (bytes: ArrayBuffer) => Float32Array | Float64Array;
  readonly bytes: number;
  /** Null for a scalar. */
  readonly from: number | null;
}

/** @throws one sentence for numbers or rows that are not read. */
function numberLayout(
  metadata: hdf5.Metadata,
  rows: readonly [number, number] | undefined,
  name: string,
  { H5T_class_t }: Module,
): NumberLayout {
  const { H5T_FLOAT, H5T_COMPOUND, H5T_INTEGER, H5T_ENUM } = H5T_class_t;
  const is = (type: number, ...classes: readonly { readonly value: number }[]): boolean =>
    classes.some(({ value }) => value === type);
  const members = is(metadata.type, H5T_COMPOUND) ? (metadata.compound_type?.members ?? []) : [];
  const complex =
    members.length === 2 &&
    members.every(
      ({ type, size, offset }, i) => is(type, H5T_FLOAT) && 2 * size === metadata.size && offset === i * size,
    );
  const whole = is(metadata.type, H5T_INTEGER, H5T_ENUM);
  if (!complex && !whole && !is(metadata.type, H5T_FLOAT))
    throw new Error(`${name}: expected floating point numbers, or complex ones as pairs of floats`);
  const size = complex ? metadata.size / 2 : metadata.size;
  const decode = (whole ? integerDecoders(metadata.signed) : floatDecoders)[size];
  if (!decode || (!metadata.littleEndian && !complex && size > 1))
    throw new Error(
      `${name}: numbers of ${size} bytes or big-endian order are not read; expected float32 or float64`,
    );
  const full = metadata.shape ?? [];
  const [from, to] = rows ?? [0, full[0] ?? 1];
  if (!Number.isInteger(from) || !Number.isInteger(to) || from < 0 || to < from || to > (full[0] ?? 1))
    throw new Error(`${name}: rows ${from} to ${to} of ${full[0] ?? 1} do not exist`);
  const shape = full.length === 0 ? [] : [to - from, ...full.slice(1)];
  const bytes = shape.reduce((product, n) => product * n, metadata.size);
  if (bytes > MAXIMUM_BYTES) {
    throw new Error(
      `${name}: [${shape.join(', ')}] is ${(bytes / 2 ** 30).toFixed(1)} GiB, more than is read at once; read fewer rows`,
    );
  }
  return { shape, complex, decode, bytes, from: full.length === 0 ? null : from };
}

type Decoders = Readonly<Record<number, ((bytes: ArrayBuffer) => Float32Array | Float64Array) | undefined>>;
/** By bytes of a number. */
const floatDecoders: Decoders = {
  4: (bytes) => new Float32Array(bytes),
  8: (bytes) => new Float64Array(bytes),
};
const integerDecoders = (signed: boolean): Decoders => ({
  1: (bytes) => Float64Array.from(signed ? new Int8Array(bytes) : new Uint8Array(bytes)),
  2: (bytes) => Float64Array.from(signed ? new Int16Array(bytes) : new Uint16Array(bytes)),
  4: (bytes) => Float64Array.from(signed ? new Int32Array(bytes) : new Uint32Array(bytes)),
});

function readNumbers(
  source: Source,
  path: string,
  { shape, complex, decode, bytes, from }: NumberLayout,
): Hdf5Numbers {
  if (bytes === 0) return { data: decode(new ArrayBuffer(0)), shape, complex };
  const selection = from === null ? null : { count: shape, from };
  return withBytes(source, path, bytes, selection, ({ buffer, byteOffset }) => ({
    data: decode(buffer.slice(byteOffset, byteOffset + bytes)),
    shape,
    complex,
  }));
}

/** Reads into memory of the library, which is given back after `use`. @throws where the library fails. */
function withBytes<T>(
  { module, fileId }: Source,
  path: string,
  bytes: number,
  selection: { readonly count: readonly number[]; readonly from: number } | null,
  use: (view: DataView<ArrayBuffer>, pointer: number) => T,
): T {
  const pointer = module._malloc(bytes);
  if (pointer === 0) throw new Error(`no memory for ${bytes} bytes`);
  try {
    const count = selection && selection.count.map(BigInt);
    const offset = selection && selection.count.map((_, axis) => BigInt(axis === 0 ? selection.from : 0));
    const stride = selection && selection.count.map(() => 1n);
    const status = module.get_dataset_data(fileId, path, count, offset, stride, BigInt(pointer));
    if (status < 0) throw new Error(`status ${status}`);
    return use(new DataView(module.HEAPU8.buffer as ArrayBuffer, pointer, bytes), pointer);
  } finally {
    module._free(pointer);
  }
}

function readRecords(
  source: Source,
  path: string,
  { size, compound_type }: hdf5.Metadata,
  [from, to]: readonly [number, number],
): Hdf5Value[][] {
  const { module, fileId } = source;
  const count = to - from;
  if (count <= 0) return [];
  const selection = { count: [count], from };
  return withBytes(source, path, count * size, selection, (view, pointer) => {
    const rows = Array.from({ length: count }, (_, row) => {
      const record = new DataView(view.buffer, view.byteOffset + row * size, size);
      return (compound_type?.members ?? []).map((member) => valueOf(module, record, member.offset, member));
    });
    module.reclaim_vlen_memory_count(fileId, path, '', BigInt(pointer), [BigInt(count)]);
    return rows;
  });
}

/** The value of a type at an offset of a record in the library's memory. */
function valueOf(module: Module, record: DataView<ArrayBuffer>, at: number, type: hdf5.Metadata): Hdf5Value {
  const { H5T_INTEGER, H5T_FLOAT, H5T_COMPOUND, H5T_VLEN } = module.H5T_class_t;
  const { size, signed, littleEndian: little } = type;
  switch (type.type) {
    case H5T_INTEGER.value:
      if (size === 8) return signed ? record.getBigInt64(at, little) : record.getBigUint64(at, little);
      if (size === 4) return signed ? record.getInt32(at, little) : record.getUint32(at, little);
      if (size === 2) return signed ? record.getInt16(at, little) : record.getUint16(at, little);
      return signed ? record.getInt8(at) : record.getUint8(at);
    case H5T_FLOAT.value:
      return size === 8 ? record.getFloat64(at, little) : record.getFloat32(at, little);
    case H5T_COMPOUND.value:
      return (type.compound_type?.members ?? []).map((member) =>
        valueOf(module, record, at + member.offset, member),
      );
    case H5T_VLEN.value: {
      const part = type.vlen_type;
      if (part?.type !== H5T_FLOAT.value || !part.littleEndian) return null;
      // The library's hvl_t: how many, and where.
      const [count, start] = [record.getUint32(at, true), record.getUint32(at + 4, true)];
      const bytes = record.buffer.slice(start, start + count * part.size);
      return part.size === 8 ? new Float64Array(bytes) : new Float32Array(bytes);
    }
    default:
      return null;
  }
}

/** Reading HDF5 files: text, attributes, and numbers as bytes, so that complex numbers never become arrays of pairs. */
import * as hdf5 from 'h5wasm/node';
import { readHead } from '../files.ts';

/** What one read may take; larger data are read in parts. */
const MAXIMUM_BYTES = 1.5 * 2 ** 30;
const SIGNATURE = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];

export interface Hdf5Numbers {
  /** Interleaved [re, im, …] where complex. */
  readonly data: Float32Array | Float64Array;
  readonly shape: readonly number[];
  readonly complex: boolean;
}

export interface Hdf5Records {
  readonly members: readonly Hdf5Member[];
  readonly rows: readonly (readonly unknown[])[];
}

export interface Hdf5Member {
  readonly name: string;
  /** Of a member that is a record itself. */
  readonly members: readonly Hdf5Member[];
}

export interface Hdf5File {
  has(path: string): boolean;
  shape(path: string): readonly number[];
  /** Floats, or complex numbers stored as pairs {r, i} or {real, imag}; of the rows [from, to) of the first axis if given. */
  numbers(path: string, rows?: readonly [from: number, to: number]): Hdf5Numbers;
  text(path: string): string;
  /** Rows [from, to) of a data set of records with the names of their members, as arrays in the order of these. */
  records(path: string, rows: readonly [from: number, to: number]): Hdf5Records;
  /** An attribute of the file itself; null where there is none. */
  attribute(name: string): string | number | null;
}

/**
 * Opens a file for the time of `use`.
 *
 * @throws one sentence when the file is missing, cut short or no HDF5; and what `use` throws.
 */
export async function withHdf5<T>(file: string, use: (opened: Hdf5File) => T | Promise<T>): Promise<T> {
  if (!(await isHdf5(file)))
    throw new Error(`${file}: this is not an HDF5 file (no HDF5 signature at its start)`);
  const module = await hdf5.ready;
  const opened = quietly(module, () => new hdf5.File(file, 'r'));
  if (!opened || opened.file_id <= 0n)
    throw new Error(`${file}: the HDF5 file cannot be opened; it is cut short or corrupt`);
  try {
    return await use(reader(module, opened, file));
  } finally {
    opened.close();
  }
}

/** Whether a file begins as HDF5 files do. @throws one sentence when it cannot be read. */
export async function isHdf5(file: string): Promise<boolean> {
  const head = await readHead(file, SIGNATURE.length);
  return SIGNATURE.every((byte, i) => head[i] === byte);
}

/** What f gives, or null where HDF5 fails: its own report of an error, pages on stderr, is kept back. */
function quietly<T>(module: Module, f: () => T): T | null {
  module.activate_throwing_error_handler();
  try {
    return f();
  } catch {
    return null;
  } finally {
    module.deactivate_throwing_error_handler();
  }
}

type Module = Awaited<typeof hdf5.ready>;

function reader(module: Module, opened: hdf5.File, file: string): Hdf5File {
  const find = (path: string): hdf5.Dataset => {
    const entity = opened.get(path);
    if (!(entity instanceof hdf5.Dataset))
      throw new Error(
        `${file}: there is no data set "${path}"; the file holds ${opened.keys().join(', ') || 'nothing'}`,
      );
    return entity;
  };
  return {
    has: (path) => opened.get(path) instanceof hdf5.Dataset,
    shape: (path) => find(path).shape ?? [],
    numbers: (path, rows) => readNumbers(module, opened.file_id, find(path), rows, `${file}, ${path}`),
    text(path) {
      const { value } = find(path);
      const first: unknown = Array.isArray(value) ? value[0] : value;
      if (typeof first !== 'string') throw new Error(`${file}: "${path}" is not text`);
      return first;
    },
    records(path, rows) {
      const set = find(path);
      const members = membersOf(set.metadata);
      if (members.length === 0) throw new Error(`${file}: "${path}" holds no records`);
      const value = quietly(module, () => set.slice([[rows[0], rows[1]]]));
      if (!Array.isArray(value))
        throw new Error(`${file}: the records of "${path}" cannot be read; the file is cut short or corrupt`);
      return { members, rows: value as unknown as unknown[][] };
    },
    attribute(name) {
      if (!(name in opened.attrs)) return null;
      const value: unknown = opened.attrs[name].value;
      const single: unknown =
        Array.isArray(value) || ArrayBuffer.isView(value)
          ? (value as ArrayLike<unknown> & object)[0 as never]
          : value;
      return typeof single === 'string' || typeof single === 'number' ? single : Number(single);
    },
  };
}

const membersOf = ({ compound_type }: Pick<hdf5.Metadata, 'compound_type'>): Hdf5Member[] =>
  (compound_type?.members ?? []).map((member) => ({ name: member.name, members: membersOf(member) }));

function readNumbers(
  module: Module,
  fileId: bigint,
  { metadata, path }: hdf5.Dataset,
  rows: readonly [number, number] | undefined,
  name: string,
): Hdf5Numbers {
  const { FLOAT: H5T_FLOAT, COMPOUND: H5T_COMPOUND } = {
    FLOAT: module.H5T_class_t.H5T_FLOAT.value,
    COMPOUND: module.H5T_class_t.H5T_COMPOUND.value,
  };
  const members = metadata.type === H5T_COMPOUND ? (metadata.compound_type?.members ?? []) : [];
  const isComplex =
    members.length === 2 &&
    members.every(
      ({ type, size, offset }, i) => type === H5T_FLOAT && 2 * size === metadata.size && offset === i * size,
    );
  if (!isComplex && metadata.type !== H5T_FLOAT)
    throw new Error(`${name}: expected floating point numbers, or complex ones as pairs of floats`);
  const size = isComplex ? metadata.size / 2 : metadata.size;
  if ((!metadata.littleEndian && !isComplex) || (size !== 4 && size !== 8))
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
  const Container = size === 4 ? Float32Array : Float64Array;
  if (bytes === 0) return { data: new Container(0), shape, complex: isComplex };
  const pointer = module._malloc(bytes);
  if (pointer === 0) throw new Error(`${name}: no memory for ${bytes} bytes; read fewer rows`);
  try {
    const status = quietly(module, () =>
      full.length === 0
        ? module.get_dataset_data(fileId, path, null, null, null, BigInt(pointer))
        : module.get_dataset_data(
            fileId,
            path,
            shape.map(BigInt),
            shape.map((_, axis) => BigInt(axis === 0 ? from : 0)),
            shape.map(() => 1n),
            BigInt(pointer),
          ),
    );
    if (status === null || status < 0)
      throw new Error(`${name}: the numbers cannot be read; the file is cut short or corrupt`);
    const data = new Container(module.HEAPU8.slice(pointer, pointer + bytes).buffer);
    return { data, shape, complex: isComplex };
  } finally {
    module._free(pointer);
  }
}

/**
 * NumPy's .npy format, versions 1 to 3 (numpy.lib.format): magic, version, header length, a Python dictionary
 * {'descr', 'fortran_order', 'shape'}, then the bare numbers.
 *
 * 64-bit integers become BigInt64Array: no silent rounding beyond 2^53 (`numbersOf` converts and checks). Booleans are
 * bytes 0 and 1. Complex numbers are interleaved [re, im, …], so `data` is twice as long as the product of `shape`.
 */
export type NpyData =
  Float32Array | Float64Array | Int8Array | Uint8Array | Int16Array | Int32Array | BigInt64Array;

export type NpyType = '<f4' | '<f8' | '|i1' | '|u1' | '|b1' | '<i2' | '<i4' | '<i8' | '<c8' | '<c16';

export interface NpyArray {
  readonly data: NpyData;
  readonly shape: readonly number[];
  readonly dtype: NpyType;
}

interface Layout {
  readonly bytes: number;
  /** Numbers to an element: 2 for complex. */
  readonly parts: 1 | 2;
  readonly view: (buffer: ArrayBuffer) => NpyData;
}

const LAYOUTS: Readonly<Record<NpyType, Layout>> = {
  '<f4': { bytes: 4, parts: 1, view: (b) => new Float32Array(b) },
  '<f8': { bytes: 8, parts: 1, view: (b) => new Float64Array(b) },
  '|i1': { bytes: 1, parts: 1, view: (b) => new Int8Array(b) },
  '|u1': { bytes: 1, parts: 1, view: (b) => new Uint8Array(b) },
  '|b1': { bytes: 1, parts: 1, view: (b) => new Uint8Array(b) },
  '<i2': { bytes: 2, parts: 1, view: (b) => new Int16Array(b) },
  '<i4': { bytes: 4, parts: 1, view: (b) => new Int32Array(b) },
  '<i8': { bytes: 8, parts: 1, view: (b) => new BigInt64Array(b) },
  '<c8': { bytes: 8, parts: 2, view: (b) => new Float32Array(b) },
  '<c16': { bytes: 16, parts: 2, view: (b) => new Float64Array(b) },
};

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
const MAXIMUM_HEADER = 65536;
const MAXIMUM_DIMENSIONS = 32;

/**
 * Reads an array; Fortran order is turned into C order. `name` stands in messages.
 * Throws when the file is cut short, too long, corrupt, or of a type not listed in NpyType.
 */
export function readNpy(file: Uint8Array, name = 'npy file'): NpyArray {
  const fail = (reason: string): never => {
    throw new Error(`${name}: ${reason}`);
  };
  if (file.length < 10 || MAGIC.some((byte, i) => file[i] !== byte))
    fail('this is not an .npy file (no \\x93NUMPY at its start)');
  const version = file[6];
  if (version < 1 || version > 3)
    fail(`.npy version ${version}.${file[7]} is not known; versions 1 to 3 are read`);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (version > 1 && file.length < 12) fail('the file ends inside its header');
  const start = version === 1 ? 10 : 12;
  const headerLength = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (headerLength > MAXIMUM_HEADER)
    fail(`the header claims ${headerLength} bytes; at most ${MAXIMUM_HEADER} are read`);
  if (file.length < start + headerLength) fail('the file ends inside its header');
  const header = parseHeader(new TextDecoder().decode(file.subarray(start, start + headerLength)), fail);

  const layout = LAYOUTS[header.dtype];
  const count = header.shape.reduce((product, length) => product * length, 1);
  const expected = count * layout.bytes;
  const body = file.subarray(start + headerLength);
  if (!Number.isSafeInteger(expected) || body.length !== expected) {
    fail(
      `shape [${header.shape.join(', ')}] of ${header.dtype} needs ${expected} bytes, the file holds ${body.length}: it is ${body.length < expected ? 'cut short' : 'too long'}`,
    );
  }
  // The copy also aligns: a body may begin at any byte of its file. (`slice` of a Buffer would not copy.)
  const data = layout.view(new Uint8Array(body).buffer);
  const array = { data, shape: header.shape, dtype: header.dtype };
  return header.fortranOrder && header.shape.length > 1 ? toRowMajor(array, layout.parts) : array;
}

/** Writes an array as .npy version 1. Throws when data and shape do not agree. */
export function writeNpy({ data, shape, dtype }: NpyArray): Uint8Array {
  const layout = LAYOUTS[dtype];
  const count = shape.reduce((product, length) => product * length, 1);
  const container = layout.view(new ArrayBuffer(0)).constructor;
  if (data.length !== count * layout.parts || data.constructor !== container) {
    throw new Error(
      `an array of shape [${shape.join(', ')}] and type ${dtype} needs a ${container.name} of ${count * layout.parts} numbers, got a ${data.constructor.name} of ${data.length}`,
    );
  }
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const dictionary = `{'descr': '${dtype}', 'fortran_order': False, 'shape': ${tuple}, }`;
  // The body begins at a multiple of 64 bytes, as NumPy has it.
  const header = dictionary.padEnd(Math.ceil((11 + dictionary.length) / 64) * 64 - 11) + '\n';
  const file = new Uint8Array(10 + header.length + data.byteLength);
  file.set([...MAGIC, 1, 0, header.length & 0xff, header.length >> 8]);
  file.set(new TextEncoder().encode(header), 10);
  file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), 10 + header.length);
  return file;
}

/** A float64 or float32 array as NpyArray; `shape` defaults to one dimension. */
export function npy(
  data: Float32Array | Float64Array | Int32Array | Uint8Array,
  shape: readonly number[] = [data.length],
): NpyArray {
  const dtype: NpyType =
    data instanceof Float32Array
      ? '<f4'
      : data instanceof Float64Array
        ? '<f8'
        : data instanceof Int32Array
          ? '<i4'
          : '|u1';
  return { data, shape, dtype };
}

/** The numbers of a real array in float64. Throws for complex arrays, and for 64-bit integers beyond ±2^53. */
export function numbersOf(array: NpyArray, name = 'array'): Float64Array {
  if (array.dtype === '<c8' || array.dtype === '<c16')
    throw new Error(`${name} is complex (${array.dtype}); real numbers are expected`);
  if (!(array.data instanceof BigInt64Array)) return Float64Array.from(array.data);
  return Float64Array.from(array.data, (value) => {
    const number = Number(value);
    if (!Number.isSafeInteger(number))
      throw new Error(`${name} holds ${value}, which is no exact float64: store it as <f8 or <i4`);
    return number;
  });
}

interface Header {
  readonly dtype: NpyType;
  readonly fortranOrder: boolean;
  readonly shape: number[];
}

/** Reads the dictionary by pattern: its keys may stand in any order, nothing in it is evaluated. */
function parseHeader(text: string, fail: (reason: string) => never): Header {
  const descr = /['"]descr['"]\s*:\s*['"]([^'"]+)['"]/.exec(text)?.[1];
  const order = /['"]fortran_order['"]\s*:\s*(True|False)/.exec(text)?.[1];
  const shape = /['"]shape['"]\s*:\s*\(([\d\s,L]*)\)/.exec(text)?.[1];
  if (order === undefined || shape === undefined) return fail('the header cannot be read');
  if (descr === undefined)
    return fail('the header names no plain type; structured arrays and records are not read');
  const dtype = normalType(descr);
  if (!dtype) return fail(`type ${descr} is not read; there are ${Object.keys(LAYOUTS).join(', ')}`);
  const lengths = shape
    .split(',')
    .map((part) => part.trim().replace(/L$/, ''))
    .filter(Boolean)
    .map(Number);
  if (lengths.length > MAXIMUM_DIMENSIONS || !lengths.every(Number.isSafeInteger))
    return fail(`shape (${shape}) is not valid`);
  return { dtype, fortranOrder: order === 'True', shape: lengths };
}

/** NumPy writes '|' for single bytes; '<', '=' and nothing mean little endian on every machine Node runs on. */
function normalType(descr: string): NpyType | null {
  const [, order, kind] = /^([<>=|]?)([a-z]\d+)$/.exec(descr) ?? [];
  if (kind === undefined) return null;
  const type = (kind.endsWith('1') && kind.length === 2 ? '|' : '<') + kind;
  if (order === '>' && type.startsWith('<')) return null;
  return Object.hasOwn(LAYOUTS, type) ? (type as NpyType) : null;
}

function toRowMajor({ data, shape, dtype }: NpyArray, parts: number): NpyArray {
  const result = data.slice();
  const strides = shape.map((_, axis) =>
    shape.slice(0, axis).reduce((product, length) => product * length, 1),
  );
  const index = shape.map(() => 0);
  for (let target = 0; target < data.length; target += parts) {
    const source = parts * index.reduce((offset, i, axis) => offset + i * strides[axis], 0);
    for (let part = 0; part < parts; part++) result[target + part] = data[source + part];
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis] === shape[axis]; axis--) index[axis] = 0;
  }
  return { data: result, shape, dtype };
}

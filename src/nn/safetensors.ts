/**
 * The safetensors format: 8 bytes header length (little endian), a JSON header, the arrays' bytes one after the other.
 * The reader trusts nothing: a file that is cut off, padded, or inconsistent is refused with the reason.
 */
import { sizeOf, type DType, type NDArray, type NumericData } from '../tensor/index.ts';

const dtypeNames = { float32: 'F32', float64: 'F64', int32: 'I32', bool: 'BOOL' } as const;
const bytesPer = { float32: 4, float64: 8, int32: 4, bool: 1 } as const;
const arrayTypes = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  bool: Uint8Array,
} as const;
const dtypeOf = new Map<unknown, DType>(
  Object.entries(dtypeNames).map(([dtype, name]) => [name, dtype as DType]),
);

/** The format's own limit, against headers made to exhaust memory. */
const HEADER_LIMIT = 100_000_000;
const METADATA = '__metadata__';

export interface TensorFile {
  readonly tensors: Record<string, NDArray>;
  readonly metadata: Record<string, string>;
}

/** The bytes of a file. Arrays are ordered by element size, largest first, so that each is aligned to its elements. */
export function encodeSafetensors(
  tensors: Readonly<Record<string, NDArray>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const entries = Object.entries(tensors).sort(([, a], [, b]) => bytesPer[b.dtype] - bytesPer[a.dtype]);
  let end = 0;
  const described = entries.map(([name, { data, shape, dtype }]) => {
    if (name === METADATA) throw new Error(`safetensors: a tensor cannot be named ${METADATA}; rename it`);
    if (data.length !== sizeOf(shape)) {
      throw new Error(`safetensors: '${name}' has ${data.length} values for shape [${shape.join(', ')}]`);
    }
    const start = end;
    end += data.byteLength;
    return [name, { dtype: dtypeNames[dtype], shape, data_offsets: [start, end] }] as const;
  });
  const named = Object.keys(metadata).length > 0 ? [[METADATA, metadata] as const] : [];
  const json = Buffer.from(JSON.stringify(Object.fromEntries<unknown>([...named, ...described])), 'utf8');
  const headerLength = Math.ceil(json.length / 8) * 8;
  const file = new Uint8Array(8 + headerLength + end);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerLength), true);
  file.fill(0x20, 8, 8 + headerLength);
  file.set(json, 8);
  let at = 8 + headerLength;
  for (const [, { data }] of entries) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return file;
}

/**
 * The arrays (copies) and metadata of a file. `where` names the file in messages.
 *
 * @throws if the bytes are not a complete, consistent safetensors file of F32, F64, I32 and BOOL arrays.
 */
export function decodeSafetensors(bytes: Uint8Array, where = 'safetensors'): TensorFile {
  const fail: Fail = (reason) => {
    throw new Error(`${where} is not a readable safetensors file: ${reason}`);
  };
  if (bytes.length < 8)
    fail(`it has ${bytes.length} bytes, fewer than the 8 of the header length; it is cut off`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getBigUint64(0, true);
  if (length > HEADER_LIMIT)
    fail(`its header would be ${length} bytes long (limit ${HEADER_LIMIT}); it is another format or damaged`);
  const start = 8 + Number(length);
  if (start > bytes.length)
    fail(`its header of ${length} bytes does not fit into ${bytes.length} bytes; it is cut off`);
  const header = parseHeader(bytes.subarray(8, start), fail);
  const body = bytes.subarray(start);
  const { [METADATA]: metadata = {}, ...described } = header;
  if (!isRecord(metadata) || !Object.values(metadata).every((value) => typeof value === 'string')) {
    fail(`${METADATA} is not a record of texts`);
  }
  const entries = Object.entries(described).map(([name, value]) => parseEntry(name, value, fail));
  checkCoverage(entries, body.length, fail);
  const tensors = entries.map(({ name, dtype, shape, begin, end }) => {
    const data: NumericData = new arrayTypes[dtype](new Uint8Array(body.subarray(begin, end)).buffer);
    if (dtype === 'bool' && data.some((x) => x > 1))
      fail(`'${name}' is BOOL but holds bytes other than 0 and 1`);
    return [name, { data, shape, dtype }] as const;
  });
  return { tensors: Object.fromEntries(tensors), metadata: metadata as Record<string, string> };
}

type Fail = (reason: string) => never;
const isRecord = (x: unknown): x is Record<string, unknown> =>
  typeof x === 'object' && x !== null && !Array.isArray(x);
const isCount = (x: unknown): x is number => Number.isSafeInteger(x) && (x as number) >= 0;

function parseHeader(bytes: Uint8Array, fail: Fail): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return fail('its header is not JSON; it is another format or damaged');
  }
  return isRecord(header) ? header : fail('its header is not a JSON object');
}

interface Entry {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: number[];
  readonly begin: number;
  readonly end: number;
}

function parseEntry(name: string, value: unknown, fail: Fail): Entry {
  if (!isRecord(value)) return fail(`the entry '${name}' is not an object`);
  const dtype = dtypeOf.get(value['dtype']);
  if (!dtype) {
    return fail(`'${name}' has dtype ${JSON.stringify(value['dtype'])}; expected F32, F64, I32 or BOOL`);
  }
  const shape = value['shape'];
  if (!Array.isArray(shape) || !shape.every(isCount)) return fail(`'${name}' has no valid shape`);
  const offsets = value['data_offsets'];
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) {
    return fail(`'${name}' has no valid data_offsets`);
  }
  const [begin, end] = offsets;
  const expected = sizeOf(shape) * bytesPer[dtype];
  if (end - begin !== expected) {
    return fail(`'${name}' of shape [${shape.join(', ')}] spans ${end - begin} bytes, expected ${expected}`);
  }
  return { name, dtype, shape, begin, end };
}

/** The arrays must follow each other without gap or overlap and fill the file exactly. */
function checkCoverage(entries: readonly Entry[], length: number, fail: Fail): void {
  let at = 0;
  for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== at)
      fail(`'${name}' begins at byte ${begin}, where ${at} was expected: arrays overlap or leave a gap`);
    at = end;
  }
  if (at > length) fail(`its arrays need ${at} bytes, ${length} are there; it is cut off`);
  if (at < length) fail(`${length - at} bytes follow the last array`);
}

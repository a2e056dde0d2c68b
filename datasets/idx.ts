/** IDX, the format of MNIST (LeCun, Cortes & Burges): arrays of unsigned bytes, plain or compressed with gzip. */
import { gunzipSync } from 'node:zlib';
import { readBytes } from './files.ts';

export interface IdxArray {
  readonly data: Uint8Array;
  readonly shape: readonly number[];
}

/** Refuses files that would unpack to more. */
const LARGEST = 2 ** 30;
const UNSIGNED_BYTE = 0x08;
/** Other kinds of numbers that the format knows. */
const OTHER_KINDS: Readonly<Record<number, string>> = {
  0x09: 'int8',
  0x0b: 'int16',
  0x0c: 'int32',
  0x0d: 'float32',
  0x0e: 'float64',
};

/** Reads a file. Throws one sentence when it is missing, cut short or no IDX file of unsigned bytes. */
export const readIdx = async (file: string): Promise<IdxArray> => decodeIdx(await readBytes(file), file);

/**
 * The array in the bytes of a file; it shares their memory where they are not compressed. `name` stands in messages; an archive of
 * more than `largest` bytes is refused.
 */
export function decodeIdx(bytes: Uint8Array, name = 'IDX file', largest = LARGEST): IdxArray {
  const plain = bytes[0] === 0x1f && bytes[1] === 0x8b ? unpacked(bytes, name, largest) : bytes;
  const fail = (reason: string): never => {
    throw new Error(`${name}: ${reason}`);
  };
  if (plain.length < 4) return fail(`it is cut short: ${plain.length} bytes, an IDX file begins with 4`);
  const [first, second, kind, rank] = plain;
  if (first !== 0 || second !== 0 || (kind !== UNSIGNED_BYTE && !(kind in OTHER_KINDS)) || rank === 0) {
    const magic = Array.from(plain.subarray(0, 4), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
    return fail(`this is not an IDX file; it begins with ${magic}, expected 00 00 08 and a number of axes`);
  }
  if (kind !== UNSIGNED_BYTE) return fail(`it holds ${OTHER_KINDS[kind]} numbers, expected unsigned bytes`);
  const start = 4 + 4 * rank;
  if (plain.length < start) {
    return fail(`it is cut short: ${plain.length} bytes, the sizes of its ${rank} axes end at ${start}`);
  }
  const view = new DataView(plain.buffer, plain.byteOffset, plain.byteLength);
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const size = shape.reduce((product, length) => product * length, 1);
  if (plain.length - start !== size) {
    return fail(`it claims [${shape.join(', ')}], ${size} bytes, and holds ${plain.length - start}`);
  }
  return { data: plain.subarray(start), shape };
}

function unpacked(bytes: Uint8Array, name: string, largest: number): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: largest });
  } catch (error) {
    throw new Error(
      `${name}: it cannot be unpacked: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
}

/** NumPy's .npz format: a zip archive of .npy files, stored or deflated. */
import { unzipSync, zipSync, type Zippable } from 'fflate';
import { readBytes, writeAtomically } from './files.ts';
import { readNpy, writeNpy, type NpyArray } from './npy.ts';

export type NpzArrays = Readonly<Record<string, NpyArray>>;

/** Refuses archives that would unpack to more: a zip bomb, or data that belongs in another format. */
const MAXIMUM_UNPACKED = 4 * 2 ** 30;
/** Deflate cannot do better than 1032 : 1; a larger claim is a lie. */
const MAXIMUM_RATIO = 1100;
/** Zip stores local time from 1980; noon keeps the written bytes equal in every time zone. */
const FIXED_TIME = new Date(1980, 0, 1, 12);

/** Reads the arrays of an archive, by name without ".npy". Throws when it is cut short, corrupt, or holds anything else. */
export function decodeNpz(bytes: Uint8Array, name = 'npz file'): NpzArrays {
  if (bytes.length < 22 || bytes[0] !== 0x50 || bytes[1] !== 0x4b)
    throw new Error(`${name}: this is not an .npz file (no zip archive)`);
  const claimed = new Map<string, { size: number; crc: number }>();
  const checksums = checksumsOf(bytes, name);
  let unpacked: Record<string, Uint8Array>;
  try {
    let total = 0;
    unpacked = unzipSync(bytes, {
      filter(entry) {
        total += entry.originalSize;
        if (total > MAXIMUM_UNPACKED || entry.originalSize > MAXIMUM_RATIO * entry.size + 1024) {
          throw new Error(
            `entry ${entry.name} claims ${entry.originalSize} bytes unpacked from ${entry.size}, which is refused`,
          );
        }
        claimed.set(entry.name, { size: entry.originalSize, crc: checksums.get(entry.name) ?? 0 });
        return true;
      },
    });
  } catch (error) {
    throw new Error(
      `${name}: the zip archive is cut short or corrupt (${error instanceof Error ? error.message : String(error)})`,
      {
        cause: error,
      },
    );
  }
  const entries = Object.entries(unpacked).map(([entry, body]): [string, NpyArray] => {
    const { size, crc } = claimed.get(entry)!;
    if (body.length !== size || crc32(body) !== crc) {
      throw new Error(`${name}: entry ${entry} is corrupt (its checksum does not match)`);
    }
    if (!entry.endsWith('.npy')) throw new Error(`${name}: entry ${entry} is not an .npy array`);
    return [entry.slice(0, -4), readNpy(body, `${name}, array ${entry.slice(0, -4)}`)];
  });
  return Object.fromEntries(entries);
}

/** The bytes of an archive; the same arrays give the same bytes on every day and machine. */
export function encodeNpz(arrays: NpzArrays, { compress = true } = {}): Uint8Array {
  const entries: Zippable = {};
  for (const [name, array] of Object.entries(arrays)) {
    if (!/^[\w.-]+$/.test(name))
      throw new Error(`"${name}" cannot name an array: use letters, digits, _, - and .`);
    entries[`${name}.npy`] = [writeNpy(array), { level: compress ? 6 : 0, mtime: FIXED_TIME, os: 3 }];
  }
  return zipSync(entries);
}

export async function readNpz(file: string): Promise<NpzArrays> {
  return decodeNpz(await readBytes(file), file);
}

/** Writes an archive atomically: it is there in full or not at all. */
export async function writeNpz(
  file: string,
  arrays: NpzArrays,
  options?: { compress?: boolean },
): Promise<void> {
  await writeAtomically(file, encodeNpz(arrays, options));
}

/** CRC-32 of each entry from the central directory, which fflate does not check. */
function checksumsOf(bytes: Uint8Array, name: string): Map<string, number> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const checksums = new Map<string, number>();
  let end = bytes.length - 22;
  while (end > 0 && bytes.length - end < 65557 && view.getUint32(end, true) !== 0x06054b50) end--;
  if (end < 0 || view.getUint32(end, true) !== 0x06054b50)
    throw new Error(`${name}: the zip archive is cut short (it has no directory)`);
  const count = view.getUint16(end + 10, true);
  let at = view.getUint32(end + 16, true);
  if (at === 0xffffffff || count === 0xffff) throw new Error(`${name}: zip64 archives are not read`);
  for (let i = 0; i < count; i++) {
    if (at + 46 > bytes.length || view.getUint32(at, true) !== 0x02014b50)
      throw new Error(`${name}: the zip directory is corrupt`);
    const nameLength = view.getUint16(at + 28, true);
    const entry = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength));
    checksums.set(entry, view.getUint32(at + 16, true));
    at += 46 + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return checksums;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++)
    remainder = remainder & 1 ? 0xedb88320 ^ (remainder >>> 1) : remainder >>> 1;
  return remainder;
});

function crc32(bytes: Uint8Array): number {
  let remainder = 0xffffffff;
  for (let i = 0; i < bytes.length; i++)
    remainder = CRC_TABLE[(remainder ^ bytes[i]) & 0xff] ^ (remainder >>> 8);
  return ~remainder >>> 0;
}

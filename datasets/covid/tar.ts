/** Regular files of a tar archive (POSIX.1-1988 "ustar"; pax and GNU extension records are passed over). */

const BLOCK = 512;

export interface TarFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/**
 * The files of an archive in memory, in order. Throws with `name` when the archive is cut short, a header's checksum is wrong, or a
 * size is none.
 */
export function tarFiles(archive: Uint8Array, name: string): TarFile[] {
  const files: TarFile[] = [];
  for (let at = 0; at < archive.length;) {
    const fail = (reason: string): never => {
      throw new Error(`${name}: ${reason} at byte ${at} of the archive`);
    };
    const header = archive.subarray(at, at + BLOCK);
    if (header.length < BLOCK) fail('it is cut short inside a header');
    // A block of zeros ends the archive.
    if (header.every((byte) => byte === 0)) return files;
    if (octal(header.subarray(148, 156)) !== checksum(header))
      fail('this is not a tar header, or it is damaged');
    const size = octal(header.subarray(124, 136));
    if (size === null) return fail('the size of a file is not a number');
    const end = at + BLOCK + size;
    if (end > archive.length) fail(`a file of ${size} bytes is cut short`);
    const kind = String.fromCharCode(header[156]);
    if (kind === '0' || kind === '\0')
      files.push({ path: pathOf(header), bytes: archive.subarray(at + BLOCK, end) });
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  return files;
}

const text = (bytes: Uint8Array): string => {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
};

/** An octal number of ASCII digits; null for anything else (base-256 sizes of 8 GiB and more among them). */
function octal(field: Uint8Array): number | null {
  const digits = text(field).trim();
  return /^[0-7]{1,11}$/.test(digits) ? Number.parseInt(digits, 8) : null;
}

/** Sum of a header's bytes, those of the checksum itself taken as spaces. */
const checksum = (header: Uint8Array): number =>
  header.reduce((sum, byte, i) => sum + (i >= 148 && i < 156 ? 32 : byte), 0);

function pathOf(header: Uint8Array): string {
  const prefix = text(header.subarray(257, 262)) === 'ustar' ? text(header.subarray(345, 500)) : '';
  const own = text(header.subarray(0, 100));
  return prefix ? `${prefix}/${own}` : own;
}

/**
 * The global heap of HDF5, where data of variable length lie: collections of objects, each behind a header of its own (HDF5 File Format
 * Specification 3.0, section III.E; lengths of 8 bytes, as all writers have them).
 */

/** What a collection begins with: signature, version, and its length in bytes at 8. */
export const COLLECTION_HEADER = 16;
const OBJECT_HEADER = 16;

/** The length of the collection that begins here; null where none does. */
export function collectionLength(bytes: Uint8Array): number | null {
  if (bytes.length < COLLECTION_HEADER || String.fromCharCode(...bytes.subarray(0, 4)) !== 'GCOL')
    return null;
  return Number(viewOf(bytes).getBigUint64(8, true));
}

/**
 * Where in a collection its chain of objects stops, although more should come; null where it goes through. The C library goes from object
 * to object by their lengths, and so never leaves one of length 0 whose index is 0: bytes that were overwritten by zeros.
 */
export function brokenLink(collection: Uint8Array): number | null {
  const view = viewOf(collection);
  let at = COLLECTION_HEADER;
  while (at + OBJECT_HEADER <= collection.length) {
    const index = view.getUint16(at, true);
    const length = Number(view.getBigUint64(at + 8, true));
    // Object 0 is the free space at the end; its length counts its header.
    const step = index === 0 ? length : OBJECT_HEADER + 8 * Math.ceil(length / 8);
    if (step === 0 || at + step > collection.length) return at;
    at += step;
  }
  return null;
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

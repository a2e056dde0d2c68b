/** Names from content: equal values get equal names, whatever the order of their keys. */
import { createHash } from 'node:crypto';

/** JSON with sorted keys; undefined entries are left out, as JSON does. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, node: unknown) =>
    typeof node === 'object' && node !== null && !Array.isArray(node)
      ? Object.fromEntries(Object.entries(node).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
      : node,
  );
}

/** The first `digits` hexadecimal digits of the SHA-256 of the value's canonical JSON. */
export const contentHash = (value: unknown, digits = 8): string =>
  createHash('sha256').update(canonicalJson(value)).digest('hex').slice(0, digits);

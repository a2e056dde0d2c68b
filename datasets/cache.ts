/** A cache of generated arrays on disk: each file is named after the hash of everything that determines its content. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { encodeNpz, readNpz, type NpzArrays } from './npz.ts';
import { writeAtomically } from './files.ts';

/** Folder of the cache: SEXTANT_CACHE, or .cache/datasets where the command is run. */
const cacheFolder = (): string => process.env['SEXTANT_CACHE'] ?? path.join('.cache', 'datasets');

export type Recipe = Readonly<Record<string, string | number | boolean | null>>;

/** Path of the file that holds what the recipe makes; the order of its keys does not matter. */
function cachePath(name: string, recipe: Recipe, folder = cacheFolder()): string {
  const canonical = JSON.stringify(Object.entries(recipe).sort(([a], [b]) => (a < b ? -1 : 1)));
  const hash = createHash('sha256').update(canonical).digest('hex').slice(0, 20);
  return path.join(folder, `${name}-${hash}.npz`);
}

/**
 * The arrays of a recipe: from the cache, or made and then kept. A damaged file is made again; a disk that cannot be
 * written costs the cache only, and `onWarning` is told.
 */
export async function cached(
  name: string,
  recipe: Recipe,
  make: () => Promise<NpzArrays>,
  {
    folder = cacheFolder(),
    onWarning,
  }: { folder?: string | undefined; onWarning?: ((message: string) => void) | undefined } = {},
): Promise<NpzArrays> {
  const file = cachePath(name, recipe, folder);
  if (existsSync(file)) {
    try {
      return await readNpz(file);
    } catch (error) {
      onWarning?.(`${error instanceof Error ? error.message : String(error)}; it is made again`);
    }
  }
  const arrays = await make();
  try {
    await writeAtomically(file, encodeNpz(arrays, { compress: false }));
  } catch (error) {
    onWarning?.(
      `the data set is not kept for the next time: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  return arrays;
}

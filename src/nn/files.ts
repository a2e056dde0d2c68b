/** Files of parameters: written atomically, read with every name and shape checked. */
import fs from 'node:fs/promises';
import path from 'node:path';
import { sameShape, showShape, type NDArray } from '../tensor/index.ts';
import { layoutOf, packTree, unpackTree, type Layout } from './parameters.ts';
import { decodeSafetensors, encodeSafetensors, type TensorFile } from './safetensors.ts';

/**
 * Writes a file so that at every moment, even after a power cut, `file` is the old one or the new one, whole. Without `flush`
 * that holds for a process that is killed, but not for a power cut: the file may then be missing or too short.
 */
export async function writeAtomic(
  file: string,
  content: Uint8Array | string,
  { flush = true }: { readonly flush?: boolean } = {},
): Promise<void> {
  const temporary = `${file}.tmp`;
  try {
    const handle = await fs.open(temporary, 'w');
    try {
      await handle.writeFile(content);
      if (flush) await handle.sync();
    } finally {
      await handle.close();
    }
    await fs.rename(temporary, file);
    if (flush) await syncFolder(path.dirname(file));
  } catch (error) {
    await fs.rm(temporary, { force: true }).catch(() => undefined);
    throw new Error(
      `cannot write ${file} (${messageOf(error)}); check free space and permissions, or choose another folder`,
      { cause: error },
    );
  }
}

/** The rename itself must reach the disk. Windows cannot open folders and needs no such call. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await fs.open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The file's content, or null when there is none. */
export async function readTensorFile(file: string): Promise<TensorFile | null> {
  let bytes: Uint8Array;
  try {
    bytes = await fs.readFile(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new Error(`cannot read ${file} (${messageOf(error)})`, { cause: error });
  }
  return decodeSafetensors(bytes, file);
}

/** The leaves of a packed vector by path, as views. */
export const namedLeaves = (flat: NDArray, { entries }: Layout): Record<string, NDArray> =>
  Object.fromEntries(
    entries.map(({ path: name, shape, offset, size }) => [
      name,
      { data: flat.data.subarray(offset, offset + size), shape, dtype: flat.dtype },
    ]),
  );

/** The packed vector of a file's leaves; entries that the layout does not name are left alone. */
export function packNamed(
  tensors: Readonly<Record<string, NDArray>>,
  layout: Layout,
  where: string,
): NDArray {
  const data = new Float32Array(layout.size);
  for (const { path: name, shape, offset } of layout.entries) {
    const leaf = Object.hasOwn(tensors, name) ? tensors[name] : undefined;
    if (!leaf) throw new Error(`${where} has no parameter '${name}'; it belongs to another model`);
    if (leaf.dtype !== 'float32' || !sameShape(leaf.shape, shape)) {
      throw new Error(
        `${where}: the parameter '${name}' is ${leaf.dtype}${showShape(leaf.shape)}, the model has float32${showShape(shape)}; it belongs to another model or other options`,
      );
    }
    data.set(leaf.data, offset);
  }
  return { data, shape: [layout.size], dtype: 'float32' };
}

/** Writes a parameter tree as `.safetensors`, one array a leaf, named by its path (`layers.0.weight`). */
export async function saveParameters(
  file: string,
  tree: unknown,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const layout = layoutOf(tree);
  await writeAtomic(file, encodeSafetensors(namedLeaves(packTree(tree, layout), layout), metadata));
}

/**
 * Reads parameters into the structure of `like` (whose values are not used). Reads what `saveParameters` wrote and both
 * checkpoints of a training.
 *
 * @throws if the file is missing, damaged, or holds another model.
 */
export async function loadParameters<P>(
  file: string,
  like: P,
): Promise<{ parameters: P; metadata: Record<string, string> }> {
  const content = await readTensorFile(file);
  if (!content) throw new Error(`${file} does not exist; expected a .safetensors file`);
  const layout = layoutOf(like);
  return {
    parameters: unpackTree(packNamed(content.tensors, layout, file), layout),
    metadata: content.metadata,
  };
}

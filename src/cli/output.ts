/** Files that a user asked for by name. */
import { randomUUID } from 'node:crypto';
import { existsSync, realpathSync, statSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { writeAtomically } from '../../datasets/files.ts';
import { diskError } from '../runs/disk.ts';
import { UsageError } from './errors.ts';

/** Writes a file in full or not at all. Throws one sentence when the disk refuses. */
export async function writeBytes(file: string, content: Uint8Array | string): Promise<void> {
  try {
    await writeAtomically(file, typeof content === 'string' ? new TextEncoder().encode(content) : content);
  } catch (error) {
    throw diskError('write', file, error instanceof Error && error.cause ? error.cause : error);
  }
}

/**
 * Asks the disk whether files could be written as things are, before the long work whose result they shall hold; leaves nothing behind.
 * Folders that are missing will be made.
 *
 * @throws one sentence if one could not, and a usage error if one is the file that is read.
 */
export async function checkOutputs(files: readonly string[], input?: string): Promise<void> {
  for (const file of files) {
    if (existsSync(file) && statSync(file).isDirectory())
      throw diskError('write', file, Object.assign(new Error('EISDIR'), { code: 'EISDIR' }));
    if (
      input !== undefined &&
      existsSync(file) &&
      existsSync(input) &&
      realpathSync(file) === realpathSync(input)
    )
      throw new UsageError(
        `${file}: is the file to read, and would be overwritten; expected another name for the result`,
      );
    const probe = path.join(nearestFolder(path.resolve(file)), `.${randomUUID()}.tmp`);
    try {
      await writeFile(probe, new Uint8Array(4096), { flag: 'wx' });
    } catch (error) {
      throw diskError('write', file, error);
    } finally {
      await rm(probe, { force: true }).catch(() => undefined);
    }
  }
}

/** The folder a path lies in, or the nearest above it that there is. */
function nearestFolder(file: string): string {
  const folder = path.dirname(file);
  return folder === file || existsSync(folder) ? folder : nearestFolder(folder);
}

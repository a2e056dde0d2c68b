/** Files that a user asked for by name. */
import { diskError } from '../runs/disk.ts';
import { writeAtomically } from '../../datasets/files.ts';

/** Writes a file in full or not at all. Throws one sentence when the disk refuses. */
export async function writeBytes(file: string, content: Uint8Array | string): Promise<void> {
  try {
    await writeAtomically(file, typeof content === 'string' ? new TextEncoder().encode(content) : content);
  } catch (error) {
    throw diskError('write', file, error instanceof Error && error.cause ? error.cause : error);
  }
}

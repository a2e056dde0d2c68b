/** Epidemic counts from wherever a user has them: a tidy CSV, or daily reports in a folder or in a .tar.gz of one. */
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { readBytes } from '../files.ts';
import { isDailyReport, readDailyReports, type DailyReport } from './dailyReports.ts';
import type { EpidemicTable } from './table.ts';
import { tarFiles } from './tar.ts';
import { parseTidy } from './tidy.ts';

const MEGABYTE = 2 ** 20;
/** Five times what the three years of the archive need. */
const LARGEST = 64 * MEGABYTE;

/**
 * Reads the table, and keeps where it was read from. `source` is a folder of daily reports, a .tar.gz or .tgz with such files, or a tidy .csv.
 *
 * @throws one sentence that names the file when it is none of these, is too large, damaged, or holds other data.
 */
export const readEpidemic = async (source: string): Promise<EpidemicTable> => ({
  ...(await readTable(source)),
  file: source,
});

async function readTable(source: string): Promise<EpidemicTable> {
  const name = path.basename(source);
  const found = await stat(source).catch(() => null);
  if (found?.isDirectory()) return readDailyReports(await folderReports(source), name);
  if (found && found.size > LARGEST) {
    throw new Error(
      `${name}: ${Math.round(found.size / MEGABYTE)} MiB, expected at most ${LARGEST / MEGABYTE}`,
    );
  }
  const bytes = await readBytes(source);
  if (/\.(tar\.gz|tgz)$/i.test(name)) return readDailyReports(archiveReports(bytes, name), name);
  if (/\.csv$/i.test(name)) return parseTidy(decode(bytes, name), name);
  throw new Error(`${name}: expected a folder of daily reports, a .tar.gz of one, or a tidy .csv`);
}

function decode(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new Error(`${name}: this is not UTF-8 text`, { cause: error });
  }
}

async function folderReports(folder: string): Promise<DailyReport[]> {
  const files = (await readdir(folder)).filter(isDailyReport);
  return Promise.all(files.map(async (file) => ({ file, bytes: await readBytes(path.join(folder, file)) })));
}

function archiveReports(bytes: Uint8Array, name: string): DailyReport[] {
  let archive: Uint8Array;
  try {
    // Refuses an archive that unpacks to more, before the memory is taken.
    archive = gunzipSync(bytes, { maxOutputLength: LARGEST });
  } catch (error) {
    throw new Error(
      `${name}: it cannot be unpacked: ${error instanceof Error ? error.message : String(error)}`,
      {
        cause: error,
      },
    );
  }
  return tarFiles(archive, name).map(({ path: inside, bytes: content }) => ({
    file: path.posix.basename(inside),
    bytes: content,
  }));
}

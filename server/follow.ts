/** Follows an experiment folder while jobs run: what changed since the last look. */
import { open, realpath, stat } from 'node:fs/promises';
import type { MetricLine, RunStatus } from '../src/runs/schema.ts';
import { ExperimentFiles, isInside } from '../reports/files.ts';
import { parseMetrics } from '../src/runs/metrics.ts';
import { isComplete, loadOutline, loadStatus } from '../reports/load.ts';

export type Change =
  | { event: 'status'; data: { job: string; status: RunStatus } }
  | { event: 'metrics'; data: { job: string; lines: MetricLine[] } }
  /** The metrics of a job began anew; what was told of it before no longer holds. */
  | { event: 'reset'; data: { job: string } }
  | { event: 'complete'; data: Record<string, never> }
  /** The folder is no longer there; nothing will follow. */
  | { event: 'gone'; data: Record<string, never> };

/** At most this much of a file is read at one look, so that a huge file does not fill the memory. */
const chunkBytes = 1 << 20;

interface Position {
  /** Bytes of complete lines already told. */
  offset: number;
  /** Number of the file on its disk: another one means that the file was replaced. */
  inode: number;
  status: string;
}

/** Complete lines that were appended to a file after `offset`. */
async function appended(file: string, offset: number): Promise<{ text: string; end: number }> {
  const handle = await open(file, 'r');
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(chunkBytes), 0, chunkBytes, offset);
    const end = buffer.subarray(0, bytesRead).lastIndexOf(10) + 1;
    return { text: buffer.toString('utf8', 0, end), end: offset + end };
  } finally {
    await handle.close();
  }
}

export class ExperimentFollower {
  readonly #folder: string;
  readonly #positions = new Map<string, Position>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** What is new since the last call; the first call tells everything. Jobs may appear at any time. */
  async changes(): Promise<Change[]> {
    const files = await ExperimentFiles.open(this.#folder).catch(() => null);
    if (!files) return [{ event: 'gone', data: {} }];
    const changes: Change[] = [];
    const { names } = await loadOutline(files);
    const statuses: RunStatus[] = [];
    for (const job of names) {
      const position = this.#positions.get(job) ?? { offset: 0, inode: 0, status: '' };
      this.#positions.set(job, position);
      changes.push(...(await this.#metrics(files, job, position)));
      const status = await loadStatus(files, job);
      statuses.push(status);
      const text = JSON.stringify(status);
      if (text !== position.status) changes.push({ event: 'status', data: { job, status } });
      position.status = text;
    }
    const result = (await files.locate(files.path('result.json'))) !== null;
    if (isComplete(result, statuses)) changes.push({ event: 'complete', data: {} });
    return changes;
  }

  async #metrics(files: ExperimentFiles, job: string, position: Position): Promise<Change[]> {
    const changes: Change[] = [];
    try {
      const file = await realpath(files.path('jobs', job, 'metrics.jsonl'));
      if (!isInside(files.root, file)) return [];
      const { size, ino } = await stat(file);
      // A resumed job cuts the file back to its checkpoint, or replaces it.
      if (size < position.offset || (position.offset > 0 && ino !== position.inode)) {
        position.offset = 0;
        changes.push({ event: 'reset', data: { job } });
      }
      position.inode = ino;
      if (size > position.offset) {
        const { text, end } = await appended(file, position.offset);
        position.offset = end;
        const { lines } = parseMetrics(text);
        if (lines.length) changes.push({ event: 'metrics', data: { job, lines } });
      }
    } catch {
      // The file does not exist yet, or is being replaced: the next look will find it.
    }
    return changes;
  }
}

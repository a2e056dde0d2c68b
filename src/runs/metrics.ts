/** metrics.jsonl: one line an epoch, appended and flushed; a line torn by a crash is cut off when the run goes on. */
import { open } from 'node:fs/promises';
import { diskError, readText, writeFileAtomic } from './disk.ts';
import { metricLineSchema, type MetricLine } from './schema.ts';

export interface ParsedMetrics {
  readonly lines: MetricLine[];
  /** Numbers (from 1) of the lines that are not metric lines. */
  readonly broken: number[];
}

/** Reads the text of a metrics file. What follows the last line break is still being written, or torn, and is left out. */
export function parseMetrics(text: string): ParsedMetrics {
  const lines: MetricLine[] = [];
  const broken: number[] = [];
  for (const [i, line] of text.split('\n').slice(0, -1).entries()) {
    if (!line.trim()) continue;
    try {
      lines.push(metricLineSchema.parse(JSON.parse(line)));
    } catch {
      broken.push(i + 1);
    }
  }
  return { lines, broken };
}

/** The metric lines of a metrics file's text, without those that are broken. */
export const parseMetricLines = (text: string): MetricLine[] => parseMetrics(text).lines;

const serialize = (lines: readonly MetricLine[]): string =>
  lines.map((line) => `${JSON.stringify(line)}\n`).join('');

/** The metrics of one run. Epochs ascend: appending an epoch again drops that line and all later ones first. */
export class MetricsLog {
  readonly file: string;
  #lines: MetricLine[];

  private constructor(file: string, lines: MetricLine[]) {
    this.file = file;
    this.#lines = lines;
  }

  /** Opens the log for appending and repairs what a crash left: torn, damaged or repeated lines are removed. */
  static async open(file: string): Promise<MetricsLog> {
    const text = (await readText(file)) ?? '';
    const lines = ascending(parseMetricLines(text));
    if (serialize(lines) !== text) await writeFileAtomic(file, serialize(lines));
    return new MetricsLog(file, lines);
  }

  get lines(): readonly MetricLine[] {
    return this.#lines;
  }

  /** Appends one epoch and flushes it. An epoch trained again after a crash takes the place of its earlier line. */
  async append(line: MetricLine): Promise<void> {
    const checked = metricLineSchema.parse(line);
    const last = this.#lines.at(-1);
    if (last && last.epoch >= checked.epoch) {
      await this.replace([...this.#lines.filter(({ epoch }) => epoch < checked.epoch), checked]);
      return;
    }
    try {
      const handle = await open(this.file, 'a');
      try {
        await handle.writeFile(serialize([checked]));
        await handle.datasync();
      } finally {
        await handle.close();
      }
    } catch (error) {
      throw diskError('write', this.file, error);
    }
    this.#lines.push(checked);
  }

  /** Writes all lines anew. */
  async replace(lines: readonly MetricLine[]): Promise<void> {
    await writeFileAtomic(this.file, serialize(lines));
    this.#lines = [...lines];
  }
}

/** The last line of each epoch, by epoch. */
const ascending = (lines: readonly MetricLine[]): MetricLine[] =>
  [...new Map(lines.map((line) => [line.epoch, line])).values()].sort((a, b) => a.epoch - b.epoch);

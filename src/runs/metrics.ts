/** metrics.jsonl: one line an epoch, appended and flushed; a line torn by a crash is cut off when the run goes on. */
import { open } from 'node:fs/promises';
import { diskError, readText, writeFileAtomic } from './disk.ts';
import { metricLineSchema, type MetricLine } from './schema.ts';

/**
 * The lines of a metrics file's text. What follows the last line break was being written when the process died and is left
 * out, and so are lines that are not metric lines.
 */
export function parseMetricLines(text: string): MetricLine[] {
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .flatMap((line) => {
      try {
        const checked = metricLineSchema.safeParse(JSON.parse(line));
        return checked.success ? [checked.data] : [];
      } catch {
        return [];
      }
    });
}

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

/** Where a command writes: results to stdout, progress and notes to stderr; for people on a terminal, in JSON lines otherwise. */
import { formatSeconds } from './format.ts';

export interface Terminal {
  /**
   * Aborts on Ctrl-C. Without asking for it, a command is ended by Ctrl-C at once. `next`: what the same command does when it is run
   * again; by default it continues.
   */
  readonly interruption: (next?: string) => AbortSignal;
  /** A line of the result. */
  print(line: string): void;
  /** Something a person should know; does not belong to the result. */
  note(line: string): void;
  readonly progress: Progress;
}

export interface ProgressState {
  readonly label: string;
  readonly done: number;
  readonly total: number;
  /** What is counted: 'samples'. Shown with the rate. */
  readonly unit: string;
  /** Null while it is not known; estimated by the rate when absent. */
  readonly secondsLeft?: number | null | undefined;
  /** Free text at the end of the line. */
  readonly detail?: string | undefined;
}

export interface Progress {
  /** Redraws the line on a terminal; one JSON line a second otherwise. */
  update(state: ProgressState): void;
  /** A fact worth a line of its own: a job that started or ended. `text` is for people, the rest for machines. */
  event(text: string, fields: Readonly<Record<string, unknown>>): void;
  /** Removes the line. */
  clear(): void;
}

/** What is needed of process.stdout and process.stderr. */
export interface Stream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

const BAR = 24;
const REDRAW_MILLISECONDS = 100;
const LINE_MILLISECONDS = 1000;

export function createTerminal(
  stdout: Stream,
  stderr: Stream,
  interruption: Terminal['interruption'],
): Terminal {
  const progress = stderr.isTTY ? drawnProgress(stderr) : jsonProgress(stderr);
  return {
    interruption,
    progress,
    print(line) {
      progress.clear();
      stdout.write(`${line}\n`);
    },
    note(line) {
      progress.clear();
      stderr.write(`${line}\n`);
    },
  };
}

/** Units a second since the work of that label began. */
function rateMeter(): (state: ProgressState) => { rate: number | null; secondsLeft: number | null } {
  let start: { label: string; time: number; done: number } | null = null;
  return ({ label, done, total, secondsLeft: told }) => {
    if (start?.label !== label || done < start.done) start = { label, time: performance.now(), done };
    const seconds = (performance.now() - start.time) / 1000;
    const rate = seconds > 0.2 && done > start.done ? (done - start.done) / seconds : null;
    const steady = rate === null ? null : (total - done) / rate;
    return { rate, secondsLeft: told === undefined ? steady : told };
  };
}

function drawnProgress(stream: Stream): Progress {
  const measure = rateMeter();
  let drawn = -Infinity;
  let visible = false;
  const clear = (): void => {
    if (visible) stream.write('\r\x1b[K');
    visible = false;
  };
  return {
    clear,
    update(state) {
      const { rate, secondsLeft } = measure(state);
      const complete = state.done >= state.total;
      if (!complete && performance.now() - drawn < REDRAW_MILLISECONDS) return;
      drawn = performance.now();
      const line = progressLine(state, rate, complete ? null : secondsLeft);
      stream.write(`\r\x1b[K${line.slice(0, (stream.columns ?? 100) - 1)}`);
      visible = true;
    },
    event(text) {
      clear();
      stream.write(`${text}\n`);
    },
  };
}

/** `training ━━━━━━━━────────── 42 %  1.3 epochs/s  2 min 05 s left  pade 120/500`. */
function progressLine(
  { label, done, total, unit, detail }: ProgressState,
  rate: number | null,
  secondsLeft: number | null,
): string {
  const fraction = total > 0 ? Math.min(1, done / total) : 1;
  const filled = Math.round(fraction * BAR);
  return [
    `${label} ${'━'.repeat(filled)}${'─'.repeat(BAR - filled)} ${Math.floor(100 * fraction)} %`,
    rate === null ? '' : `${Number(rate.toPrecision(2))} ${unit}/s`,
    secondsLeft === null ? '' : `${formatSeconds(secondsLeft)} left`,
    detail ?? '',
  ]
    .filter(Boolean)
    .join('  ');
}

function jsonProgress(stream: Stream): Progress {
  const measure = rateMeter();
  let written = -Infinity;
  const write = (fields: Readonly<Record<string, unknown>>): void => {
    stream.write(`${JSON.stringify(fields)}\n`);
  };
  return {
    clear: () => undefined,
    update(state) {
      const { rate, secondsLeft } = measure(state);
      if (state.done < state.total && performance.now() - written < LINE_MILLISECONDS) return;
      written = performance.now();
      const round = (value: number | null): number | null =>
        value === null ? null : Number(value.toPrecision(3));
      const { label, done, total, unit, detail } = state;
      write({
        event: 'progress',
        label,
        done,
        total,
        unit,
        rate: round(rate),
        secondsLeft: round(secondsLeft),
        detail,
      });
    },
    event: (_, fields) => write(fields),
  };
}

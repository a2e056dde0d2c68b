/** Progress of a benchmark as a terminal shows it: one line for all jobs together. */
import type { BenchmarkEvent, JobOutcome, JobProgress } from '../experiments/index.ts';
import type { Run } from '../runs/index.ts';
import { formatNumber, formatSeconds } from './format.ts';
import type { Terminal } from './terminal.ts';
import { secondsLeft, type JobPace } from './timeLeft.ts';

interface Standing extends JobPace {
  readonly progress: JobProgress;
}

const NOTHING_DONE: JobProgress = { epoch: 0, epochs: 0, secondsLeft: null };

const fieldsOf = ({ config, name }: Run): Record<string, unknown> => ({
  job: name,
  model: config.model,
  ...config.condition,
  seed: config.seed,
});

const label = ({ config: { model, condition, seed } }: Run): string =>
  `${model} ${Object.values(condition).join(' ')} seed ${seed}`;

/** A listener for the events of `benchmark`. */
export function benchmarkReporter(terminal: Terminal, experiment: string): (event: BenchmarkEvent) => void {
  const { progress } = terminal;
  const standings = new Map<string, Standing>();
  const running = new Map<string, Run>();
  let lanes = 1;

  const change = ({ name }: Run, to: (before: Standing) => Partial<Standing>): void => {
    const before = standings.get(name);
    if (before) standings.set(name, { ...before, ...to(before) });
  };

  const draw = (): void => {
    const all = [...standings.values()];
    const detail = [...running.values()].map((run) => {
      const { epoch, epochs, part } = standings.get(run.name)?.progress ?? NOTHING_DONE;
      if (part) return `${run.config.model}, ${part.label} ${part.done}/${part.total}`;
      return epochs ? `${run.config.model} ${epoch}/${epochs}` : run.config.model;
    });
    progress.update({
      label: `training ${experiment}`,
      done: all.reduce((total, { fraction }) => total + fraction, 0),
      total: all.length,
      unit: 'jobs',
      secondsLeft: secondsLeft(all, lanes),
      detail: detail.join(', '),
    });
  };

  const ended = async ({ run, state, skipped, error }: JobOutcome): Promise<void> => {
    const fields = {
      event: 'end',
      ...fieldsOf(run),
      state,
      skipped,
      ...(error === undefined ? {} : { error }),
    };
    // Whether a result can be read has its consequences where the table is made; here a line lacks its number.
    const result = state === 'finished' ? await run.readResult().catch(() => null) : null;
    const outcome = result
      ? `${skipped ? 'finished before' : `finished in ${formatSeconds(result.seconds)}`}: ${formatNumber(result.value)}`
      : `${state}${error === undefined ? '' : `: ${error}`}`;
    progress.event(`  ${label(run)}  ${outcome}`, { ...fields, value: result?.value ?? null });
  };

  return (event) => {
    switch (event.kind) {
      case 'folder':
        progress.event(`${experiment}: ${event.folder}`, { event: 'folder', folder: event.folder });
        break;
      case 'prepare':
        progress.update({ label: 'making the data', done: event.done, total: event.total, unit: 'samples' });
        break;
      case 'jobs':
        for (const { name, config } of event.runs)
          standings.set(name, {
            ...{ model: config.model, trains: false, progress: NOTHING_DONE },
            ...{ fraction: 0, from: null, reached: 0 },
          });
        break;
      case 'start':
        running.set(event.run.name, event.run);
        lanes = Math.max(lanes, running.size);
        change(event.run, () => ({ from: { fraction: 0, time: performance.now() } }));
        draw();
        break;
      case 'progress': {
        const { epoch, epochs, part } = event.progress;
        if (part) {
          change(event.run, () => ({ progress: event.progress }));
          draw();
          break;
        }
        const fraction = epochs ? epoch / epochs : 0;
        const reached = performance.now();
        change(event.run, ({ trains, from }) => ({
          ...{ progress: event.progress, fraction, reached, trains: true },
          // What comes before the first epoch is done once, and a job that goes on has done a part before.
          from: trains ? from : { fraction, time: reached },
        }));
        draw();
        break;
      }
      case 'note':
        progress.event(`  ${label(event.run)}  ${event.message}`, {
          event: 'note',
          ...fieldsOf(event.run),
          message: event.message,
        });
        break;
      case 'end': {
        const { run, state, skipped } = event.outcome;
        running.delete(run.name);
        if (state === 'finished' && !skipped)
          change(run, () => ({ fraction: 1, reached: performance.now() }));
        else if (state === 'finished' || state === 'failed') change(run, () => ({ fraction: 1, from: null }));
        void ended(event.outcome).then(draw);
        break;
      }
    }
  };
}

/** Progress of a benchmark as a terminal shows it: one line for all jobs together. */
import type { BenchmarkEvent, JobOutcome } from '../experiments/index.ts';
import type { Run } from '../runs/index.ts';
import { formatNumber, formatSeconds } from './format.ts';
import type { Terminal } from './terminal.ts';

interface Standing {
  /** Part done, 0 … 1. */
  fraction: number;
  epoch: number;
  epochs: number;
  /** Time at which this process began to work on the job, and the part that was done by then. */
  began: number;
  from: number;
}

/**
 * Seconds until all jobs are done. A running job goes on at its own pace; a waiting one is taken to last as long as the mean
 * of those that have shown their pace; lanes share the work evenly.
 */
function secondsLeft(standings: readonly Standing[], now: number, lanes: number): number | null {
  const paces = standings.flatMap(({ fraction, from, began }) =>
    began > 0 && fraction > from ? [(now - began) / 1000 / (fraction - from)] : [],
  );
  if (!paces.length) return null;
  const typical = paces.reduce((a, b) => a + b, 0) / paces.length;
  const work = standings.reduce((total, { fraction }) => total + (1 - fraction) * typical, 0);
  return work / Math.max(1, lanes);
}

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

  const draw = (): void => {
    const all = [...standings.values()];
    const detail = [...running.values()].map((run) => {
      const { epoch, epochs } = standings.get(run.name) ?? { epoch: 0, epochs: 0 };
      return epochs ? `${run.config.model} ${epoch}/${epochs}` : run.config.model;
    });
    progress.update({
      label: `training ${experiment}`,
      done: all.reduce((total, { fraction }) => total + fraction, 0),
      total: all.length,
      unit: 'jobs',
      secondsLeft: secondsLeft(all, performance.now(), lanes),
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
        for (const { name } of event.runs)
          standings.set(name, { fraction: 0, epoch: 0, epochs: 0, began: 0, from: 0 });
        break;
      case 'start':
        running.set(event.run.name, event.run);
        lanes = Math.max(lanes, running.size);
        draw();
        break;
      case 'progress': {
        const { epoch, epochs } = event.progress;
        const before = standings.get(event.run.name);
        const fraction = epochs ? epoch / epochs : 0;
        const first = !before?.began;
        const began = first ? performance.now() : before.began;
        standings.set(event.run.name, {
          fraction,
          epoch,
          epochs,
          began,
          from: first ? fraction : before.from,
        });
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
        const { run, state } = event.outcome;
        running.delete(run.name);
        const before = standings.get(run.name);
        if (before)
          standings.set(run.name, {
            ...before,
            fraction: state === 'finished' || state === 'failed' ? 1 : before.fraction,
          });
        void ended(event.outcome).then(draw);
        break;
      }
    }
  };
}

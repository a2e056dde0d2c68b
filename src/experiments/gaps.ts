/** Gaps in a table, explained where the table is read: what failed, what is trained in part, and what no one has run. */
import type { JobResult, Run } from '../runs/index.ts';
import type { JobOutcome } from './scheduler.ts';

/** A job that the table is for, as it is on the disk. */
export interface ReadResult {
  readonly run: Run;
  /** Null when there is none, and when it is damaged. */
  readonly result: JobResult | null;
  /** What is wrong with the file; without a file, why the job failed when it was last run. */
  readonly error?: string | undefined;
}

/** Jobs of a gap that are named; all are counted. */
const NAMED = 10;

const named = (jobs: readonly string[], separator: string): string =>
  jobs.slice(0, NAMED).join(separator) + (jobs.length > NAMED ? ` and ${jobs.length - NAMED} more` : '');

/** One note for each job that failed, and one each for what is trained in part and for what else is missing. */
export async function gaps(outcomes: readonly JobOutcome[], read: readonly ReadResult[]): Promise<string[]> {
  const reasons = new Map<string, string | undefined>();
  for (const { run, error } of read) if (error !== undefined) reasons.set(run.name, error);
  for (const { run, state, error } of outcomes) if (state === 'failed') reasons.set(run.name, error);
  const notes = [...reasons].map(
    ([name, reason]) =>
      `The job ${name} failed and is missing from the table: ${reason ?? 'no reason is known'}.`,
  );
  const missing = read.filter(({ run, result }) => result === null && !reasons.has(run.name));
  const standing = await Promise.all(missing.map(async ({ run }) => ({ run, at: await run.unfinished() })));
  const begun = standing.flatMap(({ run: { name }, at }) => {
    if (at === null) return [];
    const error =
      at.validation === null ? '' : `, ${Number(at.validation.toPrecision(3))} on validation samples`;
    return `${name} (${at.epoch} of ${at.epochs} epochs${error})`;
  });
  if (begun.length)
    notes.push(
      `Trained in part and missing from the table, ${begun.length} of ${read.length} jobs: ${named(begun, '; ')}.`,
    );
  const left = standing.flatMap(({ run, at }) => (at === null ? run.name : []));
  if (left.length)
    notes.push(
      `Asked for by the command, not run to the end and missing from the table, ${left.length} of ${read.length} jobs: ${named(left, ', ')}.`,
    );
  return notes;
}

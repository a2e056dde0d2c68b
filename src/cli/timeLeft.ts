/** How long a benchmark still takes, from what its jobs have shown of themselves. */

/** What was seen of a job; times in milliseconds of one clock. */
export interface JobPace {
  readonly model: string;
  /** Part done, 0 … 1. */
  readonly fraction: number;
  /** A part and the time from which it was seen to go on; null before. */
  readonly from: { readonly fraction: number; readonly time: number } | null;
  /** When `fraction` was reached. */
  readonly reached: number;
  /** Whether it reports epochs: trivial baselines and evaluations do not. */
  readonly trains: boolean;
}

/**
 * Seconds until all jobs are done, on so many lanes; null while nothing is known of some job. A job is taken to last as long as its own
 * pace says, else as those of its model did, else as the mean model that trains: jobs that do not train, such as trivial baselines, are
 * done in no time and say nothing of others.
 */
export function secondsLeft(jobs: readonly JobPace[], lanes: number): number | null {
  const models = new Map<string, { seconds: number[]; trains: boolean }>();
  for (const job of jobs) {
    const seconds = whole(job);
    if (seconds === null) continue;
    const seen = models.get(job.model);
    models.set(job.model, { seconds: [...(seen?.seconds ?? []), seconds], trains: job.trains });
  }
  const trained = [...models.values()].filter(({ trains }) => trains);
  const typical = trained.length ? mean(trained.map(({ seconds }) => mean(seconds))) : null;
  const remaining = jobs.map((job) => {
    if (job.fraction >= 1) return 0;
    const seen = models.get(job.model);
    const seconds = whole(job) ?? (seen ? mean(seen.seconds) : typical);
    return seconds === null ? null : (1 - job.fraction) * seconds;
  });
  let [total, longest] = [0, 0];
  for (const seconds of remaining) {
    if (seconds === null) return null;
    total += seconds;
    longest = Math.max(longest, seconds);
  }
  return Math.max(longest, total / Math.max(1, lanes));
}

/** Seconds of the whole job at the pace that was seen. */
const whole = ({ fraction, from, reached }: JobPace): number | null =>
  from && fraction > from.fraction ? (reached - from.time) / 1000 / (fraction - from.fraction) : null;

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** How the error is spread over the test samples: the share of samples below each error, a line a job. */
import { chart, type LegendEntry, type Series } from '../chart.ts';
import type { Overview } from '../conditions.ts';
import { figure, OPEN_PANELS } from '../figure.ts';
import { formatNumber } from '../format.ts';
import type { Content } from '../html.ts';
import type { ReportInput, ReportJob } from '../input.ts';
import { extent } from '../scale.ts';

/** Errors of the test samples in ascending order; values that are not finite are left out. */
const errorsOf = ({ arrays }: ReportJob): number[] =>
  Array.from(arrays?.error?.data ?? [])
    .filter(Number.isFinite)
    .sort((a, b) => a - b);

/** The empirical distribution function as a staircase that starts at 0 and ends at 1. */
export function empiricalDistribution(sorted: readonly number[]): { x: number[]; y: number[] } {
  const n = sorted.length;
  return {
    x: sorted.flatMap((value) => [value, value]),
    y: sorted.flatMap((_, i) => [i / n, (i + 1) / n]),
  };
}

const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];

export function errors({ jobs }: ReportInput, view: Overview): Content {
  const measured = jobs.filter((job) => errorsOf(job).length > 1);
  if (!measured.length) return null;
  const all = measured.flatMap(errorsOf);
  // An exact baseline has zero errors, which a log axis cannot show; the axis then starts at the smallest positive error.
  const range = extent(all, 'log');
  const panels = view.conditions.list.flatMap((condition) => {
    const here = view.jobsAt(condition).filter((job) => measured.includes(job));
    if (!here.length) return [];
    const models = [...new Set(here.map(({ config }) => config.model))];
    const styleOf = (model: string): LegendEntry => ({
      name: model,
      style: view.baselines.includes(model) ? 'dotted' : 'line',
      color: view.color(model),
    });
    const series = here.map((job): Series => ({
      ...styleOf(job.config.model),
      weight: 'thin',
      ...empiricalDistribution(errorsOf(job)),
    }));
    const where = view.conditions.label(condition);
    const medians = models.map((model) => {
      const pooled = here
        .filter(({ config }) => config.model === model)
        .flatMap(errorsOf)
        .sort((a, b) => a - b);
      return `${model}: median ${formatNumber(quantile(pooled, 0.5))}, worst ${formatNumber(pooled[pooled.length - 1])}`;
    });
    const svg = chart({
      title: where,
      description: `Distribution of the error over the test samples, ${where}. ${medians.join('; ')}.`,
      x: { label: 'relative L2 error of a test sample', kind: 'log', extent: range },
      y: { label: 'share of test samples with at most this error', kind: 'linear', extent: [0, 1] },
      series,
      legend: models.map(styleOf),
    });
    return [{ title: where, svg }];
  });
  const data = {
    columns: ['job', 'model', 'condition', 'seed', 'rank', 'error'],
    rows: measured.flatMap((job) =>
      errorsOf(job).map((error, i) => [
        job.name,
        job.config.model,
        view.conditions.label(job.config.condition),
        job.config.seed,
        i + 1,
        Number(error.toPrecision(6)),
      ]),
    ),
  };
  return figure({
    id: 'figure-errors',
    caption: `Error of every test sample as a distribution, one line a ${view.repetition}: further left is better, a long tail to the right is a few bad samples. All panels share the error axis.`,
    panels,
    data,
    open: OPEN_PANELS,
  });
}

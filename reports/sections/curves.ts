/** Learning curves: one thin line a job, training dashed, validation solid, one panel a condition. */
import type { LegendEntry, Series } from '../chart.ts';
import { chart } from '../chart.ts';
import type { Overview } from '../conditions.ts';
import { figure, OPEN_PANELS } from '../figure.ts';
import { formatNumber } from '../format.ts';
import { html, type Content } from '../html.ts';
import type { ReportInput, ReportJob } from '../input.ts';
import { extent } from '../scale.ts';

/** Lowest and highest validation value over the jobs at each epoch that at least two of them reached. */
function jobsBand(jobs: readonly ReportJob[]): { x: number[]; lower: number[]; upper: number[] } {
  const byEpoch = new Map<number, number[]>();
  for (const { metrics } of jobs)
    for (const { epoch, validation } of metrics)
      if (validation !== null && Number.isFinite(validation))
        byEpoch.set(epoch, [...(byEpoch.get(epoch) ?? []), validation]);
  const epochs = [...byEpoch].filter(([, values]) => values.length > 1).sort(([a], [b]) => a - b);
  return {
    x: epochs.map(([epoch]) => epoch),
    lower: epochs.map(([, values]) => Math.min(...values)),
    upper: epochs.map(([, values]) => Math.max(...values)),
  };
}

function seriesOf(model: string, jobs: readonly ReportJob[], view: Overview): Series[] {
  const [color, { repetition }] = [view.color(model), view];
  const band = jobsBand(jobs);
  const validated = jobs.some(({ metrics }) => metrics.some(({ validation }) => validation !== null));
  const bands: Series[] = band.x.length
    ? [{ name: model, x: band.x, y: [], band, style: 'line', color }]
    : [];
  const lines = jobs.flatMap(({ metrics, config }, i): Series[] => {
    const epochs = metrics.map(({ epoch }) => epoch);
    const name = `${model}, ${repetition} ${config.seed}`;
    const train: Series = {
      name: i === 0 && !validated ? model : name,
      x: epochs,
      y: metrics.map((line) => line.train),
      style: 'dashed',
      color,
      weight: 'thin',
      labelled: i === 0 && !validated,
    };
    const validation: Series = {
      name: i === 0 ? model : name,
      x: epochs,
      y: metrics.map((line) => line.validation ?? NaN),
      style: 'line',
      color,
      weight: 'thin',
      labelled: i === 0,
    };
    return validated ? [train, validation] : [train];
  });
  return [...bands, ...lines];
}

const legend: LegendEntry[] = [
  { name: 'validation', style: 'line', color: 'ink', weight: 'thin' },
  { name: 'training', style: 'dashed', color: 'ink', weight: 'thin' },
];

const describe = (
  where: string,
  models: readonly string[],
  jobs: readonly ReportJob[],
  kind: 'linear' | 'log',
): string => {
  const ends = models.map((model) => {
    const values = jobs.flatMap(({ config, metrics }) => {
      const last = metrics.at(-1);
      return config.model === model && last ? [last.validation ?? last.train] : [];
    });
    const range = extent(values);
    return range
      ? `${model} ends between ${formatNumber(range[0])} and ${formatNumber(range[1])}`
      : `${model} has no finite value`;
  });
  return `Learning curves, ${where}, loss on a ${kind === 'log' ? 'logarithmic' : 'linear'} axis against the epoch. ${ends.join('; ')}.`;
};

export function curves({ jobs, complete = true }: ReportInput, view: Overview): Content {
  const drawn = jobs.filter(({ metrics }) => metrics.length > 0);
  if (!drawn.length) return complete ? null : html`<p>No job has written a learning curve yet.</p>`;
  const values = drawn.flatMap(({ metrics }) =>
    metrics.flatMap(({ train, validation }) => [train, validation ?? NaN]),
  );
  // A negative log-likelihood may be below 0, where a logarithmic axis ends.
  const kind = values.some((value) => value <= 0) ? 'linear' : 'log';
  const yExtent = extent(values, kind);
  const panels = view.conditions.list.flatMap((condition) => {
    const here = view.jobsAt(condition).filter(({ metrics }) => metrics.length > 0);
    if (!here.length) return [];
    const models = [...new Set(here.map(({ config }) => config.model))];
    const where = view.conditions.label(condition);
    const series = models.flatMap((model) =>
      seriesOf(
        model,
        here.filter(({ config }) => config.model === model),
        view,
      ),
    );
    const svg = chart({
      title: where,
      description: describe(where, models, here, kind),
      x: { label: 'epoch', kind: 'linear' },
      y: { label: 'loss', kind, extent: yExtent },
      series,
      legend: legend.filter(({ style }) => series.some((one) => one.style === style)),
    });
    return [{ title: where, svg }];
  });
  const data = {
    columns: [
      'job',
      'model',
      'condition',
      'seed',
      'epoch',
      'train',
      'validation',
      'learning_rate',
      'seconds',
    ],
    rows: drawn.flatMap(({ name, config, metrics }) =>
      metrics.map((line) => [
        name,
        config.model,
        view.conditions.label(config.condition),
        config.seed,
        line.epoch,
        line.train,
        line.validation,
        line.learningRate,
        Number(line.seconds.toFixed(2)),
      ]),
    ),
  };
  return figure({
    id: 'figure-curves',
    caption: `Training (dashed) and validation (solid) loss, one thin line a ${view.repetition}; the band spans the validation losses of the ${view.repetition}s. All panels share the loss axis.`,
    panels,
    data,
    open: OPEN_PANELS,
  });
}

/** Truth, prediction and error of the pictured test samples on scales shared within a condition. */
import { chart, type LegendEntry, type Series } from '../chart.ts';
import { colorScaleFor, type ColorScale } from '../colormap.ts';
import type { Overview } from '../conditions.ts';
import type { DataTable } from '../downloads.ts';
import { figure, type Panel } from '../figure.ts';
import { capitalised, formatNumber, listWords, plural, slug } from '../format.ts';
import { heatmap } from '../heatmap.ts';
import { html, type Content } from '../html.ts';
import type { ReportInput } from '../input.ts';
import { samplesAt, type Prediction, type Sample } from '../samples.ts';
import { extent } from '../scale.ts';

const errorOf = ({ truth }: Sample, { values }: Prediction): number[] =>
  Array.from(truth, (value, i) => values[i] - value);

const relativeError = (sample: Sample, prediction: Prediction): number => {
  const square = (values: ArrayLike<number>): number =>
    Array.from(values).reduce((sum, value) => sum + value ** 2, 0);
  return Math.sqrt(square(errorOf(sample, prediction)) / square(sample.truth));
};

const title = (sample: Sample, all: readonly Sample[]): string =>
  all.filter(({ rule }) => rule === sample.rule).length > 1
    ? `${sample.rule} sample of ${listWords(sample.predictions.map(({ model }) => model))}`
    : `${sample.rule} sample`;

const errorsText = (sample: Sample): string =>
  listWords(sample.predictions.map((one) => `${one.model} ${formatNumber(relativeError(sample, one))}`));

interface Shared {
  view: Overview;
  field: [number, number] | null;
  error: [number, number] | null;
  /** Baselines whose errors would flatten those of all others. */
  beyond: readonly string[];
}

/** A baseline with larger errors than this many times the largest of a trained model does not set the scale of errors. */
const BEYOND = 4;

const errorExtent = (
  samples: readonly Sample[],
  models: (name: string) => boolean,
): [number, number] | null =>
  extent(
    samples.flatMap((sample) =>
      sample.predictions.flatMap((one) => (models(one.model) ? errorOf(sample, one) : [])),
    ),
  );

const largest = (range: [number, number] | null): number =>
  range ? Math.max(Math.abs(range[0]), Math.abs(range[1])) : 0;

/** The error scale of a figure, and who is beyond it. */
function errorScale(samples: readonly Sample[], { baselines }: Overview): Pick<Shared, 'error' | 'beyond'> {
  const limit = BEYOND * largest(errorExtent(samples, (model) => !baselines.includes(model)));
  const beyond = baselines.filter(
    (name) => limit > 0 && largest(errorExtent(samples, (model) => model === name)) > limit,
  );
  return { beyond, error: errorExtent(samples, (model) => !beyond.includes(model)) };
}

const gridOf = ({ x, truth }: Sample): ArrayLike<number> => x ?? Array.from(truth, (_, i) => i);

function linePanels(sample: Sample, name: string, { view, field, error, beyond }: Shared): Panel[] {
  const x = gridOf(sample);
  const axis = { label: sample.x ? 'x' : 'grid point', kind: 'linear' } as const;
  const predicted = sample.predictions.map((one): Series => ({
    name: one.model,
    x,
    y: one.values,
    style: view.baselines.includes(one.model) ? 'dotted' : 'line',
    color: view.color(one.model),
  }));
  const input: Series[] = sample.input
    ? [{ name: 'input', x, y: sample.input, style: 'dotted', color: 'pale', weight: 'thin' }]
    : [];
  const truth: Series = { name: 'truth', x, y: sample.truth, style: 'line', color: 'ink', weight: 'thick' };
  const series = [...input, truth, ...predicted];
  const key = (list: readonly Series[]): LegendEntry[] =>
    list.map((one) => ({
      name: one.name,
      style: one.style,
      color: one.color,
      weight: one.weight ?? 'normal',
    }));
  const errors = predicted.map((one, i): Series => ({ ...one, y: errorOf(sample, sample.predictions[i]) }));
  const drawn = errors.filter((one) => !beyond.includes(one.name));
  return [
    {
      title: name,
      svg: chart({
        title: name,
        description: `Truth and predictions of the ${name}. Relative L2 errors: ${errorsText(sample)}.`,
        x: axis,
        y: { label: 'u', kind: 'linear', extent: field },
        series,
        legend: key(series),
      }),
    },
    {
      title: `${name}, error`,
      svg: chart({
        title: `error, ${name}`,
        description: `Prediction minus truth of the ${name}; largest absolute errors: ${listWords(errors.map((one) => `${one.name} ${formatNumber(Math.max(...Array.from(one.y, Math.abs)))}`))}.`,
        x: axis,
        y: { label: 'prediction − truth', kind: 'linear', extent: error },
        series: drawn,
        legend: key(drawn),
      }),
    },
  ];
}

function mapPanels(sample: Sample, name: string, { field, error }: Shared): Panel[] {
  const [rows, columns] = sample.shape;
  const { x, y, quantity } = sample.axes ?? {
    x: { label: 'column', extent: [0, columns] as [number, number] },
    y: { label: 'row', extent: [0, rows] as [number, number] },
    quantity: 'u',
  };
  const bound = largest(error) || 1;
  const errorColors: ColorScale = { map: 'diverging', domain: [-bound, bound] };
  const panel = (what: string, values: ArrayLike<number>, colors: ColorScale, coloured: string): Panel => ({
    title: `${name}, ${what}`,
    svg: heatmap({
      title: `${what}, ${name}`,
      description: `${what} of the ${name}`,
      grid: { rows, columns, values },
      x,
      y,
      quantity: coloured,
      colors,
    }),
  });
  const fieldColors = colorScaleFor(field ?? [0, 1]);
  return [
    panel('truth', sample.truth, fieldColors, quantity),
    ...sample.predictions.flatMap((one) => [
      panel(one.model, one.values, fieldColors, quantity),
      panel(`${one.model} error`, errorOf(sample, one), errorColors, 'prediction − truth'),
    ]),
  ];
}

/** Samples under more conditions than these unfold. */
const OPEN_CONDITIONS = 4;

const digits = (value: number, count: number): number => Number(value.toPrecision(count));

const lineTable = (samples: readonly Sample[]): DataTable => ({
  columns: ['sample', 'model', 'seed', 'index', 'x', 'truth', 'prediction'],
  rows: samples.flatMap((sample) => {
    const x = gridOf(sample);
    return sample.predictions.flatMap(({ model, seed, values }) =>
      Array.from(sample.truth, (value, i) => [
        sample.rule,
        model,
        seed,
        i,
        x[i] ?? null,
        digits(value, 8),
        digits(values[i], 8),
      ]),
    );
  }),
});

/**
 * A column for each model, which holds the truth once, and four digits, which is more than a colour shows: a page with hundreds of maps
 * is megabytes of them. All digits are in the arrays of the jobs.
 */
function mapTable(samples: readonly Sample[]): DataTable {
  const names = ({ predictions }: Sample): string[] =>
    predictions.map(({ model, seed }) => `${model} seed ${seed}`);
  const models = [...new Set(samples.flatMap(names))];
  return {
    columns: ['sample', 'row', 'column', 'truth', ...models],
    rows: samples.flatMap((sample) => {
      const [, width] = sample.shape;
      const byName = new Map(names(sample).map((name, i) => [name, sample.predictions[i].values]));
      return Array.from(sample.truth, (value, i) => [
        sample.rule,
        Math.floor(i / width),
        i % width,
        digits(value, 4),
        ...models.map((name) => {
          const values = byName.get(name);
          return values ? digits(values[i], 4) : null;
        }),
      ]);
    }),
  };
}

export function fields({ complete = true }: ReportInput, view: Overview): Content {
  const figures = view.conditions.list.flatMap((condition) => {
    const samples = samplesAt(condition, view).filter(
      ({ shape }) => shape.length === 1 || shape.length === 2,
    );
    if (!samples.length) return [];
    const where = view.conditions.label(condition);
    const shared: Shared = {
      view,
      field: extent(
        samples.flatMap(({ truth, input, predictions }) =>
          [truth, input ?? [], ...predictions.map(({ values }) => values)].flatMap((values) =>
            Array.from(values),
          ),
        ),
      ),
      ...errorScale(samples, view),
    };
    const { beyond } = shared;
    const panels = samples.flatMap((sample) => {
      const name = title(sample, samples);
      return sample.shape.length === 1 ? linePanels(sample, name, shared) : mapPanels(sample, name, shared);
    });
    const separate = samples.some((sample, i) => samples.findIndex(({ rule }) => rule === sample.rule) !== i);
    const data = samples[0].shape.length === 1 ? lineTable(samples) : mapTable(samples);
    const seeds = [...new Set(samples.flatMap(({ predictions }) => predictions.map(({ seed }) => seed)))];
    const caption = html`<b>${where}.</b> Field and error scales are each shared by all panels of this figure.
      ${samples[0].shape.length > 1 ? 'Files of its data have four digits; the arrays of the jobs have all. ' : ''}${separate ? 'The models chose different test samples by the same rule, so these stand apart. ' : 'All models show the same samples. '}${beyond.length ? `Errors of ${listWords(beyond)} are beyond the scale of errors. ` : ''}${capitalised(view.repetition)}
      ${listWords(seeds.map(String))}. Relative L2 errors:
      ${samples.map((sample, i) => html`${i ? '; ' : ''}${sample.rule}: ${errorsText(sample)}`)}.`;
    return [figure({ id: `figure-samples-${slug(where)}`, caption, panels, data })];
  });
  if (figures.length > OPEN_CONDITIONS)
    return html`${figures.slice(0, OPEN_CONDITIONS)}
      <details>
        <summary>Samples under ${plural(figures.length - OPEN_CONDITIONS, 'further condition')}</summary>
        ${figures.slice(OPEN_CONDITIONS)}
      </details>`;
  if (figures.length) return figures;
  return !complete ? html`<p>No job has left predictions to show.</p>` : null;
}

/** Rows, figures and notes of the COVID-19 experiment, from its finished jobs. */
import type { RecoveredRule, TaskName } from '../../datasets/covid/task.ts';
import { dayOf, type Quantity } from '../../datasets/covid/table.ts';
import { HISTORY, HORIZON, type SplitKind } from '../../datasets/covid/windows.ts';
import {
  forecastBaselines,
  getForecaster,
  type ForecastLoss,
  type ForecastTarget,
} from '../forecasting/index.ts';
import type { Condition, Figure, JobResult, ResultRow } from '../runs/index.ts';
import { cellsOf, meanOf, networksByCondition, placeOf, sameCondition, type Cell } from './covidCells.ts';
import { baselineChecks, baselineNotes, foldNotes, maeOf, ratio } from './covidComparison.ts';
import type { Summary } from './experiment.ts';
import { LEVEL } from './forecastTask.ts';
import { meanAndDeviation } from './statistics.ts';

/** Published means over ten folds: MAE of confirmed, recovered and deaths; relative L2 error. */
const published: Readonly<Record<string, Readonly<Record<Quantity | 'relative L2', number>>>> = {
  'pade-3d': { confirmed: 1219, recovered: 1752, deaths: 211, 'relative L2': 0.0155 },
  'mwt-3d': { confirmed: 3554, recovered: 2928, deaths: 284, 'relative L2': 0.0245 },
  'fno-3d': { confirmed: 4213, recovered: 3391, deaths: 592, 'relative L2': 0.0301 },
  'lno-3d': { confirmed: 28502, recovered: 6586, deaths: 1465, 'relative L2': 0.1056 },
  'neural-ode': { confirmed: 4339, recovered: 3443, deaths: 443, 'relative L2': 0.031 },
  seq2seq: { confirmed: 2798, recovered: 3317, deaths: 346, 'relative L2': 0.0273 },
  transformer: { confirmed: 7087, recovered: 6613, deaths: 1722, 'relative L2': 0.0501 },
  fc: { confirmed: 10305, recovered: 5885, deaths: 1634, 'relative L2': 0.0609 },
};

/** The model others are compared with in the published table. */
const REFERENCE = 'fc';

export interface CovidSummaryOptions {
  readonly task: TaskName;
  readonly recovered: RecoveredRule;
  readonly repair: string;
  readonly loss: ForecastLoss;
  readonly splits: readonly SplitKind[];
  readonly targets: readonly ForecastTarget[];
  readonly folds: readonly number[];
  readonly quantities: readonly Quantity[];
  readonly synthetic: boolean;
  /** States and days of the counts, in words. */
  readonly extent: string;
  /** Whether these are the states and days of the published table: values of other counts are no comparison. */
  readonly publishedExtent: boolean;
}

const CHOSEN = 'test windows, epoch chosen on validation windows';

interface Metric {
  readonly name: string;
  /** Key among the numbers of a job. */
  readonly key: string;
  readonly published: (model: string) => number | null;
}

const metricsOf = ({ quantities, task }: CovidSummaryOptions): Metric[] => [
  ...quantities.map((quantity) => ({
    name: `mean absolute error of ${quantity}, persons, mean of 7 days and all states, ${CHOSEN}`,
    key: maeOf(quantity),
    published: (model: string) => published[model]?.[quantity] ?? null,
  })),
  {
    name: `mean relative L2 error of counts per inhabitant, ${CHOSEN}`,
    key: 'relative L2',
    // The published field has recovered counts in it.
    published: (model) => (task === 'crd' ? (published[model]?.['relative L2'] ?? null) : null),
  },
];

const isPublishedCondition = (
  { split, network }: Condition,
  { synthetic, publishedExtent }: CovidSummaryOptions,
): boolean => split === 'random' && network === 'counts' && !synthetic && publishedExtent;

function rowOf(cell: Cell, metric: Metric, options: CovidSummaryOptions): ResultRow {
  const { model, condition, baseline, results } = cell;
  return {
    model,
    condition,
    metric: metric.name,
    published: isPublishedCondition(condition, options) ? metric.published(model) : null,
    ...meanAndDeviation(results.map(({ extra }) => extra[metric.key])),
    parameters: results[0].parameters,
    seconds: meanAndDeviation(results.map(({ seconds }) => seconds)).mean,
    baseline,
    note: noteOf(cell, options),
  };
}

function noteOf(cell: Cell, { quantities }: CovidSummaryOptions): string {
  const widths = quantities.map((quantity) => {
    const width = meanOf(cell, `half-width ${quantity}`);
    return `${quantity} ±${Number.isFinite(width) ? Math.round(width) : '∞'}`;
  });
  const { model, baseline } = cell;
  const title = baseline
    ? forecastBaselines.find(({ name }) => name === model)?.title
    : `${getForecaster(model).title}, published with ${getForecaster(model).publishedParameters} parameters`;
  return `${title}; ${100 * LEVEL} % intervals cover ${(100 * meanOf(cell, 'coverage')).toFixed(1)} %, mean half-width ${widths.join(', ')}`;
}

/** Improvement of the sum of the mean absolute errors over the fully connected network, as the published last column. */
function improvementRows(cells: readonly Cell[], options: CovidSummaryOptions): ResultRow[] {
  const { quantities, task } = options;
  const publishedTotal = ({ confirmed, recovered, deaths }: (typeof published)[string]): number =>
    confirmed + recovered + deaths;
  const others = networksByCondition(cells.filter(({ model }) => model !== REFERENCE)).map(
    ([{ condition }]) => condition,
  );
  return cells.flatMap((cell): ResultRow[] => {
    // Its own is zero, and where nothing else was trained there is nothing to improve.
    if (cell.model === REFERENCE || !others.some((one) => sameCondition(one, cell.condition))) return [];
    const reference = cells.find(
      ({ model, condition }) => model === REFERENCE && sameCondition(condition, cell.condition),
    );
    const mean = reference ? 100 * (1 - ratio(cell, reference, ...quantities.map(maeOf))) : NaN;
    if (!Number.isFinite(mean)) return [];
    const quoted = Object.hasOwn(published, cell.model) ? published[cell.model] : null;
    const comparable = quoted !== null && task === 'crd' && isPublishedCondition(cell.condition, options);
    return [
      {
        model: cell.model,
        condition: cell.condition,
        metric: `improvement of the sum of the mean absolute errors over ${REFERENCE}, per cent, higher is better, ${CHOSEN}`,
        published: comparable
          ? 100 * (1 - publishedTotal(quoted) / publishedTotal(published[REFERENCE]))
          : null,
        mean,
        std: null,
        n: cell.results.length,
        parameters: cell.results[0].parameters,
        seconds: null,
        baseline: cell.baseline,
        note: `from the means over the folds that ${REFERENCE} has too`,
      },
    ];
  });
}

/** Published values of models that were not trained under the published condition, for comparison. */
const quotedRows = (cells: readonly Cell[], options: CovidSummaryOptions): ResultRow[] => {
  const here = cells.filter((cell) => isPublishedCondition(cell.condition, options));
  if (!here.length) return [];
  const [{ condition }] = here;
  const nothing = { mean: null, std: null, n: 0, parameters: null, seconds: null, baseline: false };
  return Object.keys(published)
    .filter((model) => !here.some((cell) => cell.model === model))
    .flatMap((model) =>
      metricsOf(options).flatMap((metric): ResultRow[] => {
        const value = metric.published(model);
        if (value === null) return [];
        const row = { model, condition, metric: metric.name, published: value };
        return [{ ...row, ...nothing, note: 'not trained here' }];
      }),
    );
};

const title = (word: string): string => word[0].toUpperCase() + word.slice(1);

/** The pictured window: what was seen, what came, and what the best models of each kind and the baselines said, with their intervals. */
function figuresOf(cells: readonly Cell[], options: CovidSummaryOptions): Figure[] {
  return networksByCondition(cells).flatMap((here) => {
    const { condition } = here[0];
    const validation = (cell: Cell): number => meanOf(cell, 'validation');
    const best = (among: readonly Cell[]): Cell[] =>
      among.length ? [among.reduce((a, b) => (validation(a) <= validation(b) ? a : b))] : [];
    const operators = here.filter(({ model }) => model.endsWith('-3d'));
    const lines = cells.filter(
      ({ baseline, model, condition: its }) =>
        baseline && model !== 'persistence' && sameCondition(its, condition),
    );
    const shown = [...best(operators), ...best(here.filter((cell) => !operators.includes(cell))), ...lines];
    const fold = Math.min(...shown.flatMap(({ results }) => results.map(({ config }) => config.seed)));
    const curvesOf = ({ results }: Cell): Readonly<Record<string, readonly number[]>> =>
      results.find(({ config }) => config.seed === fold)?.curves ?? {};
    const first = curvesOf(shown[0]);
    const panels = Object.keys(first).filter((name) => name.endsWith('/truth'));
    return panels.map((panel): Figure => {
      const [state, quantity] = panel.split('/');
      const from = (cell: Cell, part: string): number[] => [
        ...(curvesOf(cell)[`${state}/${quantity}/${part}`] ?? []),
      ];
      const ahead = Array.from({ length: HORIZON }, (_, day) => day);
      const actual = [...from(shown[0], 'history'), ...from(shown[0], 'truth')];
      return {
        id: `forecast-${String(condition.split)}-${String(condition.network)}-${state}-${quantity}`,
        title: `${title(quantity)}, ${state}${options.synthetic ? ' (synthetic)' : ''}, ${placeOf(condition)}`,
        caption: `Fold ${fold}; day 0 is ${pictured(first)}, a test window. Models chosen by validation error; bands: ${100 * LEVEL} % conformal intervals of this state, quantity and day.`,
        xLabel: 'day',
        yLabel: 'persons',
        xScale: 'linear',
        yScale: 'linear',
        series: [
          { name: 'actual', x: actual.map((_, i) => i - HISTORY), y: actual, style: 'points' },
          ...shown.map((cell) => ({
            name: cell.model,
            x: ahead,
            y: from(cell, 'forecast'),
            ...(cell.baseline ? {} : { band: from(cell, 'band') }),
            style: cell.baseline ? ('dashed' as const) : ('line' as const),
          })),
        ],
      };
    });
  });
}

const pictured = ({ day = [] }: Readonly<Record<string, readonly number[]>>): string =>
  day.length ? dayOf(day[0]) : 'unknown';

function notesOf(cells: readonly Cell[], options: CovidSummaryOptions): string[] {
  const { task, recovered, repair, synthetic, quantities, folds, extent, publishedExtent } = options;
  return [
    ...(synthetic
      ? [
          'SYNTHETIC DATA: a simulated epidemic. The numbers say nothing about COVID-19 and cannot be compared with published ones; give --data for reported counts.',
        ]
      : [
          'The published treatment of missing recovered counts, the shares of the split and the sizes of the networks are not known: published values are for comparison of size, not a reproduction of the same test set.',
        ]),
    ...(synthetic || publishedExtent
      ? []
      : [
          `No published values beside this table: its counts are of ${extent}, the published ones of 50 states and 504 days.`,
        ]),
    'Split random (as published): test windows share up to 20 of 21 days with training windows, so its errors are too low for a forecast of days to come. Split forward: blocks of days in the order training, validation, calibration, test; no two roles share a day. Split blocked: the same blocks, trained on the days after the test block too.',
    'Network answers counts: the cumulative counts themselves, as published. Network answers correction: what the line of the last 7 days misses.',
    task === 'cd'
      ? 'Task cd: confirmed and deaths. Recovered counts are missing for many states and end on 2021-03-06; --task crd adds them by a named rule.'
      : `Task crd: recovered counts by the rule “${recovered}”.`,
    `Falls of cumulative counts: rule “${repair}”; errors are measured against the repaired counts. sextant data covid --from FILE --falls FALLS.csv lists them all.`,
    `Values are means ± sample standard deviation over ${folds.length} fold${folds.length === 1 ? '' : 's'}; a fold is also the seed of the network. The last epoch is in the results of the jobs.`,
    `Intervals: split conformal prediction at ${100 * LEVEL} % from calibration windows of their own. They are valid where calibration and test windows are exchangeable, which neighbouring days of an epidemic are not in a forward or blocked split: the measured coverage in the notes of the rows says how far it holds.`,
    ...baselineNotes(cells, quantities),
    ...foldNotes(cells, quantities),
  ];
}

/** The table of the experiment, its pictures, and the sentences that a reader needs. */
export function covidSummary(finished: readonly JobResult[], options: CovidSummaryOptions): Summary {
  const cells = cellsOf(finished, options.targets);
  const rows = metricsOf(options).flatMap((metric) => cells.map((cell) => rowOf(cell, metric, options)));
  return {
    rows: [...rows, ...quotedRows(cells, options), ...improvementRows(cells, options)],
    checks: baselineChecks(cells, options.quantities),
    notes: notesOf(cells, options),
    figures: figuresOf(cells, options),
  };
}

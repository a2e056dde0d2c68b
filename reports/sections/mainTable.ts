/** The main table, model × condition, and below it every number of every row. */
import {
  beatsEveryTrained,
  directionOf,
  hasSpread,
  isRival,
  kindOf,
  meanStd,
  noiseRule,
  rank,
  type Direction,
  type Ranking,
} from '../compare.ts';
import { conditionKey, type Overview } from '../conditions.ts';
import { downloads, type DataTable } from '../downloads.ts';
import { capitalised, formatCount, formatMeanStd, formatNumber, formatSeconds, plural } from '../format.ts';
import { html, type Content, type Html } from '../html.ts';
import type { ReportInput, ReportJob, Row } from '../input.ts';
import type { MetricGroup } from '../metrics.ts';
import { latexTable, table, type Cell, type Column, type TableRow } from '../table.ts';
import { overPublished, prose, verdict } from '../verdict.ts';

const range = (values: readonly (number | null)[], format: (value: number | null) => string): string => {
  const known = [...new Set(values.filter((value) => value !== null))].sort((a, b) => a - b);
  if (!known.length) return '—';
  const [low, high] = [format(known[0]), format(known[known.length - 1])];
  return low === high ? low : `${low} – ${high}`;
};

const jobsOf = (row: Pick<Row, 'model' | 'condition'>, view: Overview): ReportJob[] =>
  view.jobsAt(row.condition).filter(({ config }) => config.model === row.model);

/** Why a value is missing, from the row's note or the state of its jobs. */
function reasonMissing(row: Row | undefined, jobs: readonly ReportJob[]): string {
  if (row?.note) return row.note;
  const failed = jobs.find(({ status }) => status.state === 'failed');
  if (failed) return `failed: ${failed.status.error ?? 'no message'}`;
  const state = (['running', 'interrupted', 'queued'] as const).find((one) =>
    jobs.some(({ status }) => status.state === one),
  );
  return state ?? (row ? 'no value in the result' : 'not run');
}

/** The range of one quantity over the rows of a model, sorted by its largest value. */
function rangeCell(
  rows: readonly Row[],
  name: 'parameters' | 'seconds',
  format: (value: number | null) => string,
): Cell {
  const values = rows.map((row) => row[name]);
  const known = values.filter((value) => value !== null);
  return { text: range(values, format), sort: known.length ? Math.max(...known) : null };
}

/** The name of a model; what was not trained is called what it is. */
const nameCell = (row: Row, direction: Direction): Cell => {
  const badge = kindOf(row, direction);
  return { text: row.model, ...(badge && { badge }) };
};

function valueCell(
  row: Row | undefined,
  model: string,
  condition: Row['condition'],
  ranking: Ranking,
  view: Overview,
  direction: Direction,
): Cell {
  const published = row?.published ?? null;
  const parts = published === null ? [] : [`published ${formatNumber(published)}`];
  if (!row || row.mean === null) {
    parts.push(reasonMissing(row, jobsOf({ model, condition }, view)));
    return { text: '—', sub: parts.join(' · '), sort: null };
  }
  if (!row.baseline) parts.push(row.n === 1 ? `one ${view.repetition}` : plural(row.n, view.repetition));
  if (isRival(row) && beatsEveryTrained(row, ranking, direction)) parts.push('beats every trained model');
  return {
    text: formatMeanStd(row.mean, row.std),
    sort: row.mean,
    mark: ranking.marks.get(row) ?? null,
    sub: parts.join(' · '),
  };
}

interface Group extends MetricGroup {
  view: Overview;
  id: string;
}

function comparison({ metric, rows, view, id }: Group): Html {
  const direction = directionOf(metric);
  const keys = new Set(rows.map((row) => conditionKey(row.condition)));
  const conditions = view.conditions.list.filter((condition) => keys.has(conditionKey(condition)));
  const at = (condition: Row['condition']): Row[] =>
    rows.filter((row) => conditionKey(row.condition) === conditionKey(condition));
  const rankings = conditions.map((condition) => rank(at(condition), direction));
  const models = [...view.trained, ...view.baselines].filter((model) =>
    rows.some((row) => row.model === model),
  );
  const [sized, timed] = [
    rows.some((row) => row.parameters !== null),
    rows.some((row) => row.seconds !== null),
  ];
  const columns: Column[] = [
    { head: 'Model' },
    ...conditions.map((condition) => ({ head: view.conditions.label(condition), numeric: true })),
    ...(sized ? [{ head: 'Parameters', numeric: true }] : []),
    ...(timed ? [{ head: 'Training time', numeric: true }] : []),
  ];
  const tableRows: TableRow[] = models.map((model) => {
    const own = rows.filter((row) => row.model === model);
    const baseline = view.baselines.includes(model);
    const cells: Cell[] = [
      nameCell(own[0], direction),
      ...conditions.map((condition, i) =>
        valueCell(
          at(condition).find((row) => row.model === model),
          model,
          condition,
          rankings[i],
          view,
          direction,
        ),
      ),
      ...(sized ? [rangeCell(own, 'parameters', formatCount)] : []),
      ...(!timed
        ? []
        : baseline && own.every((row) => !row.seconds)
          ? [{ text: 'none', sort: 0 }]
          : [rangeCell(own, 'seconds', formatSeconds)]),
    ];
    return { baseline, cells };
  });
  const data: DataTable = {
    columns: [
      'model',
      'condition',
      'metric',
      'published',
      'mean',
      'std',
      'n',
      'parameters',
      'seconds',
      'baseline',
      'note',
    ],
    rows: rows.map((row) => [
      row.model,
      view.conditions.label(row.condition),
      row.metric,
      row.published,
      row.mean,
      row.std,
      row.n,
      row.parameters,
      row.seconds,
      row.baseline,
      row.note,
    ]),
  };
  const uncertain = rows.some((row) => !row.baseline && row.mean !== null && !hasSpread(row));
  // The arrow beside it says which direction is better.
  const named = metric.replace(/ \((higher|lower|neither) is better\)/i, '');
  const caption = html`<span class="metric">${named}</span>
    <span class="direction">${directionNotes[direction]}</span
    >${view.conditions.shared ? ` · all rows: ${view.conditions.shared}` : null}`;
  return html`${table({ id, caption, columns, rows: tableRows })}
  ${models.length > 1 && direction !== 'neither' ? rule(uncertain, view.repetition) : null}
  ${downloads({ name: `${id}`, data, latex: latexTable({ columns, rows: tableRows }) })}`;
}

const directionNotes: Readonly<Record<Direction, string>> = {
  lower: '↓ lower is better',
  higher: '↑ higher is better',
  neither: 'no value is better than another',
};

/** How the marks of a table are to be read. */
const rule = (uncertain: boolean, repetition: string): Html =>
  html`<p class="rule">
    <strong>Bold</strong>: best trained model, only where ${noiseRule(repetition)}. <u>Underlined</u>: second
    best by the same rule. ≈: tie with the best. Values are mean ± sample standard deviation over
    ${repetition}s.${uncertain ? ` One ${repetition}: no claim.` : null}
  </p>`;

/** Values at the last and at the best checkpoint of the jobs behind a row. */
const checkpoints = (
  row: Row,
  view: Overview,
): { last: ReturnType<typeof meanStd>; best: ReturnType<typeof meanStd>; inference: number | null } => {
  // What a job calls its value may be another metric than the row's.
  const results = jobsOf(row, view).flatMap(({ result }) => (result?.metric === row.metric ? [result] : []));
  const times = results.flatMap(({ inferenceMilliseconds }) =>
    inferenceMilliseconds === null ? [] : [inferenceMilliseconds],
  );
  return {
    last: meanStd(results.map(({ value }) => value)),
    best: meanStd(results.flatMap(({ best }) => (best ? [best.value] : []))),
    inference: meanStd(times).mean,
  };
};

function everyNumber({ rows, view, id }: Group): Html {
  const columns: Column[] = [
    { head: 'Model' },
    { head: 'Condition' },
    { head: 'Published', numeric: true },
    { head: 'Ours', sub: 'as stated above', numeric: true },
    { head: 'Ours / published', numeric: true },
    { head: 'Last checkpoint', numeric: true },
    { head: 'Best checkpoint', sub: 'chosen on validation', numeric: true },
    { head: capitalised(`${view.repetition}s`), numeric: true },
    { head: 'Parameters', numeric: true },
    { head: 'Training time', numeric: true },
    { head: 'Inference', numeric: true },
    { head: 'Note' },
  ];
  const data: DataTable = {
    columns: [
      'model',
      'condition',
      'published',
      'mean',
      'std',
      'n',
      'last_mean',
      'last_std',
      'best_mean',
      'best_std',
      'parameters',
      'seconds',
      'inference_milliseconds',
      'note',
    ],
    rows: rows.map((row) => {
      const { last, best, inference } = checkpoints(row, view);
      return [
        row.model,
        view.conditions.label(row.condition),
        row.published,
        row.mean,
        row.std,
        row.n,
        last.mean,
        last.std,
        best.mean,
        best.std,
        row.parameters,
        row.seconds,
        inference,
        row.note,
      ];
    }),
  };
  const tableRows: TableRow[] = rows.map((row) => {
    const { last, best, inference } = checkpoints(row, view);
    const ratio = overPublished(row);
    const number = (value: number | null, text: string): Cell => ({ text, sort: value });
    return {
      baseline: row.baseline,
      cells: [
        nameCell(row, directionOf(row.metric)),
        { text: view.conditions.label(row.condition) },
        number(row.published, formatNumber(row.published)),
        number(row.mean, formatMeanStd(row.mean, row.std)),
        number(ratio, formatNumber(ratio)),
        number(last.mean, formatMeanStd(last.mean, last.std)),
        number(best.mean, formatMeanStd(best.mean, best.std)),
        number(row.n, row.baseline && row.n <= 1 ? '—' : String(row.n)),
        number(row.parameters, formatCount(row.parameters)),
        number(row.seconds, row.baseline && !row.seconds ? 'none' : formatSeconds(row.seconds)),
        number(inference, inference === null ? '—' : `${formatNumber(inference)} ms`),
        { text: row.note || (row.mean === null ? reasonMissing(row, jobsOf(row, view)) : '') },
      ],
    };
  });
  const name = `${id}-every-number`;
  return html`<details>
    <summary>Every number: last and best checkpoint, per condition</summary>
    ${table({ id: name, caption: 'One line a model and condition. Last and best checkpoint are both evaluated on the split the metric names; the best one is chosen on validation data.', columns, rows: tableRows })}
    ${downloads({ name, data, latex: latexTable({ columns, rows: tableRows }) })}
  </details>`;
}

/** The tables of every metric. What the first one says stands at the head of the report, what the others say above them. */
export function mainTable(_input: ReportInput, view: Overview, groups: readonly MetricGroup[]): Content {
  if (!groups.length) return html`<p>No row has been measured yet.</p>`;
  return groups.map((group, i) => {
    const id = `table-results${i ? `-${i + 1}` : ''}`;
    return html`${i ? prose(verdict(group, view), 'finding') : null}${comparison({ ...group, view, id })}${everyNumber({ ...group, view, id })}`;
  });
}

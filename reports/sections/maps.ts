/** Images that jobs left in their arrays: noise maps beside each other, those of one scale in the same colours. */
import { colorScaleFor, type ColorScale } from '../colormap.ts';
import { downloads } from '../downloads.ts';
import { figure } from '../figure.ts';
import { formatNumber, slug } from '../format.ts';
import { html, type Content } from '../html.ts';
import { imageMap } from '../imageMap.ts';
import type { DecodedArray, ReportInput, ReportJob } from '../input.ts';
import { latexTable, table } from '../table.ts';

interface NamedMap {
  title: string;
  quantity: string;
  scale: string;
  array: DecodedArray;
}

const mapsOf = ({ result, arrays }: ReportJob): NamedMap[] =>
  (result?.maps ?? []).flatMap(({ array: name, ...rest }) => {
    const array = arrays?.[name];
    return array?.shape.length === 2 ? [{ ...rest, array }] : [];
  });

/** Outliers beyond these shares take the colour of the nearer end, so that a few pixels do not hide the rest. */
const [LOWEST, HIGHEST] = [0.005, 0.995];

/** Colours for all maps of a scale, of whatever job. */
function colorsOf(maps: readonly NamedMap[]): ColorScale {
  const values = Float64Array.from(
    maps.flatMap(({ array }) => Array.from(array.data).filter(Number.isFinite)),
  );
  values.sort();
  const at = (share: number): number => values[Math.round(share * (values.length - 1))] ?? 0;
  return colorScaleFor([at(LOWEST), at(HIGHEST)]);
}

const nameOf = ({ config }: ReportJob): string =>
  [config.model, ...Object.entries(config.condition).map(([name, value]) => `${name} ${value}`)].join(', ');

/** One figure a job, the first seed of each model and condition. Null where no job has maps. */
export function maps({ jobs }: ReportInput): Content {
  const first = new Map<string, ReportJob>();
  for (const job of [...jobs].sort((a, b) => a.config.seed - b.config.seed))
    if (mapsOf(job).length && !first.has(nameOf(job))) first.set(nameOf(job), job);
  if (!first.size) return null;
  const all = [...first.values()].flatMap(mapsOf);
  const scales = new Map(
    [...new Set(all.map(({ scale }) => scale))].map((scale) => [
      scale,
      colorsOf(all.filter((map) => map.scale === scale)),
    ]),
  );
  return [...first].map(([name, job]) => {
    const panels = mapsOf(job).map(({ title, quantity, scale, array }) => {
      const finite = Array.from(array.data)
        .filter(Number.isFinite)
        .sort((a, b) => a - b);
      const middle = finite[finite.length >> 1];
      const [rows, columns] = array.shape;
      return {
        title,
        svg: imageMap({
          title,
          description: `${title}, ${name}: ${quantity}, ${rows} × ${columns} pixels, between ${formatNumber(finite[0])} and ${formatNumber(finite.at(-1))}, median ${formatNumber(middle)}`,
          grid: { rows, columns, values: array.data },
          quantity,
          colors: scales.get(scale) ?? colorsOf([]),
        }),
        row: [title, quantity, finite[0], middle, finite.at(-1)] as const,
      };
    });
    const maps = figure({
      id: `maps-${slug(name)}`,
      caption: html`<b>${name}.</b> Maps of one quantity share their colours, here and between figures; the
        highest and lowest half per cent of values take the end colours. Point at a pixel for its value; click
        to enlarge.`,
      panels,
      data: {
        columns: ['map', 'quantity', 'least', 'median', 'largest'],
        rows: panels.map(({ row }) => row.map((cell) => cell ?? null)),
      },
    });
    return html`${maps}${numbers(name, job)}`;
  });
}

/** Tables of more numbers than these are closed at first. */
const OPEN_UP_TO = 40;

/** What a job with maps measured beside them. */
function numbers(name: string, { result }: ReportJob): Content {
  const facts = Object.entries(result?.extra ?? {});
  if (!facts.length) return null;
  const id = `numbers-${slug(name)}`;
  const columns = [{ head: 'Number' }, { head: 'Value', numeric: true }];
  const rows = facts.map(([fact, value]) => ({
    cells: [{ text: fact }, { text: formatNumber(value), sort: value }],
  }));
  return html`<details ${facts.length <= OPEN_UP_TO ? html`open` : null}>
    <summary>Numbers beside the maps</summary>
    ${table({ id, caption: html`<b>${name}.</b>`, columns, rows })}
    ${downloads({ name: id, data: { columns: ['number', 'value'], rows: facts }, latex: latexTable({ columns, rows }) })}
  </details>`;
}

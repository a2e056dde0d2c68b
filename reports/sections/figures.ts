/** Figures that belong to the experiment as a whole, drawn as its result describes them. */
import type { Figure } from '../../src/runs/schema.ts';
import { chart, type Axis, type LegendEntry, type Series } from '../chart.ts';
import type { Overview } from '../conditions.ts';
import { figure, type Panel } from '../figure.ts';
import { formatNumber, slug } from '../format.ts';
import { html, type Content } from '../html.ts';
import type { ReportInput } from '../input.ts';
import { extent, type ScaleKind } from '../scale.ts';

/** Series of one panel, in order of appearance; null is the chart of those that name none. */
const panelsOf = ({ series }: Figure): [panel: string | null, places: number[]][] => {
  const panels = new Map<string | null, number[]>();
  series.forEach(({ panel = null }, i) => panels.set(panel, [...(panels.get(panel) ?? []), i]));
  return [...panels];
};

/** A series that is named after a model keeps the colour of the model; series of one group share theirs. */
const colorsOf = (source: Figure, view: Overview): number[] => {
  const models = [...view.trained, ...view.baselines];
  const groups = [...new Set(source.series.map(({ name, group }) => group ?? name))];
  const named = new Map(groups.map((group) => [group, models.indexOf(group)]));
  const taken = new Set(named.values());
  let next = 0;
  for (const [group, i] of named) {
    if (i >= 0) continue;
    while (taken.has(next)) next++;
    named.set(group, next++);
  }
  return source.series.map(({ name, group }) => named.get(group ?? name) ?? 0);
};

function draw(source: Figure, view: Overview): Content {
  const colors = colorsOf(source, view);
  const series = source.series.map(({ name, x, y, band, style }, i): Series => ({
    name,
    x,
    y,
    style,
    color: colors[i],
    ...(band
      ? {
          band: {
            lower: y.map((value, j) => value - (band[j] ?? 0)),
            upper: y.map((value, j) => value + (band[j] ?? 0)),
          },
        }
      : {}),
  }));
  const ranges = series.map(({ name, y }) => {
    const range = extent(Array.from(y));
    return range
      ? `${name} between ${formatNumber(range[0])} and ${formatNumber(range[1])}`
      : `${name} without finite values`;
  });
  const places = panelsOf(source);
  // One chart finds its own ends of the axes, which bands widen.
  const shared = (kind: ScaleKind, of: (one: Series) => ArrayLike<number>): Pick<Axis, 'extent'> =>
    places.length > 1
      ? {
          extent: extent(
            series.flatMap((one) => Array.from(of(one))),
            kind,
          ),
        }
      : {};
  const x = { label: source.xLabel, kind: source.xScale, ...shared(source.xScale, (one) => one.x) };
  const y = { label: source.yLabel, kind: source.yScale, ...shared(source.yScale, (one) => one.y) };
  const panels = places.map(([panel, members]): Panel => {
    const own = members.map((i) => series[i]);
    const title = panel ?? source.title;
    const about = panel === null ? source.title : `${source.title}, ${panel}`;
    return {
      title,
      svg: chart({
        title,
        description: `${about}: ${source.yLabel} against ${source.xLabel}. ${members.map((i) => ranges[i]).join('; ')}.`,
        x,
        y,
        series: own,
        // The title of a panel says what its only series is.
        legend:
          panel !== null && own.length === 1
            ? []
            : own.map(({ name, style, color }): LegendEntry => ({ name, style, color })),
      }),
    };
  });
  const data = {
    columns: ['series', 'x', 'y', 'band'],
    rows: source.series.flatMap(({ name, x, y, band }) =>
      x.map((value, i) => [name, value, y[i] ?? null, band?.[i] ?? null]),
    ),
  };
  return figure({
    id: `figure-${slug(source.id)}`,
    caption: html`<b>${source.title}.</b> ${source.caption}`,
    panels,
    data,
  });
}

export const figures = ({ result }: ReportInput, view: Overview): Content =>
  result.figures.length ? result.figures.map((source) => draw(source, view)) : null;

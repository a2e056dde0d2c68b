/** A small chart writer: lines, points and bands over linear or logarithmic axes as one inline SVG. */
import { html, join, raw, type Content, type Html } from './html.ts';
import { characterWidth, colorCount, pixel } from './chartStyle.ts';
import { extent, scale, type Scale, type ScaleKind } from './scale.ts';
import { panelTitle } from './panelTitle.ts';

export interface Series {
  name: string;
  x: ArrayLike<number>;
  y: ArrayLike<number>;
  /** Lower and upper edge of a band, each as long as x. */
  band?: { lower: ArrayLike<number>; upper: ArrayLike<number> };
  style: 'line' | 'points' | 'dashed' | 'dotted';
  /** Number of a line colour, or the colour of the text, or a pale grey. */
  color: number | 'ink' | 'pale';
  weight?: 'thin' | 'normal' | 'thick';
  /** Writes the name beside the last point. */
  labelled?: boolean;
}

export interface Axis {
  label: string;
  kind: ScaleKind;
  /** Ends of the axis where several charts share it; taken from the data otherwise. */
  extent?: [number, number] | null;
}

export interface LegendEntry {
  name: string;
  style: Series['style'];
  color: Series['color'];
  weight?: Series['weight'];
}

export interface ChartOptions {
  /** Drawn above the chart; may be empty. */
  title: string;
  /** What a reader who cannot see the chart is told. */
  description: string;
  x: Axis;
  y: Axis;
  series: readonly Series[];
  legend?: readonly LegendEntry[];
  width?: number;
  height?: number;
}

const lineHeight = 15;
const textWidth = (text: string): number => text.length * characterWidth;

const colorClass = (color: Series['color']): string =>
  typeof color === 'number' ? `c${color % colorCount}` : color;

const lineClass = ({ style, color, weight = 'normal' }: LegendEntry): string =>
  ['line', ...(style === 'line' ? [] : [style]), weight, colorClass(color)].join(' ');

type Point = [number, number];

/**
 * Points of a line in pixels, broken where a value has no place on the axis. Where many points share a pixel column only
 * the first, lowest, highest and last remain: the picture is the same, the file is not hundreds of kilobytes.
 */
function segments(x: ArrayLike<number>, y: ArrayLike<number>, xs: Scale, ys: Scale): Point[][] {
  const parts: Point[][] = [];
  let part: Point[] = [];
  for (let i = 0; i < Math.min(x.length, y.length); i++) {
    const point: Point = [xs.position(x[i]), ys.position(y[i])];
    if (Number.isNaN(point[0]) || Number.isNaN(point[1])) {
      if (part.length) parts.push(part);
      part = [];
    } else part.push(point);
  }
  if (part.length) parts.push(part);
  return parts.map((points) => (points.length > 1200 ? thin(points) : points));
}

function thin(points: readonly Point[]): Point[] {
  const columns = new Map<number, Point[]>();
  for (const point of points) {
    const column = Math.round(point[0] * 2);
    const known = columns.get(column);
    if (!known) columns.set(column, [point, point, point, point]);
    else {
      if (point[1] < known[1][1]) known[1] = point;
      if (point[1] > known[2][1]) known[2] = point;
      known[3] = point;
    }
  }
  return [...columns.values()].flatMap((four) => four.filter((point, i) => four.indexOf(point) === i));
}

const pathOf = (parts: readonly Point[][]): string =>
  parts.map((points) => 'M' + points.map(([x, y]) => `${pixel(x)} ${pixel(y)}`).join('L')).join('');

const drawBand = (series: Series, xs: Scale, ys: Scale): Content => {
  if (!series.band) return null;
  const { lower, upper } = series.band;
  // On a log axis a band may reach below zero; it is cut at the lower end of the axis, not dropped.
  const floor = ys.domain[0];
  const cut = Array.from(lower, (value) => (ys.kind === 'log' && value <= 0 ? floor : value));
  const top = segments(series.x, upper, xs, ys).flat();
  const bottom = segments(series.x, cut, xs, ys).flat().reverse();
  return top.length && bottom.length
    ? html`<path class="band ${colorClass(series.color)}" d="${pathOf([[...top, ...bottom]])}Z" />`
    : null;
};

/** More points than these are a cloud, drawn as one path: its dots have no rims, which would hide it. */
const CLOUD_FROM = 200;

const drawSeries = (series: Series, xs: Scale, ys: Scale): Content => {
  const parts = segments(series.x, series.y, xs, ys);
  if (series.style === 'points' && series.x.length >= CLOUD_FROM) {
    const dots = parts.flat().map(([x, y]) => `M${pixel(x)} ${pixel(y)}h0`);
    return html`<path class="cloud ${colorClass(series.color)}" d="${dots.join('')}" />`;
  }
  const dot = ([x, y]: Point): Html =>
    html`<circle class="point ${colorClass(series.color)}" cx="${pixel(x)}" cy="${pixel(y)}" r="3" />`;
  if (series.style === 'points') return parts.flat().map(dot);
  // A line of one point would be invisible.
  const lone = parts.filter((points) => points.length === 1).flat();
  return html`<path class="${lineClass(series)}" d="${pathOf(parts)}" />${lone.map(dot)}`;
};

const swatch = (entry: LegendEntry, x: number, y: number): Html =>
  entry.style === 'points'
    ? html`<circle class="point ${colorClass(entry.color)}" cx="${pixel(x + 9)}" cy="${pixel(y)}" r="3" />`
    : html`<path class="${lineClass(entry)}" d="M${pixel(x)} ${pixel(y)}h18" />`;

/** Places legend entries from left to right, in as many lines as the width needs. */
function drawLegend(
  entries: readonly LegendEntry[],
  width: number,
  top: number,
): { markup: Html; lines: number } {
  let x = 0;
  let line = 0;
  const placed = entries.map((entry) => {
    const needed = 24 + textWidth(entry.name) + 14;
    if (x > 0 && x + needed > width) {
      x = 0;
      line++;
    }
    const y = top + line * lineHeight;
    const item = html`${swatch(entry, x, y - 4)}<text x="${pixel(x + 24)}" y="${pixel(y)}"
        >${entry.name}</text
      >`;
    x += needed;
    return item;
  });
  return { markup: html`<g class="legend">${placed}</g>`, lines: entries.length ? line + 1 : 0 };
}

/** Moves labels apart so that each has its own line, as near to its wish as the others allow. */
export function spreadLabels(wishes: readonly number[], gap: number, low: number, high: number): number[] {
  const order = wishes.map((_, i) => i).sort((a, b) => wishes[a] - wishes[b]);
  const placed = [...wishes];
  let floor = low;
  for (const i of order) {
    placed[i] = Math.max(wishes[i], floor);
    floor = placed[i] + gap;
  }
  let ceiling = high;
  for (const i of [...order].reverse()) {
    placed[i] = Math.min(placed[i], ceiling);
    ceiling = placed[i] - gap;
  }
  return placed;
}

interface Frame {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

const drawAxes = (xs: Scale, ys: Scale, { left, right, top, bottom }: Frame): Html => {
  const xTicks = xs.ticks.map((tick) => {
    const x = pixel(xs.position(tick.value));
    return html`<path class="grid" d="M${x} ${pixel(top)}V${pixel(bottom)}" /><text
        class="tick"
        x="${x}"
        y="${pixel(bottom + 16)}"
        text-anchor="middle"
        >${tick.label}</text
      >`;
  });
  const yTicks = ys.ticks.map((tick) => {
    const y = ys.position(tick.value);
    return html`<path class="grid" d="M${pixel(left)} ${pixel(y)}H${pixel(right)}" /><text
        class="tick"
        x="${pixel(left - 7)}"
        y="${pixel(y + 4)}"
        text-anchor="end"
        >${tick.label}</text
      >`;
  });
  return html`${xTicks}${yTicks}<path
      class="axis"
      d="M${pixel(left)} ${pixel(top)}V${pixel(bottom)}H${pixel(right)}"
    />`;
};

const dataExtent = (axis: Axis, values: () => Iterable<number>): [number, number] | null =>
  axis.extent === undefined ? extent(values(), axis.kind) : axis.extent;

function* valuesOf(
  series: readonly Series[],
  pick: (one: Series) => readonly ArrayLike<number>[],
): Iterable<number> {
  for (const one of series) for (const list of pick(one)) yield* Array.from(list);
}

/** Draws a chart. Values that the axes cannot hold (not finite, or not positive on a log axis) leave a gap. */
export function chart(options: ChartOptions): Html {
  const { title, description, series, legend = [], width = 440, height = 290 } = options;
  const yExtent = dataExtent(options.y, () =>
    valuesOf(series, ({ y, band }) => (band ? [y, band.lower, band.upper] : [y])),
  );
  const xExtent = dataExtent(options.x, () => valuesOf(series, ({ x }) => [x]));
  const heading = panelTitle(title, width);
  const key = drawLegend(legend, width, heading.height + 12);
  const top = heading.height + key.lines * lineHeight + 24;
  const bottom = height - 40;
  const labels = series.filter((one) => one.labelled);
  const right =
    width - (labels.length ? 1.15 * Math.max(...labels.map(({ name }) => textWidth(name))) + 12 : 10);
  const ys = scale({ kind: options.y.kind, extent: yExtent, range: [bottom, top], padding: 0.04 });
  const left = Math.max(26, 12 + Math.max(0, ...ys.ticks.map(({ label }) => textWidth(label))));
  const xs = scale({ kind: options.x.kind, extent: xExtent, range: [left, right], ticks: 5 });
  const ends = labels.map((one) => segments(one.x, one.y, xs, ys).flat().at(-1)?.[1] ?? (top + bottom) / 2);
  const places = spreadLabels(ends, lineHeight - 1, top + 4, bottom);
  const names = labels.map(
    (one, i) =>
      html`<text class="name ${colorClass(one.color)}" x="${pixel(right + 6)}" y="${pixel(places[i] + 4)}"
        >${one.name}</text
      >`,
  );
  const empty =
    yExtent && xExtent
      ? null
      : html`<text x="${pixel((left + right) / 2)}" y="${pixel((top + bottom) / 2)}" text-anchor="middle"
          >no finite values to draw</text
        >`;
  return html`<svg class="chart" role="img" aria-label="${description}" viewBox="0 0 ${width} ${height}">
    ${heading.markup}${key.markup}
    <text x="0" y="${pixel(top - 9)}">${options.y.label}</text>
    ${drawAxes(xs, ys, { left, right, top, bottom })}
    <text x="${pixel((left + right) / 2)}" y="${pixel(height - 6)}" text-anchor="middle">
      ${options.x.label}
    </text>
    ${join(series.map((one) => drawBand(one, xs, ys)))}${join(
      series.map((one) => drawSeries(one, xs, ys)),
      raw('\n'),
    )}
    ${names}${empty}
  </svg>`;
}

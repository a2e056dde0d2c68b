/**
 * Clouds of points in space as an SVG that can be turned: by dragging, or by the arrow keys when it has the focus. Without script it is
 * the first view. Axes share one scale, so that shapes keep their proportions.
 */
import { colorCount } from './chartStyle.ts';
import { html, type Html } from './html.ts';

export interface Cloud {
  name: string;
  /** `[n, 3]`, row by row. */
  points: ArrayLike<number>;
  /** Number of a line colour, or a pale grey. */
  color: number | 'pale';
}

/** The box that is shown. */
export interface Box {
  middle: readonly number[];
  /** Half of each edge. */
  halves: readonly number[];
  /** Half of the diagonal: from every side the box is inside a circle of that radius. */
  reach: number;
}

export interface ScatterOptions {
  title: string;
  /** What a reader who cannot see the picture is told. */
  description: string;
  clouds: readonly Cloud[];
  box: Box;
}

const SIZE = 320;
/** Room above the picture for its title and legend. */
const HEAD = 40;
/** Screen units of half the diagonal of the box. */
const SCALE = 142;
/** First view: turned about the vertical axis, and tilted, in radians. */
const TURN = 0.6;
const TILT = 0.45;

/** The box of all points of a cloud. */
export function boxOf(points: ArrayLike<number>): Box {
  const ends = [0, 1, 2].map((j): [number, number] => {
    let [low, high] = [Infinity, -Infinity];
    for (let i = j; i < points.length; i += 3) {
      low = Math.min(low, points[i]);
      high = Math.max(high, points[i]);
    }
    return [low, high];
  });
  const halves = ends.map(([low, high]) => (high - low) / 2);
  return { middle: ends.map(([low, high]) => (low + high) / 2), halves, reach: Math.hypot(...halves) || 1 };
}

/** Coordinates in thousandths of the reach of the box; points further beside it than the margin are left out. */
function inBox(points: ArrayLike<number>, { middle, halves, reach }: Box): number[] {
  const inside: number[] = [];
  for (let i = 0; i + 2 < points.length; i += 3) {
    const place = [0, 1, 2].map((j) => Math.round((1000 * (points[i + j] - middle[j])) / reach));
    if (place.every((v, j) => Math.abs(v) <= 1000 * (halves[j] / reach + MARGIN))) inside.push(...place);
  }
  return inside;
}

/** How far beside the box a point is still shown, in its reach. */
const MARGIN = 0.08;

/** How many points of a cloud are outside what is shown. */
export const countOutside = (points: ArrayLike<number>, box: Box): number =>
  (points.length - inBox(points, box).length) / 3;

/** Where a point in thousandths of the box stands on the screen. The page's script does the same. */
function screen([x, y, z]: readonly number[], turn: number, tilt: number): [number, number] {
  const across = x * Math.cos(turn) - y * Math.sin(turn);
  const away = x * Math.sin(turn) + y * Math.cos(turn);
  const up = z * Math.cos(tilt) + away * Math.sin(tilt);
  const pixel = (v: number): number => Math.round(v * 10) / 10;
  return [pixel(SIZE / 2 + (across * SCALE) / 1000), pixel(HEAD + SIZE / 2 - (up * SCALE) / 1000)];
}

const dots = (coordinates: readonly number[]): string => {
  let path = '';
  for (let i = 0; i < coordinates.length; i += 3) {
    const [u, v] = screen(coordinates.slice(i, i + 3), TURN, TILT);
    path += `M${u} ${v}h0`;
  }
  return path;
};

/** The lower corner of the box, and the ends of the three edges that meet there. */
function axesOf({ halves, reach }: Box): { corner: number[]; axes: { name: string; end: number[] }[] } {
  const corner = halves.map((half) => -Math.round((1000 * half) / reach));
  const axes = ['x', 'y', 'z'].map((name, j) => ({ name, end: corner.map((v, k) => (k === j ? -v : v)) }));
  return { corner, axes };
}

const colorClass = (color: Cloud['color']): string =>
  typeof color === 'number' ? `c${color % colorCount}` : color;

/** The SVG. Its `data-…` attributes hold what the script needs to draw another view. */
export function scatter3d({ title, description, clouds, box }: ScatterOptions): Html {
  const { corner, axes } = axesOf(box);
  const from = screen(corner, TURN, TILT);
  const drawn = clouds.map((cloud) => ({ ...cloud, coordinates: inBox(cloud.points, box) }));
  return html`<svg
    class="chart scatter3d"
    role="img"
    tabindex="0"
    aria-roledescription="picture that can be turned"
    aria-label="${description} Turn it by dragging or with the arrow keys."
    viewBox="0 0 ${SIZE} ${SIZE + HEAD}"
    data-size="${SIZE}"
    data-head="${HEAD}"
    data-scale="${SCALE}"
    data-turn="${TURN}"
    data-tilt="${TILT}"
  >
    <text class="panel-title" x="0" y="13">${title}</text>
    <g class="legend">
      ${clouds.map(
        ({ name, color }, i) =>
          html`<circle class="point ${colorClass(color)}" cx="${6 + 110 * i}" cy="28" r="3" /><text
              x="${14 + 110 * i}"
              y="32"
              >${name}</text
            >`,
      )}
    </g>
    ${axes.map(({ name, end }) => {
      const [u, v] = screen(end, TURN, TILT);
      return html`<path
          class="axis"
          data-ends="${[...corner, ...end].join(' ')}"
          d="M${from[0]} ${from[1]}L${u} ${v}"
        /><text class="tick" data-at="${end.join(' ')}" x="${u}" y="${v}">${name}</text>`;
    })}
    ${drawn.map(
      ({ color, coordinates }) =>
        html`<path
          class="cloud ${colorClass(color)}"
          data-points="${coordinates.join(' ')}"
          d="${dots(coordinates)}"
        />`,
    )}
  </svg>`;
}

/** The space-time picture of a solution: one SVG file that opens anywhere, written by `sextant solve`. */
import { chartStyle } from './chartStyle.ts';
import { formatNumber } from './format.ts';
import { heatmap } from './heatmap.ts';
import { extent } from './scale.ts';

export interface SpaceTimeField {
  /** Grid points `[points]`, ascending. */
  x: ArrayLike<number>;
  /** Times `[times]`, ascending. */
  t: ArrayLike<number>;
  /** Values `[times, points]`, row-major. */
  u: ArrayLike<number>;
  title: string;
}

/** An SVG name space is a name, not an address: nothing is fetched. */
const nameSpace = 'xmlns="http://www.w3.org/2000/svg"';

/** Turns an SVG element of the report into a file of its own: name space, size, margin and style sheet go along. */
function standaloneSvg(svg: string, width: number, height: number): string {
  const room = 12;
  return svg
    .trim()
    .replace(/viewBox="[^"]*"/, `viewBox="${-room} ${-room} ${width + 2 * room} ${height + 2 * room}"`)
    .replace(/<svg\s/, `<svg ${nameSpace} width="${width + 2 * room}" height="${height + 2 * room}" `)
    .replace(/^(<svg[^>]*>)/, `$1<style>${chartStyle}.chart{background:var(--ground)}</style>`);
}

const ascending = (values: ArrayLike<number>, name: string): void => {
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i]) || (i > 0 && !(values[i] > values[i - 1]))) {
      throw new Error(`spaceTimeSvg: ${name} must ascend and be finite, but ${name}[${i}] is ${values[i]}`);
    }
  }
};

/**
 * The picture of u(x, t): x to the right, time upwards, colour bar at the right; a diverging map centred at zero where u
 * has both signs. Throws when x or t is empty or not ascending, or when u does not have times · points entries.
 */
export function spaceTimeSvg({ x, t, u, title }: SpaceTimeField): string {
  if (x.length < 2) throw new Error(`spaceTimeSvg: x has ${x.length} points, expected at least 2`);
  if (t.length < 1) throw new Error('spaceTimeSvg: t is empty, expected at least one time');
  ascending(x, 'x');
  ascending(t, 't');
  if (u.length !== t.length * x.length) {
    throw new Error(
      `spaceTimeSvg: u has ${u.length} entries, expected times · points = ${t.length} · ${x.length} = ${t.length * x.length}`,
    );
  }
  const range = extent(Array.from(u));
  const width = 640;
  const height = 460;
  const description =
    `${title}: u for x from ${formatNumber(x[0])} to ${formatNumber(x[x.length - 1])}, ` +
    `t from ${formatNumber(t[0])} to ${formatNumber(t[t.length - 1])}; ` +
    (range ? `values between ${formatNumber(range[0])} and ${formatNumber(range[1])}` : 'no finite value');
  const svg = heatmap({
    title,
    description,
    grid: { rows: t.length, columns: x.length, values: u },
    x: { label: 'x', extent: [x[0], x[x.length - 1]] },
    y: { label: 't', extent: [t[0], t[t.length - 1]] },
    quantity: 'u(x, t)',
    width,
    height,
  });
  return standaloneSvg(svg.text, width, height);
}

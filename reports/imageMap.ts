/** An image of values with square pixels, its first row at the top: colour bar, and the values themselves for the page's script. */
import { characterWidth, pixel } from './chartStyle.ts';
import { colorBar, gridColors } from './heatmap.ts';
import type { ColorScale } from './colormap.ts';
import { formatNumber } from './format.ts';
import { html, type Html } from './html.ts';
import { gridPng, pngAddress, type Grid } from './image.ts';
import { extent } from './scale.ts';

export interface ImageMapOptions {
  title: string;
  /** What a reader who cannot see the picture is told. */
  description: string;
  grid: Grid;
  /** Name of the coloured quantity, with its unit where it has one. */
  quantity: string;
  /** Shared between pictures that are to be compared; made for this grid otherwise. */
  colors?: ColorScale;
}

const [WIDTH, TOP, BELOW] = [440, 43, 22];
/** Gap, colour bar and labels as wide as `−6×10⁻⁴`: the same beside every map, so that maps have one size. */
const BAR = 10 + 21 + 9 * characterWidth;
/** Levels of the values for the pointer; the one above says that there is none. */
const LEVELS = 65534;

/** Draws the picture as SVG. Throws when `grid.values` does not have rows · columns entries. */
export function imageMap({
  title,
  description,
  grid,
  quantity,
  colors = gridColors(grid),
}: ImageMapOptions): Html {
  const room = WIDTH - BAR;
  const pixelSize = Math.min(room / grid.columns, room / grid.rows);
  const [width, height] = [pixelSize * grid.columns, pixelSize * grid.rows];
  const left = (room - width) / 2;
  const [low, high] = extent(Array.from(grid.values)) ?? [0, 1];
  return html`<svg
    class="chart map"
    role="img"
    aria-label="${description}"
    viewBox="0 0 ${WIDTH} ${pixel(TOP + height + BELOW)}"
  >
    <text class="panel-title" x="0" y="13">${title}</text>
    <text x="${WIDTH}" y="${TOP - 9}" text-anchor="end">${quantity}</text>
    <image
      x="${pixel(left)}"
      y="${TOP}"
      width="${pixel(width)}"
      height="${pixel(height)}"
      preserveAspectRatio="none"
      image-rendering="pixelated"
      href="${pngAddress(gridPng(grid, colors))}"
      data-rows="${grid.rows}"
      data-columns="${grid.columns}"
      data-low="${low}"
      data-high="${high}"
      data-values="${encodeLevels(grid.values, low, high)}"
    />
    ${colorBar(colors, { left: room + 10, top: TOP, bottom: TOP + height })}
    <text class="readout tick" x="0" y="${pixel(TOP + height + 17)}">
      ${grid.rows} × ${grid.columns} pixels, ${formatNumber(low)} … ${formatNumber(high)}
    </text>
  </svg>`;
}

/** Values as 16-bit levels between the smallest and the largest, little endian, in base64. */
function encodeLevels(values: ArrayLike<number>, low: number, high: number): string {
  const bytes = Buffer.alloc(2 * values.length);
  for (let i = 0; i < values.length; i++) {
    const share = high > low ? (values[i] - low) / (high - low) : 0;
    bytes.writeUInt16LE(Number.isFinite(share) ? Math.round(LEVELS * share) : LEVELS + 1, 2 * i);
  }
  return bytes.toString('base64');
}

/** A field over two axes as a picture with axes and a colour bar, all in one SVG. */
import { characterWidth, pixel } from './chartStyle.ts';
import { html, type Html } from './html.ts';
import { colorScaleFor, type ColorScale } from './colormap.ts';
import { gridPng, pngAddress, type Grid } from './image.ts';
import { extent, scale } from './scale.ts';
import { panelTitle } from './panelTitle.ts';

export interface HeatmapOptions {
  title: string;
  /** What a reader who cannot see the picture is told. */
  description: string;
  /** `rows` run along y (first row lowest), `columns` along x. */
  grid: Grid;
  x: { label: string; extent: [number, number] };
  y: { label: string; extent: [number, number] };
  /** Name of the coloured quantity, with its unit where it has one. */
  quantity: string;
  /** Shared between pictures that are to be compared; made for this grid otherwise. */
  colors?: ColorScale;
  width?: number;
  height?: number;
}

/** The colour bar is itself a picture: 256 values from the low to the high end of the scale. */
const barPng = (colors: ColorScale): string => {
  const [low, high] = colors.domain;
  const values = Float64Array.from({ length: 256 }, (_, i) => low + ((high - low) * i) / 255);
  return pngAddress(gridPng({ rows: 256, columns: 1, values }, colors, true));
};

/** The bar of a colour scale with its ticks. */
export function colorBar(
  colors: ColorScale,
  { left, top, bottom }: { left: number; top: number; bottom: number },
): Html {
  const bar = scale({ kind: 'linear', extent: colors.domain, range: [bottom, top] });
  const box = html`x="${pixel(left)}" y="${pixel(top)}" width="14" height="${pixel(bottom - top)}"`;
  return html`<image ${box} preserveAspectRatio="none" href="${barPng(colors)}" />
    <rect class="frame" ${box} />
    ${bar.ticks.map(({ value, label }) => html`<path class="axis" d="M${pixel(left + 14)} ${pixel(bar.position(value))}h4" /><text class="tick" x="${pixel(left + 21)}" y="${pixel(bar.position(value) + 4)}">${label}</text>`)}`;
}

/** The scale that `heatmap` chooses by itself for a grid. */
export const gridColors = (grid: Grid): ColorScale =>
  colorScaleFor(extent(Array.from(grid.values)) ?? [0, 1]);

/** Draws the picture. Throws when `grid.values` does not have rows · columns entries. */
export function heatmap(options: HeatmapOptions): Html {
  const { title, description, grid, quantity, width = 440, height = 320 } = options;
  const colors = options.colors ?? gridColors(grid);
  const heading = panelTitle(title, width);
  const top = heading.height + 24;
  const bottom = height - 40;
  const ys = scale({ kind: 'linear', extent: options.y.extent, range: [bottom, top] });
  const bar = scale({ kind: 'linear', extent: colors.domain, range: [bottom, top] });
  const longest = (labels: readonly { label: string }[]): number =>
    Math.max(0, ...labels.map(({ label }) => label.length)) * characterWidth;
  const left = Math.max(26, 12 + longest(ys.ticks));
  const barLeft = width - longest(bar.ticks) - 12 - 14;
  const right = barLeft - 16;
  const xs = scale({ kind: 'linear', extent: options.x.extent, range: [left, right] });
  const box = (x: number, w: number): Html =>
    html`x="${pixel(x)}" y="${pixel(top)}" width="${pixel(w)}" height="${pixel(bottom - top)}"`;
  return html`<svg class="chart" role="img" aria-label="${description}" viewBox="0 0 ${width} ${height}">
    ${heading.markup}
    <text x="0" y="${pixel(top - 9)}">${options.y.label}</text>
    <text x="${pixel(width)}" y="${pixel(top - 9)}" text-anchor="end">${quantity}</text>
    <image
      ${box(left, right - left)}
      preserveAspectRatio="none"
      image-rendering="pixelated"
      href="${pngAddress(gridPng(grid, colors, true))}"
    />
    <rect class="frame" ${box(left, right - left)} />
    ${xs.ticks.map(({ value, label }) => html`<path class="axis" d="M${pixel(xs.position(value))} ${pixel(bottom)}v4" /><text class="tick" x="${pixel(xs.position(value))}" y="${pixel(bottom + 17)}" text-anchor="middle">${label}</text>`)}
    ${ys.ticks.map(({ value, label }) => html`<path class="axis" d="M${pixel(left)} ${pixel(ys.position(value))}h-4" /><text class="tick" x="${pixel(left - 7)}" y="${pixel(ys.position(value) + 4)}" text-anchor="end">${label}</text>`)}
    <text x="${pixel((left + right) / 2)}" y="${pixel(height - 6)}" text-anchor="middle">
      ${options.x.label}
    </text>
    ${colorBar(colors, { left: barLeft, top, bottom })}
  </svg>`;
}

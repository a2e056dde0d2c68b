/**
 * The style sheet of every chart, light and dark. It stands in the page once and goes along with each downloaded SVG.
 * Eight line colours, told apart under the common colour-vision deficiencies and with contrast ≥ 3 : 1 to their ground.
 */
const light = ['#0a5fb4', '#c2410c', '#087f5b', '#8a3ea8', '#8f6400', '#0b7285', '#b0246a', '#495057'];
const dark = ['#6cb2f7', '#ff9666', '#4fd1a5', '#d5a0f0', '#e6bd55', '#62d0e6', '#ff8fc0', '#b4bcc6'];

/** How many line colours there are; later series start again from the first. */
export const colorCount = light.length;

const variables = (
  colors: readonly string[],
  ink: string,
  muted: string,
  faint: string,
  ground: string,
): string =>
  `--ink:${ink};--muted:${muted};--faint:${faint};--ground:${ground};` +
  colors.map((color, i) => `--series-${i}:${color};`).join('');

const lightVariables = variables(light, '#1c1e21', '#5c6470', '#e3e5e8', '#ffffff');
const darkVariables = variables(dark, '#e8e6e3', '#a2a9b4', '#33383f', '#15181c');

export const chartStyle = `
:root{color-scheme:light dark;${lightVariables}}
@media (prefers-color-scheme:dark){:root{${darkVariables}}}
@media print{:root{color-scheme:light;${lightVariables}}}
.chart{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',sans-serif;font-size:12px;fill:var(--muted)}
.chart .panel-title{font-size:13px;font-weight:600;fill:var(--ink)}
.chart .grid{stroke:var(--faint);stroke-width:1;fill:none}
.chart .axis{stroke:var(--muted);stroke-width:1;fill:none}
.chart .tick{font-variant-numeric:tabular-nums}
.chart .line{fill:none;stroke:var(--c);stroke-width:1.6;stroke-linejoin:round;stroke-linecap:round}
.chart .thin{stroke-width:1.1}
.chart .thick{stroke-width:5.5;stroke-opacity:.28}
.chart .dashed{stroke-dasharray:5 3.5;stroke-linecap:butt}
.chart .dotted{stroke-dasharray:.1 3.6}
.chart .band{fill:var(--c);fill-opacity:.13;stroke:none}
.chart .point{fill:var(--c);stroke:var(--ground);stroke-width:.8}
.scatter3d{touch-action:none;cursor:grab}
.chart .cloud{fill:none;stroke:var(--c);stroke-width:2.6;stroke-linecap:round;stroke-opacity:.65}
.chart .cloud.pale{stroke-opacity:.3}
.chart .name{fill:var(--c);font-weight:600}
.chart .frame{stroke:var(--muted);stroke-width:.8;fill:none}
.chart .ink{--c:var(--ink)}.chart .pale{--c:var(--muted)}
${light.map((_, i) => `.chart .c${i}{--c:var(--series-${i})}`).join('')}
`;

/** Mean width of a character of a label, in units of the drawing. */
export const characterWidth = 6.4;

/** A coordinate, to a tenth. */
export const pixel = (value: number): string => String(Math.round(value * 10) / 10);

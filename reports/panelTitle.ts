/** The title above a chart. SVG breaks no lines by itself, and what is wider than the picture is cut off. */
import { characterWidth } from './chartStyle.ts';
import { html, type Html } from './html.ts';

const LINE = 19;
/** Bold letters of the title's size beside those of ticks and legends. */
const BOLD = 1.2;

export interface PanelTitle {
  readonly markup: Html | null;
  /** What the title takes above the rest. */
  readonly height: number;
}

/** A title in as many lines as the width needs; a word that is longer than that has a line of its own. */
export function panelTitle(title: string, width: number): PanelTitle {
  const lines: string[] = [];
  for (const word of title.split(' ').filter(Boolean)) {
    const longer = lines.length ? `${lines[lines.length - 1]} ${word}` : word;
    const fits = longer.length * BOLD * characterWidth <= width;
    if (lines.length && fits) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  const spans = lines.map((line, i) => html`<tspan x="0" y="${13 + i * LINE}">${line} </tspan>`);
  return {
    markup: lines.length ? html`<text class="panel-title">${spans}</text>` : null,
    height: lines.length * LINE,
  };
}

/** The frame around charts: anchor, panels side by side, caption, downloads. */
import { downloads, type DataTable } from './downloads.ts';
import { plural } from './format.ts';
import { html, type Content, type Html } from './html.ts';

export interface Panel {
  /** Names the panel in its download. */
  title: string;
  svg: Html;
}

export interface FigureOptions {
  id: string;
  caption: Content;
  panels: readonly Panel[];
  data: DataTable;
  /** Panels beyond so many are folded away at first; default none. */
  open?: number;
}

/** More panels than these unfold, in figures with one for each condition. */
export const OPEN_PANELS = 8;

const row = (panels: readonly Panel[], single: boolean): Html =>
  html`<div class="panels${single ? ' single' : ''}">
    ${panels.map(({ svg }) => html`<div class="panel">${svg}</div>`)}
  </div>`;

export const figure = ({ id, caption, panels, data, open = Infinity }: FigureOptions): Html =>
  html` <figure id="${id}">
    ${row(panels.slice(0, open), panels.length === 1)}
    ${
      panels.length > open
        ? html`<details>
            <summary>${plural(panels.length - open, 'further panel')}</summary>
            ${row(panels.slice(open), false)}
          </details>`
        : null
    }
    <figcaption>${caption} <a class="anchor" href="#${id}" aria-label="Link to this figure">#</a></figcaption>
    ${downloads({ name: id, data, charts: panels.map(({ title }) => title) })}
  </figure>`;

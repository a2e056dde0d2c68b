/** The frame around charts: anchor, panels side by side, caption, downloads. */
import { downloads, type DataTable } from './downloads.ts';
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
}

export const figure = ({ id, caption, panels, data }: FigureOptions): Html =>
  html` <figure id="${id}">
    <div class="panels${panels.length === 1 ? ' single' : ''}">
      ${panels.map(({ svg }) => html`<div class="panel">${svg}</div>`)}
    </div>
    <figcaption>${caption} <a class="anchor" href="#${id}" aria-label="Link to this figure">#</a></figcaption>
    ${downloads({ name: id, data, charts: panels.map(({ title }) => title) })}
  </figure>`;

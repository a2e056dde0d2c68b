/** Tables of the page: one description gives the HTML and the LaTeX (booktabs) form. */
import { escapeLatex } from './downloads.ts';
import { html, type Content, type Html } from './html.ts';

export interface Column {
  head: string;
  /** Numbers are set to the right and sort as numbers. */
  numeric?: boolean;
  /** Second line of the head. */
  sub?: string;
}

export interface Cell {
  text: string;
  /** What sorting goes by; the text where it is missing. */
  sort?: number | string | null;
  /** `best` is bold, `second` underlined, `tie` has a ≈ before it. */
  mark?: 'best' | 'second' | 'tie' | null;
  /** Smaller second line. */
  sub?: Content;
  /** Said by a badge after the text. */
  badge?: string;
}

export interface TableRow {
  cells: readonly Cell[];
  /** Baselines stand out from the trained models. */
  baseline?: boolean;
}

export interface TableOptions {
  id: string;
  caption: Content;
  columns: readonly Column[];
  rows: readonly TableRow[];
}

const marked = ({ text, mark }: Cell): Content => {
  if (mark === 'best') return html`<strong title="best, beyond the noise">${text}</strong>`;
  if (mark === 'second') return html`<u title="second best, beyond the noise">${text}</u>`;
  if (mark === 'tie') return html`<span title="tie: within the noise of the best">≈ ${text}</span>`;
  return text;
};

const drawCell = (cell: Cell, column: Column, first: boolean): Html => {
  const content = html`${marked(cell)}${cell.badge ? html` <span class="badge">${cell.badge}</span>` : null}${cell.sub ? html`<span class="sub">${cell.sub}</span>` : null}`;
  const sort = cell.sort === undefined || cell.sort === null ? null : html` data-sort="${cell.sort}"`;
  return first
    ? html`<th scope="row" ${sort}>${content}</th>`
    : html`<td${column.numeric ? html` class="numeric"` : null}${sort}>${content}</td>`;
};

const drawHead = ({ head, sub, numeric }: Column): Html =>
  html`<th scope="col" ${numeric ? html`class="numeric"` : null}>
    <span class="head">${head}</span>${sub ? html`<span class="sub">${sub}</span>` : null}
  </th>`;

/**
 * The caption, and below it the table in its own scrolling box, so that the page itself never scrolls sideways. The first
 * column names the row and stays in view.
 */
export const table = ({ id, caption, columns, rows }: TableOptions): Html =>
  html`<p class="caption" id="${id}-caption">
      ${caption}&nbsp;<a class="anchor" href="#${id}" aria-label="Link to this table">#</a>
    </p>
    <div class="scroll" tabindex="0" role="region" aria-labelledby="${id}-caption">
      <table id="${id}" class="sortable" aria-labelledby="${id}-caption">
        <thead>
          <tr>
            ${columns.map(drawHead)}
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            ({ cells, baseline }) =>
              html`<tr class="${baseline ? 'baseline' : 'trained'}">
                ${cells.map((cell, i) => drawCell(cell, columns[i], i === 0))}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>`;

const latexCell = ({ text, mark }: Cell): string => {
  const escaped = escapeLatex(text);
  if (mark === 'best') return `\\textbf{${escaped}}`;
  if (mark === 'second') return `\\underline{${escaped}}`;
  return mark === 'tie' ? `$\\approx$ ${escaped}` : escaped;
};

/** The same table for `\usepackage{booktabs}`. */
export function latexTable({ columns, rows }: Pick<TableOptions, 'columns' | 'rows'>): string {
  const line = (cells: readonly string[]): string => `${cells.join(' & ')} \\\\\n`;
  const body = rows.map(({ cells, baseline }, i) => {
    const rule = i > 0 && Boolean(baseline) !== Boolean(rows[i - 1].baseline) ? '\\midrule\n' : '';
    return rule + line(cells.map(latexCell));
  });
  return (
    `\\begin{tabular}{${columns.map(({ numeric }) => (numeric ? 'r' : 'l')).join('')}}\n\\toprule\n` +
    line(columns.map(({ head }) => escapeLatex(head))) +
    `\\midrule\n${body.join('')}\\bottomrule\n\\end{tabular}\n`
  );
}

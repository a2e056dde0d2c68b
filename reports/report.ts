/** The report: a pure function from plain data to one HTML file that opens offline. */
import { overview, type Overview } from './conditions.ts';
import { html, join, type Content, type Html } from './html.ts';
import type { ReportInput, ReportJob } from './input.ts';
import { metricGroups, type MetricGroup } from './metrics.ts';
import { page } from './page.ts';
import { checks } from './sections/checks.ts';
import { configuration } from './sections/configuration.ts';
import { curves } from './sections/curves.ts';
import { errors } from './sections/errors.ts';
import { fields } from './sections/fields.ts';
import { figures } from './sections/figures.ts';
import { maps } from './sections/maps.ts';
import { mainTable } from './sections/mainTable.ts';
import { hasPoints, points } from './sections/points.ts';
import { provenance } from './sections/provenance.ts';
import { plural } from './format.ts';
import { prose, verdict } from './verdict.ts';

export type { DecodedArray, ReportInput, ReportJob } from './input.ts';

interface Section {
  id: string;
  title: string;
  body: Content;
}

const sections = (input: ReportInput, view: Overview, groups: readonly MetricGroup[]): Section[] => {
  const { notes } = input.result;
  const all: Section[] = [
    { id: 'results', title: 'Results', body: mainTable(input, view, groups) },
    { id: 'checks', title: 'Checks', body: checks(input) },
    // What the experiment itself has to show comes before what every experiment shows.
    { id: 'figures', title: 'Figures', body: figures(input, view) },
    { id: 'curves', title: 'Learning curves', body: curves(input, view) },
    { id: 'points', title: 'Samples in space', body: points(input, view) },
    {
      id: 'samples',
      title: 'Truth, prediction, error',
      body: hasPoints(input) ? null : fields(input, view),
    },
    { id: 'maps', title: 'Maps', body: maps(input) },
    { id: 'errors', title: 'Error distribution', body: errors(input, view) },
    { id: 'configuration', title: 'Configuration', body: configuration(input, view) },
    {
      id: 'notes',
      title: 'Notes',
      body: notes.length
        ? html`<ul>
            ${notes.map((note) => html`<li>${note}</li>`)}
          </ul>`
        : null,
    },
    { id: 'provenance', title: 'Provenance', body: provenance(input) },
  ];
  return all.filter(({ body }) => body !== null);
};

const drawSection = ({ id, title, body }: Section): Html =>
  html` <section id="${id}" aria-labelledby="${id}-title">
    <h2 id="${id}-title">
      ${title} <a class="anchor" href="#${id}" aria-label="Link to the section ${title}">#</a>
    </h2>
    ${body}
  </section>`;

function progress({ complete = true, jobs }: ReportInput): Content {
  if (complete) return null;
  const count = (state: string): number => jobs.filter(({ status }) => status.state === state).length;
  const parts = ['running', 'queued', 'interrupted', 'failed'].flatMap((state) =>
    count(state) ? [`${count(state)} ${state}`] : [],
  );
  return html`<p class="notice" role="status">
    This experiment is not complete: ${count('finished')} of ${plural(jobs.length, 'job')}
    finished${parts.length ? `, ${parts.join(', ')}` : ''}. The numbers below are those of the finished jobs.
  </p>`;
}

const header = (input: ReportInput, view: Overview, groups: readonly MetricGroup[]): Html => {
  const { result, problems = [] } = input;
  const [first] = groups;
  return html`<header>
    <p class="eyebrow">Sextant report · ${result.experiment} · preset ${result.preset}</p>
    <h1>${result.title}</h1>
    <p class="source">Published numbers: ${result.source || 'none'}</p>
    ${progress(input)}
    ${
      problems.length
        ? html`<div class="notice" role="alert">
            <p>Not everything could be read:</p>
            <ul>
              ${problems.map((problem) => html`<li>${problem}</li>`)}
            </ul>
          </div>`
        : null
    }
    ${groups.length > 1 ? html`<p class="source">${first.metric}:</p>` : null}
    ${prose(first ? verdict(first, view) : ['Nothing has been measured yet.'], 'verdict')}
  </header>`;
};

export interface RenderOptions {
  /** Links to neighbouring pages, where the report is served among others. */
  links?: readonly { label: string; href: string }[];
}

const navigation = (links: NonNullable<RenderOptions['links']>): Content =>
  links.length
    ? html`<p class="eyebrow">
        ${join(
          links.map(({ label, href }) => html`<a href="${href}">${label}</a>`),
          ' · ',
        )}
      </p>`
    : null;

/** Jobs in the order of the models in the table, then by name: the same picture whatever order a folder was read in. */
const inOrder = (input: ReportInput): ReportInput => {
  const models = [...new Set(input.result.rows.map(({ model }) => model))];
  const place = ({ config }: ReportJob): number =>
    models.includes(config.model) ? models.indexOf(config.model) : models.length;
  const jobs = [...input.jobs].sort(
    (a, b) => place(a) - place(b) || a.name.localeCompare(b.name, 'en', { numeric: true }),
  );
  return { ...input, jobs };
};

/**
 * Renders an experiment as one self-contained HTML file: no external resource, strict content security policy, readable
 * without its script (which only sorts tables and saves charts). Equal input gives equal bytes.
 */
export function renderReport(given: ReportInput, { links = [] }: RenderOptions = {}): string {
  const input = inOrder(given);
  const view = overview(input);
  const groups = metricGroups(input.result.rows);
  const parts = sections(input, view, groups);
  return page({
    title: `${input.result.title} – Sextant`,
    body: html`${navigation(links)}${header(input, view, groups)}
      <nav aria-label="Sections">${parts.map(({ id, title }) => html`<a href="#${id}">${title}</a> `)}</nav>
      <main>${parts.map(drawSection)}</main>`,
  });
}

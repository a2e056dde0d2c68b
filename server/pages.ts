/** The server's own small pages: the list of experiments, the progress of one, and errors. */
import { formatSeconds, plural } from '../reports/format.ts';
import { html, type Content, type Html } from '../reports/html.ts';
import { page } from '../reports/page.ts';
import type { ExperimentSummary, JobSummary } from '../reports/summary.ts';
import { liveScript } from './liveScript.ts';

/** Seconds between reloads in a browser without script. */
const refreshSeconds = 10;

const address = (id: string): string => `/experiments/${encodeURIComponent(id)}`;

const percent = (share: number): string => `${Math.round(100 * share)} %`;

const time = (iso: string): Content => {
  const date = new Date(iso);
  if (!iso || Number.isNaN(date.getTime())) return '—';
  return html`<time datetime="${date.toISOString()}"
    >${date.toISOString().slice(0, 16).replace('T', ' ')} UTC</time
  >`;
};

const left = (seconds: number | null): Content =>
  seconds === null ? null : html`<span class="sub">${formatSeconds(seconds)} left</span>`;

const experimentRow = (summary: ExperimentSummary): Html => {
  const { id, title, preset, state, jobs, progress, secondsLeft, updatedAt, problems } = summary;
  const finished = jobs.filter(({ status }) => status.state === 'finished').length;
  return html`<tr>
    <th scope="row">
      <a href="${address(id)}">${title}</a
      ><span class="sub">${id}${preset ? ` · preset ${preset}` : ''}</span
      >${problems.length ? html`<span class="sub">⚠ ${problems[0]}</span>` : null}
    </th>
    <td>
      ${state}${state === 'finished' ? null : html`<span class="sub"><a href="${address(id)}/live">progress</a></span>`}
    </td>
    <td>
      <progress max="1" value="${progress}" aria-label="progress of ${title}">${percent(progress)}</progress>
      ${percent(progress)}<span class="sub">${finished} of ${plural(jobs.length, 'job')} finished</span
      >${state === 'running' ? left(secondsLeft) : null}
    </td>
    <td>${time(updatedAt)}</td>
  </tr>`;
};

/** The list of experiments, latest change first. */
export function listPage(summaries: readonly ExperimentSummary[]): string {
  const sorted = [...summaries].sort((a, b) =>
    a.updatedAt < b.updatedAt ? 1 : a.updatedAt > b.updatedAt ? -1 : 0,
  );
  const body = sorted.length
    ? html`<div class="scroll" tabindex="0" role="region" aria-label="Experiments">
        <table>
          <thead>
            <tr>
              <th scope="col">Experiment</th>
              <th scope="col">State</th>
              <th scope="col">Progress</th>
              <th scope="col">Last change</th>
            </tr>
          </thead>
          <tbody>
            ${sorted.map(experimentRow)}
          </tbody>
        </table>
      </div>`
    : html`<p>There are no runs yet. Start one with <code>sextant bench kdv --preset quick</code>.</p>`;
  return page({
    title: 'Experiments – Sextant',
    script: '',
    body: html`<header>
        <p class="eyebrow">Sextant</p>
        <h1>Experiments</h1>
      </header>
      <main>${body}</main>`,
  });
}

/** What a running job is at: a part of its work, or its epochs where it has any. */
function standing({ part, epoch, epochs }: JobSummary['status']): {
  text: string;
  done: number;
  total: number;
} {
  if (part) return { text: `${part.label} ${part.done} of ${part.total}`, ...part };
  return { text: epochs ? `epoch ${epoch} of ${epochs}` : '', done: epoch, total: epochs };
}

const jobRow = ({ name, model, status }: JobSummary): Html => {
  const { text, done, total } = standing(status);
  return html`<tr data-job="${name}">
    <th scope="row">${name}<span class="sub">${model ?? ''}</span></th>
    <td data-field="state">${status.state}</td>
    <td>
      <progress max="${Math.max(1, total)}" value="${done}" aria-label="progress of ${name}"></progress>
      <span class="sub" data-field="epoch">${text}</span>
    </td>
    <td class="numeric" data-field="train">—</td>
    <td class="numeric" data-field="validation">—</td>
    <td>
      <svg
        class="spark"
        role="img"
        aria-label="loss of ${name} so far, logarithmic"
        viewBox="0 0 160 42"
        preserveAspectRatio="none"
      >
        <path d="" />
      </svg>
    </td>
  </tr>`;
};

/** The progress of an experiment; its script keeps it current through server-sent events. */
export function livePage(summary: ExperimentSummary): string {
  const { id, title, jobs, problems } = summary;
  return page({
    title: `Progress of ${title} – Sextant`,
    script: liveScript,
    refresh: refreshSeconds,
    body: html`<header>
        <p class="eyebrow"><a href="/">All experiments</a> · <a href="${address(id)}">Report so far</a></p>
        <h1>${title}</h1>
        <p class="source" id="connection" role="status">State: ${summary.state}</p>
        ${
          problems.length
            ? html`<ul class="notice">
                ${problems.map((problem) => html`<li>${problem}</li>`)}
              </ul>`
            : null
        }
      </header>
      <main>
        <div class="scroll" tabindex="0" role="region" aria-label="Jobs">
          <table id="jobs" data-events="${address(id)}/events">
            <thead>
              <tr>
                <th scope="col">Job</th>
                <th scope="col">State</th>
                <th scope="col">Progress</th>
                <th scope="col" class="numeric">Training</th>
                <th scope="col" class="numeric">Validation</th>
                <th scope="col">Loss</th>
              </tr>
            </thead>
            <tbody>
              ${jobs.map(jobRow)}
            </tbody>
          </table>
          <template id="job-row"
            >${jobRow({
              name: '',
              model: null,
              status: { state: 'queued', epoch: 0, epochs: 0, updatedAt: '', pid: null, secondsLeft: null },
            })}</template
          >
        </div>
      </main>`,
  });
}

/** An error as a small page: what is wrong and where to go on. */
export const errorPage = (status: number, message: string): string =>
  page({
    title: `${status} – Sextant`,
    script: '',
    body: html`<header>
        <p class="eyebrow">Sextant · ${status}</p>
        <h1>${message}</h1>
      </header>
      <main>
        <p><a href="/">All experiments</a></p>
      </main>`,
  });

/** Where the numbers come from: command, code, machine, data. */
import { formatFact } from '../format.ts';
import { downloads } from '../downloads.ts';
import { html, type Content, type Html } from '../html.ts';
import type { ReportInput } from '../input.ts';

const text = (value: string | number | boolean | null): string =>
  value === null
    ? '—'
    : typeof value === 'number'
      ? formatFact(value)
      : typeof value === 'boolean'
        ? value
          ? 'yes'
          : 'no'
        : value;

const list = (facts: readonly (readonly [string, string])[]): Html =>
  html`<dl>
    ${facts.map(
      ([name, value]) =>
        html`<div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>`,
    )}
  </dl>`;

/** Threads of the jobs, where they are on record. */
function threadsOf(jobs: ReportInput['jobs']): [string, string][] {
  const numbers = new Set(jobs.flatMap(({ environment }) => environment?.threads ?? []));
  return numbers.size ? [['threads of a job', [...numbers].sort((a, b) => a - b).join(', ')]] : [];
}

export function provenance({ result, jobs }: ReportInput): Content {
  const { environment, data } = result;
  const commit = environment?.commit
    ? `${environment.commit}${environment.dirty ? ' with uncommitted changes' : environment.dirty === false ? ', clean' : ', state unknown'}`
    : 'not in a git repository';
  const code: [string, string][] = environment
    ? [
        ['Sextant', environment.sextant],
        ['git commit', commit],
        ['started', environment.startedAt],
        ['engine', environment.engine],
        ...threadsOf(jobs),
        ['Node.js', environment.node],
        ['platform', environment.platform],
        ['processor', `${environment.cpu}, ${environment.cores} cores`],
        ['memory', `${formatFact(environment.memoryGiB)} GiB`],
        ...Object.entries(environment.libraries),
      ]
    : [];
  const dataFacts = Object.entries(data).map(([name, value]): [string, string] => [name, text(value)]);
  const others = new Set(
    jobs.flatMap((job) =>
      job.environment &&
      environment &&
      (job.environment.commit !== environment.commit ||
        job.environment.cpu !== environment.cpu ||
        job.environment.engine !== environment.engine)
        ? [job.name]
        : [],
    ),
  );
  const facts = [
    ['command', result.command],
    ...code,
    ...dataFacts.map(([name, value]) => [`data: ${name}`, value]),
  ];
  return html`<h3>Command</h3>
    <pre class="scroll" tabindex="0"><code>${result.command}</code></pre>
    ${
      code.length
        ? html`<h3>Code and machine</h3>
            ${list(code)}`
        : html`<p>No environment has been recorded yet.</p>`
    }
    ${others.size ? html`<p class="notice">These jobs ran on other code, another processor or another engine: ${[...others].join(', ')}.</p>` : null}
    ${
      dataFacts.length
        ? html`<h3>Data</h3>
            ${list(dataFacts)}`
        : null
    }
    ${downloads({ name: 'provenance', data: { columns: ['fact', 'value'], rows: facts } })}`;
}

/** Results of record: docs/results/<experiment>/ with result.json, report.html and a README that says how they were made. */
import { copyFile, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { JobOutcome } from '../experiments/index.ts';
import { diskError, writeFileAtomic, type ExperimentResult, type Run } from '../runs/index.ts';
import { formatSeconds } from './format.ts';
import { resultLines } from './resultTable.ts';

const resultsFolder = fileURLToPath(new URL('../../docs/results/', import.meta.url));

/** What one command took, or, when jobs were finished before, what all jobs took one after the other. */
export async function timeText(
  seconds: number,
  outcomes: readonly JobOutcome[],
  finished: readonly Run[],
): Promise<string> {
  if (outcomes.length === finished.length && !outcomes.some(({ skipped }) => skipped))
    return `${formatSeconds(seconds)} from start to finish`;
  const all = await Promise.all(finished.map(secondsOf));
  const work = all.reduce((total, one) => total + one, 0);
  return `${formatSeconds(work)} of work, all jobs added up (the command was run in parts)`;
}

/** What a job took: its training, or, where that is longer, its last process from start to end, measurements included. */
async function secondsOf(run: Run): Promise<number> {
  const [result, machine, status] = await Promise.all([
    run.readResult(),
    run.readEnvironment(),
    run.readStatus(),
  ]);
  const process =
    machine && status?.state === 'finished'
      ? (Date.parse(status.updatedAt) - Date.parse(machine.startedAt)) / 1000
      : 0;
  return Math.max(result?.seconds ?? 0, process);
}

/** The commit of the table, and those that jobs were trained at where they are others. */
export async function commitText(
  { commit, dirty }: ExperimentResult['environment'],
  finished: readonly Run[],
): Promise<string> {
  const said = `at commit ${commit ?? 'unknown'}${dirty ? ' with uncommitted changes' : ''}`;
  const machines = await Promise.all(finished.map((run) => run.readEnvironment()));
  const others = new Set(machines.flatMap((machine) => machine?.commit ?? []));
  others.delete(commit ?? '');
  return others.size ? `${said} (the table; jobs also at ${[...others].sort().join(', ')})` : said;
}

function readme(result: ExperimentResult, time: string, commit: string): string {
  const { environment: machine, title, source, command, experiment } = result;
  return `# ${title}

Published numbers: ${source || 'none'}.

Made by

    ${command} --record

in ${time}, on ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB memory, ${machine.platform}, Node ${machine.node}, engine ${machine.engine}, ${commit}, ${machine.startedAt.slice(0, 10)}.

\`\`\`
${resultLines(result).join('\n').trim()}
\`\`\`

[report.html](report.html) has the learning curves, the predictions and the provenance; [result.json](result.json) the numbers.
The files of experiment \`${experiment}\` are written by that command and by nothing else.
`;
}

/** Copies an experiment's result to docs/results. Returns the folder. */
export async function record(
  folder: string,
  result: ExperimentResult,
  seconds: number,
  outcomes: readonly JobOutcome[],
  finished: readonly Run[],
): Promise<string> {
  const target = path.join(resultsFolder, result.experiment);
  try {
    await mkdir(target, { recursive: true });
    for (const file of ['result.json', 'report.html'])
      await copyFile(path.join(folder, file), path.join(target, file));
  } catch (error) {
    throw diskError('write', target, error);
  }
  const commit = await commitText(result.environment, finished);
  await writeFileAtomic(
    path.join(target, 'README.md'),
    readme(result, await timeText(seconds, outcomes, finished), commit),
  );
  return target;
}

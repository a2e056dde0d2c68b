/** `sextant report`: one HTML file that opens offline. */
import path from 'node:path';
import type { Command } from 'commander';
import { loadExperiment } from '../../../reports/load.ts';
import { renderReport } from '../../../reports/report.ts';
import { command } from '../command.ts';
import { writeBytes } from '../output.ts';
import { findExperimentFolder, RUNS_FOLDER } from '../runs.ts';
import type { Terminal } from '../terminal.ts';
import { fileName, nonEmpty } from '../text.ts';

/** Renders the report of an experiment folder into a file; default report.html in that folder. Returns its path. */
export async function writeReport(
  folder: string,
  output = path.join(folder, 'report.html'),
): Promise<string> {
  const input = await loadExperiment(folder);
  await writeBytes(output, renderReport(input));
  return output;
}

export const build = (terminal: Terminal): Command =>
  command({
    name: 'report',
    summary: 'write the HTML report of a run',
    description:
      'Writes the report of an experiment as one HTML file that opens offline; an unfinished one too.',
    arguments: { run: { help: `experiment folder, or its name in ${RUNS_FOLDER}`, schema: nonEmpty } },
    options: {
      output: {
        value: 'file',
        help: 'where to write it (RUN/report.html)',
        schema: fileName('.html').optional(),
      },
      runs: {
        value: 'folder',
        help: `folder of runs (${RUNS_FOLDER})`,
        schema: nonEmpty.default(RUNS_FOLDER),
      },
    },
    examples: ['sextant report docs/results/kdv --output kdv.html'],
    async run({ run, output, runs }) {
      terminal.print(await writeReport(await findExperimentFolder(run, runs), output));
    },
  });

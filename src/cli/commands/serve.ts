/** `sextant serve`: runs and their progress in the browser. */
import type { Command } from 'commander';
import { serve } from '../../../server/serve.ts';
import { command } from '../command.ts';
import { requireRunsFolder, RUNS_FOLDER } from '../runs.ts';
import type { Terminal } from '../terminal.ts';
import { nonEmpty, wholeNumber } from '../text.ts';

export const DEFAULT_PORT = 4173;

/** Serves a folder of runs until Ctrl-C. `page` is the path to print, relative to the server's root. */
export async function serveUntilInterrupted(
  terminal: Terminal,
  { runsFolder, port, page = '' }: { runsFolder: string; port: number; page?: string },
): Promise<void> {
  const signal = terminal.interruption();
  const served = await serve({ runsFolder, port, log: (line) => terminal.note(line) });
  terminal.print(`${served.url}${page}  (Ctrl-C ends the server)`);
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await served.close();
}

export const build = (terminal: Terminal): Command =>
  command({
    name: 'serve',
    summary: 'show runs and their progress in the browser',
    description: 'Serves the list of runs, their live progress and their reports on 127.0.0.1 until Ctrl-C.',
    arguments: {},
    options: {
      port: {
        value: 'number',
        help: `port; 0 takes any free one (${DEFAULT_PORT})`,
        schema: wholeNumber(0, 65535).default(DEFAULT_PORT),
      },
      runs: {
        value: 'folder',
        help: `folder of runs (${RUNS_FOLDER})`,
        schema: nonEmpty.default(RUNS_FOLDER),
      },
    },
    examples: ['sextant serve --port 0'],
    run: ({ port, runs }) => {
      requireRunsFolder(runs);
      return serveUntilInterrupted(terminal, { runsFolder: runs, port });
    },
  });

/** `sextant operator evaluate`: the error of a trained operator on its own test functions, on grids that it was not trained on. */
import type { Command } from 'commander';
import { z } from 'zod';
import type { LoadContext } from '../../../datasets/dataset.ts';
import type { Samples } from '../../../datasets/pairs.ts';
import { applyOperator, untrainedLevels, type TrainedOperator } from '../../experiments/trainedOperator.ts';
import { command } from '../command.ts';
import { UsageError } from '../errors.ts';
import { formatNumber, textTable } from '../format.ts';
import { warnOfUnfinished } from '../runs.ts';
import type { Terminal } from '../terminal.ts';
import { wholeNumbers } from '../text.ts';
import {
  errorFacts,
  openOperator,
  operatorArgument,
  operatorOptions,
  requirePoints,
} from './openedOperator.ts';

/** The test functions on a grid of so many points. */
async function testAt(
  trained: TrainedOperator,
  grid: number,
  context: LoadContext,
): Promise<{ readonly grid: number; readonly test: Samples }> {
  try {
    return { grid, test: (await trained.pairsAt(grid, context)).test };
  } catch (error) {
    // Its own grid was there in training: what is wrong is not the number.
    if (grid === trained.resolution || context.signal?.aborted) throw error;
    throw new UsageError(
      `--points: got ${grid}, which the data of the run do not have: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

export const operatorEvaluate = (terminal: Terminal): Command =>
  command({
    name: 'evaluate',
    summary: 'measure a trained operator on finer or coarser grids',
    description:
      'Mean relative L2 error of a trained operator on the test functions of its experiment, on grids of other numbers of points, without ' +
      'training again; beside it that of the input taken for the prediction. A finer grid is super-resolution.',
    arguments: { run: operatorArgument },
    options: {
      points: {
        value: 'numbers',
        help: 'points of the grids, with commas (those it was trained on)',
        schema: wholeNumbers(16, 65536).optional(),
      },
      ...operatorOptions,
      json: { help: 'print the numbers as JSON', schema: z.boolean().default(false) },
    },
    examples: [
      'sextant operator evaluate $(ls -d runs/kdv-quick-*/jobs/fno-resolution64-released-seed0-*) --points 64,256,1024',
      'sextant operator evaluate $(ls -d runs/kdv-quick-*/jobs/mwt-resolution64-released-seed0-*) --points 64,256,1024 --interleaved',
    ],
    async run({ run: text, points, checkpoint, interleaved, batch: batchSize, threads, runs, json }) {
      const trained = await openOperator(text, runs, checkpoint);
      warnOfUnfinished(terminal, trained.unfinished);
      const signal = terminal.interruption('begins anew');
      const grids = [...new Set(points ?? [trained.resolution])];
      for (const grid of grids) requirePoints('--points', trained, grid, interleaved);
      // What the data do not have is said before the first grid is measured.
      const tests = [];
      for (const grid of grids) tests.push(await testAt(trained, grid, { signal, threads }));
      const measured = [];
      for (const [done, { grid, test }] of tests.entries()) {
        terminal.progress.update({ label: 'evaluating', done, total: grids.length, unit: 'grids' });
        const how = { batchSize, threads, interleaved, signal };
        const prediction = await applyOperator(trained, test.input, grid, how);
        const own = errorFacts(prediction, test.output, grid);
        const identity = errorFacts(test.input, test.output, grid).mean;
        measured.push({ points: grid, samples: test.count, ...own, identity });
      }
      const warning = untrainedLevels(trained, grids, interleaved);
      if (warning !== null) terminal.note(`warning: ${warning}`);
      if (json) {
        const { model, resolution, unfinished } = trained;
        const facts = { model, checkpoint, trained: resolution, unfinished, interleaved, warning };
        terminal.print(JSON.stringify({ ...facts, measured }, null, 2));
        return;
      }
      terminal.print(
        `${trained.model}, trained on ${trained.resolution} points: relative L2 error of ${measured[0].samples} test functions, ${checkpoint} checkpoint${interleaved ? ', interleaved grids' : ''}`,
      );
      terminal.print(
        textTable(
          ['points', 'mean', '±', 'median', 'worst', 'input as prediction'],
          measured.map(({ points: grid, mean, error, median, worst, identity }) => [
            grid === trained.resolution ? `${grid} (trained)` : String(grid),
            ...[mean, error, median, worst, identity].map(formatNumber),
          ]),
        ),
      );
    },
  });

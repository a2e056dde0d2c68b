/** `sextant operator evaluate`: the error of a trained operator on its own test functions, on grids that it was not trained on. */
import type { Command } from 'commander';
import { z } from 'zod';
import { applyOperator } from '../../experiments/trainedOperator.ts';
import { command } from '../command.ts';
import { formatNumber, textTable } from '../format.ts';
import type { Terminal } from '../terminal.ts';
import { wholeNumbers } from '../text.ts';
import {
  errorFacts,
  openOperator,
  operatorArgument,
  operatorOptions,
  requirePoints,
} from './openedOperator.ts';

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
      'sextant operator evaluate $(ls -d runs/kdv-quick-*/jobs/fno-*) --points 64,256,1024',
      'sextant operator evaluate $(ls -d runs/kdv-quick-*/jobs/mwt-*) --points 64,256,1024 --interleaved',
    ],
    async run({ run: text, points, checkpoint, interleaved, batch: batchSize, threads, runs, json }) {
      const trained = await openOperator(text, runs, checkpoint);
      const signal = terminal.interruption('begins anew');
      const grids = points ?? [trained.resolution];
      for (const grid of grids) requirePoints('--points', trained, grid, interleaved);
      const measured = [];
      for (const [done, grid] of grids.entries()) {
        terminal.progress.update({ label: 'evaluating', done, total: grids.length, unit: 'grids' });
        const { test } = await trained.pairsAt(grid, { signal, threads });
        const how = { batchSize, threads, interleaved };
        const prediction = await applyOperator(trained, test.input, grid, how);
        signal.throwIfAborted();
        const own = errorFacts(prediction, test.output, grid);
        const identity = errorFacts(test.input, test.output, grid).mean;
        measured.push({ points: grid, samples: test.count, ...own, identity });
      }
      if (json) {
        const { model, resolution } = trained;
        terminal.print(
          JSON.stringify({ model, checkpoint, trained: resolution, interleaved, measured }, null, 2),
        );
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

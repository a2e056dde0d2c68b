/** `sextant operator predict`: a trained operator applied to functions of one's own. */
import path from 'node:path';
import type { Command } from 'commander';
import { z } from 'zod';
import { readFields } from '../../../datasets/fields.ts';
import { npy } from '../../../datasets/npy.ts';
import { encodeNpz } from '../../../datasets/npz.ts';
import { applyOperator, untrainedLevels } from '../../experiments/trainedOperator.ts';
import { command } from '../command.ts';
import { printFacts } from '../facts.ts';
import { checkOutputs, writeBytes } from '../output.ts';
import { epochsOf, warnOfUnfinished } from '../runs.ts';
import type { Terminal } from '../terminal.ts';
import { fileName } from '../text.ts';
import {
  errorFacts,
  openOperator,
  operatorArgument,
  operatorOptions,
  requirePoints,
} from './openedOperator.ts';

/** Errors of what has been written; a true output without a norm has none. */
function errorsBeside(file: string, prediction: Float32Array, truth: Float32Array, points: number) {
  const zero = Array.from({ length: truth.length / points }, (_, i) => i).find((i) =>
    truth.subarray(i * points, (i + 1) * points).every((value) => value === 0),
  );
  if (zero === undefined) return errorFacts(prediction, truth, points);
  throw new Error(
    `${file}: the output of sample ${zero} is zero everywhere, so that it has no relative error; the predictions are written, leave the sample out to have the errors`,
  );
}

export const operatorPredict = (terminal: Terminal): Command =>
  command({
    name: 'predict',
    summary: 'apply a trained operator to functions in an .npz file',
    description:
      'Writes what a trained operator makes of functions of your own, on any grid that it can be evaluated on. Where the file has ' +
      'the true outputs too, the error is printed.',
    arguments: { run: operatorArgument },
    options: {
      data: {
        value: 'file',
        help: '.npz with input [samples, points] or test_input, and what should come out, if known (docs/data-format.md)',
        schema: fileName('.npz'),
      },
      output: {
        value: 'file',
        help: '.npz with x [points] and prediction [samples, points] (predictions.npz)',
        schema: fileName('.npz').default('predictions.npz'),
      },
      ...operatorOptions,
      json: { help: 'print the facts as JSON', schema: z.boolean().default(false) },
    },
    examples: [
      'sextant operator predict $(ls -d runs/kdv-quick-*/jobs/fno-resolution64-released-seed0-*) --data kdv-small.npz',
    ],
    async run({ run: text, data: file, output, runs, json, ...how }) {
      const { checkpoint, batch: batchSize, threads, interleaved } = how;
      const trained = await openOperator(text, runs, checkpoint);
      warnOfUnfinished(terminal, trained.unfinished);
      const { count, x, input, output: truth, array } = await readFields(file);
      await checkOutputs([output], file);
      const points = x.length;
      const signal = terminal.interruption('begins anew');
      requirePoints(`--data: ${path.basename(file)}`, trained, points, interleaved);
      const prediction = await applyOperator(trained, input, points, {
        batchSize,
        threads,
        interleaved,
        signal,
      });
      await writeBytes(output, encodeNpz({ x: npy(x), prediction: npy(prediction, [count, points]) }));
      const { mean, error, median, worst } = truth
        ? errorsBeside(file, prediction, truth, points)
        : { mean: null, error: null, median: null, worst: null };
      const warning = untrainedLevels(trained, [points], interleaved);
      if (warning !== null) terminal.note(`warning: ${warning}`);
      printFacts(
        terminal,
        {
          model: trained.model,
          'points it was trained on': trained.resolution,
          ...(trained.unfinished ? { training: epochsOf(trained.unfinished) } : {}),
          samples: `${count} of "${array}"`,
          points,
          'mean relative L2 error': mean,
          'standard error of the mean': error,
          'median error': median,
          'worst error': worst,
          written: output,
          ...(json ? { warning } : {}),
        },
        json,
      );
      if (truth && array === 'input' && trained.file === path.resolve(file)) {
        terminal.note(
          'warning: the model was trained on most of these samples, and errors on others are larger; sextant operator evaluate measures on those kept for the test',
        );
      }
    },
  });

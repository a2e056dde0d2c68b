/** `sextant flow sample`: new samples of a trained flow. */
import type { Command } from 'commander';
import { npy } from '../../../datasets/npy.ts';
import { encodeNpz } from '../../../datasets/npz.ts';
import { sample } from '../../flows/index.ts';
import { command } from '../command.ts';
import { UsageError } from '../errors.ts';
import { writeBytes } from '../output.ts';
import type { Terminal } from '../terminal.ts';
import { fileName, wholeNumber } from '../text.ts';
import { openFlow, readContext, runArgument, runsOption, seedOption } from './trainedFlow.ts';

export const flowSample = (terminal: Terminal): Command =>
  command({
    name: 'sample',
    summary: 'draw samples of a trained flow',
    arguments: { run: runArgument },
    options: {
      count: { value: 'number', help: 'samples (1000)', schema: wholeNumber(1, 10_000_000).default(1000) },
      seed: seedOption('seed of the samples (0)'),
      context: {
        value: 'file',
        help: '.npz with "context" [count, c], for a conditional flow',
        schema: fileName('.npz').optional(),
      },
      output: {
        value: 'file',
        help: '.npz with x [count, …] (samples.npz)',
        schema: fileName('.npz').default('samples.npz'),
      },
      runs: runsOption,
    },
    examples: ['sextant flow sample $(ls -d runs/flow-training-*/jobs/real-nvp-*) --count 100'],
    async run({ run: text, count, seed, context: file, output, runs }) {
      const { model, parameters } = await openFlow(text, runs);
      if (file !== undefined && model.context === 0) {
        throw new UsageError(`--context: got ${file}, but this flow was trained without a context`);
      }
      const context = await readContext(file, model.context);
      if (context && context.shape[0] !== count) {
        throw new UsageError(`--count: got ${count}, but ${file} has ${context.shape[0]} rows of context`);
      }
      const x = await sample(model, parameters, { n: count, seed, context });
      await writeBytes(output, encodeNpz({ x: npy(Float32Array.from(x.data), [...x.shape]) }));
      terminal.print(`${output}: x [${x.shape.join(', ')}], seed ${seed}`);
    },
  });

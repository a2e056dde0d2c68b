/** `sextant flow logprob`: log densities of samples under a trained flow. */
import type { Command } from 'commander';
import { z } from 'zod';
import { npy } from '../../../datasets/npy.ts';
import { encodeNpz } from '../../../datasets/npz.ts';
import { logProb } from '../../flows/index.ts';
import { command } from '../command.ts';
import { printFacts } from '../facts.ts';
import { writeBytes } from '../output.ts';
import type { Terminal } from '../terminal.ts';
import { fileName } from '../text.ts';
import { openFlow, readContext, readRows, runArgument, runsOption } from './trainedFlow.ts';

export const flowLogprob = (terminal: Terminal): Command =>
  command({
    name: 'logprob',
    summary: 'log densities of samples under a trained flow',
    arguments: { run: runArgument },
    options: {
      data: {
        value: 'file',
        help: '.npz with x [samples, …], and "context" for a conditional flow (samples.npz)',
        schema: fileName('.npz').default('samples.npz'),
      },
      output: { value: 'file', help: 'write logprob [samples] as .npz', schema: fileName('.npz').optional() },
      json: { help: 'print the facts as JSON', schema: z.boolean().default(false) },
      runs: runsOption,
    },
    examples: ['sextant flow logprob $(ls -d runs/flow-training-*/jobs/real-nvp-*) --data samples.npz'],
    async run({ run: text, data, output, json, runs }) {
      const { model, parameters } = await openFlow(text, runs);
      const x = await readRows(data, model.shape);
      const context = await readContext(data, model.context);
      const { data: densities } = await logProb(model, parameters, x, { context });
      const values = Float64Array.from(densities).sort();
      const n = values.length;
      if (output !== undefined) {
        await writeBytes(output, encodeNpz({ logprob: npy(Float32Array.from(densities)) }));
      }
      const mean = values.reduce((total, value) => total + value, 0) / n;
      printFacts(
        terminal,
        {
          samples: n,
          'mean log density, nats': mean,
          'standard error': Math.sqrt(
            values.reduce((total, value) => total + (value - mean) ** 2, 0) / n / Math.max(1, n - 1),
          ),
          least: values[0],
          median: values[n >> 1],
          largest: values[n - 1],
          written: output ?? null,
        },
        json,
      );
    },
  });

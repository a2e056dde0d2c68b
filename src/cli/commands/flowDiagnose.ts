/** `sextant flow diagnose`: what samples look like to a flow before one is trained. */
import type { Command } from 'commander';
import { z } from 'zod';
import { readSamples } from '../../../datasets/samples.ts';
import { adviceFor, diagnoseData } from '../../flows/index.ts';
import { command } from '../command.ts';
import { printFacts } from '../facts.ts';
import type { Terminal } from '../terminal.ts';
import { fileName, positiveNumber } from '../text.ts';

export const flowDiagnose = (terminal: Terminal): Command =>
  command({
    name: 'diagnose',
    summary: 'say whether a global flow can fit samples',
    description:
      'Estimates the dimension of the set that samples lie on, counts its connected pieces, and says how far, in total variation, every ' +
      'flow with a given Lipschitz constant from data to latent must stay from it.',
    arguments: { file: { help: '.npz with x [samples, …] (docs/data-format.md)', schema: fileName('.npz') } },
    options: {
      lipschitz: {
        value: 'number',
        help: 'constant of the flow from standardised data to latent that the bound is stated for (10)',
        schema: positiveNumber.default(10),
      },
      json: { help: 'print the facts as JSON', schema: z.boolean().default(false) },
    },
    examples: ['sextant flow diagnose samples.npz'],
    async run({ file, lipschitz, json }) {
      const { train, rows } = await readSamples(file);
      const diagnosis = diagnoseData(train.x, lipschitz);
      const { data, tvBound, requiredLipschitz } = diagnosis;
      printFacts(
        terminal,
        {
          samples: train.x.shape[0],
          'numbers a sample': data.ambient,
          'intrinsic dimension, estimated': `${data.intrinsic.toFixed(2)} ± ${data.intrinsicError.toFixed(2)}`,
          ...Object.fromEntries(
            data.byScale.map(({ samples, dimension }) => [
              `… among ${samples} samples`,
              dimension.toFixed(2),
            ]),
          ),
          'dimension of the affine hull': data.rank,
          'repeated samples, share': data.repeated,
          'connected pieces': data.components,
          [`total variation of any flow with constant ${lipschitz}, at least`]: tvBound,
          'least constant with a bound below 0.01': requiredLipschitz,
          'a global flow can fit': adviceFor(diagnosis, rows?.training),
        },
        json,
      );
    },
  });

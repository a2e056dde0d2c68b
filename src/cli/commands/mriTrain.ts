/** `sextant mri train`: a reconstruction network on generated slices or fastMRI's files. The run is one of the experiment `mri-training`. */
import type { Command } from 'commander';
import { z } from 'zod';
import type { RegisteredExperiment } from '../../experiments/index.ts';
import { trainableNetworks } from '../../experiments/mriTask.ts';
import { command } from '../command.ts';
import { flagsOf } from '../flags.ts';
import type { Terminal } from '../terminal.ts';
import { keepNetwork } from '../keepNetwork.ts';
import { nonEmpty, oneOf } from '../text.ts';
import { runExperiment, runOptions } from './bench.ts';

/** Given here by options of their own. */
const replaced = ['models', 'regularisers'];

export const mriTrain = (terminal: Terminal, training: RegisteredExperiment): Command =>
  command({
    name: 'train',
    summary: 'train a reconstruction network',
    description:
      'Trains on fully sampled slices, generated or in a folder of fastMRI volumes, that are undersampled anew in every step. The run ' +
      'folder holds checkpoints (last, and best on validation slices), metrics and a report; the same command continues what was interrupted.',
    arguments: {},
    options: {
      model: {
        value: 'name',
        help: `one of ${trainableNetworks.join(', ')} (varnet)`,
        schema: oneOf(...trainableNetworks).default('varnet'),
      },
      regulariser: {
        value: 'number',
        help: 'λ of λ trace(J Jᵀ)/pixels in the loss, for less noise in the image (0)',
        schema: z.coerce.number('expected a number ≥ 0').min(0, 'expected a number ≥ 0').default(0),
      },
      keep: {
        value: 'folder',
        help: 'copy what is needed to use the network there: configuration, parameters, numbers, and how it was made',
        schema: nonEmpty.optional(),
      },
      ...runOptions,
    },
    flags: flagsOf(training.experiment.configuration).filter(({ key }) => !replaced.includes(key)),
    examples: ['sextant mri train --train 40 --validation 8 --test 8 --epochs 2 --batch-size 2'],
    run: ({ model, regulariser, keep, ...values }, flags) =>
      runExperiment(terminal, training, {
        preset: 'train',
        flags: { ...flags, models: [model], regularisers: [regulariser] },
        values,
        keep: keep === undefined ? undefined : (outcome) => keepNetwork(outcome, keep),
      }),
  });

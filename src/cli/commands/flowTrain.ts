/** `sextant flow train`: a flow on the samples of a file. The run is one of the experiment `flow-training`. */
import path from 'node:path';
import type { Command } from 'commander';
import { readSamples } from '../../../datasets/samples.ts';
import type { RegisteredExperiment } from '../../experiments/index.ts';
import { flowModelNames } from '../../experiments/flowTask.ts';
import { describeData } from '../../flows/index.ts';
import { command } from '../command.ts';
import { flagsOf } from '../flags.ts';
import type { Terminal } from '../terminal.ts';
import { oneOf } from '../text.ts';
import { runExperiment, runOptions } from './bench.ts';

export const flowTrain = (terminal: Terminal, training: RegisteredExperiment): Command =>
  command({
    name: 'train',
    summary: 'train a flow on the samples of an .npz file',
    description:
      'Trains by maximum likelihood and keeps the epoch that was best on validation samples. The run folder holds checkpoints, metrics and ' +
      'a report; the same command continues what was interrupted. Data on a set of lower dimension are told before the training.',
    arguments: {},
    options: {
      model: {
        value: 'name',
        help: `one of ${flowModelNames.join(', ')} (nsf)`,
        schema: oneOf(...flowModelNames).default('nsf'),
      },
      ...runOptions,
    },
    flags: flagsOf(training.experiment.configuration).filter(({ key }) => key !== 'models'),
    examples: ['sextant flow train --set moons --model real-nvp --samples 1000 --epochs 2 --blocks 2'],
    async run({ model, ...values }, flags) {
      const { data } = flags;
      if (typeof data === 'string') {
        const { degenerate } = describeData((await readSamples(path.resolve(data))).train.x);
        if (degenerate !== null) {
          terminal.note(
            `warning: ${degenerate}; a likelihood has no upper limit there and may explode: add noise, leave out entries, or train a flow over charts`,
          );
        }
      }
      await runExperiment(terminal, training, {
        preset: 'file',
        flags: { ...flags, models: [model] },
        values,
      });
    },
  });

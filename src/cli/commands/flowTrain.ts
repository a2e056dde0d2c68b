/** `sextant flow train`: a flow on the samples of a file. The run is one of the experiment `flow-training`. */
import path from 'node:path';
import type { Command } from 'commander';
import { readSamples, type SampleSplit } from '../../../datasets/samples.ts';
import type { RegisteredExperiment } from '../../experiments/index.ts';
import { flagOf } from '../../experiments/configuration.ts';
import { flowModelNames, modelFields } from '../../experiments/flowTask.ts';
import { describeData, getDensity, warningFor } from '../../flows/index.ts';
import { key } from '../../tensor/random.ts';
import { command } from '../command.ts';
import { UsageError } from '../errors.ts';
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
      requireEffect(model, flags);
      const { data, set } = flags;
      if (typeof data === 'string') {
        if (typeof set === 'string')
          throw new UsageError(`--set: got '${set}' beside --data '${data}'; expected one of the two`);
        const { train, rows } = await readSamples(path.resolve(data));
        requireModelFor(model, train);
        const warning = warningFor(describeData(train.x), rows?.training);
        if (warning !== null) terminal.note(`warning: ${warning}`);
      }
      await runExperiment(terminal, training, {
        preset: 'file',
        flags: { ...flags, models: [model] },
        values,
      });
    },
  });

/** @throws naming the models with the option, where a flag was given that the chosen one does not have: it would change nothing. */
function requireEffect(model: string, flags: Readonly<Record<string, unknown>>): void {
  const has = (name: string, option: string): boolean => option in getDensity(name).schema.shape;
  const idle = Object.keys(modelFields).find((option) => option in flags && !has(model, option));
  if (idle === undefined) return;
  const others = flowModelNames.filter((name) => has(name, idle));
  throw new UsageError(
    `${flagOf(idle)}: has no effect on '${model}'; leave it out, or choose a model that has it: ${others.join(', ')}`,
  );
}

/** @throws naming the models that work, where the chosen one cannot be built for such samples: a coupling of single numbers. */
function requireModelFor(model: string, { x, context }: SampleSplit): void {
  const domain = { shape: x.shape.slice(1), context: context?.shape[1] ?? 0 };
  const reason = (name: string): string | null => {
    try {
      getDensity(name).create(domain).init(key(0));
      return null;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  };
  const found = reason(model);
  if (found === null) return;
  const others = flowModelNames.filter((name) => reason(name) === null);
  throw new UsageError(
    `--model: '${model}' cannot be built for samples [${domain.shape.join(', ')}] (${found}); expected one of ${others.join(', ')}`,
  );
}

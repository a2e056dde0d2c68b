/** `sextant data`: generates a data set as .npz, or says whether a file of one's own can be used. */
import { Command } from 'commander';
import { z } from 'zod';
import type { Dataset } from '../../../datasets/dataset.ts';
import { writePairs } from '../../../datasets/pairs.ts';
import { datasets } from '../../../datasets/registry.ts';
import { explainIssue } from '../../experiments/configuration.ts';
import { diskError } from '../../runs/disk.ts';
import { defaultThreads } from '../../tensor/engines/threads.ts';
import { command, exampleText } from '../command.ts';
import { UsageError } from '../errors.ts';
import { printFacts } from '../facts.ts';
import { flagsOf } from '../flags.ts';
import { pairsFacts } from '../pairsFacts.ts';
import type { Terminal } from '../terminal.ts';
import { fileName, wholeNumber } from '../text.ts';
import { covidData } from './covidData.ts';
import { dataCheck } from './dataCheck.ts';

const generate = (terminal: Terminal, set: Dataset): Command =>
  command({
    name: set.name,
    summary: set.title,
    description: `${set.title}.\nThe samples are kept in a cache (SEXTANT_CACHE, or .cache/datasets) and generated once.`,
    arguments: {},
    options: {
      output: { value: 'file', help: 'write the pairs as .npz', schema: fileName('.npz').optional() },
      threads: {
        value: 'number',
        help: 'threads (one a physical core)',
        schema: wholeNumber(1, 1024).default(defaultThreads),
      },
      json: { help: 'print the facts as JSON', schema: z.boolean().default(false) },
    },
    flags: flagsOf(set.options),
    examples: [
      `sextant data ${set.name} --train 20 --validation 5 --test 5 --resolution 64 --output ${set.name}-small.npz`,
    ],
    async run({ output, threads, json: asJson }, flags) {
      const checked = set.options.safeParse(flags);
      if (!checked.success) throw new UsageError(explainIssue(checked.error.issues[0], flags));
      const pairs = await set.load(flags, {
        threads,
        signal: terminal.interruption('begins anew'),
        onProgress: ({ done, total }) =>
          terminal.progress.update({ label: `making ${set.name}`, done, total, unit: 'samples' }),
        onWarning: (message) => terminal.note(`warning: ${message}`),
      });
      if (output !== undefined) {
        try {
          await writePairs(output, pairs);
        } catch (error) {
          throw diskError('write', output, error instanceof Error && error.cause ? error.cause : error);
        }
      }
      printFacts(
        terminal,
        { ...pairsFacts(pairs), ...(output === undefined ? {} : { written: output }) },
        asJson,
      );
    },
  });

export function build(terminal: Terminal): Command {
  const data = new Command('data')
    .summary('generate a data set, or check a file of your own')
    .description('Generates data sets of operator pairs from a seed, and checks files of your own.')
    .addHelpText('after', exampleText(['sextant data kdv --train 20 --test 5 --output kdv-small.npz']));
  for (const set of datasets()) data.addCommand(generate(terminal, set));
  return data.addCommand(covidData(terminal)).addCommand(dataCheck(terminal));
}

/** `sextant data check`: whether an .npz of one's own can be used, what is in it, and which models can be trained on it. */
import type { Command } from 'commander';
import { z } from 'zod';
import { readPairs, refuseFewPoints, SPLITS, type OperatorPairs } from '../../../datasets/pairs.ts';
import { gridNotes } from '../../experiments/gridNotes.ts';
import { operatorsAt } from '../../experiments/trainableOperators.ts';
import { command } from '../command.ts';
import { printFacts, type Facts } from '../facts.ts';
import { pairsFacts } from '../pairsFacts.ts';
import type { Terminal } from '../terminal.ts';
import { fileName } from '../text.ts';

/** The operators of the registry that so many points allow, and the others by the reason why not. */
function modelFacts(points: number): Facts {
  const { allowed, refused } = operatorsAt(points);
  const reasons = [...refused].map(([reason, models]) => `${models.join(', ')} (${reason})`);
  return {
    'models that can be trained on it': allowed.join(', ') || 'none',
    'models that cannot': reasons.length ? reasons.join('; ') : null,
  };
}

const useOf = {
  train: 'models learn from',
  validation: 'the best epoch is chosen on',
  test: 'errors are measured on',
} as const;

/** What is to be known of splits of no or one sample: `readPairs` refuses an empty train or test split. */
const splitNotes = (pairs: OperatorPairs): string[] =>
  SPLITS.flatMap((split) => {
    const { count } = pairs[split];
    if (count > 1) return [];
    return count === 1
      ? [`The ${split} split, which ${useOf[split]}, has a single sample; give more samples.`]
      : [
          `The ${split} split, which ${useOf[split]}, is empty: models are measured after the last epoch only; give ${split}_input and ${split}_output, or at least ten samples to cut.`,
        ];
  });

export const dataCheck = (terminal: Terminal): Command =>
  command({
    name: 'check',
    summary: 'say whether an .npz of your own can be used, and what is in it',
    arguments: { file: { help: 'the .npz file (format: docs/data-format.md)', schema: fileName('.npz') } },
    options: { json: { help: 'print the facts as JSON', schema: z.boolean().default(false) } },
    examples: ['sextant data check kdv-small.npz'],
    async run({ file, json }) {
      const pairs = await readPairs(file);
      refuseFewPoints(pairs, file);
      const facts = pairsFacts(pairs);
      printFacts(terminal, { ...facts, ...modelFacts(pairs.x.length) }, json);
      for (const note of [...gridNotes(facts), ...splitNotes(pairs)]) terminal.note(`warning: ${note}`);
    },
  });

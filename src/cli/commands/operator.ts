/** `sextant operator`: trained neural operators, on other grids and on functions of one's own. */
import { Command } from 'commander';
import { exampleText } from '../command.ts';
import type { Terminal } from '../terminal.ts';
import { operatorEvaluate } from './operatorEvaluate.ts';
import { operatorPredict } from './operatorPredict.ts';

export function build(terminal: Terminal): Command {
  const operator = new Command('operator')
    .summary('use a trained neural operator')
    .description(
      'Operators that sextant bench has trained (kdv, ks, data-efficiency, …): measured on other grids, applied to functions of your own.',
    )
    .addHelpText(
      'after',
      exampleText(['sextant operator evaluate --help', 'sextant operator predict --help']),
    );
  for (const subcommand of [operatorEvaluate(terminal), operatorPredict(terminal)])
    operator.addCommand(subcommand);
  return operator;
}

/** `sextant flow`: normalizing flows on one's own samples: train, sample, measure, export, diagnose. */
import { Command } from 'commander';
import { findExperiment } from '../../experiments/index.ts';
import { exampleText } from '../command.ts';
import type { Terminal } from '../terminal.ts';
import { flowDiagnose } from './flowDiagnose.ts';
import { flowExport } from './flowExport.ts';
import { flowLogprob } from './flowLogprob.ts';
import { flowSample } from './flowSample.ts';
import { flowTrain } from './flowTrain.ts';

export async function build(terminal: Terminal): Promise<Command> {
  const training = await findExperiment('flow-training');
  const flow = new Command('flow')
    .summary('train a normalizing flow on samples, and use it')
    .description(
      'Density models: trained on samples in an .npz file, they give log densities and new samples.',
    )
    .addHelpText(
      'after',
      exampleText(['sextant flow train --set moons --model nsf --epochs 2', 'sextant flow train --help']),
    );
  for (const subcommand of [
    flowTrain(terminal, training),
    flowSample(terminal),
    flowLogprob(terminal),
    flowExport(terminal),
    flowDiagnose(terminal),
  ])
    flow.addCommand(subcommand);
  return flow;
}

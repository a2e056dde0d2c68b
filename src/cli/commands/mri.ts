/** `sextant mri`: reconstructions of magnetic resonance images. */
import { Command } from 'commander';
import { findExperiment } from '../../experiments/index.ts';
import { exampleText } from '../command.ts';
import type { Terminal } from '../terminal.ts';
import { mriTrain } from './mriTrain.ts';

export async function build(terminal: Terminal): Promise<Command> {
  const training = await findExperiment('mri-training');
  return new Command('mri')
    .summary('reconstruct magnetic resonance images, and train networks that do')
    .description('Magnetic resonance imaging from undersampled k-space.')
    .addHelpText('after', exampleText(['sextant mri train --epochs 2', 'sextant mri train --help']))
    .addCommand(mriTrain(terminal, training));
}

/** `sextant mri`: reconstructions of magnetic resonance images. */
import { Command } from 'commander';
import { findExperiment } from '../../experiments/index.ts';
import { exampleText } from '../command.ts';
import type { Terminal } from '../terminal.ts';
import { mriPhantom } from './mriPhantom.ts';
import { mriRecon } from './mriRecon.ts';
import { mriTrain } from './mriTrain.ts';

export async function build(terminal: Terminal): Promise<Command> {
  const training = await findExperiment('mri-training');
  return new Command('mri')
    .summary('reconstruct magnetic resonance images, and train networks that do')
    .description('Magnetic resonance imaging from undersampled k-space.')
    .addHelpText('after', exampleText(['sextant mri phantom', 'sextant mri recon phantom.npz']))
    .addCommand(mriRecon(terminal))
    .addCommand(mriPhantom(terminal))
    .addCommand(mriTrain(terminal, training));
}

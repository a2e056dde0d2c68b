/** `sextant mri recon`: one image from a file of k-space. */
import type { Command } from 'commander';
import { z } from 'zod';
import { encodeNifti } from '../../../datasets/mri/nifti.ts';
import { writeNpy } from '../../../datasets/npy.ts';
import { gridPng } from '../../../reports/image.ts';
import { trueAcceleration, type Acquisition, type Reconstruction } from '../../mri/index.ts';
import { array, compile, interleave, specsOf, type ComplexArray } from '../../tensor/index.ts';
import { command } from '../command.ts';
import { printFacts } from '../facts.ts';
import { pauseForInterruption } from '../interruption.ts';
import { checkOutputs, writeBytes } from '../output.ts';
import {
  chosenReconstruction,
  kspaceArgument,
  methodFlags,
  methodList,
  readAcquisition,
  reconstructionOptions,
} from '../reconstruction.ts';
import type { Terminal } from '../terminal.ts';
import { fileName } from '../text.ts';

export const mriRecon = (terminal: Terminal): Command =>
  command({
    name: 'recon',
    summary: 'reconstruct an image from k-space',
    description:
      'Reads one slice of k-space (rows along the readout), whitens it if the file has noise readouts, finds the sensitivities of the ' +
      `coils, and reconstructs. ${methodList}`,
    arguments: { file: kspaceArgument },
    options: {
      ...reconstructionOptions,
      output: {
        value: 'file',
        help: 'the image as .npy (image.npy)',
        schema: fileName('.npy').default('image.npy'),
      },
      picture: {
        value: 'file',
        help: 'its magnitude as .png (image.png)',
        schema: fileName('.png').default('image.png'),
      },
      nifti: { value: 'file', help: 'its magnitude as .nii', schema: fileName('.nii').optional() },
      json: { help: 'print the facts as JSON', schema: z.boolean().default(false) },
    },
    flags: methodFlags,
    examples: [
      'sextant mri recon phantom.npz --method total-variation --picture phantom.png',
      'sextant mri recon phantom.npz --method cg-sense --tikhonov 0.01 --sensitivities walsh',
    ],
    async run({ file, output, picture, nifti, json, ...choices }, flags) {
      const progress = (label: string, done: number): void =>
        terminal.progress.update({ label, done, total: 3, unit: 'steps' });
      const signal = terminal.interruption('begins anew');
      const files = [output, picture, ...(nifti === undefined ? [] : [nifti])];
      const reconstruction = await chosenReconstruction(choices, flags);
      await checkOutputs(files, file);
      const { needsSensitivities } = reconstruction;
      progress(needsSensitivities ? 'k-space and sensitivities' : 'k-space', 0);
      const read = await readAcquisition(file, { ...choices, needsSensitivities, signal });
      const { acquisition, whitened } = read;
      progress(reconstruction.title, 1);
      await pauseForInterruption(signal);
      const image = await reconstructed(reconstruction, acquisition, signal);
      await pauseForInterruption(signal);
      progress('image', 2);
      const magnitude = array(
        Float32Array.from(image.re.data, (re, i) => Math.hypot(re, image.im.data[i])),
        image.re.shape,
      );
      const [rows, columns] = magnitude.shape;
      await writeBytes(
        output,
        reconstruction.output === 'magnitude'
          ? writeNpy({ data: magnitude.data, shape: magnitude.shape, dtype: '<f4' })
          : writeNpy({ data: Float32Array.from(interleave(image)), shape: magnitude.shape, dtype: '<c8' }),
      );
      const bright = Float32Array.from(magnitude.data).sort()[Math.floor(0.995 * (rows * columns - 1))];
      const colors = { map: 'sequential', domain: [0, bright || 1] as [number, number] } as const;
      await writeBytes(picture, gridPng({ rows, columns, values: magnitude.data }, colors));
      const [dx, dy] = read.pixelMm ?? [1, 1];
      if (nifti !== undefined)
        await writeBytes(
          nifti,
          encodeNifti(magnitude, { voxelMm: [dx, dy, 1], description: reconstruction.title }),
        );
      terminal.progress.clear();
      printFacts(
        terminal,
        {
          format: read.format,
          'k-space': acquisition.kspace.re.shape.join(' × '),
          method: reconstruction.title,
          acceleration: Number(trueAcceleration(acquisition.mask).toPrecision(3)),
          whitened: whitened ? 'by noise readouts, to SNR units' : 'no, the file has no noise readouts',
          written: files.join(', '),
        },
        json,
      );
    },
  });

async function reconstructed(
  reconstruction: Reconstruction,
  acquisition: Acquisition,
  signal: AbortSignal,
): Promise<ComplexArray> {
  const apply = reconstruction.prepare(acquisition);
  const { kspace, mask, sensitivities } = acquisition;
  const specs = [specsOf(kspace), specsOf(mask), specsOf(sensitivities ?? kspace)] as const;
  const program = await compile(
    (k, m, s) => apply({ kspace: k, mask: m, sensitivities: sensitivities ? s : undefined }),
    specs,
  );
  try {
    await pauseForInterruption(signal);
    return await program.run([kspace, mask, sensitivities ?? kspace]);
  } finally {
    await program.dispose();
  }
}

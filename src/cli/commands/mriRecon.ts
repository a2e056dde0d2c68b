/** `sextant mri recon`: one image from a file of k-space. */
import type { Command } from 'commander';
import { z } from 'zod';
import { encodeNifti } from '../../../datasets/mri/nifti.ts';
import { readKspace, type KspaceFile } from '../../../datasets/mri/readKspace.ts';
import { writeNpy } from '../../../datasets/npy.ts';
import { gridPng } from '../../../reports/image.ts';
import {
  checkKspace,
  compressCoils,
  estimateSensitivities,
  getReconstruction,
  mixCoils,
  reconstructionFamilies,
  sampledPoints,
  sensitivityMethods,
  trueAcceleration,
  unitSensitivityMaps,
  whitenByNoise,
  type Acquisition,
  type Reconstruction,
} from '../../mri/index.ts';
import { array, compile, interleave, specsOf, type ComplexArray } from '../../tensor/index.ts';
import { command } from '../command.ts';
import { asUsage, UsageError } from '../errors.ts';
import { printFacts } from '../facts.ts';
import { flagsOf, type Flag } from '../flags.ts';
import { writeBytes } from '../output.ts';
import type { Terminal } from '../terminal.ts';
import { fileName, nonEmpty, oneOf, wholeNumber } from '../text.ts';

/** The options of all methods: one flag for each name, with the methods that know it. */
const methodFlags: readonly Flag[] = [
  ...new Map(
    reconstructionFamilies
      .flatMap((family) => flagsOf(family.schema))
      .map((flag) => {
        const owners = reconstructionFamilies.filter(({ schema }) => flag.key in schema.shape);
        const help = `${flag.help.replace(/; default .*/, '')} (${owners.map(({ name }) => name).join(', ')})`;
        return [flag.key, { ...flag, help }] as const;
      }),
  ).values(),
];

export const mriRecon = (terminal: Terminal): Command =>
  command({
    name: 'recon',
    summary: 'reconstruct an image from k-space',
    description:
      'Reads one slice of k-space (.npy, .npz, .cfl, HDF5 of fastMRI or ISMRMRD), whitens it if the file has noise readouts, finds the ' +
      `sensitivities of the coils, and reconstructs. Methods: ${reconstructionFamilies.map(({ name, title }) => `${name} (${title})`).join(', ')}.`,
    arguments: { file: { help: 'k-space [coils, height, width], rows along the readout', schema: nonEmpty } },
    options: {
      method: {
        value: 'name',
        help: 'the reconstruction (cg-sense)',
        schema: oneOf(...reconstructionFamilies.map(({ name }) => name)).default('cg-sense'),
      },
      sensitivities: {
        value: 'name',
        help: `${sensitivityMethods.join(', ')}, or given: those of the file (given if the file has any, else espirit)`,
        schema: oneOf(...sensitivityMethods, 'given').optional(),
      },
      slice: { value: 'number', help: 'slice of the file (0)', schema: wholeNumber(0).default(0) },
      coils: {
        value: 'number',
        help: 'compress to so many virtual coils first',
        schema: wholeNumber(1).optional(),
      },
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
    async run({ file, method, sensitivities, slice, coils, output, picture, nifti, json }, flags) {
      const reconstruction = asUsage(() => getReconstruction(method, flags));
      const read = await readKspace(file, slice);
      const acquisition = await prepared(read, file, { reconstruction, sensitivities, coils });
      const image = await reconstructed(reconstruction, acquisition);
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
      printFacts(
        terminal,
        {
          format: read.format,
          'k-space': read.kspace.re.shape.join(' × '),
          method: reconstruction.title,
          acceleration: Number(trueAcceleration(acquisition.mask).toPrecision(3)),
          whitened: read.noise ? 'by noise readouts, to SNR units' : 'no, the file has no noise readouts',
          written: [output, picture, ...(nifti === undefined ? [] : [nifti])].join(', '),
        },
        json,
      );
    },
  });

interface Choices {
  readonly reconstruction: Reconstruction;
  readonly sensitivities: (typeof sensitivityMethods)[number] | 'given' | undefined;
  readonly coils: number | undefined;
}

/** Checked, whitened and compressed, with sensitivities if the method needs them. */
async function prepared(
  { kspace: measured, mask: given, sensitivities: own, noise }: KspaceFile,
  file: string,
  { reconstruction, sensitivities: choice, coils }: Choices,
): Promise<Acquisition> {
  checkKspace(measured, file);
  const mask = given ?? sampledPoints(measured);
  if (choice === 'given' && !own)
    throw new UsageError(
      `--sensitivities: got given, and ${file} has none; expected ${sensitivityMethods.join(' or ')}`,
    );
  const whitened = noise ? whitenByNoise(measured, noise) : measured;
  const matrix = coils === undefined ? null : compressCoils(whitened, coils).matrix;
  const kspace = matrix ? mixCoils(matrix, whitened) : whitened;
  if (!reconstruction.needsSensitivities) return { kspace, mask, sensitivities: null };
  const method = choice ?? (own ? 'given' : 'espirit');
  if (method !== 'given' || !own) {
    const estimate = await estimateSensitivities(method === 'walsh' ? 'walsh' : 'espirit', kspace, mask);
    return { kspace, mask, sensitivities: estimate };
  }
  // Whatever was done to the coils of k-space is done to the sensitivities.
  const white = noise ? whitenByNoise(own, noise) : own;
  return { kspace, mask, sensitivities: unitSensitivityMaps(matrix ? mixCoils(matrix, white) : white) };
}

async function reconstructed(
  reconstruction: Reconstruction,
  acquisition: Acquisition,
): Promise<ComplexArray> {
  const apply = reconstruction.prepare(acquisition);
  const { kspace, mask, sensitivities } = acquisition;
  const specs = [specsOf(kspace), specsOf(mask), specsOf(sensitivities ?? kspace)] as const;
  const program = await compile(
    (k, m, s) => apply({ kspace: k, mask: m, sensitivities: sensitivities ? s : undefined }),
    specs,
  );
  try {
    return await program.run([kspace, mask, sensitivities ?? kspace]);
  } finally {
    await program.dispose();
  }
}

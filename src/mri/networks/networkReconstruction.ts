/** A trained network as a reconstruction like every other: its parameters are constants of the traced function. */
import { z } from 'zod';
import { complex, constant, mapTree, reshape, type NDArray, type Tensor } from '../../tensor/index.ts';
import { detectAcsLines } from '../masks.ts';
import { reconstruction, type Reconstruct, type Reconstruction } from '../reconstruction.ts';
import type { ReconstructionNetwork } from './network.ts';

export interface NetworkReconstructionOptions {
  /** `complex`: coil images combined with the network's own sensitivities, where it estimates them. Default magnitude. */
  readonly output?: 'magnitude' | 'complex';
  /** Take estimated sensitivities for constants in derivatives. Default false. */
  readonly frozenSensitivities?: boolean;
}

/**
 * k-space [.., c, h, w] → image [.., h, w] by a network with the given parameters.
 *
 * @throws if the network has no complex output and one is asked for; on `prepare` if a mask of columns has no autocalibration
 * signal that the network needs.
 */
export function networkReconstruction(
  network: ReconstructionNetwork,
  parameters: unknown,
  options: NetworkReconstructionOptions = {},
): Reconstruction {
  if (options.output === 'complex' && !network.applyComplex)
    throw new Error(
      `${network.name}: output 'complex' was asked for, but this network makes magnitude images only`,
    );
  const family = reconstruction(network.name, {
    title: network.title,
    source: network.source,
    options: z.object({
      output: z.enum(['magnitude', 'complex']).default('magnitude').describe('kind of image'),
      frozenSensitivities: z
        .boolean()
        .default(false)
        .describe('estimated sensitivities are constants in derivatives'),
    }),
    traits: ({ output }) => ({ output, needsSensitivities: false, linear: false }),
    prepare({ mask }, { output, frozenSensitivities }): Reconstruct {
      if (network.applyComplex && detectAcsLines(mask) < 2)
        throw new Error(
          `${network.name}: the mask has no autocalibration lines around column ${Math.floor(mask.shape[1] / 2)}, expected at least 2; sensitivities are estimated from them`,
        );
      return (input) => {
        const { shape, dtype } = input.kspace.re;
        const batched = complex.mapParts(input.kspace, (part) => reshape(part, [-1, ...shape.slice(-3)]));
        const constants = mapTree(parameters, (leaf: NDArray) => constant(leaf.data, leaf.shape, dtype));
        const data = { kspace: batched, mask: input.mask };
        const image =
          output === 'complex' && network.applyComplex
            ? network.applyComplex(constants, data, { frozenSensitivities })
            : complex.fromReal(network.apply(constants, data, { frozenSensitivities }));
        const back = (part: Tensor): Tensor => reshape(part, [...shape.slice(0, -3), ...shape.slice(-2)]);
        return complex.mapParts(image, back);
      };
    },
  });
  return family.create({ ...options });
}

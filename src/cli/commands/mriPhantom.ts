/** `sextant mri phantom`: undersampled k-space of a phantom, to try things on. */
import type { Command } from 'commander';
import { z } from 'zod';
import { birdcageCoils } from '../../../datasets/mri/coils.ts';
import { cartesianScan, writeIsmrmrd } from '../../../datasets/mri/ismrmrdWriter.ts';
import { brainPhantom, sheppLogan, withPhase } from '../../../datasets/mri/phantoms.ts';
import { npy, type NpyArray } from '../../../datasets/npy.ts';
import { encodeNpz } from '../../../datasets/npz.ts';
import {
  applyMask,
  encode,
  equispacedMask,
  poissonDiscMask,
  randomMask,
  trueAcceleration,
  whiteNoise,
} from '../../mri/index.ts';
import { compile, complex, interleave, specsOf, type ComplexArray } from '../../tensor/index.ts';
import { key, split } from '../../tensor/random.ts';
import { command } from '../command.ts';
import { asUsage, UsageError } from '../errors.ts';
import { printFacts } from '../facts.ts';
import { pauseForInterruption } from '../interruption.ts';
import { checkOutputs, writeBytes } from '../output.ts';
import type { Terminal } from '../terminal.ts';
import { fileName, oneOf, positiveNumber, wholeNumber } from '../text.ts';

/** Samples of pure noise that the file holds, as scanners acquire before an image. */
const NOISE_SAMPLES = 4096;

export const mriPhantom = (terminal: Terminal): Command =>
  command({
    name: 'phantom',
    summary: 'make undersampled k-space of a phantom',
    description:
      'Makes a phantom with a smooth phase, birdcage coils, noise and a sampling mask, all from one seed, and writes kspace, mask, ' +
      'sensitivities, noise (readouts without signal) and image (the truth) to an .npz that `sextant mri recon` reads; or, as a scanner ' +
      'would, the readouts of k-space and noise to an .h5 of ISMRMRD.',
    arguments: {},
    options: {
      phantom: {
        value: 'name',
        help: 'brain (random, by seed) or shepp-logan (brain)',
        schema: oneOf('brain', 'shepp-logan').default('brain'),
      },
      height: { value: 'number', help: 'rows (128)', schema: wholeNumber(8, 4096).default(128) },
      width: {
        value: 'number',
        help: 'columns, the phase encodes (128)',
        schema: wholeNumber(8, 4096).default(128),
      },
      coils: { value: 'number', help: 'coils (8)', schema: wholeNumber(1, 128).default(8) },
      mask: {
        value: 'name',
        help: 'equispaced, random or poisson-disc (equispaced)',
        schema: oneOf('equispaced', 'random', 'poisson-disc').default('equispaced'),
      },
      acceleration: { value: 'number', help: 'acceleration (4)', schema: positiveNumber.default(4) },
      acsLines: {
        value: 'number',
        help: 'fully sampled lines at the centre (24)',
        schema: wholeNumber(0).default(24),
      },
      sigma: {
        value: 'number',
        help: 'standard deviation of a real component of the noise; the phantom is about 1 (0.01)',
        schema: positiveNumber.default(0.01),
      },
      seed: { value: 'number', help: 'seed of everything random (0)', schema: wholeNumber(0).default(0) },
      output: {
        value: 'file',
        help: 'the .npz, or .h5 of ISMRMRD (phantom.npz)',
        schema: fileName('.npz', '.h5').default('phantom.npz'),
      },
      json: { help: 'print the facts as JSON', schema: z.boolean().default(false) },
    },
    examples: [
      'sextant mri phantom',
      'sextant mri phantom --mask poisson-disc --acceleration 6 --output poisson.npz',
      'sextant mri phantom --output scan.h5',
    ],
    async run({
      phantom,
      height,
      width,
      coils,
      mask: kind,
      acceleration,
      acsLines,
      sigma,
      seed,
      output,
      json,
    }) {
      if (output.endsWith('.h5') && kind === 'poisson-disc')
        throw new UsageError(
          '--output: readouts of ISMRMRD measure whole columns, and --mask poisson-disc samples points; expected a .npz, or another mask',
        );
      const signal = terminal.interruption('begins anew');
      await checkOutputs([output]);
      const [phantomKey, maskKey, noiseKey, readoutKey] = split(key(seed), 4);
      const size = [height, width] as const;
      const image =
        phantom === 'brain'
          ? brainPhantom(phantomKey, size)
          : withPhase(sheppLogan(size), new Float64Array(height * width));
      await pauseForInterruption(signal);
      const sensitivities = birdcageCoils(coils, size);
      await pauseForInterruption(signal);
      const columns = { width, acceleration, acsLines };
      const mask = asUsage(() =>
        kind === 'poisson-disc'
          ? poissonDiscMask(maskKey, { height, width, acceleration, calibration: acsLines })
          : (kind === 'random' ? randomMask : equispacedMask)(maskKey, columns),
      );
      await pauseForInterruption(signal);
      const noise = whiteNoise(noiseKey, [coils, height, width], sigma);
      const program = await compile(
        (truth, s, m, n) => complex.add(encode(truth, { sensitivities: s, mask: m }), applyMask(n, m)),
        [specsOf(image), specsOf(sensitivities), specsOf(mask), specsOf(noise)] as const,
        { dtype: 'float64' },
      );
      const kspace = await program.run([image, sensitivities, mask, noise]);
      await program.dispose();
      await pauseForInterruption(signal);
      const readouts = whiteNoise(readoutKey, [coils, NOISE_SAMPLES], sigma);
      if (output.endsWith('.h5'))
        await writeIsmrmrd(output, cartesianScan({ kspace, mask, noise: readouts }));
      else
        await writeBytes(
          output,
          encodeNpz({
            kspace: complexNpy(kspace),
            mask: npy(Float32Array.from(mask.data), mask.shape),
            sensitivities: complexNpy(sensitivities),
            noise: complexNpy(readouts),
            image: complexNpy(image),
          }),
        );
      printFacts(
        terminal,
        {
          phantom,
          'k-space': kspace.re.shape.join(' × '),
          mask: kind,
          acceleration: Number(trueAcceleration(mask).toPrecision(3)),
          sigma,
          seed,
          written: output,
        },
        json,
      );
    },
  });

const complexNpy = (z: ComplexArray): NpyArray => ({
  data: Float32Array.from(interleave(z)),
  shape: z.re.shape,
  dtype: '<c8',
});

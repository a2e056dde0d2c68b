/** Every reconstruction by name: what the command line lists and noise maps are made of. A new method is one more line here. */
import { z } from 'zod';
import { complex, ifft2c, type Complex } from '../tensor/index.ts';
import { adaptiveCombine, rootSumOfSquares } from './combine.ts';
import { totalVariationReconstruction, waveletReconstruction } from './compressedSensing.ts';
import { cgSense } from './conjugateGradients.ts';
import { calibrationData } from './calibration.ts';
import { applyMask, combineCoils, type AcquisitionModel } from './forwardModel.ts';
import { calibrateGrappa, fillGrappa, grappa } from './grappa.ts';
import { uniformSampling } from './masks.ts';
import {
  reconstruction,
  sensitivitiesOf,
  type Reconstruction,
  type ReconstructionFamily,
  type ReconstructionInput,
  type ReconstructionTraits,
} from './reconstruction.ts';
import { sense } from './sense.ts';

/** F⁻¹ of k-space with zeros where the mask has them: coil images [.., c, h, w]. */
const zeroFilledImages = ({ kspace, mask }: ReconstructionInput): Complex => ifft2c(applyMask(kspace, mask));

/** How coil images become one image: √Σ|x|², or Σ S* x. */
const combination = z
  .enum(['root-sum-of-squares', 'sensitivities'])
  .describe('how coil images become one image');

const combinationTraits = (combine: z.infer<typeof combination>): ReconstructionTraits =>
  combine === 'sensitivities'
    ? { output: 'complex', needsSensitivities: true, linear: true }
    : { output: 'magnitude', needsSensitivities: false, linear: false };

const combined = (
  name: string,
  combine: z.infer<typeof combination>,
  images: Complex,
  input: ReconstructionInput,
): Complex =>
  combine === 'sensitivities'
    ? combineCoils(images, sensitivitiesOf(name, input))
    : complex.fromReal(rootSumOfSquares(images));

const zeroFilled = reconstruction('zero-filled', {
  title: 'Zero-filled',
  source: 'root of sum of squares: Roemer et al., Magnetic Resonance in Medicine 16, 1990',
  options: z.object({ combine: combination.default('root-sum-of-squares') }),
  traits: ({ combine }) => combinationTraits(combine),
  prepare:
    (_, { combine }) =>
    (input) =>
      combined('zero-filled', combine, zeroFilledImages(input), input),
});

const adaptive = reconstruction('adaptive', {
  title: 'Zero-filled, adaptive combination',
  source: 'Walsh, Gmitro & Marcellin, Magnetic Resonance in Medicine 43, 2000',
  options: z.object({
    neighbourhood: z.int().min(1).default(5).describe('side of the square of the coil covariance, odd'),
    powerIterations: z.int().min(1).default(12).describe('power iterations for its dominant eigenvector'),
  }),
  traits: () => ({ output: 'complex', needsSensitivities: false, linear: false }),
  prepare:
    (_, { neighbourhood, powerIterations }) =>
    (input) =>
      adaptiveCombine(zeroFilledImages(input), { neighbourhood, iterations: powerIterations }),
});

const senseFamily = reconstruction('sense', {
  title: 'SENSE, closed form',
  source: 'Pruessmann et al., Magnetic Resonance in Medicine 42, 1999',
  options: z.object({}),
  traits: () => ({ output: 'complex', needsSensitivities: true, linear: true }),
  prepare({ mask }) {
    const sampling = uniformSampling(mask);
    return (input) => sense(input.kspace, sensitivitiesOf('sense', input), sampling);
  },
});

/** The acquisition as methods that iterate know it. */
const modelOf = (name: string, input: ReconstructionInput): AcquisitionModel => ({
  sensitivities: sensitivitiesOf(name, input),
  mask: input.mask,
});

const cgSenseFamily = reconstruction('cg-sense', {
  title: 'SENSE, conjugate gradients',
  source: 'Pruessmann et al., Magnetic Resonance in Medicine 46, 2001',
  options: z.object({
    tikhonov: z.number().min(0).default(0).describe('λ of λ|z|², where AᴴA is at most 1'),
    iterations: z.int().min(1).default(30).describe('iterations'),
    derivative: z
      .enum(['iterations', 'solution'])
      .default('iterations')
      .describe('of what was computed, or of the image it converges to, with less work'),
  }),
  traits: () => ({ output: 'complex', needsSensitivities: true, linear: true }),
  prepare: (_, options) => (input) =>
    cgSense(input.kspace, { sensitivities: sensitivitiesOf('cg-sense', input), mask: input.mask }, options),
});

const grappaFamily = reconstruction('grappa', {
  title: 'GRAPPA',
  source: 'Griswold et al., Magnetic Resonance in Medicine 47, 2002',
  options: z.object({
    readout: z.int().min(1).default(5).describe('samples of the kernel along the readout, odd'),
    phase: z.int().min(2).default(4).describe('sampled columns of the kernel, even'),
    regularisation: z
      .number()
      .min(0)
      .default(0.001)
      .describe('of the fit, as a share of its largest singular value'),
    acs: z
      .enum(['keep', 'calibrate'])
      .default('keep')
      .describe('measured ACS lines stay in the image, or only give the weights'),
    combine: combination.default('sensitivities'),
  }),
  traits: ({ combine }) => combinationTraits(combine),
  prepare({ kspace, mask }, { readout, phase, regularisation, acs, combine }) {
    const { acceleration, offset } = uniformSampling(mask);
    const lines = calibrationData(kspace, mask, { side: Infinity, name: 'grappa' });
    const kernel = calibrateGrappa(lines, { acceleration, readout, phase, regularisation });
    const fill = acs === 'keep' ? grappa : (k: Complex) => fillGrappa(k, kernel, { offset });
    return (input) =>
      combined('grappa', combine, ifft2c(fill(input.kspace, input.mask, kernel, { offset })), input);
  },
});

const lambda = z
  .number()
  .min(0)
  .describe('weight of the penalty, as a share of the largest value of the zero-filled image');

const totalVariation = reconstruction('total-variation', {
  title: 'Compressed sensing, total variation',
  source:
    'Rudin, Osher & Fatemi, Physica D 60, 1992; Condat, Journal of Optimization Theory and Applications 158, 2013',
  options: z.object({
    lambda: lambda.default(0.002),
    iterations: z.int().min(1).default(60).describe('iterations'),
  }),
  traits: () => ({ output: 'complex', needsSensitivities: true, linear: false }),
  prepare: (_, options) => (input) =>
    totalVariationReconstruction(input.kspace, modelOf('total-variation', input), options),
});

const wavelet = reconstruction('wavelet', {
  title: 'Compressed sensing, wavelets',
  source: 'Lustig, Donoho & Pauly, Magnetic Resonance in Medicine 58, 2007',
  options: z.object({
    lambda: lambda.default(0.004),
    iterations: z.int().min(1).default(40).describe('iterations'),
    levels: z.int().min(1).default(4).describe('levels of the Daubechies-4 transform'),
  }),
  traits: () => ({ output: 'complex', needsSensitivities: true, linear: false }),
  prepare: (_, options) => (input) => waveletReconstruction(input.kspace, modelOf('wavelet', input), options),
});

export const reconstructionFamilies: readonly ReconstructionFamily[] = [
  zeroFilled,
  adaptive,
  senseFamily,
  cgSenseFamily,
  grappaFamily,
  totalVariation,
  wavelet,
];

/**
 * The method of that name with options over its defaults.
 *
 * @throws if the name is unknown or an option is.
 */
export function getReconstruction(
  name: string,
  options: Readonly<Record<string, unknown>> = {},
): Reconstruction {
  const family = reconstructionFamilies.find((candidate) => candidate.name === name);
  if (family) return family.create(options);
  throw new Error(
    `reconstruction '${name}' is unknown; expected one of ${reconstructionFamilies.map((f) => f.name).join(', ')}`,
  );
}

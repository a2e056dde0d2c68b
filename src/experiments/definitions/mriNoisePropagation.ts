/**
 * Noise through a trained variational network: what its Jacobian says of the noise of every pixel against replicas, over noise levels
 * and accelerations, with bias, worst case and an inserted lesion.
 */
import { noiseBenchmark } from '../mriNoiseBenchmark.ts';
import {
  claims,
  groupsOf,
  propagationChecks,
  propagationFigures,
  propagationRows,
} from '../mriNoiseSummary.ts';
import { SHIPPED_NETWORK } from '../mriTrainedNetwork.ts';

export default noiseBenchmark('mri-noise-propagation', {
  title: 'Noise of a trained reconstruction: Jacobian against Monte Carlo',
  source:
    'slides Results 1–4 of the talk on uncertainty of E2E-VarNet (maps and scatter plots, no table); Sriram et al. 2020, arXiv 2004.06688',
  presets: {
    quick: {
      description: 'a small variational network on 48 × 48 pixels and 6 coils, R = 3; two minutes',
      values: { train: 60, validation: 6, test: 4, epochs: 8, batchSize: 2, dropEvery: 6 },
    },
    paper: {
      description:
        'the network that comes with Sextant at accelerations 4 … 12 with 24 ACS lines, 320 × 320 pixels, 8 coils; three hours',
      values: {
        network: SHIPPED_NETWORK,
        accelerations: [4, 6, 8, 10, 12],
        acsLines: 24,
        height: 320,
        width: 320,
        coils: 8,
        train: 1,
        validation: 1,
        test: 4,
        slices: 1,
      },
    },
    trained: {
      description: 'a network of medium size trained for each of these accelerations; weeks',
      values: {
        accelerations: [4, 6, 8, 10, 12],
        acsLines: 24,
        height: 320,
        width: 320,
        coils: 8,
        size: 'medium',
        train: 1000,
        validation: 40,
        test: 40,
        slices: 4,
      },
    },
  },
  summarize(finished, { levels }) {
    const groups = groupsOf(finished);
    return {
      rows: groups.flatMap((group) => propagationRows(group, levels)),
      checks: groups.flatMap((group) => propagationChecks(group, levels)),
      figures: groups.flatMap((group) => propagationFigures(group, levels)),
      notes: [
        'σ is the standard deviation of one real component of the noise of k-space. Maps are in units of σ, pooled over the measured slices; object, low signal and background are pixels above 20 %, 5 … 20 % and below 5 % of the peak of the true image.',
        'The clean point is k-space without noise; the noisy point is one measurement, as a user has it. Bias is against the image without noise.',
        'In the background a magnitude is not normal, and first order overestimates its deviation where noise exceeds the signal.',
        'A network that takes real and imaginary part for channels is not invariant to a global phase of k-space; the table says by how much its noise map changes.',
        ...groups.flatMap((group) => claims(group, levels)),
      ],
    };
  },
});

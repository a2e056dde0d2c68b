/** What noise does to a reconstruction, in one go: Jacobian maps, replicas, the bound, their agreement, and where first order ends. */
import type { NDArray } from '../tensor/index.ts';
import { worstCaseGain } from '../uncertainty/gain.ts';
import { linearisationError } from '../uncertainty/linearisation.ts';
import type { PrecisionChoice } from '../uncertainty/precision.ts';
import { cramerRaoBound } from './cramerRao.ts';
import { perturbedReconstruction, type NoisyAcquisition, type ReconstructionAtHand } from './kspaceNoise.ts';
import { noiseMaps, type NoiseMapOptions } from './noiseMaps.ts';
import { agreementByRegion, imageRegions, LEAST_SNR, median, regionNames } from './regions.ts';
import { biasMaps, replicaMaps } from './replicas.ts';

/** The number that says how far the noise is above, or of a biased reconstruction below, the Cramér–Rao bound. */
export const OVER_BOUND = 'median sd / Cramér–Rao bound, object';

/** First order is said to hold while the change of the image under noise differs from J n by less than this share. */
export const LINEAR_LIMIT = 0.1;

export interface AssessmentOptions extends PrecisionChoice {
  readonly maps?: Pick<NoiseMapOptions, 'method' | 'probes' | 'targetError' | 'maximumProbes' | 'spacing'>;
  /** Pseudo replicas; 0 for none. */
  readonly replicas: number;
  /** Random vectors of the Cramér–Rao bound where it is not dense; 0 for no bound. */
  readonly boundProbes: number;
  /** Power iterations for the worst-case gain; 0 for none. */
  readonly gainIterations: number;
  readonly seed: number;
  /** The true image [h, w] as a magnitude, where it is known: bias is then against it, not against the image without added noise. */
  readonly truth?: NDArray | undefined;
  readonly onProgress?: ((label: string, done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A map [h, w] for a report. Maps of one scale share their colours. */
export interface AssessedMap {
  readonly name: string;
  readonly title: string;
  /** The quantity with its unit. */
  readonly quantity: string;
  readonly scale: string;
  readonly values: NDArray;
}

export interface Assessment {
  readonly maps: readonly AssessedMap[];
  /** Named numbers: 'object: slope of Jacobian over replicas'. */
  readonly numbers: Readonly<Record<string, number>>;
  /** What must stand beside a number of that name, lest it be misread. */
  readonly remarks: Readonly<Record<string, string>>;
  /** What a reader must know before trusting the maps. */
  readonly warnings: readonly string[];
}

/**
 * Assesses a reconstruction of one slice. Images and deviations are in the unit of k-space (orthonormal transform).
 *
 * @throws as the single maps do.
 */
export async function assessNoise(
  reconstruction: ReconstructionAtHand,
  acquisition: NoisyAcquisition,
  options: AssessmentOptions,
): Promise<Assessment> {
  const { engine, threads, dtype, seed, signal, onProgress } = options;
  const common = { engine, threads, dtype, seed, signal };
  const report = (label: string) => (done: number, total: number) => onProgress?.(label, done, total);
  const maps: AssessedMap[] = [];
  const numbers: Record<string, number> = {};
  const remarks: Record<string, string> = {};
  const warnings: string[] = [];
  const put = (name: string, title: string, quantity: string, scale: string, values: NDArray): void => {
    maps.push({ name, title, quantity, scale, values });
  };

  const pilot = await noiseMaps(reconstruction, acquisition, { ...common, method: 'sketching', probes: 2 });
  const regions = imageRegions(pilot.magnitude);
  const found = await noiseMaps(reconstruction, acquisition, {
    ...common,
    ...options.maps,
    interest: regions.object,
    onProgress: report('noise map'),
  });
  const { magnitude, sd } = found;
  put('image', 'Reconstruction', '|image|', 'image', magnitude);
  put('sd', 'Standard deviation by the Jacobian', 'sd of the image', 'sd', sd);
  const snr = ratio(magnitude, sd);
  put('snr', 'Signal to noise ratio', 'image / sd', 'snr', snr);
  numbers['probes'] = found.probes;
  if (found.relativeError !== null)
    numbers['relative standard error of the sd map, object'] = found.relativeError;
  const inObject = (map: NDArray): number =>
    median(Float64Array.from(map.data).filter((x, i) => regions.object[i] !== 0 && Number.isFinite(x)));
  numbers['median sd, object'] = inObject(sd);
  numbers['median signal to noise ratio, object'] = inObject(snr);
  const signalPixels = magnitude.data.filter((_, i) => regions.background[i] === 0).length;
  const weak = snr.data.filter((x, i) => regions.background[i] === 0 && x < LEAST_SNR).length / signalPixels;
  numbers[`share of object and low signal with a signal to noise ratio below ${LEAST_SNR}`] = weak;
  if (weak > 0.01)
    warnings.push(
      `${(100 * weak).toFixed(1)} % of the pixels with signal have a signal to noise ratio below ${LEAST_SNR}: there the magnitude is not normally distributed and first order overestimates its deviation.`,
    );

  if (options.replicas > 0) {
    const replicas = await replicaMaps(reconstruction, acquisition, {
      ...common,
      replicas: options.replicas,
      onProgress: report('replicas'),
    });
    put(
      'sdReplicas',
      `Standard deviation of ${options.replicas} replicas`,
      'sd of the image',
      'sd',
      replicas.sd,
    );
    put('ratio', 'Jacobian over replicas', 'sd / sd', 'ratio', ratio(sd, replicas.sd));
    const { bias, rmse, biasOverSd } = biasMaps(replicas, options.truth ?? magnitude);
    const against = options.truth ? 'the true image' : 'the image without added noise';
    put('bias', `Bias: mean of replicas − ${against}`, 'bias', 'bias', bias);
    put('rmse', 'Error of bias and noise together', '√(bias² + sd²)', 'sd', rmse);
    numbers['median |bias| / sd, object'] = inObject(biasOverSd);
    if ('sigma' in acquisition.noise)
      numbers['median RMSE / σ, object'] = inObject(rmse) / acquisition.noise.sigma;
    numbers['replicas'] = replicas.replicas;
    const agreed = agreementByRegion(sd, replicas.sd, replicas.standardError, regions);
    for (const name of regionNames) {
      const here = agreed[name];
      if (!here) continue;
      numbers[`${name}: median of Jacobian / replicas`] = here.medianRatio;
      numbers[`${name}: slope of Jacobian over replicas`] = here.slope;
      numbers[`${name}: relative difference of Jacobian and replicas`] = here.relativeError;
      if (here.resolution !== null)
        numbers[`${name}: relative difference that sampling alone leaves`] = here.resolution;
    }
  }

  const map = perturbedReconstruction(reconstruction, acquisition);
  const nonlinear = await linearisationError(map, { ...common, interest: regions.object });
  numbers['relative error of first order at this noise, object'] = nonlinear;
  if (nonlinear > LINEAR_LIMIT)
    warnings.push(
      `At this noise level the change of the image differs from its first order by ${(100 * nonlinear).toFixed(0)} % in the object, beyond the ${100 * LINEAR_LIMIT} % up to which the Jacobian map is to be trusted: use the map of the replicas.`,
    );

  if (options.boundProbes > 0 && acquisition.sensitivities) {
    const { mask, sensitivities, noise } = acquisition;
    const bound = await cramerRaoBound(
      { mask, sensitivities, noise },
      { ...common, probes: options.boundProbes, onProgress: report('Cramér–Rao bound') },
    );
    put('bound', 'Cramér–Rao bound of an unbiased image', 'least sd of an unbiased image', 'bound', bound.sd);
    const overBound = ratio(sd, bound.sd);
    put(
      'overBound',
      'Jacobian over Cramér–Rao bound; below 1 the image is biased',
      'sd / bound',
      'overBound',
      overBound,
    );
    numbers[OVER_BOUND] = inObject(overBound);
    if (bound.residual > 0.01) numbers['largest residual of the bound'] = bound.residual;
    const below = shareBelow(found, bound, regions.object);
    if (below > 0.05) {
      remarks[OVER_BOUND] = 'the bound is of unbiased images, and this one is biased';
      warnings.push(
        `In ${(100 * below).toFixed(0)} % of the object the noise is below what any unbiased image could have: the reconstruction is biased there (regularised, stopped early or trained). It trades noise for an error that does not change from scan to scan${options.truth ? '' : ', which no map here shows, since the true image is not known'}.`,
      );
    }
    if (bound.residual > 0.01)
      warnings.push(
        `The bound was cut off at a residual of ${bound.residual.toPrecision(2)}: the samples hardly determine the image, and the bound is higher still.`,
      );
  }

  if (options.gainIterations > 0) {
    const worst = await worstCaseGain(map, {
      ...common,
      maximumIterations: options.gainIterations,
      tolerance: 1e-3,
      onProgress: report('worst case'),
    });
    const [, h, w] = acquisition.kspace.re.shape;
    const size = Float64Array.from({ length: h * w }, (_, i) =>
      Math.hypot(worst.response.data[i], worst.response.shape[0] === 2 ? worst.response.data[h * w + i] : 0),
    );
    put('worst', 'Answer to the worst perturbation of k-space', '|change|, norm 1', 'worst', {
      data: size,
      shape: [h, w],
      dtype: 'float64',
    });
    numbers['worst-case gain ‖J‖₂ for noise of unit deviation'] = worst.gain / map.scale;
    if (!worst.converged)
      warnings.push(`The worst-case gain is a lower bound after ${worst.iterations} power iterations.`);
  }
  return { maps, numbers, remarks, warnings };
}

interface Estimate {
  readonly sd: NDArray;
  readonly standardError: NDArray | null;
}

/** The share of the pixels where a deviation is below a bound by more than 5 % and two standard errors of both estimates. */
function shareBelow(found: Estimate, bound: Estimate, object: ArrayLike<number>): number {
  const moved = ({ sd, standardError }: Estimate, i: number, errors: number): number =>
    sd.data[i] + errors * (standardError?.data[i] ?? 0);
  let [below, pixels] = [0, 0];
  for (let i = 0; i < object.length; i++) {
    if (object[i] === 0) continue;
    pixels++;
    if (moved(found, i, 2) < 0.95 * moved(bound, i, -2)) below++;
  }
  return below / pixels;
}

const ratio = (a: NDArray, b: NDArray): NDArray => ({
  data: Float64Array.from(a.data, (x, i) => (b.data[i] > 0 ? x / b.data[i] : NaN)),
  shape: a.shape,
  dtype: 'float64',
});

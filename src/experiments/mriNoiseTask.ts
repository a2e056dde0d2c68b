/**
 * Noise of a trained reconstruction on test slices at several noise levels: its Jacobian against replicas, bias, worst case, and an
 * inserted lesion. Noise of one slice does not reach another, so that a batch of slices has the maps of each: few programs do it all.
 */
import { z } from 'zod';
import { npy } from '../../datasets/npy.ts';
import {
  agreementByRegion,
  imageRegions,
  median,
  recoveredContrast,
  regionNames,
  type Region,
} from '../mri/index.ts';
import { array, type NDArray } from '../tensor/index.ts';
import { agreement } from '../uncertainty/agreement.ts';
import type { JobContext, JobOutput } from './experiment.ts';
import {
  atLevels,
  jacobianMaps,
  lesionChanges,
  replicaMoments,
  rotated,
  withNoise,
  worstCase,
  type JacobianMaps,
  type Keep,
  type Points,
} from './mriPoints.ts';
import { takeSlices, type Slices } from './mriSlices.ts';
import { heldOut, type TrainedReconstruction } from './mriTask.ts';

/** Flags of an experiment that measures the noise of trained reconstructions. */
export const noiseFields = {
  levels: z
    .array(z.number().positive())
    .min(1)
    .default([0.001, 0.003, 0.01, 0.03, 0.1])
    .describe('σ of one real component of k-space over the largest intensity, ascending'),
  slices: z.int().min(1).default(2).describe('test slices that noise is measured on'),
  probes: z.int().min(2).default(64).describe('random vectors for the Jacobian map'),
  replicas: z.int().min(2).default(256).describe('replicas for the Monte Carlo map'),
  gainIterations: z.int().min(1).default(20).describe('power iterations for the worst case'),
  lesionContrast: z.number().default(0.2).describe('of the inserted lesion: 0.2 is a fifth brighter'),
  lesionRadius: z.number().min(0).default(1.5).describe('of the inserted lesion, pixels'),
};
export const noiseSettings = z.object(noiseFields);
export type NoiseSettings = z.infer<typeof noiseSettings>;

/** Where the reconstruction is linearised: at k-space without noise, or with the noise of one measurement, as a user has it. */
export const linearisationPoints = ['clean', 'noisy'] as const;
export type LinearisationPoint = (typeof linearisationPoints)[number];

type AgreementNumber = 'median ratio' | 'slope' | 'relative difference' | 'correlation' | 'sampling';
/** All in the object: |bias| of noise, deviation and root mean square error over σ; the last two in parts of |true image|². */
type ErrorNumber =
  | '|bias| / σ'
  | 'sd / σ'
  | 'RMSE / σ'
  | 'share of pixels with |bias| below sd'
  | 'error without noise / σ'
  | 'largest defect of RMSE² = bias² + sd²'
  | 'relative difference of a constant'
  | 'noise, NMSE'
  | 'bias, NMSE';

/** Names of the numbers of a job. */
export const noiseKeys = {
  agreement: (level: number, point: LinearisationPoint, region: Region, number: AgreementNumber): string =>
    `σ/peak ${level}, ${point} point, ${region}: ${number}`,
  error: (level: number, number: ErrorNumber): string => `σ/peak ${level}: ${number}`,
  linearity: 'sd / σ at the second level over that at the first, median',
  frozen: 'relative change of the sd map with frozen sensitivities',
  phase: 'relative change of the sd map for k-space times e^i',
  gain: 'worst-case gain ‖J‖₂',
  gainConverged: 'worst-case gain has converged',
  lesion: 'share of the contrast of the lesion, mean over slices',
  leastLesion: 'share of the contrast of the lesion, least slice',
  scatter: (level: number, region: Region, axis: 'Jacobian' | 'replicas'): string =>
    `scatter, σ/peak ${level}, ${region}: ${axis}`,
} as const;

/** Levels that scatter is kept of: the middle one, which the maps show, and the largest. */
export const picturedLevels = (levels: readonly number[]): number[] => [
  ...new Set([levels[(levels.length - 1) >> 1], levels[levels.length - 1]]),
];

/** Pixels of a region in a scatter. */
const SCATTERED = 300;

type Regions = Readonly<Record<Region, Float64Array>>;
type Deviations = Pick<JacobianMaps, 'sd' | 'standardError'>;

export interface NoiseMeasurement {
  readonly extra: Record<string, number>;
  readonly curves: Record<string, number[]>;
  readonly maps: NonNullable<JobOutput['result']['maps']>;
  readonly arrays: NonNullable<JobOutput['arrays']>;
}

/**
 * Measures the noise of a trained network on the first test slices, with the masks they have in its test. Maps are in units of σ, the
 * deviation of one real component of the noise of k-space. Every map is kept in the run once it is done.
 *
 * @throws the signal's reason when aborted; if a lesion finds no room in the object.
 */
export async function measureNoise(
  trained: TrainedReconstruction,
  test: Slices,
  settings: NoiseSettings,
  { run, engine, threads, signal, onPart, config: { seed } }: JobContext,
): Promise<NoiseMeasurement> {
  const { levels, probes, replicas, gainIterations, lesionContrast, lesionRadius } = settings;
  const options = { engine, threads, signal, seed };
  const shown = (label: string) => ({
    ...options,
    onProgress: (done: number, total: number) => onPart(label, done, total),
  });
  const keepIn =
    (label: string): Keep =>
    (name, work) =>
      run.keep(`${label} ${name}`, work);
  const kept = (label: string) => ({ ...shown(label), keep: keepIn(label) });
  const count = Math.min(settings.slices, test.re.shape[0]);
  const clean: Points = heldOut(takeSlices(test, 0, count), 'test', { ...trained.settings, noise: 0 });
  const regions = pooledRegions(clean['target']);
  const every = atLevels(clean, levels);

  const jacobian = await jacobianMaps(trained, clean, { ...kept('noise map'), probes });
  const frozen = await jacobianMaps(trained, clean, {
    ...kept('map with frozen sensitivities'),
    probes,
    frozenSensitivities: true,
  });
  const turned = await jacobianMaps(trained, rotated(clean, 1), {
    ...kept('map of another phase'),
    probes,
  });
  const noisy = await jacobianMaps(trained, withNoise(every, seed), {
    ...kept('maps at noisy points'),
    probes,
  });
  const worst = await worstCase(trained, clean, { ...shown('worst case'), iterations: gainIterations });
  const lesions = await lesionChanges(
    trained,
    clean,
    { images: jacobian.image, object: regions.object },
    { contrast: lesionContrast, radius: lesionRadius },
    options,
  );
  const size = jacobian.sd.length;
  const reference = Float64Array.from({ length: levels.length * size }, (_, i) => jacobian.image[i % size]);
  const sampled = await replicaMoments(trained, every, reference, { ...kept('replicas'), replicas });

  const inObject = (values: Float64Array): Float64Array => values.filter((_, i) => regions.object[i] !== 0);
  const change = (map: Float64Array): number => agreement(inObject(map), inObject(jacobian.sd)).relativeError;
  const shares = lesions.map((lesion) => recoveredContrast(lesion.change, lesion.trueChange, lesion.disc));
  const extra: Record<string, number> = {
    [noiseKeys.frozen]: change(frozen.sd),
    [noiseKeys.phase]: change(turned.sd),
    [noiseKeys.gain]: worst.gain,
    [noiseKeys.gainConverged]: worst.converged ? 1 : 0,
    [noiseKeys.lesion]: shares.reduce((a, b) => a + b) / count,
    [noiseKeys.leastLesion]: Math.min(...shares),
  };
  const curves: Record<string, number[]> = {};
  const inSigma = levels.map((level, l): InSigma => {
    const sigma = spread(clean['range'], size).map((range) => level * range);
    const part = (values: Float64Array, power = 1): Float64Array =>
      values.slice(l * size, (l + 1) * size).map((value, i) => value / sigma[i] ** power);
    const first = l * size;
    return {
      level,
      replicas,
      sd: part(sampled.sd),
      mse: part(sampled.mse, 2),
      bias: part(sampled.mean).map((mean, i) => mean - jacobian.image[i] / sigma[i]),
      error: jacobian.image.map((value, i) => (value - clean['target'].data[i]) / sigma[i]),
      truth: sigma.map((s, i) => clean['target'].data[i] / s),
      jacobian: {
        clean: jacobian,
        noisy: {
          sd: noisy.sd.slice(first, first + size),
          standardError: noisy.standardError.slice(first, first + size),
        },
      },
    };
  });
  for (const maps of inSigma) {
    for (const point of linearisationPoints) Object.assign(extra, agreementNumbers(maps, point, regions));
    Object.assign(extra, errorNumbers(maps, inObject));
  }
  if (inSigma.length > 1) {
    const [one, two] = inSigma.map(({ sd }) => inObject(sd));
    extra[noiseKeys.linearity] = median(two.map((sd, i) => sd / one[i]));
  }
  for (const maps of inSigma.filter(({ level }) => picturedLevels(levels).includes(level)))
    Object.assign(curves, scatterOf(maps, regions));
  const [pictured] = inSigma.filter(({ level }) => level === picturedLevels(levels)[0]);
  return {
    extra,
    curves,
    ...picturesOf(pictured, clean['target'], jacobian, lesions[0].change, worst.response),
  };
}

/** Maps of all slices in a row, [n h w], in units of the σ of one level. */
interface InSigma {
  readonly level: number;
  readonly replicas: number;
  /** Of the replicas; with N − 1. */
  readonly sd: Float64Array;
  /** Mean over replicas of (image − image without noise)². */
  readonly mse: Float64Array;
  /** Mean of the replicas − image without noise. */
  readonly bias: Float64Array;
  /** Image without noise − true image. */
  readonly error: Float64Array;
  readonly truth: Float64Array;
  readonly jacobian: Readonly<Record<LinearisationPoint, Deviations>>;
}

/** Regions of each true image, in a row. */
function pooledRegions({ data, shape: [count, ...shape] }: NDArray): Regions {
  const size = data.length / count;
  const each = Array.from({ length: count }, (_, i) =>
    imageRegions(array(data.slice(i * size, (i + 1) * size), shape)),
  );
  const pooled = (region: Region): Float64Array =>
    Float64Array.from(each.flatMap((regions) => Array.from(regions[region])));
  return {
    object: pooled('object'),
    'low signal': pooled('low signal'),
    background: pooled('background'),
  };
}

/** A value [n] of each slice at all of its pixels. */
const spread = ({ data }: NDArray, size: number): Float64Array =>
  Float64Array.from({ length: size }, (_, i) => data[Math.floor((i * data.length) / size)]);

function agreementNumbers(
  { level, replicas, sd, jacobian }: InSigma,
  point: LinearisationPoint,
  regions: Regions,
): Record<string, number> {
  const row = (values: Float64Array): NDArray => array(values, [values.length]);
  const found = agreementByRegion(
    row(jacobian[point].sd),
    row(sd),
    // What sampling leaves of the difference, by the probes of the one map and the replicas of the other.
    row(sd.map((s, i) => Math.hypot(s / Math.sqrt(2 * (replicas - 1)), jacobian[point].standardError[i]))),
    regions,
  );
  const numbers: Record<string, number> = {};
  for (const region of regionNames) {
    const here = found[region];
    if (!here) continue;
    const put = (name: AgreementNumber, value: number): void => {
      numbers[noiseKeys.agreement(level, point, region, name)] = value;
    };
    put('median ratio', here.medianRatio);
    put('slope', here.slope);
    put('relative difference', here.relativeError);
    put('correlation', here.correlation);
    put('sampling', here.resolution ?? NaN);
  }
  return numbers;
}

function errorNumbers(
  { level, replicas, sd, mse, bias, error, truth }: InSigma,
  inObject: (values: Float64Array) => Float64Array,
): Record<string, number> {
  const middle = (values: Float64Array): number => median(inObject(values));
  const total = (values: Float64Array): number => values.reduce((sum, value) => sum + value * value, 0);
  const share = (replicas - 1) / replicas;
  const defects = mse.map((value, i) =>
    value > 0 ? Math.abs(value - (bias[i] ** 2 + share * sd[i] ** 2)) / value : 0,
  );
  const [below, object] = [inObject(sd.map((s, i) => (Math.abs(bias[i]) < s ? 1 : 0))), inObject(sd)];
  const mean = object.reduce((a, b) => a + b) / object.length;
  const energy = total(truth);
  const numbers: Record<ErrorNumber, number> = {
    '|bias| / σ': middle(bias.map(Math.abs)),
    'sd / σ': middle(sd),
    'RMSE / σ': middle(mse.map(Math.sqrt)),
    'share of pixels with |bias| below sd': below.reduce((a, b) => a + b) / below.length,
    'error without noise / σ': middle(error.map(Math.abs)),
    'largest defect of RMSE² = bias² + sd²': defects.reduce((a, b) => Math.max(a, b)),
    'relative difference of a constant': Math.sqrt(total(object.map((s) => s - mean)) / total(object)),
    'noise, NMSE': total(sd) / energy,
    'bias, NMSE': total(bias.map((b, i) => b + error[i])) / energy,
  };
  return Object.fromEntries(
    Object.entries(numbers).map(([name, value]) => [noiseKeys.error(level, name as ErrorNumber), value]),
  );
}

/** Pixels of every region at equal distances, Jacobian at the clean point and replicas. */
function scatterOf({ level, sd, jacobian }: InSigma, regions: Regions): Record<string, number[]> {
  const curves: Record<string, number[]> = {};
  for (const region of regionNames) {
    const pixels = Array.from(regions[region].keys()).filter((i) => regions[region][i] !== 0);
    const step = Math.max(1, pixels.length / SCATTERED);
    const chosen = Array.from(
      { length: Math.floor(pixels.length / step) },
      (_, i) => pixels[Math.floor(i * step)],
    );
    curves[noiseKeys.scatter(level, region, 'Jacobian')] = chosen.map((i) => jacobian.clean.sd[i]);
    curves[noiseKeys.scatter(level, region, 'replicas')] = chosen.map((i) => sd[i]);
  }
  return curves;
}

/** Maps of the first slice at one level. */
function picturesOf(
  { level, sd, mse, bias, jacobian }: InSigma,
  { data, shape: [, h, w] }: NDArray,
  { image }: JacobianMaps,
  lesion: Float64Array,
  worst: NDArray,
): Pick<NoiseMeasurement, 'maps' | 'arrays'> {
  const at = `, σ/peak ${level}`;
  const pictures: [
    name: string,
    title: string,
    quantity: string,
    scale: string,
    values: ArrayLike<number>,
  ][] = [
    ['target', 'True image', '|image|', 'image', data],
    ['image', 'Reconstruction without noise', '|image|', 'image', image],
    ['jacobian', 'Standard deviation by the Jacobian', 'sd / σ', 'sd', jacobian.clean.sd],
    ['replicas', `Standard deviation of replicas${at}`, 'sd / σ', 'sd', sd],
    ['ratio', `Jacobian over replicas${at}`, 'sd / sd', 'ratio', jacobian.clean.sd.map((s, i) => s / sd[i])],
    ['bias', `Bias that noise makes${at}`, 'bias / σ', 'bias', bias],
    ['rmse', `Error by noise${at}`, '√(bias² + sd²) / σ', 'sd', mse.map(Math.sqrt)],
    ['lesion', 'What the inserted lesion changes', 'change of |image|', 'lesion', lesion],
    ['worst', 'Answer to the worst noise', 'change, norm 1', 'worst', worst.data],
  ];
  return {
    maps: pictures.map(([name, title, quantity, scale]) => ({ array: name, title, quantity, scale })),
    arrays: Object.fromEntries(
      pictures.map(([name, , , , values]) => [
        name,
        npy(
          Float32Array.from({ length: h * w }, (_, i) => values[i]),
          [h, w],
        ),
      ]),
    ),
  };
}

/**
 * Batches of k-space at which a trained reconstruction is linearised or sampled. Noise is in units of σ, the standard deviation of one
 * real component; every point has a σ of its own, so that one program takes slices and noise levels together.
 */
import { complexNoise, lesionDisc, withLesion, type Lesion } from '../mri/index.ts';
import { contiguousBatch } from '../nn/batches.ts';
import {
  array,
  compile,
  complex,
  concat,
  expandDims,
  mul,
  sizeOf,
  specsOf,
  square,
  sub,
  type NDArray,
  type Tensor,
} from '../tensor/index.ts';
import { foldIn, key as keyOf, normal } from '../tensor/random.ts';
import { worstCaseGain, type WorstCase } from '../uncertainty/gain.ts';
import { localCovariance } from '../uncertainty/localCovariance.ts';
import { samplePerturbed } from '../uncertainty/monteCarlo.ts';
import type { Perturbed } from '../uncertainty/perturbed.ts';
import { compileOptions, type PrecisionChoice, type SeededChoice } from '../uncertainty/precision.ts';
import { cropTo, type TrainedReconstruction } from './mriTask.ts';

/**
 * Fully sampled k-space `re`, `im` [n, c, h, w], `mask` [n, 1, w], the true image `target` [n, h', w'], its largest intensity `range`
 * [n], and `sigma` [n] where the points have noise levels.
 */
export type Points = Readonly<Record<string, NDArray>>;

/** Numbers from where they were kept, or from the work that makes them. */
export type Keep = <K extends string>(
  name: string,
  work: () => Promise<Readonly<Record<K, Float64Array>>>,
) => Promise<Readonly<Record<K, Float64Array>>>;

type Choice = SeededChoice & {
  readonly seed: number;
  readonly signal: AbortSignal;
  /** Given, each batch of points is kept once it is done; its name is the number of its first point. */
  readonly keep?: Keep;
};

const keepNothing: Keep = (_, work) => work();

/** Progress of a batch as progress of all points. */
const within =
  (points: number, batch: number, from: number, onProgress: SeededChoice['onProgress']) =>
  (done: number, total: number): void =>
    onProgress?.(from * total + batch * done, points * total);

/** Points that go through a program together hold about so many numbers of noise. */
const NUMBERS_AT_ONCE = 2 ** 19;

function* batchesOf(points: Points): Generator<{ readonly batch: Points; readonly from: number }> {
  const [count, ...shape] = points['re'].shape;
  const atOnce = Math.max(1, Math.floor(NUMBERS_AT_ONCE / (2 * sizeOf(shape))));
  for (let from = 0; from < count; from += atOnce)
    yield { batch: contiguousBatch(points, from, Math.min(count, from + atOnce)), from };
}

/** z [2, n, c, h, w] ↦ images [1, n, h', w'] of k-space + σ z; σ is 1 where the points have none. */
function perturbed(
  { network, parameters }: TrainedReconstruction,
  points: Points,
  frozenSensitivities = false,
): Perturbed<{ readonly parameters: NDArray; readonly points: Record<string, NDArray> }> {
  return {
    // The network knows the types of its own tree.
    args: { parameters: parameters as NDArray, points },
    noise: [2, ...points['re'].shape],
    scale: 1,
    f: (z, { parameters: p, points: { re, im, mask, target, sigma } }) => {
      const levels = sigma && expandDims(expandDims(expandDims(sigma, 1), 2), 3);
      const noise = complex.mapParts(complexNoise(z), (part) => (levels ? mul(levels, part) : part));
      const kspace = complex.add({ re, im }, noise);
      return expandDims(cropTo(network.apply(p, { kspace, mask }, { frozenSensitivities }), target), 0);
    },
  };
}

/** Maps of all points in a row, [n h' w']. */
export interface JacobianMaps {
  /** The images without further noise. */
  readonly image: Float64Array;
  /** Standard deviation for noise of σ = 1, and its standard error. */
  readonly sd: Float64Array;
  readonly standardError: Float64Array;
}

/** Noise to first order at every point, by random probes in image space. */
export async function jacobianMaps(
  trained: TrainedReconstruction,
  { sigma: _, ...points }: Points,
  {
    probes,
    seed,
    frozenSensitivities,
    onProgress,
    keep = keepNothing,
    ...choice
  }: Choice & { readonly probes: number; readonly frozenSensitivities?: boolean },
): Promise<JacobianMaps> {
  const found: JacobianMaps[] = [];
  for (const { batch, from } of batchesOf(points)) {
    found.push(
      await keep(String(from), async () => {
        const { value, along } = await localCovariance(perturbed(trained, batch, frozenSensitivities), {
          ...choice,
          method: 'probing',
          probes,
          seed: seed + from,
          onProgress: within(points['re'].shape[0], batch['re'].shape[0], from, onProgress),
        });
        const [{ deviation, standardError }] = along;
        return {
          image: joined([value]),
          sd: joined([deviation]),
          standardError: joined(standardError ? [standardError] : []),
        };
      }),
    );
  }
  return gathered(found);
}

/** Over replicas of every point, in a row, [n h' w']. */
export interface ReplicaMoments {
  readonly mean: Float64Array;
  /** Sample standard deviation, with N − 1. */
  readonly sd: Float64Array;
  /** Mean of (image − reference)², summed up on its own and not from mean and deviation. */
  readonly mse: Float64Array;
}

/** Replicas of points with `sigma`: the noise of k-space is drawn anew in each; `reference` [n h' w'] are images to compare with. */
export async function replicaMoments(
  trained: TrainedReconstruction,
  points: Points,
  reference: Float64Array,
  { replicas, seed, onProgress, keep = keepNothing, ...choice }: Choice & { readonly replicas: number },
): Promise<ReplicaMoments> {
  const given: Points = { ...points, reference: array(Float32Array.from(reference), points['target'].shape) };
  const found: ReplicaMoments[] = [];
  for (const { batch, from } of batchesOf(given)) {
    const map = perturbed(trained, batch);
    found.push(
      await keep(String(from), async () => {
        const { mean, deviation } = await samplePerturbed(
          {
            ...map,
            f: (z, args) => {
              const image = map.f(z, args);
              return concat([image, square(sub(image, expandDims(args.points['reference'], 0)))], 0);
            },
          },
          {
            ...choice,
            samples: replicas,
            seed: seed + from,
            onProgress: within(given['re'].shape[0], batch['re'].shape[0], from, onProgress),
          },
        );
        const half = mean.data.length / 2;
        const part = ({ data }: NDArray, i: number): Float64Array =>
          Float64Array.from(data.subarray(i * half, (i + 1) * half));
        return { mean: part(mean, 0), sd: part(deviation, 0), mse: part(mean, 1) };
      }),
    );
  }
  return gathered(found);
}

/** Numbers of several batches in a row, name by name. */
const gathered = <K extends string>(
  found: readonly Readonly<Record<K, Float64Array>>[],
): Record<K, Float64Array> =>
  Object.fromEntries(
    (Object.keys(found[0]) as K[]).map((name) => [
      name,
      Float64Array.from(found.flatMap((part) => Array.from(part[name]))),
    ]),
  ) as Record<K, Float64Array>;

/** Largest gain of noise of norm 1 over all points that go through a program together, and the answer of the image to it. */
export async function worstCase(
  trained: TrainedReconstruction,
  points: Points,
  { iterations, ...choice }: Choice & { readonly iterations: number },
): Promise<WorstCase> {
  const [{ batch }] = batchesOf(points);
  return worstCaseGain(perturbed(trained, batch), {
    ...choice,
    maximumIterations: iterations,
    tolerance: 1e-3,
  });
}

/** Every point at every level: level by level, σ = level · range. */
export function atLevels(points: Points, levels: readonly number[]): Points {
  const repeated = Object.fromEntries(
    Object.entries(points).map(([name, { data, shape }]) => {
      const copies = new Float32Array(levels.length * data.length);
      levels.forEach((_, l) => copies.set(data, l * data.length));
      return [name, array(copies, [levels.length * shape[0], ...shape.slice(1)])];
    }),
  );
  const ranges = points['range'].data;
  const sigma = Float32Array.from(levels.flatMap((level) => Array.from(ranges, (range) => level * range)));
  return { ...repeated, sigma: array(sigma, [sigma.length]) };
}

/** The points with one draw of their noise. */
export function withNoise(points: Points, seed: number): Points {
  const { re, im, sigma } = points;
  const size = re.data.length / sigma.data.length;
  const noisy = [re, im].map(({ data }) => Float32Array.from(data));
  for (let i = 0; i < sigma.data.length; i++) {
    const draws = normal(foldIn(keyOf(seed), i), 2 * size);
    noisy.forEach((part, half) => {
      for (let j = 0; j < size; j++) part[i * size + j] += sigma.data[i] * draws[half * size + j];
    });
  }
  return { ...points, re: array(noisy[0], re.shape), im: array(noisy[1], im.shape) };
}

/** k-space times e^(iφ). */
export function rotated(points: Points, phase: number): Points {
  const { re, im } = points;
  const [cos, sin] = [Math.cos(phase), Math.sin(phase)];
  return {
    ...points,
    re: array(
      Float32Array.from(re.data, (x, i) => cos * x - sin * im.data[i]),
      re.shape,
    ),
    im: array(
      Float32Array.from(re.data, (x, i) => sin * x + cos * im.data[i]),
      im.shape,
    ),
  };
}

/** What a lesion in the object changes, in one slice [h', w']. */
export interface LesionChange {
  readonly disc: NDArray;
  /** Of the reconstruction without noise. */
  readonly change: Float64Array;
  readonly trueChange: Float64Array;
}

/**
 * Puts a lesion into every point and reconstructs; `images` are the reconstructions without it and `object` is 1 where it may lie, both
 * [n h' w'].
 *
 * @throws if a lesion finds no room.
 */
export async function lesionChanges(
  trained: TrainedReconstruction,
  points: Points,
  { images, object }: { readonly images: Float64Array; readonly object: Float64Array },
  { contrast, radius }: Lesion,
  choice: PrecisionChoice,
): Promise<LesionChange[]> {
  const { target, re } = points;
  const [count, h, w] = target.shape;
  const size = h * w;
  const [, , rows, columns] = re.shape;
  const row = (values: ArrayLike<number>, i: number): Float64Array =>
    Float64Array.from({ length: size }, (_, j) => values[i * size + j]);
  const discs = Array.from({ length: count }, (_, i) =>
    lesionDisc(array(row(target.data, i), [h, w]), row(object, i), { radius }),
  );
  const whole = Float32Array.from(joined(discs.map((disc) => centred(disc, rows, columns))));
  const given = { ...points, disc: array(whole, [count, 1, rows, columns]) };
  const parts = [];
  for (const { batch } of batchesOf(given)) {
    const program = await compile(
      (p: Tensor, { mask, disc, target: truth, ...kspace }: Record<string, Tensor>) => {
        const data = { kspace: withLesion({ re: kspace.re, im: kspace.im }, disc, contrast), mask };
        return cropTo(trained.network.apply(p, data), truth);
      },
      [specsOf(trained.parameters as NDArray), specsOf(batch)],
      compileOptions(choice),
    );
    try {
      const image = await program.run([trained.parameters as NDArray, batch]);
      parts.push({ ...image, data: image.data.slice() });
    } finally {
      await program.dispose();
    }
  }
  const after = joined(parts);
  return discs.map((disc, i) => {
    const [before, truth] = [row(images, i), row(target.data, i)];
    return {
      disc,
      change: row(after, i).map((value, j) => value - before[j]),
      trueChange: truth.map((value, j) => contrast * disc.data[j] * value),
    };
  });
}

/** An image in the middle of zeros [rows, columns]. */
function centred({ data, shape: [h, w] }: NDArray, rows: number, columns: number): NDArray {
  const [top, left] = [Math.floor((rows - h) / 2), Math.floor((columns - w) / 2)];
  const whole = new Float64Array(rows * columns);
  for (let r = 0; r < h; r++)
    for (let c = 0; c < w; c++) whole[(top + r) * columns + left + c] = data[r * w + c];
  return array(whole, [rows, columns]);
}

const joined = (parts: readonly NDArray[]): Float64Array =>
  Float64Array.from(parts.flatMap(({ data }) => Array.from(data)));

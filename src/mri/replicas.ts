/**
 * Pseudo multiple replicas (Robson et al., Magnetic Resonance in Medicine 60, 2008): synthetic noise of the measured covariance is
 * added to the sampled k-space many times, each replica is reconstructed, and mean and deviation are taken over replicas: noise
 * to all orders, with the error that a finite number leaves.
 */
import { complex, concat, sliceAxis, type NDArray, type Tensor } from '../tensor/index.ts';
import { samplePerturbed, type SamplingOptions } from '../uncertainty/monteCarlo.ts';
import type { DeviationMap } from '../uncertainty/localCovariance.ts';
import { perturbedReconstruction, type NoisyAcquisition, type ReconstructionAtHand } from './kspaceNoise.ts';

export interface ReplicaMaps {
  /** Mean and deviation over replicas of the image value, or of the magnitude of a complex image, [h, w]. */
  readonly mean: NDArray;
  readonly sd: NDArray;
  /** sd / √(2 (N − 1)). */
  readonly standardError: NDArray;
  /** Null for a real image. */
  readonly complex: {
    /** Mean of real and imaginary part, [2, h, w]. */
    readonly mean: NDArray;
    /** Deviation of one real component, from both together; its standard error is deviation / (2√N). */
    readonly component: DeviationMap;
  } | null;
  readonly replicas: number;
}

export interface ReplicaOptions extends Omit<SamplingOptions, 'samples' | 'samplesAtOnce'> {
  /** N, at least 2. */
  readonly replicas: number;
  readonly replicasAtOnce?: number | undefined;
}

/**
 * Noise maps by replicas. Replica j is a function of (seed, j) alone.
 *
 * @throws as `perturbedReconstruction` does, or for fewer than two replicas.
 */
export async function replicaMaps(
  reconstruction: ReconstructionAtHand,
  acquisition: NoisyAcquisition,
  { replicas, replicasAtOnce, ...options }: ReplicaOptions,
): Promise<ReplicaMaps> {
  const map = perturbedReconstruction(reconstruction, acquisition);
  const found = await samplePerturbed(
    {
      ...map,
      f: (z, args) => {
        const parts = map.f(z, args);
        // The magnitude first; of a real image it is the value, which may be negative.
        return parts.shape[0] === 1 ? parts : concat([magnitude(parts), parts], 0);
      },
    },
    { ...options, samples: replicas, samplesAtOnce: replicasAtOnce },
  );
  const [components, h, w] = found.mean.shape;
  const take = ({ data }: NDArray, from: number, count = 1): NDArray => ({
    data: data.slice(from * h * w, (from + count) * h * w),
    shape: count === 1 ? [h, w] : [count, h, w],
    dtype: 'float64',
  });
  const [mean, sd, standardError] = [found.mean, found.deviation, found.standardError].map((a) => take(a, 0));
  const common = { mean, sd, standardError, replicas };
  if (components === 1) return { ...common, complex: null };
  const [real, imaginary] = [1, 2].map((i) => take(found.deviation, i).data);
  const pooled = Float64Array.from(real, (s, i) => Math.sqrt((s * s + imaginary[i] ** 2) / 2));
  const array = (data: Float64Array): NDArray => ({ data, shape: [h, w], dtype: 'float64' });
  const component = {
    deviation: array(pooled),
    standardError: array(pooled.map((s) => s / (2 * Math.sqrt(replicas)))),
  };
  return { ...common, complex: { mean: take(found.mean, 1, 2), component } };
}

/** |x| [1, h, w] of parts [2, h, w]. */
const magnitude = (parts: Tensor): Tensor =>
  complex.abs({ re: sliceAxis(parts, 0, 0, 1), im: sliceAxis(parts, 0, 1, 2) });

export interface BiasMaps {
  /** mean − reference, [h, w]. */
  readonly bias: NDArray;
  /** √(bias² + sd²). */
  readonly rmse: NDArray;
  /** |bias| / sd. */
  readonly biasOverSd: NDArray;
}

/** Bias of replicas against a reference image [h, w], and the error that bias and noise make together. */
export function biasMaps(
  { mean, sd }: Pick<ReplicaMaps, 'mean' | 'sd'>,
  reference: { readonly data: ArrayLike<number> },
): BiasMaps {
  const map = (f: (i: number) => number): NDArray => ({
    data: Float64Array.from({ length: mean.data.length }, (_, i) => f(i)),
    shape: mean.shape,
    dtype: 'float64',
  });
  const bias = map((i) => mean.data[i] - reference.data[i]);
  return {
    bias,
    rmse: map((i) => Math.hypot(bias.data[i], sd.data[i])),
    biasOverSd: map((i) => Math.abs(bias.data[i]) / sd.data[i]),
  };
}

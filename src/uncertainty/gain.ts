/** Worst cases: the largest singular value of a Jacobian by power iteration, and the perturbation that reaches it. */
import { breather } from '../nn/programs.ts';
import { sizeOf, type NDArray } from '../tensor/index.ts';
import { key, normal } from '../tensor/random.ts';
import { PerturbedPrograms, type Perturbed } from './perturbed.ts';
import type { SeededChoice } from './precision.ts';

export interface WorstCaseOptions extends SeededChoice {
  /** Relative change of the gain at which the iteration ends; default 1e-4. */
  readonly tolerance?: number | undefined;
  /** Default 100. */
  readonly maximumIterations?: number | undefined;
}

export interface WorstCase {
  /** ‖J L‖₂: no perturbation L z with ‖z‖ = 1 changes the output by more, to first order. */
  readonly gain: number;
  /** z of norm 1 that does, [...noise]. */
  readonly perturbation: NDArray;
  /** J L z / ‖J L z‖, [components, ...sites]. */
  readonly response: NDArray;
  readonly iterations: number;
  readonly converged: boolean;
}

/**
 * Largest singular value of J L by power iteration on (J L)ᵀ J L, as a lower bound that rises to it: the worst case that Antun et al.
 * (PNAS 2020) look for by optimisation, to first order.
 *
 * @throws when the output does not depend on the input.
 */
export async function worstCaseGain<A>(
  map: Perturbed<A>,
  {
    tolerance = 1e-4,
    maximumIterations = 100,
    seed = 0,
    onProgress,
    signal,
    ...choice
  }: WorstCaseOptions = {},
): Promise<WorstCase> {
  const programs = new PerturbedPrograms(map, choice);
  const vector = (data: Float64Array): NDArray => ({ data, shape: [1, ...map.noise], dtype: 'float64' });
  try {
    const pause = breather();
    let direction = unit(normal(key(seed), sizeOf(map.noise))).vector;
    let [gain, iterations, converged] = [0, 0, false];
    while (iterations < maximumIterations && !converged) {
      const { vector: next, norm } = unit((await programs.normal(vector(direction))).data);
      if (norm === 0) throw new Error('worstCaseGain: the output does not depend on the input at this point');
      iterations++;
      converged = Math.abs(Math.sqrt(norm) - gain) <= tolerance * Math.sqrt(norm);
      gain = Math.sqrt(norm);
      direction = next;
      onProgress?.(iterations, maximumIterations);
      await pause();
      signal?.throwIfAborted();
    }
    const { data, shape } = await programs.push(vector(direction));
    const response = unit(data);
    return {
      gain: map.scale * response.norm,
      perturbation: { ...vector(direction), shape: map.noise },
      response: { data: response.vector, shape: shape.slice(1), dtype: 'float64' },
      iterations,
      converged,
    };
  } finally {
    await programs.dispose();
  }
}

function unit(values: ArrayLike<number>): { vector: Float64Array; norm: number } {
  let square = 0;
  for (let i = 0; i < values.length; i++) square += values[i] ** 2;
  const norm = Math.sqrt(square);
  return { vector: Float64Array.from(values, (x) => (norm === 0 ? 0 : x / norm)), norm };
}

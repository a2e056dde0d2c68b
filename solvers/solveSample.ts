/** What a worker thread of `solveEnsemble` does with its task. */
import type { SampleSolution, SampleTask } from './ensemble.ts';
import { solve } from './solve.ts';

export function solveSample(task: SampleTask): SampleSolution {
  const { u, t, errorEstimate, step } = solve(task);
  return { u, t, errorEstimate, step: step ?? 0 };
}

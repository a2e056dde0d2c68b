/** One problem with many initial conditions, solved on worker threads. */
import { setMaxListeners } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import { periodicGrid } from './grid.ts';
import { resolveEquation, type SolveOptions } from './solve.ts';

export interface EnsembleOptions extends Omit<SolveOptions, 'equation' | 'initial' | 'onProgress'> {
  /** Name of a registered equation or a PDE as text. */
  readonly equation: string;
  /** Initial conditions [samples, points], row by row. */
  readonly initials: Float64Array;
  /** Worker threads; default one a core. The numbers do not depend on it. */
  readonly threads?: number | undefined;
  /** Told the samples done after each one. */
  readonly onProgress?: ((progress: { done: number; total: number }) => void) | undefined;
  /** Aborting stops the workers and rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

export interface EnsembleSolution {
  /** [samples, times, points]. */
  readonly u: Float64Array;
  /** Saved times [times]. */
  readonly t: Float64Array;
  /** [samples, times] as in Solution, or null. */
  readonly errorEstimate: Float64Array | null;
  /** Time step of every sample [samples]; 0 where the exact propagator was used. */
  readonly steps: Float64Array;
}

/** What a worker is given and what it returns: one sample. */
export type SampleTask = Omit<SolveOptions, 'equation' | 'onProgress' | 'initial'> & {
  equation: string;
  initial: Float64Array;
};
export interface SampleSolution {
  readonly u: Float64Array;
  readonly t: Float64Array;
  readonly errorEstimate: Float64Array | null;
  readonly step: number;
}

/**
 * Solves every initial condition. Rejects with the first sample that fails, named in the message.
 */
export async function solveEnsemble(options: EnsembleOptions): Promise<EnsembleSolution> {
  const { initials, threads = availableParallelism(), onProgress, signal, ...problem } = options;
  const points = options.points ?? 256;
  if (!Number.isInteger(threads) || threads < 1)
    throw new Error(`threads must be a whole number ≥ 1, got ${threads}`);
  const samples = initials.length / points;
  if (!Number.isInteger(samples) || samples < 1) {
    throw new Error(
      `initials must hold [samples, ${points}] numbers, got ${initials.length}: not a whole number of samples`,
    );
  }
  // What is wrong with the problem itself is said here, not by a worker.
  resolveEquation(options.equation, options.parameters);
  periodicGrid(options.domain, points);
  signal?.throwIfAborted();

  const pool = new Piscina<SampleTask, SampleSolution>({
    filename: fileURLToPath(new URL('./ensembleWorker.mjs', import.meta.url)),
    execArgv: [],
    minThreads: 1,
    maxThreads: Math.min(threads, samples),
  });
  // Every waiting sample listens: on a signal of its own, so that the caller's is spared the warning of a leak.
  const stop = signal && AbortSignal.any([signal]);
  if (stop) setMaxListeners(0, stop);
  let done = 0;
  try {
    const solutions = await Promise.all(
      Array.from({ length: samples }, async (_, i) => {
        const initial = initials.slice(i * points, (i + 1) * points);
        const solution = await run(pool, { ...problem, points, initial }, i, stop);
        onProgress?.({ done: ++done, total: samples });
        return solution;
      }),
    );
    return collect(solutions);
  } finally {
    await pool.destroy();
  }
}

async function run(
  pool: Piscina<SampleTask, SampleSolution>,
  task: SampleTask,
  sample: number,
  signal: AbortSignal | undefined,
): Promise<SampleSolution> {
  try {
    return await pool.run(task, signal ? { signal } : {});
  } catch (error) {
    signal?.throwIfAborted();
    throw new Error(`sample ${sample}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

function collect(solutions: readonly SampleSolution[]): EnsembleSolution {
  const join = (rows: readonly Float64Array[]): Float64Array => {
    const joined = new Float64Array(rows.length * rows[0].length);
    rows.forEach((row, i) => joined.set(row, i * row.length));
    return joined;
  };
  const estimates = solutions.map((solution) => solution.errorEstimate);
  return {
    u: join(solutions.map((solution) => solution.u)),
    t: solutions[0].t,
    errorEstimate: estimates.every((estimate) => estimate !== null) ? join(estimates) : null,
    steps: Float64Array.from(solutions, (solution) => solution.step),
  };
}

/**
 * Data sets of initial value problems, u(·, 0) ↦ u(·, T): random initial conditions, an equation, saved times, and the
 * certificate that says how far the solutions can be trusted. One data set is one small file that calls `initialValue`.
 *
 * Sample i of a split depends on the seed, the split and i alone: more samples, or a finer grid, leave the others as they are.
 */
import { z } from 'zod';
import { solveEnsemble } from '../solvers/ensemble.ts';
import { fourierTransform } from '../solvers/fourier.ts';
import { periodicGrid, type Interval } from '../solvers/grid.ts';
import { foldIn, key, type Key } from '../src/tensor/random.ts';
import type { Recipe } from './cache.ts';
import { dataset, type Dataset, type LoadContext } from './dataset.ts';
import type { Rollout, Samples } from './pairs.ts';

/** What every data set of an initial value problem can be asked for; its own options stand beside these. */
export interface InitialValueOptions extends Recipe {
  readonly train: number;
  readonly validation: number;
  readonly test: number;
  readonly resolution: number;
  readonly seed: number;
  /** Points of the grid the samples are delivered from. */
  readonly fine: number;
}

/** Options of data sets that save several times. */
export const rolloutOptions = {
  time: z.number().positive().max(1000).default(1).describe('T of the operator u(0) ↦ u(T)'),
  frames: z
    .int()
    .min(1)
    .max(1000)
    .default(1)
    .describe('states of each test sample, one every T; more than one make rollouts'),
};

/** Refuses a resolution that the fine grid does not have, and a fine grid that is odd: for `superRefine`. */
export function checkGrid(
  { fine, resolution }: Pick<InitialValueOptions, 'fine' | 'resolution'>,
  context: z.core.$RefinementCtx,
): void {
  const refuse = (path: string, message: string): void =>
    context.addIssue({ code: 'custom', path: [path], message, input: path });
  if (fine % 2 !== 0) refuse('fine', 'expected an even number of points');
  if (fine % resolution !== 0) {
    refuse('resolution', `${resolution} does not divide the fine grid of ${fine} points (--fine)`);
  }
}

/** Solutions of all samples. */
export interface Solved {
  /** u(·, T) on the fine grid, one a sample. */
  readonly outputs: readonly Float64Array[];
  /** Relative L2 error of the outputs. */
  readonly labelErrorEstimate: number;
  /** Of the test samples, where several times are saved. */
  readonly rollout?: Rollout | undefined;
}

export interface InitialValueDefinition<S extends z.ZodType<InitialValueOptions>> {
  readonly name: string;
  readonly title: string;
  /** Raised whenever the same options give other numbers, so that old cache files are not used. */
  readonly version: number;
  readonly options: S;
  readonly domain: (options: z.output<S>) => Interval;
  /** A random initial condition [fine]. */
  readonly initial: (options: z.output<S>, key: Key) => Float64Array;
  /** Solutions of the initial conditions, the test samples being the last `options.test` of them. */
  readonly solve: (
    options: z.output<S>,
    initials: readonly Float64Array[],
    context: LoadContext,
  ) => Promise<Solved>;
}

export function initialValue<S extends z.ZodType<InitialValueOptions>>(
  definition: InitialValueDefinition<S>,
): Dataset<S> {
  const { name, title, version, options, domain, initial, solve } = definition;
  return dataset({
    name,
    title,
    version,
    options,
    async generate(given, context) {
      const { fine, train, validation, test, seed } = given;
      const counts = [train, validation, test];
      const initials = counts.flatMap((count, split) =>
        Array.from({ length: count }, (_, i) => initial(given, foldIn(foldIn(key(seed), split), i))),
      );
      const { outputs, labelErrorEstimate, rollout } = await solve(given, initials, context);
      let from = 0;
      const [trainSamples, validationSamples, testSamples] = counts.map((count): Samples => {
        const part = {
          count,
          input: pack(initials.slice(from, from + count), fine),
          output: pack(outputs.slice(from, from + count), fine),
        };
        from += count;
        return part;
      });
      const { x } = periodicGrid(domain(given), fine);
      const splits = { x, train: trainSamples, validation: validationSamples, test: testSamples };
      return { ...splits, labelErrorEstimate, ...(rollout ? { rollout } : {}) };
    },
  });
}

export interface Evolution {
  /** Name of a registered equation, and its parameters. */
  readonly equation: string;
  readonly parameters?: Readonly<Record<string, number>>;
  readonly domain: Interval;
  /** Grid points of the solver: enough for the solution; the fine grid gets its Fourier series. */
  readonly points: number;
  /** Longest time step; a linear equation needs none. */
  readonly step?: number;
  /** T. */
  readonly time: number;
  /** Saved states of a test sample, at T, 2T, …; default 1. */
  readonly frames?: number;
  /** Takes the mean off the solutions: where it is exactly zero, what is left of it is rounding, which does not decay as they do. */
  readonly meanFree?: boolean;
}

/** The share of its initial condition that a solution keeps at least: rounding of the solver is 1e-18 to 1e-16 of it. */
const LEAST_SHARE = 1e-12;

/**
 * Solves all samples on worker threads: ETDRK4 with step doubling, or the exact propagator of a linear equation. The label
 * error is the largest step-doubling difference at time T over all samples; that of a rollout is kept for every saved time.
 * Throws when a solution has decayed to the rounding of its initial condition.
 */
export async function evolve(
  { equation, parameters, domain, points, step, time, frames = 1, meanFree = false }: Evolution,
  { fine, test }: Pick<InitialValueOptions, 'fine' | 'test'>,
  initials: readonly Float64Array[],
  { threads, signal, onProgress }: LoadContext,
): Promise<Solved> {
  const solvePart = async (part: readonly Float64Array[], count: number, done: number) => {
    const { u, t, errorEstimate } = await solveEnsemble({
      equation,
      parameters,
      domain,
      points,
      initials: Float64Array.from(part.flatMap((initial) => [...resample(initial, points)])),
      times: Array.from({ length: count + 1 }, (_, i) => i * time),
      step: step === undefined ? undefined : evenStep(time, step),
      threads,
      signal,
      onProgress: (progress) => onProgress?.({ done: done + progress.done, total: initials.length }),
    });
    const state = (sample: number, frame: number): Float64Array => {
      const at = (sample * (count + 1) + frame) * points;
      const solution = resample(u.subarray(at, at + points), fine);
      if (meanFree) takeMeanOff(solution);
      const share = norm(solution) / norm(part[sample]);
      if (share < LEAST_SHARE) {
        throw new Error(
          `the solution at t = ${t[frame]} has decayed to ${share.toExponential(1)} of its initial condition, expected at least ${LEAST_SHARE}: less may be rounding; choose a smaller --time${count > 1 ? ' or fewer --frames' : ''}`,
        );
      }
      return solution;
    };
    const errors = Array.from({ length: count + 1 }, (_, frame) =>
      part.reduce(
        (worst, __, sample) => Math.max(worst, errorEstimate?.[sample * (count + 1) + frame] ?? 0),
        0,
      ),
    );
    return { state, times: t, errors };
  };
  // Only test samples are followed beyond T.
  const cut = frames > 1 ? initials.length - test : initials.length;
  const single = await solvePart(initials.slice(0, cut), 1, 0);
  const singles = initials.slice(0, cut).map((_, i) => single.state(i, 1));
  if (frames === 1) return { outputs: singles, labelErrorEstimate: single.errors[1] };

  const followed = initials.slice(cut);
  const rollout = await solvePart(followed, frames, cut);
  const states = followed.flatMap((initial, i) => [
    initial,
    ...Array.from({ length: frames }, (_, frame) => rollout.state(i, frame + 1)),
  ]);
  return {
    outputs: [...singles, ...followed.map((_, i) => rollout.state(i, 1))],
    labelErrorEstimate: Math.max(single.errors[1], rollout.errors[1]),
    rollout: {
      times: rollout.times,
      states: pack(states, fine),
      errorEstimate: Float64Array.from(rollout.errors),
    },
  };
}

function takeMeanOff(u: Float64Array): void {
  const mean = u.reduce((total, value) => total + value, 0) / u.length;
  for (let j = 0; j < u.length; j++) u[j] -= mean;
}

const norm = (u: Float64Array): number => Math.sqrt(u.reduce((total, value) => total + value * value, 0));

/** The longest step of at most `longest` of which T is an even number, so that the check with twice the step meets T. */
const evenStep = (time: number, longest: number): number =>
  time / (2 * Math.ceil(time / (2 * longest) - 1e-9));

/** The Fourier series of u on another grid, keeping modes up to `keep` (default all that both grids have, without the last). */
export function resample(
  u: Float64Array,
  points: number,
  keep = Math.ceil(Math.min(u.length, points) / 2) - 1,
): Float64Array {
  if (u.length === points && keep >= Math.ceil(points / 2) - 1) return u.slice();
  const target = fourierTransform(points);
  const spectrum = new Float64Array(2 * target.modes);
  const source = fourierTransform(u.length).forward(u.slice());
  for (let i = 0; i < 2 * (keep + 1); i++) spectrum[i] = (source[i] * points) / u.length;
  return target.inverse(spectrum);
}

function pack(rows: readonly Float64Array[], length: number): Float32Array {
  const packed = new Float32Array(rows.length * length);
  rows.forEach((row, i) => packed.set(row, i * length));
  return packed;
}

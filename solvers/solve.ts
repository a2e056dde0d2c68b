/** Solves an initial value problem on a periodic interval and says how far the answer can be trusted. */
import type { BoundEquation } from './equation.ts';
import { Field } from './field.ts';
import { periodicGrid, type Interval, type PeriodicGrid } from './grid.ts';
import { sampleInitial, type InitialCondition } from './initial.ts';
import { BlowUpError, exactLinear, integrate } from './integrate.ts';
import { findEquation } from './registry.ts';
import { parseEquation } from './text.ts';
import { checkTimes, commonGap, decimal, savedTimes, stepsBetween } from './times.ts';

export interface SolveOptions {
  /** Name of a registered equation, a PDE as text ("u_t = …"), or a bound equation. */
  readonly equation: string | BoundEquation;
  /** Parameters of a registered equation, or the named constants of a PDE as text. */
  readonly parameters?: Readonly<Record<string, number>> | undefined;
  /** The interval [a, b); u is periodic with period b − a. */
  readonly domain: Interval;
  /** Grid points, any number ≥ 2; default 256. */
  readonly points?: number | undefined;
  /** Text in x ("cos(pi*x)"), a function of x, or values at the grid points. */
  readonly initial: InitialCondition;
  /** Saved times, the first being that of the initial condition. Give either `times` or `time`. */
  readonly times?: readonly number[] | undefined;
  /** End time of a run from 0; about 100 equispaced times are saved. */
  readonly time?: number | undefined;
  /** Time step; must divide the time between saved times. Without one, the step is halved until `tolerance` is met. */
  readonly step?: number | undefined;
  /** Wanted relative L2 error at every saved time, for the choice of the step; at least 1e-14, default 1e-6. */
  readonly tolerance?: number | undefined;
  /** 2/3 rule; default false. */
  readonly dealias?: boolean | undefined;
  /** Default true; false saves a third of the work and needs a step. */
  readonly estimateError?: boolean | undefined;
  /** Told the steps done, before the first and after every one, of each run: the choice of a step takes several. */
  readonly onProgress?: ((progress: SolveProgress) => void) | undefined;
}

export interface SolveProgress {
  /** Length of a step in this run. */
  readonly step: number;
  readonly done: number;
  readonly total: number;
}

export interface Solution {
  readonly equation: BoundEquation;
  /** Grid [points]. */
  readonly x: Float64Array;
  /** Saved times [times]. */
  readonly t: Float64Array;
  /** Solution [times, points], row by row. */
  readonly u: Float64Array;
  /** Time step of u; null where the exact propagator was used. */
  readonly step: number | null;
  /**
   * ‖u_h − u_2h‖₂/‖u_h‖₂ at every saved time [times], or null when not asked for. The difference is not divided by
   * 2⁴ − 1: that would take order 4 for granted, which dispersive problems lose when the step does not resolve their
   * phases. Undivided, it bounds the time-stepping error for every observed order ≥ 1 and is about 15 times too large at
   * order 4. It says nothing of the resolution in x. Zero for exact propagators.
   */
  readonly errorEstimate: Float64Array | null;
  /** Values [times] of each invariant of the equation, and max |I(t) − I(0)|. */
  readonly invariants: Readonly<Record<string, { readonly values: Float64Array; readonly drift: number }>>;
  /** Plain sentences about what the solver noticed or decided. */
  readonly notes: readonly string[];
}

/** Halving stops at this many steps of the whole run. */
const MAXIMUM_STEPS = 2 ** 20;
/** Below it, the rounding of float64 over the steps is larger than what is asked for. */
const MINIMUM_TOLERANCE = 1e-14;
/** Saved values of one run: 0.5 GB. Two runs are compared, and their picture and file come on top. */
const MAXIMUM_VALUES = 2 ** 26;
/** Steps × points × log₂ points of one run: about ten hours of one core, see `SECONDS_OF_WORK`. */
const MAXIMUM_WORK = 2 ** 38;
/** Seconds of one unit of that work, measured for powers of two (other lengths take up to ten times as long). */
const SECONDS_OF_WORK = 1.2e-7;

/**
 * Solves u_t = Lu + N(u) with ETDRK4, or exactly when N = 0.
 * Throws an Error in one sentence for options that make no sense, a step that does not divide the time between saved
 * times, a run beyond half a gigabyte or about ten hours, an unmet tolerance, and a BlowUpError when the solution stops being
 * finite.
 */
export function solve(options: SolveOptions): Solution {
  const equation = resolveEquation(options.equation, options.parameters);
  const points = checkPoints(options.points ?? 256);
  const times = resolveTimes(options);
  checkSize(points, times);
  const grid = periodicGrid(options.domain, points);
  const notes: string[] = [];
  const initial = sampleInitial(options.initial, grid, notes);
  const problem = { equation, grid, initial, times, dealias: options.dealias ?? false };

  const { u, step, errorEstimate } = !equation.nonlinear
    ? { u: exactLinear(problem), step: null, errorEstimate: new Float64Array(times.length) }
    : options.step === undefined
      ? chooseStep(problem, options, notes)
      : withStep(problem, options.step, options, notes);
  noteResolution(grid, u, notes);
  return {
    equation,
    x: grid.x,
    t: Float64Array.from(times),
    u,
    step,
    errorEstimate,
    invariants: track(equation, grid, u),
    notes,
  };
}

/** A registered equation by name, or a PDE as text where the string has an equals sign. */
export function resolveEquation(
  equation: string | BoundEquation,
  parameters?: Readonly<Record<string, number>>,
): BoundEquation {
  if (typeof equation !== 'string') return equation;
  return equation.includes('=')
    ? parseEquation(equation, parameters)
    : findEquation(equation).bind(parameters);
}

interface Problem {
  equation: BoundEquation;
  grid: PeriodicGrid;
  initial: Float64Array;
  times: readonly number[];
  dealias: boolean;
}
type Stepped = Pick<Solution, 'u' | 'step' | 'errorEstimate'>;

function withStep(problem: Problem, wanted: number, options: SolveOptions, notes: string[]): Stepped {
  checkWork(problem, wanted);
  const run = runner(problem, options);
  if (options.estimateError === false) return { u: run(wanted), step: wanted, errorEstimate: null };
  // Twice the step must land on the saved times as well.
  const odd = stepsBetween(problem.times, wanted).some((count) => count % 2 === 1);
  const step = odd ? wanted / 2 : wanted;
  if (odd)
    notes.push(
      `step ${wanted} was halved to ${step}, so that the check with twice the step meets every saved time`,
    );
  const u = run(step);
  const coarse = orBlowUp(() => run(2 * step));
  if (coarse instanceof BlowUpError) {
    notes.push(
      `with twice the step the solution blows up at t = ${coarse.time}: the step is at the edge of stability`,
    );
  }
  return { u, step, errorEstimate: differences(u, coarse, problem) };
}

/** Halves the step until solutions with h and 2h agree within the tolerance; the last run serves as the next one's check. */
function chooseStep(problem: Problem, options: SolveOptions, notes: string[]): Stepped {
  if (options.estimateError === false)
    throw new Error('estimateError: false needs a step: the step is chosen by the error estimate');
  const tolerance = options.tolerance ?? 1e-6;
  if (!(tolerance > 0)) throw new Error(`tolerance must be a positive number, got ${tolerance}`);
  if (tolerance < MINIMUM_TOLERANCE) {
    throw new Error(
      `tolerance must be at least ${MINIMUM_TOLERANCE}, got ${tolerance}: float64 keeps 16 digits, and rounding adds up over the steps`,
    );
  }
  const run = runner(problem, options);
  let step = commonGap(problem.times);
  checkWork(problem, step);
  if (!affordable(problem, step / 2)) {
    throw new Error(
      `the saved times have no longer step in common than ${decimal(step)}: ${stepsOf(problem, step)} steps, too many to halve it; ` +
        'save other times, or give a step',
    );
  }
  let coarse = orBlowUp(() => run(step));
  const history: number[] = [];
  while (affordable(problem, step / 2) && !stagnates(history)) {
    step /= 2;
    const fine = orBlowUp(() => run(step));
    if (fine instanceof BlowUpError) {
      if (coarse instanceof BlowUpError && sameTime(fine.time, coarse.time, step))
        throw blowUpAtAnyStep(problem.equation, fine.time, step);
    } else {
      const errorEstimate = differences(fine, coarse, problem);
      const worst = errorEstimate.reduce((a, b) => Math.max(a, b), 0);
      history.push(worst);
      if (worst <= tolerance) {
        notes.push(
          `step ${decimal(step)} was chosen: it agrees with twice the step to ${worst.toExponential(1)} (tolerance ${tolerance})`,
        );
        return { u: fine, step, errorEstimate };
      }
    }
    coarse = fine;
  }
  if (coarse instanceof BlowUpError) throw coarse;
  const best = Math.min(...history);
  throw new Error(
    `no step down to ${decimal(step)} meets the tolerance ${tolerance}: the best estimate is ${best.toExponential(1)}` +
      `${stagnates(history) ? ', and shorter steps do not lower it' : ''}; ` +
      'raise the tolerance, shorten the time (chaos loses digits exponentially), or give a step',
  );
}

/** Whether two runs, the finer one with this step, end at one time: then it is the solution that blows up, not the scheme. */
const sameTime = (a: number, b: number, step: number): boolean =>
  step < 0.01 * a && Math.abs(a - b) < 0.01 * a;

function blowUpAtAnyStep(equation: BoundEquation, time: number, step: number): BlowUpError {
  return new BlowUpError(
    time,
    `the solution of ${equation.pde} blows up near t = ${Number(time.toPrecision(2))}, whatever the step (${decimal(step)} and twice that agree): ` +
      'take a shorter time; where it is fronts that get too steep for the grid, more points, dealiasing or some viscosity help',
  );
}

/**
 * Whether halving the step has come to its end. Below 1e-9 one halving that brings nothing shows that rounding is all that is
 * left; small estimates get a second one, and large ones may stay for long, as in chaos, before the step is short enough.
 */
function stagnates(history: readonly number[]): boolean {
  const broughtNothing = (halvings: number, below: number): boolean => {
    const [before, ...since] = history.slice(-1 - halvings);
    return since.length === halvings && before < below && Math.min(...since) > before / 2;
  };
  return broughtNothing(1, 1e-9) || broughtNothing(2, 0.01);
}

const runner = (problem: Problem, options: SolveOptions) => (step: number) =>
  integrate({ ...problem, step, onProgress: (done, total) => options.onProgress?.({ step, done, total }) });

const stepsOf = ({ times }: Problem, step: number): number =>
  Math.round((times[times.length - 1] - times[0]) / step);

const workOf = (problem: Problem, step: number): number =>
  stepsOf(problem, step) * problem.grid.points * Math.log2(problem.grid.points);

const affordable = (problem: Problem, step: number): boolean =>
  stepsOf(problem, step) <= MAXIMUM_STEPS && workOf(problem, step) <= MAXIMUM_WORK;

function checkWork(problem: Problem, step: number): void {
  const work = workOf(problem, step);
  if (work <= MAXIMUM_WORK) return;
  const hours = (units: number): number => Number(((units * SECONDS_OF_WORK) / 3600).toPrecision(2));
  throw new Error(
    `step ${decimal(step)} means ${stepsOf(problem, step)} steps of ${problem.grid.points} points, ${hours(work)} hours or more ` +
      `(at most about ${hours(MAXIMUM_WORK)}): take a longer step, fewer points or a shorter time`,
  );
}

function checkSize(points: number, times: readonly number[]): void {
  if (points * times.length <= MAXIMUM_VALUES) return;
  const gigabytes = (values: number): string => ((8 * values) / 1e9).toPrecision(2);
  throw new Error(
    `points ${points} at ${times.length} saved times are ${gigabytes(points * times.length)} GB ` +
      `(at most ${gigabytes(MAXIMUM_VALUES)}): take at most ${Math.floor(MAXIMUM_VALUES / times.length)} points`,
  );
}

function orBlowUp(run: () => Float64Array): Float64Array | BlowUpError {
  try {
    return run();
  } catch (error) {
    if (error instanceof BlowUpError) return error;
    throw error;
  }
}

function differences(
  fine: Float64Array,
  coarse: Float64Array | BlowUpError,
  { grid, times }: Problem,
): Float64Array {
  if (!(coarse instanceof Float64Array)) return new Float64Array(times.length).fill(Infinity);
  return Float64Array.from(times, (_, i) => {
    const row = (a: Float64Array) => a.subarray(i * grid.points, (i + 1) * grid.points);
    return relativeL2(row(coarse), row(fine));
  });
}

/** ‖a − b‖₂/‖b‖₂; zero when both vanish. */
export function relativeL2(a: Float64Array, b: Float64Array): number {
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < b.length; i++) {
    difference += (a[i] - b[i]) ** 2;
    norm += b[i] ** 2;
  }
  return difference === 0 ? 0 : Math.sqrt(difference / norm);
}

function track(equation: BoundEquation, grid: PeriodicGrid, u: Float64Array): Solution['invariants'] {
  const rows = Array.from({ length: u.length / grid.points }, (_, i) =>
    Field.fromValues(grid, u.slice(i * grid.points, (i + 1) * grid.points)),
  );
  const entries = Object.entries(equation.invariants).map(([name, invariant]) => {
    const values = Float64Array.from(rows, (row) => invariant(row));
    const drift = values.reduce((worst, value) => Math.max(worst, Math.abs(value - values[0])), 0);
    return [name, { values, drift }] as const;
  });
  return Object.fromEntries(entries);
}

/** Energy in the upper third of the modes is a sign that x is under-resolved, which no time step can mend. */
function noteResolution(grid: PeriodicGrid, u: Float64Array, notes: string[]): void {
  const last = grid.transform.forward(u.slice(-grid.points));
  const modes = grid.transform.modes;
  let total = 0;
  let upper = 0;
  for (let k = 1; k < modes; k++) {
    const share = last[2 * k] ** 2 + last[2 * k + 1] ** 2;
    total += share;
    if (k > (2 * modes) / 3) upper += share;
  }
  if (upper > 1e-6 * total) {
    notes.push(
      `the upper third of the modes holds ${Math.sqrt(upper / total).toExponential(1)} of the last solution: ${grid.points} points may not resolve it`,
    );
  }
}

function resolveTimes({ times, time, step }: SolveOptions): readonly number[] {
  if ((times === undefined) === (time === undefined))
    throw new Error('give either times (a list) or time (the end of a run from 0)');
  const list = times ?? savedTimes(time!, step);
  checkTimes(list);
  return list;
}

function checkPoints(points: number): number {
  if (!Number.isInteger(points) || points < 2 || points > 2 ** 22) {
    throw new Error(`points must be a whole number from 2 to ${2 ** 22}, got ${points}`);
  }
  return points;
}

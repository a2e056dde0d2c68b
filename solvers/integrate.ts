/** Carries an initial condition through time: ETDRK4 step by step, or the exact propagator of a linear equation. */
import { exp } from './complex.ts';
import type { BoundEquation } from './equation.ts';
import { etdrk4, multiplierOf, type SemilinearSystem } from './etdrk4.ts';
import { applyMultiplier, Field } from './field.ts';
import type { PeriodicGrid } from './grid.ts';
import { decimal, stepsBetween } from './times.ts';

/** The solution stopped being a finite number. */
export class BlowUpError extends Error {
  readonly time: number;
  constructor(time: number, message: string) {
    super(message);
    this.name = 'BlowUpError';
    this.time = time;
  }
}

export interface IntegrateOptions {
  readonly equation: BoundEquation;
  readonly grid: PeriodicGrid;
  /** Grid values [points] at times[0]. */
  readonly initial: Float64Array;
  readonly times: readonly number[];
  /** Zero the upper third of the modes in every evaluation of N (Orszag's 2/3 rule: exact for quadratic N). */
  readonly dealias: boolean;
  /** Told the steps done, before the first and after every one. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** u [times, points] by ETDRK4 with a fixed step. Throws BlowUpError, or an Error when the step does not divide. */
export function integrate(options: IntegrateOptions & { readonly step: number }): Float64Array {
  const { equation, grid, initial, times, step, onProgress } = options;
  const counts = stepsBetween(times, step);
  const u = new Float64Array(times.length * grid.points);
  u.set(initial);
  let v = grid.transform.forward(initial);
  const total = counts.reduce((a, b) => a + b, 0);
  onProgress?.(0, total);
  // The step that is taken is the interval over the count, so that rounding of `step` does not shift the saved times.
  const stepper = etdrk4(
    semilinear(equation, grid, options.dealias),
    (times[times.length - 1] - times[0]) / total,
  );
  let done = 0;
  counts.forEach((count, interval) => {
    for (let i = 0; i < count; i++) {
      v = stepper.step(v);
      onProgress?.(++done, total);
      // A transform spreads a NaN to every mode, so the first one is witness for all.
      if (!Number.isFinite(v[0] + v[1])) throw blowUp(equation, times[0] + done * stepper.dt, step);
    }
    const values = grid.transform.inverse(v);
    // What has overflowed in the very last step has not reached the other modes yet.
    if (!values.every(Number.isFinite)) throw blowUp(equation, times[interval + 1], step);
    u.set(values, (interval + 1) * grid.points);
  });
  return u;
}

/**
 * u [times, points] of a linear equation, û(t) = e^{(t − t₀)L}û(t₀): exact up to rounding at any time. Throws a BlowUpError
 * when growing modes leave the range of double precision.
 */
export function exactLinear({
  equation,
  grid,
  initial,
  times,
}: Omit<IntegrateOptions, 'dealias' | 'onProgress'>): Float64Array {
  const u = new Float64Array(times.length * grid.points);
  u.set(initial);
  const spectrum = grid.transform.forward(initial);
  for (let i = 1; i < times.length; i++) {
    const values = grid.transform.inverse(propagate(equation, grid, times[i] - times[0], spectrum));
    if (!values.every(Number.isFinite)) throw overflow(equation, times[i]);
    u.set(values, i * grid.points);
  }
  return u;
}

/** e^{tL}v for the linear part of any equation, on a half spectrum. */
export function propagate(
  equation: BoundEquation,
  grid: PeriodicGrid,
  t: number,
  v: Float64Array,
): Float64Array {
  return applyMultiplier(multiplierOf(grid.multiplier(equation.symbol), t, exp), v);
}

/** An equation on a grid as v' = Lv + N(v) in Fourier space. */
export function semilinear(equation: BoundEquation, grid: PeriodicGrid, dealias: boolean): SemilinearSystem {
  const { nonlinear } = equation;
  const keep = dealias ? Math.floor((grid.points - 1) / 3) : grid.points;
  const truncate = (spectrum: Float64Array): Float64Array => {
    if (!dealias) return spectrum;
    const low = new Float64Array(spectrum.length);
    low.set(spectrum.subarray(0, 2 * (keep + 1)));
    return low;
  };
  return {
    symbol: grid.multiplier(equation.symbol),
    nonlinear: nonlinear
      ? (v) => truncate(nonlinear(Field.fromSpectrum(grid, truncate(v))).spectrum)
      : (v) => new Float64Array(v.length),
  };
}

function blowUp(equation: BoundEquation, time: number, step: number): BlowUpError {
  return new BlowUpError(
    time,
    `the solution of ${equation.pde} is no longer finite at t = ${Number(time.toPrecision(6))} with step ${decimal(step)}: ` +
      'take a smaller step, or more points (or dealiasing) where fronts get steep; if neither moves the time, the solution itself blows up or leaves the domain of the equation',
  );
}

const overflow = (equation: BoundEquation, time: number): BlowUpError =>
  new BlowUpError(
    time,
    `the solution of ${equation.pde} grows beyond the range of double precision before t = ${Number(time.toPrecision(6))}: ` +
      'take a shorter time, or check the signs of the linear terms',
  );

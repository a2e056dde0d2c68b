/** Initial conditions: text in x, a function, or values. */
import { compileFunction } from './expression.ts';
import type { PeriodicGrid } from './grid.ts';

export type InitialCondition = string | Float64Array | readonly number[] | ((x: number) => number);

/**
 * Values [points] on the grid. Appends to `notes` when text or a function does not close up at the ends of the period.
 * Throws for text that cannot be read, a wrong number of values, and values that are not finite.
 */
export function sampleInitial(
  initial: InitialCondition,
  grid: PeriodicGrid,
  notes: string[] = [],
): Float64Array {
  if (typeof initial !== 'string' && typeof initial !== 'function') {
    if (initial.length !== grid.points) {
      throw new Error(
        `initial has ${initial.length} values, the grid has ${grid.points} points: give one value for each point`,
      );
    }
    return checkFinite(Float64Array.from(initial), grid);
  }
  const f = typeof initial === 'string' ? compileFunction(initial, 'x', 'the initial condition') : initial;
  const values = checkFinite(
    Float64Array.from(grid.x, (x) => f(x)),
    grid,
  );
  const [start, end] = grid.domain;
  const amplitude = values.reduce((worst, value) => Math.max(worst, Math.abs(value)), 0);
  if (Math.abs(f(end) - f(start)) > 1e-8 * amplitude) {
    notes.push(
      `the initial condition jumps from ${f(end)} to ${f(start)} where the period closes: expect Gibbs oscillations`,
    );
  }
  return values;
}

function checkFinite(values: Float64Array, grid: PeriodicGrid): Float64Array {
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0)
    throw new Error(
      `the initial condition is ${values[bad]} at x = ${grid.x[bad]}: it must be finite everywhere`,
    );
  return values;
}

/**
 * A real field on a periodic grid, held as grid values, as its half spectrum, or as both: each is computed from the other
 * when first asked for. The non-linear part of an equation reads with these functions as it does on paper,
 * `scale(-0.5, derivative(square(u)))`, and takes no transform that it does not need.
 */
import type { PeriodicGrid } from './grid.ts';

export class Field {
  readonly grid: PeriodicGrid;
  #values: Float64Array | undefined;
  #spectrum: Float64Array | undefined;

  private constructor(grid: PeriodicGrid, values?: Float64Array, spectrum?: Float64Array) {
    this.grid = grid;
    this.#values = values;
    this.#spectrum = spectrum;
  }

  /** From grid values [points]. The array is taken over: do not write to it afterwards. */
  static fromValues(grid: PeriodicGrid, values: Float64Array): Field {
    return new Field(grid, values);
  }

  /** From a half spectrum [2·modes]. The array is taken over: do not write to it afterwards. */
  static fromSpectrum(grid: PeriodicGrid, spectrum: Float64Array): Field {
    return new Field(grid, undefined, spectrum);
  }

  /** Grid values [points]; not to be written to. */
  get values(): Float64Array {
    return (this.#values ??= this.grid.transform.inverse(this.#spectrum!));
  }

  /** Half spectrum [2·modes]; not to be written to. */
  get spectrum(): Float64Array {
    return (this.#spectrum ??= this.grid.transform.forward(this.#values!));
  }

  /** The field times a number, in whichever representation is at hand. */
  scaledBy(factor: number): Field {
    const source = this.#spectrum ?? this.values;
    const scaled = new Float64Array(source.length);
    for (let i = 0; i < source.length; i++) scaled[i] = factor * source[i];
    return this.#spectrum ? new Field(this.grid, undefined, scaled) : new Field(this.grid, scaled);
  }

  /** The sum, in the spectrum if both fields have theirs at hand, otherwise on the grid. */
  plus(other: Field): Field {
    if (this.#spectrum && other.#spectrum) {
      return new Field(this.grid, undefined, added(this.#spectrum, other.#spectrum));
    }
    return new Field(this.grid, added(this.values, other.values));
  }
}

/** ∂^order u/∂x^order by Fourier multipliers. */
export function derivative(u: Field, order = 1): Field {
  return Field.fromSpectrum(u.grid, applyMultiplier(u.grid.derivative(order), u.spectrum));
}

export const square = (u: Field): Field => product(u, u);

/** u^exponent point by point. Whole exponents multiply, so negative u is fine. */
export function powerOf(u: Field, exponent: number): Field {
  if (exponent === 2) return square(u);
  return map(u, (value) => value ** exponent);
}

/** a·b point by point. */
export function product(a: Field, b: Field): Field {
  const [left, right] = [a.values, b.values];
  const result = new Float64Array(left.length);
  for (let j = 0; j < left.length; j++) result[j] = left[j] * right[j];
  return Field.fromValues(a.grid, result);
}

export const scale = (factor: number, u: Field): Field => u.scaledBy(factor);

export const sum = (first: Field, ...others: readonly Field[]): Field =>
  others.reduce((total, u) => total.plus(u), first);

/** f(u) point by point. */
export function map(u: Field, f: (value: number) => number): Field {
  const values = u.values;
  const result = new Float64Array(values.length);
  for (let j = 0; j < values.length; j++) result[j] = f(values[j]);
  return Field.fromValues(u.grid, result);
}

export const constant = (grid: PeriodicGrid, value: number): Field =>
  Field.fromValues(grid, new Float64Array(grid.points).fill(value));

/** ∫u dx by the trapezoidal rule, which is spectrally accurate on a periodic grid. */
export const integral = (u: Field): number =>
  (u.values.reduce((a, b) => a + b, 0) * u.grid.length) / u.grid.points;

/** Complex product mode by mode, interleaved. */
export function applyMultiplier(multiplier: Float64Array, spectrum: Float64Array): Float64Array {
  const result = new Float64Array(spectrum.length);
  for (let i = 0; i < spectrum.length; i += 2) {
    result[i] = multiplier[i] * spectrum[i] - multiplier[i + 1] * spectrum[i + 1];
    result[i + 1] = multiplier[i] * spectrum[i + 1] + multiplier[i + 1] * spectrum[i];
  }
  return result;
}

function added(a: Float64Array, b: Float64Array): Float64Array {
  const result = new Float64Array(a.length);
  for (let i = 0; i < a.length; i++) result[i] = a[i] + b[i];
  return result;
}

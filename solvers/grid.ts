/** Equispaced points of a periodic interval and the Fourier multipliers of derivatives on them. */
import { power, type Complex } from './complex.ts';
import { fourierTransform, type FourierTransform } from './fourier.ts';

export type Interval = readonly [start: number, end: number];

export interface PeriodicGrid {
  readonly domain: Interval;
  readonly length: number;
  readonly points: number;
  /** x_j = start + j·length/points; the end is the start again and is not a point. */
  readonly x: Float64Array;
  readonly transform: FourierTransform;
  /** Values of a symbol at iκ_k = 2πik/length for the half spectrum: interleaved complex [2·modes]. */
  multiplier(symbol: (ik: Complex) => Complex): Float64Array;
  /** Multiplier of ∂^order/∂x^order (cached). */
  derivative(order: number): Float64Array;
}

/** The grid of `points` ≥ 1 points on [start, end). Throws when the interval is empty or not finite. */
export function periodicGrid(domain: Interval, points: number): PeriodicGrid {
  const [start, end] = domain;
  const length = end - start;
  if (!Number.isFinite(length) || length <= 0) {
    throw new Error(`domain must be two finite numbers in increasing order, got [${start}, ${end}]`);
  }
  if (!Number.isInteger(points) || points < 1)
    throw new Error(`points must be a whole number ≥ 1, got ${points}`);
  const transform = fourierTransform(points);
  const derivatives = new Map<number, Float64Array>();
  const multiplier = (symbol: (ik: Complex) => Complex): Float64Array => {
    const values = new Float64Array(2 * transform.modes);
    for (let k = 0; k < transform.modes; k++) {
      const value = symbol({ re: 0, im: (2 * Math.PI * k) / length });
      values[2 * k] = value.re;
      values[2 * k + 1] = value.im;
    }
    // The last mode of an even grid is cos(πj): its wave number is N/2 and −N/2 at once, so it takes the mean of both
    // symbols, the real part. An odd derivative of it vanishes on the grid.
    if (points % 2 === 0) values[2 * transform.modes - 1] = 0;
    return values;
  };
  return {
    domain,
    length,
    points,
    x: Float64Array.from({ length: points }, (_, j) => start + (j * length) / points),
    transform,
    multiplier,
    derivative(order) {
      let values = derivatives.get(order);
      if (!values) derivatives.set(order, (values = multiplier((ik) => power(ik, order))));
      return values;
    },
  };
}

/** A square grid over the plane, and what samples are measured by against a density on it. */
import { array, type NDArray } from '../../src/tensor/index.ts';

export interface PlaneGrid {
  /** Midpoints of the cells, `[points², 2]`; the second coordinate runs fastest. */
  readonly at: NDArray;
  /** Σ f(x, log p(x)) p(x) over the cells. */
  readonly integral: (logs: ArrayLike<number>, f?: (log: number) => number) => number;
  /**
   * Kolmogorov–Smirnov statistic √n sup |F_n − F| of samples x `[n, 2]` transformed by the density to uniform numbers (Rosenblatt 1952),
   * the first coordinate by its distribution, the second by that given the first: the larger of the two. Above 1.63 the chance is below 1 %.
   */
  readonly kolmogorovSmirnov: (logs: ArrayLike<number>, x: NDArray) => number;
}

export function planeGrid({
  points,
  reach,
  centre: [cx, cy] = [0, 0],
}: {
  readonly points: number;
  readonly reach: number;
  readonly centre?: readonly [number, number];
}): PlaneGrid {
  const step = (2 * reach) / points;
  const along = (i: number): number => -reach + (i + 0.5) * step;
  const at = new Float64Array(2 * points * points);
  for (let i = 0; i < points * points; i++)
    at.set([cx + along(Math.floor(i / points)), cy + along(i % points)], 2 * i);
  const cell = step * step;

  /** Cumulative sums of each column of cells, over the second coordinate: row i of `[points, points + 1]`. */
  const columnsOf = (logs: ArrayLike<number>): Float64Array[] =>
    Array.from({ length: points }, (_, i) => {
      const ends = new Float64Array(points + 1);
      for (let j = 0; j < points; j++) ends[j + 1] = ends[j] + Math.exp(logs[i * points + j]) * cell;
      return ends;
    });
  /** Of a table between whose entries there are straight lines. */
  const interpolate = (ends: Float64Array, place: number): number => {
    const inside = Math.min(ends.length - 1 - 1e-9, Math.max(0, place));
    const low = Math.floor(inside);
    return ends[low] + (inside - low) * (ends[low + 1] - ends[low]);
  };
  const rosenblatt = (logs: ArrayLike<number>, { data, shape: [n] }: NDArray): [number[], number[]] => {
    const columns = columnsOf(logs);
    const marginal = new Float64Array(points + 1);
    columns.forEach((ends, i) => (marginal[i + 1] = marginal[i] + ends[points]));
    const places = Array.from({ length: n }, (_, i) => [
      (data[2 * i] - cx + reach) / step,
      (data[2 * i + 1] - cy + reach) / step,
    ]);
    const conditional = ([along, across]: number[]): number => {
      // The density at a place is between those of the middles of two columns.
      const place = Math.min(points - 1 - 1e-9, Math.max(0, along - 0.5));
      const low = Math.floor(place);
      const between = (of: (ends: Float64Array) => number): number =>
        of(columns[low]) + (place - low) * (of(columns[low + 1]) - of(columns[low]));
      return between((ends) => interpolate(ends, across)) / between((ends) => ends[points]);
    };
    return [places.map(([along]) => interpolate(marginal, along)), places.map(conditional)];
  };
  const distance = (transformed: readonly number[]): number => {
    const n = transformed.length;
    const sorted = Float64Array.from(transformed).sort();
    return Math.max(...sorted.map((u, i) => Math.max(Math.abs(u - i / n), Math.abs(u - (i + 1) / n))));
  };

  return {
    at: array(at, [points * points, 2]),
    integral(logs, f = () => 1) {
      let total = 0;
      for (let i = 0; i < logs.length; i++)
        if (logs[i] > -700) total += f(logs[i]) * Math.exp(logs[i]) * cell;
      return total;
    },
    kolmogorovSmirnov: (logs, x) => Math.max(...rosenblatt(logs, x).map(distance)) * Math.sqrt(x.shape[0]),
  };
}

/** Mean and its standard error. */
export function meanWithError(values: ArrayLike<number>): { mean: number; error: number } {
  const n = values.length;
  let mean = 0;
  for (let i = 0; i < n; i++) mean += values[i] / n;
  let variance = 0;
  for (let i = 0; i < n; i++) variance += (values[i] - mean) ** 2 / (n - 1);
  return { mean, error: Math.sqrt(variance / n) };
}

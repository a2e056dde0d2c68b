/** A square grid over the plane, and what samples are measured by against a density on it. */
import { array, type NDArray } from '../../src/tensor/index.ts';

export interface PlaneGrid {
  /** Midpoints of the cells, `[points², 2]`; the second coordinate runs fastest. */
  readonly at: NDArray;
  /** Σ f(x, log p(x)) p(x) over the cells. */
  readonly integral: (logs: ArrayLike<number>, f?: (log: number) => number) => number;
  /**
   * Kolmogorov–Smirnov statistic √n sup |F_n − F| of samples x `[n, 2]` whose coordinates are transformed by their distribution under the
   * density: the larger of the two. Above 1.63 the chance is below 1 %.
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

  const distance = (logs: ArrayLike<number>, x: NDArray, axis: 0 | 1): number => {
    const n = x.shape[0];
    const ends = new Float64Array(points + 1);
    for (let i = 0; i < points * points; i++)
      ends[(axis === 0 ? Math.floor(i / points) : i % points) + 1] += Math.exp(logs[i]) * cell;
    for (let i = 1; i <= points; i++) ends[i] += ends[i - 1];
    const transformed = Float64Array.from({ length: n }, (_, i) => {
      const place = (x.data[2 * i + axis] - [cx, cy][axis] + reach) / step;
      const inside = Math.min(points - 1e-9, Math.max(0, place));
      const low = Math.floor(inside);
      return ends[low] + (inside - low) * (ends[low + 1] - ends[low]);
    }).sort();
    return Math.max(...transformed.map((u, i) => Math.max(Math.abs(u - i / n), Math.abs(u - (i + 1) / n))));
  };

  return {
    at: array(at, [points * points, 2]),
    integral(logs, f = () => 1) {
      let total = 0;
      for (let i = 0; i < logs.length; i++)
        if (logs[i] > -700) total += f(logs[i]) * Math.exp(logs[i]) * cell;
      return total;
    },
    kolmogorovSmirnov: (logs, x) =>
      Math.max(distance(logs, x, 0), distance(logs, x, 1)) * Math.sqrt(x.shape[0]),
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

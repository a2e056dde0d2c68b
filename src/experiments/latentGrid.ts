/** Grids of latents as a flow maps them to data: bent lines in the plane, and images between images. */
import { samplesOf, type Density, type RunOptions } from '../flows/index.ts';
import { array, type NDArray } from '../tensor/index.ts';
import { key } from '../tensor/random.ts';

/** Lines of either direction stand at every half of a standard deviation up to two. */
const LINES = 9;
const REACH = 2;
/** Points from one line to the next. */
const FINE = 7;

/**
 * All lines of a grid of the plane in one stroke, `[n, 2]`: up and down every column, along the border from one to the next, then the
 * rows, the same way back.
 */
export function gridStroke(): NDArray {
  const last = (LINES - 1) * FINE;
  const columns: [number, number][] = [];
  for (let i = 0; i <= last; i++) {
    const turned = (i / FINE) % 2 === 1;
    if (i % FINE !== 0) columns.push([i, Math.floor(i / FINE) % 2 === 0 ? last : 0]);
    else for (let j = 0; j <= last; j++) columns.push([i, turned ? last - j : j]);
  }
  const rows = columns.map(([i, j]): [number, number] => [j, i]).reverse();
  const stroke = [...columns, ...rows].flat();
  return array(
    Float64Array.from(stroke, (i) => REACH * ((2 * i) / last - 1)),
    [stroke.length / 2, 2],
  );
}

const AXES = { x: 'latent grid x', y: 'latent grid y' } as const;

/** The grid of the latent plane as a flow of the plane maps it to data; none for a mixture of several flows, which has several. */
export async function latentGridCurves(
  model: Density,
  parameters: unknown,
  options: RunOptions,
): Promise<Record<string, number[]>> {
  const grid = gridStroke();
  const { shape } = model.draw(key(0), 1);
  if (shape[1] !== grid.shape[1]) return {};
  const { data } = await samplesOf(model, parameters, grid, {}, options);
  const column = (j: number): number[] =>
    Array.from({ length: grid.shape[0] }, (_, i) => Number(data[2 * i + j].toPrecision(4)));
  // A picture is no reason to lose a training: numbers far out may overflow.
  if (!data.every(Number.isFinite)) return {};
  return { [AXES.x]: column(0), [AXES.y]: column(1) };
}

/** What `latentGridCurves` gave, or null. */
export const latentGridOf = (
  curves: Readonly<Record<string, number[]>> | undefined,
): { readonly x: number[]; readonly y: number[] } | null =>
  curves && AXES.x in curves ? { x: curves[AXES.x], y: curves[AXES.y] } : null;

/**
 * Rows of a density's draws over a square of `side` × `side`: its corners are four draws of a seed, and what lies between is weighed so
 * that its entries are standard normal too: bilinear weights, divided by their norm. The first `fixed` entries of a row choose, as a
 * chart; they stay those of the first corner.
 */
export function latentSquare(
  model: Density,
  { side, seed, fixed }: { readonly side: number; readonly seed: number; readonly fixed: number },
): NDArray {
  const { data, shape } = model.draw(key(seed), 4);
  const [, width] = shape;
  const rows = new Float64Array(side * side * width);
  for (let place = 0; place < side * side; place++) {
    const [v, u] = [Math.floor(place / side) / (side - 1), (place % side) / (side - 1)];
    const weights = [(1 - u) * (1 - v), u * (1 - v), (1 - u) * v, u * v];
    const norm = Math.hypot(...weights);
    for (let j = 0; j < width; j++) {
      rows[place * width + j] =
        j < fixed
          ? data[j]
          : weights.reduce((sum, w, corner) => sum + (w / norm) * data[corner * width + j], 0);
    }
  }
  return array(rows, [side * side, width]);
}

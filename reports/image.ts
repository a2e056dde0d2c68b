/** Arrays of numbers as PNG pictures. */
import { encode } from 'fast-png';
import { colorOf, type ColorScale } from './colormap.ts';

/** Pictures larger than this along a side are reduced by block means before they are embedded. */
const largestSide = 1024;

export interface Grid {
  rows: number;
  columns: number;
  /** Row-major values, `rows · columns` of them. */
  values: ArrayLike<number>;
}

/** Means over blocks so that no side exceeds `largest`. */
export function reduceGrid(grid: Grid, largest = largestSide): Grid {
  const rows = Math.min(grid.rows, largest);
  const columns = Math.min(grid.columns, largest);
  if (rows === grid.rows && columns === grid.columns) return grid;
  const values = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    const rowEnd = Math.floor(((i + 1) * grid.rows) / rows);
    for (let j = 0; j < columns; j++) {
      const columnEnd = Math.floor(((j + 1) * grid.columns) / columns);
      let sum = 0;
      let count = 0;
      for (let r = Math.floor((i * grid.rows) / rows); r < rowEnd; r++)
        for (let c = Math.floor((j * grid.columns) / columns); c < columnEnd; c++, count++)
          sum += grid.values[r * grid.columns + c];
      values[i * columns + j] = sum / count;
    }
  }
  return { rows, columns, values };
}

/** One pixel a value. With `upward` the first row is the lowest line of the picture, as time runs upwards in a plot. */
export function gridPng(grid: Grid, colors: ColorScale, upward = false): Uint8Array {
  if (grid.values.length !== grid.rows * grid.columns) {
    throw new Error(
      `gridPng: values has ${grid.values.length} entries, expected rows · columns = ${grid.rows * grid.columns}`,
    );
  }
  const { rows, columns, values } = reduceGrid(grid);
  const data = new Uint8Array(3 * rows * columns);
  for (let i = 0; i < rows; i++) {
    const row = upward ? rows - 1 - i : i;
    for (let j = 0; j < columns; j++)
      data.set(colorOf(values[row * columns + j], colors), 3 * (i * columns + j));
  }
  return encode({ width: columns, height: rows, data, channels: 3, depth: 8 });
}

/** A PNG as the address of an embedded picture. */
export const pngAddress = (png: Uint8Array): string =>
  `data:image/png;base64,${Buffer.from(png).toString('base64')}`;

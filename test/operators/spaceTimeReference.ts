/**
 * The space-time operators from their definitions, in plain loops over float64 numbers, one sample at a time: the ground
 * truth of their tests. Nothing of the core's graphs, of stacking modes or of merged matrices.
 */
import type { Matrix } from 'ml-matrix';
import type { NDArray } from '../../src/tensor/index.ts';
import { multiwaveletFilters, padeCoefficients, type WaveletBasis } from '../../src/operators/index.ts';

/** Values at the points of a grid, channels last. */
export interface Field {
  readonly grid: readonly number[];
  readonly channels: number;
  readonly data: Float64Array;
}

const count = (grid: readonly number[]): number => grid.reduce((total, n) => total * n, 1);

/** Every point of a grid in order, as indices. */
export function* points(grid: readonly number[]): Generator<number[]> {
  for (let flat = 0; flat < count(grid); flat++) {
    const index = grid.map(() => 0);
    let rest = flat;
    for (let axis = grid.length - 1; axis >= 0; axis--) {
      index[axis] = rest % grid[axis];
      rest = Math.floor(rest / grid[axis]);
    }
    yield index;
  }
}

const offset = ({ grid, channels }: Field, index: readonly number[]): number =>
  index.reduce((at, i, axis) => at * grid[axis] + i, 0) * channels;

/** A field whose channels at a point are made by a function. */
export function build(grid: readonly number[], channels: number, at: (index: number[]) => number[]): Field {
  const data = Float64Array.from([...points(grid)].flatMap((index) => at(index)));
  if (data.length !== count(grid) * channels) throw new Error('build: wrong number of channels');
  return { grid, channels, data };
}

export const at = (field: Field, index: readonly number[]): number[] => {
  const start = offset(field, index);
  return Array.from(field.data.subarray(start, start + field.channels));
};

export const map = (field: Field, channels: number, f: (v: number[], index: number[]) => number[]): Field =>
  build(field.grid, channels, (index) => f(at(field, index), index));

export const plus = (a: Field, b: Field): Field => ({ ...a, data: a.data.map((v, i) => v + b.data[i]) });
const times = (a: Field, c: number): Field => ({ ...a, data: a.data.map((v) => v * c) });
export const relu = (a: Field): Field => ({ ...a, data: a.data.map((v) => Math.max(v, 0)) });
const channelsOf = (a: Field, from: number, to: number): Field => map(a, to - from, (v) => v.slice(from, to));
const beside = (fields: readonly Field[]): Field =>
  build(
    fields[0].grid,
    fields.reduce((total, { channels }) => total + channels, 0),
    (index) => fields.flatMap((field) => at(field, index)),
  );

export interface Affine {
  readonly weight: NDArray;
  readonly bias: NDArray;
}

export function affine({ weight, bias }: Affine, x: readonly number[]): number[] {
  const [inputs, outputs] = weight.shape;
  return Array.from({ length: outputs }, (_, o) => {
    let total = bias.data[o];
    for (let i = 0; i < inputs; i++) total += x[i] * weight.data[i * outputs + o];
    return total;
  });
}

export const linear = (p: Affine, x: Field): Field => map(x, p.bias.data.length, (v) => affine(p, v));

/** Weight of an output, input and frequency: [2m_1, …, m_D, (blocks,) in, 2·out]. */
export type Kernel = (place: readonly number[], i: number, o: number) => [number, number];

export function kernelOf({ shape, data }: NDArray, axes: number, block = 0, blocks = 1): Kernel {
  const [input, columns] = shape.slice(-2);
  return (place, i, o) => {
    const mode = place.reduce((total, k, axis) => total * shape[axis] + k, 0) * blocks + block;
    const start = (mode * input + i) * columns + o;
    if (place.length !== axes) throw new Error('kernelOf: wrong number of axes');
    return [data[start], data[start + columns / 2]];
  };
}

/**
 * By the definition of a kernel on the modes of a real field: the complex DFT û, W û on the kept modes −m … m − 1 (0 … m − 1 on
 * the last axis) that the grid has, the inverse DFT with the modes of κ_D > 0 standing for their conjugates, its real part.
 */
export function spectral(kernel: Kernel, modes: readonly number[], outputs: number, x: Field): Field {
  const { grid, channels } = x;
  const last = grid.length - 1;
  const n = count(grid);
  const frequencies = grid.map((size, axis) => {
    const all = Array.from({ length: size }, (_, k) => (2 * k < size ? k : k - size));
    return axis === last
      ? Array.from({ length: Math.floor(size / 2) + 1 }, (_, k) => k).filter((k) => k < modes[axis])
      : all.filter((k) => k >= -modes[axis] && k < modes[axis]);
  });
  const phase = (kappa: readonly number[], index: readonly number[]): number =>
    2 * Math.PI * kappa.reduce((total, k, axis) => total + (k * index[axis]) / grid[axis], 0);
  const out = new Float64Array(n * outputs);
  for (const choice of points(frequencies.map((list) => list.length))) {
    const kappa = choice.map((c, axis) => frequencies[axis][c]);
    // Weights stand in the order of the frequencies from −m up.
    const place = kappa.map((k, axis) => (axis === last ? k : k + modes[axis]));
    const transformed = Array.from({ length: channels }, () => [0, 0]);
    for (const index of points(grid)) {
      const angle = phase(kappa, index);
      at(x, index).forEach((value, c) => {
        transformed[c][0] += value * Math.cos(angle);
        transformed[c][1] -= value * Math.sin(angle);
      });
    }
    const twice = kappa[last] === 0 || 2 * kappa[last] === grid[last] ? 1 : 2;
    for (let o = 0; o < outputs; o++) {
      let [re, im] = [0, 0];
      transformed.forEach(([a, b], i) => {
        const [c, d] = kernel(place, i, o);
        re += a * c - b * d;
        im += a * d + b * c;
      });
      let flat = 0;
      for (const index of points(grid)) {
        const angle = phase(kappa, index);
        out[flat * outputs + o] += (twice / n) * (re * Math.cos(angle) - im * Math.sin(angle));
        flat++;
      }
    }
  }
  return { grid, channels: outputs, data: out };
}

/** Coordinates i/n as further channels. */
export const located = (u: Field): Field =>
  map(u, u.channels + u.grid.length, (v, index) => [...v, ...index.map((i, axis) => i / u.grid[axis])]);

/** The field on a larger grid, zero where it was not; or on a smaller one. */
export const onGrid = (x: Field, grid: readonly number[]): Field =>
  build(grid, x.channels, (index) =>
    index.every((i, axis) => i < x.grid[axis]) ? at(x, index) : new Array<number>(x.channels).fill(0),
  );

export interface Stack<Layer> {
  readonly lift: Affine;
  readonly layers: readonly Layer[];
  readonly head: readonly [Affine, Affine];
}

export function stack<Layer>(
  p: Stack<Layer>,
  u: Field,
  padded: readonly number[],
  layer: (p: Layer, x: Field, a: Field) => Field,
): Field {
  const a = located(u);
  let x = onGrid(linear(p.lift, a), padded);
  p.layers.forEach((parameters, i) => (x = layer(parameters, i === 0 ? x : relu(x), a)));
  return linear(p.head[1], relu(linear(p.head[0], onGrid(x, u.grid))));
}

/** Coefficient of a channel: c-major, then one digit of base k for each axis of space. */
const coefficients = (k: number, space: number): number[][] => [
  ...points(Array.from({ length: space }, () => k)),
];
const halves = (space: number): number[][] => [...points(Array.from({ length: space }, () => 2))];

export interface Wavelets {
  readonly basis: WaveletBasis;
  readonly k: number;
  readonly channels: number;
}

/** Filters of the part (0: s, 1: d along each axis) and of the half cell, as a product over the axes of space. */
function product(
  table: Matrix[][],
  part: readonly number[],
  half: readonly number[],
  i: readonly number[],
  j: readonly number[],
): number {
  return part.reduce((value, b, axis) => value * table[b][half[axis]].get(i[axis], j[axis]), 1);
}

/** [s | parts of d] of every block of 2^space cells: Σ over half cells of filters times coefficients. */
export function analyse(x: Field, space: number, { basis, k, channels }: Wavelets): Field {
  const { H0, H1, G0, G1 } = multiwaveletFilters(basis, k);
  const table = [
    [H0, H1],
    [G0, G1],
  ];
  const grid = x.grid.map((n, axis) => (axis < space ? n / 2 : n));
  const [digits, cells] = [coefficients(k, space), halves(space)];
  return build(grid, cells.length * x.channels, (index) =>
    cells.flatMap((part) =>
      Array.from({ length: channels }, (_, c) => c).flatMap((c) =>
        digits.map((i) => {
          let total = 0;
          for (const half of cells) {
            const from = at(
              x,
              index.map((l, axis) => (axis < space ? 2 * l + half[axis] : l)),
            );
            digits.forEach((j, place) => {
              total += product(table, part, half, i, j) * from[c * digits.length + place];
            });
          }
          return total;
        }),
      ),
    ),
  );
}

/** The opposite: x = Σ over parts of (filter Φ)ᵀ times coefficients. */
export function synthesise(parts: Field, space: number, { basis, k, channels }: Wavelets): Field {
  const { H0, H1, G0, G1, Phi0, Phi1 } = multiwaveletFilters(basis, k);
  const table = [
    [H0.mmul(Phi0), H1.mmul(Phi1)],
    [G0.mmul(Phi0), G1.mmul(Phi1)],
  ];
  const [digits, cells] = [coefficients(k, space), halves(space)];
  const width = channels * digits.length;
  const grid = parts.grid.map((n, axis) => (axis < space ? 2 * n : n));
  return build(grid, width, (index) => {
    const half = index.slice(0, space).map((l) => l % 2);
    const from = at(
      parts,
      index.map((l, axis) => (axis < space ? Math.floor(l / 2) : l)),
    );
    return Array.from({ length: channels }, (_, c) => c).flatMap((c) =>
      digits.map((j) => {
        let total = 0;
        cells.forEach((part, b) =>
          digits.forEach((i, place) => {
            total += product(table, part, half, i, j) * from[b * width + c * digits.length + place];
          }),
        );
        return total;
      }),
    );
  });
}

/** The non-standard form, level by level. */
export function nonStandardForm(
  x: Field,
  space: number,
  wavelets: Wavelets,
  coarsest: Affine,
  update: (s: Field, d: Field) => { s: Field; d: Field },
): Field {
  const small = wavelets.k ** space;
  if (x.grid.slice(0, space).includes(1)) {
    return map(x, x.channels, (v) =>
      Array.from({ length: wavelets.channels }, (_, c) => c).flatMap((c) =>
        affine(coarsest, v.slice(c * small, (c + 1) * small)),
      ),
    );
  }
  const parts = analyse(x, space, wavelets);
  const s = channelsOf(parts, 0, x.channels);
  const d = channelsOf(parts, x.channels, parts.channels);
  const up = update(s, d);
  const below = nonStandardForm(s, space, wavelets, coarsest, update);
  return synthesise(beside([plus(below, up.s), up.d]), space, wavelets);
}

/** Cross-correlation with three points an axis and zeros around the grid: weights [out, in, 3, …]. */
export function convolve({ weight, bias }: Affine, x: Field): Field {
  const [outputs, inputs, ...taps] = weight.shape;
  return build(x.grid, outputs, (index) =>
    Array.from({ length: outputs }, (_, o) => {
      let total = bias.data[o];
      let flat = 0;
      for (const tap of points(taps)) {
        const where = index.map((i, axis) => i + tap[axis] - 1);
        const inside = where.every((i, axis) => i >= 0 && i < x.grid[axis]);
        const from = inside ? at(x, where) : [];
        for (let i = 0; inside && i < inputs; i++)
          total += from[i] * weight.data[(o * inputs + i) * count(taps) + flat];
        flat++;
      }
      return total;
    }),
  );
}

interface PadeBlocks {
  readonly kernel: NDArray;
  readonly weight: NDArray;
  readonly bias: NDArray;
}

/** One of several Padé blocks: P(L) relu(W Q(L) x + b) with L applied again and again in space. */
export function padeBlock(
  { kernel, weight, bias }: PadeBlocks,
  block: number,
  modes: readonly number[],
  { p, q, degrees }: { p: number; q: number; degrees: string },
  x: Field,
): Field {
  const [blocks, width] = weight.shape;
  const short = degrees === 'full' ? 0 : 1;
  const { a, b } = padeCoefficients(p, q);
  const L = kernelOf(kernel, modes.length, block, blocks);
  const polynomial = (c: readonly number[], y: Field): Field => {
    let total = times(y, c[0]);
    let power = y;
    for (const value of c.slice(1, c.length - short)) {
      power = spectral(L, modes, width, power);
      total = plus(total, times(power, value));
    }
    return total;
  };
  const part = (leaf: NDArray, size: number): NDArray => ({
    ...leaf,
    data: leaf.data.slice(block * size, (block + 1) * size),
    shape: size === width ? [width] : [width, width],
  });
  const W = { weight: part(weight, width * width), bias: part(bias, width) };
  return polynomial(a, relu(linear(W, polynomial(b, x))));
}

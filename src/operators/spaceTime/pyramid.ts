/**
 * The multiwavelet pyramid of fields over space and time: the transform runs along the axes of space, time stays as it is.
 *
 * A level holds c channels of k^space coefficients a cell and point of time. Analysis takes 2^space neighbouring cells to
 * their scaling part s (one part, LL in two dimensions) and their detail d (2^space − 1 parts: LH, HL and HH).
 * The pyramid ends where an axis of space has one cell left.
 */
import { z } from 'zod';
import {
  add,
  concat,
  constant,
  matmul,
  reshape,
  sliceAxis,
  transpose,
  type Shape,
  type Tensor,
} from '../../tensor/index.ts';
import type { Key } from '../../tensor/random.ts';
import { linear, xavierNormal } from '../../nn/index.ts';
import { multiwaveletFilters, waveletMatrices, type WaveletBasis } from '../multiwaveletFilters.ts';
import type { TensorsOf } from '../operator.ts';
import { axesOf, type SpaceAxes, type StackOptions } from './stack.ts';

/** Polynomials an axis of a cell, and modes of each axis kept at each level, time last. */
export interface PyramidSizes {
  readonly k: number;
  readonly modes: readonly number[];
}

/** Options that both operators on the pyramid have, with the published sizes as defaults. */
export const pyramidOptions = (space: SpaceAxes, { k, modes }: PyramidSizes) => ({
  basis: z.enum(['legendre', 'chebyshev']).default('legendre'),
  channels: z.int().positive().default(4),
  /** Channels of the input field; coordinates are added to them. */
  inputs: z.int().positive().default(10),
  /**
   * Axes of space that are no power of two: 'zeros' appends zeros up to the next power of two after the lift and takes them
   * off before the head; 'none' refuses such a grid.
   */
  spacePadding: z.enum(['zeros', 'none']).default('zeros'),
  /** Points of zeros after the last time, for the periodic Fourier modes of time. */
  timePadding: z.int().min(0).default(0),
  k: z.int().min(1).max(8).default(k),
  /** Modes of each axis kept at each level, time last. */
  modes: z
    .array(z.int().positive())
    .length(space + 1)
    .default([...modes]),
});

interface PyramidOptions {
  readonly basis: WaveletBasis;
  /** Polynomials an axis and cell. */
  readonly k: number;
  readonly channels: number;
  readonly spacePadding: 'zeros' | 'none';
  readonly timePadding: number;
}

/** Coefficients of one part of a cell: c · k^space. */
export const widthOf = (space: SpaceAxes, { k, channels }: { k: number; channels: number }): number =>
  channels * k ** space;

/** Detail parts a level: 1 or 3. */
export const detailParts = (space: SpaceAxes): number => 2 ** space - 1;

/** One level of the transform along the axes of space. */
export interface SpaceTransform {
  readonly space: SpaceAxes;
  /** [batch, ...cells, time, w] → s [batch, ...cells / 2, time, w] and d [batch, ...cells / 2, time, parts · w]. */
  analyse(x: Tensor): { s: Tensor; d: Tensor };
  /** The opposite. */
  synthesise(s: Tensor, d: Tensor): Tensor;
}

export function spaceTransform(
  space: SpaceAxes,
  options: Omit<PyramidOptions, 'spacePadding' | 'timePadding'>,
) {
  const width = widthOf(space, options);
  const whole = 2 ** space * width;
  const filters = multiwaveletFilters(options.basis, options.k);
  const { analysis, synthesis } = waveletMatrices(filters, options.channels, space);
  const [down, up] = [analysis, synthesis].map((matrix) => constant(matrix, [whole, whole]));
  const halves = Array.from({ length: space }, () => 2);
  // Between [batch, n/2, 2, (n/2, 2,) time, w] and [batch, n/2, (n/2,) time, 2, (2,) w].
  const gathered = space === 1 ? [0, 1, 3, 2, 4] : [0, 1, 3, 5, 2, 4, 6];
  const spread = gathered.map((_, axis) => gathered.indexOf(axis));

  const transform: SpaceTransform = {
    space,
    analyse(x) {
      const [batch, ...grid] = x.shape.slice(0, -1);
      const cells = grid.slice(0, space).map((n) => n / 2);
      const time = grid[space];
      const apart = reshape(x, [batch, ...cells.flatMap((n) => [n, 2]), time, width]);
      const blocks = reshape(transpose(apart, gathered), [batch, ...cells, time, whole]);
      const parts = matmul(blocks, down);
      const channel = parts.rank - 1;
      return { s: sliceAxis(parts, channel, 0, width), d: sliceAxis(parts, channel, width) };
    },
    synthesise(s, d) {
      const [batch, ...grid] = s.shape.slice(0, -1);
      const cells = grid.slice(0, space);
      const time = grid[space];
      const blocks = matmul(concat([s, d], s.rank - 1), up);
      const apart = transpose(reshape(blocks, [batch, ...cells, time, ...halves, width]), spread);
      return reshape(apart, [batch, ...cells.map((n) => 2 * n), time, width]);
    },
  };
  return transform;
}

/** One operator in the non-standard form: what a level adds, and the map at the coarsest level. */
export interface NonStandardForm {
  /** Of a level's s and d: U_s = C d, and U_d = A d + B s. */
  update(s: Tensor, d: Tensor): { s: Tensor; d: Tensor };
  coarsest(s: Tensor): Tensor;
}

/**
 * T = T̄ + Σ (A + B + C) over the levels (Beylkin, Coifman & Rokhlin 1991; Gupta, Xiao & Bogdan 2021, eq. 5–7):
 * x [batch, ...cells, time, w] → the same shape.
 */
export function applyNonStandardForm(form: NonStandardForm, transform: SpaceTransform, x: Tensor): Tensor {
  if (x.shape.slice(1, 1 + transform.space).some((n) => n === 1)) return form.coarsest(x);
  const { s, d } = transform.analyse(x);
  const update = form.update(s, d);
  return transform.synthesise(add(applyNonStandardForm(form, transform, s), update.s), update.d);
}

/** T̄ acts on the k^space coefficients of every channel, cell and time alike. */
export const coarsestMap = {
  init: (key: Key, space: SpaceAxes, { k }: { readonly k: number }) =>
    linear.init(key, { inputs: k ** space, outputs: k ** space }),
  apply: (p: TensorsOf<ReturnType<typeof linear.init>>, s: Tensor): Tensor =>
    reshape(linear.apply(p, reshape(s, [-1, p.weight.shape[0]])), s.shape),
};

/** Head weights are Xavier-normal, as published. */
export const pyramidStack = (
  space: SpaceAxes,
  options: { k: number; channels: number; inputs: number; layers: number },
): StackOptions => ({
  space,
  inputs: options.inputs,
  width: widthOf(space, options),
  layers: options.layers,
  headWeight: xavierNormal(),
});

/** The grid that the layers work on: powers of two in space, at least 2 (one level), and padded time. */
export function pyramidGrid(grid: Shape, { spacePadding, timePadding }: PyramidOptions): number[] {
  const space = grid.slice(0, -1);
  const dyadic =
    spacePadding === 'zeros' ? space.map((n) => 2 ** Math.ceil(Math.log2(Math.max(n, 2)))) : space;
  return [...dyadic, grid[grid.length - 1] + timePadding];
}

/** @throws if an axis of space is no power of two and may not be padded. */
export function checkPyramidGrid(
  name: string,
  space: SpaceAxes,
  grid: Shape,
  { spacePadding }: PyramidOptions,
): void {
  if (spacePadding === 'zeros') return;
  grid.slice(0, space).forEach((n, axis) => {
    if (n >= 2 && (n & (n - 1)) === 0) return;
    throw new Error(
      `${name}: axis ${axesOf(space)[axis]} of size ${n}: the dyadic wavelet transform halves it to one cell, so it needs a power of two; set spacePadding: 'zeros' or resample`,
    );
  });
}

/** Which entries of a sample a coupling keeps, and which it changes. */
import { concat, constant, gather, sizeOf, showShape, type Shape, type Tensor } from '../tensor/index.ts';

export const maskNames = ['half', 'alternate', 'checkerboard', 'channel'] as const;
export type MaskName = (typeof maskNames)[number];

export interface Mask {
  /** Positions in the flattened sample. */
  readonly kept: Int32Array;
  readonly changed: Int32Array;
}

/**
 * The mask of that name for samples of a shape; `flip` exchanges kept and changed entries.
 *
 * - half: the first half of the flattened sample is kept; alternate: every other entry.
 * - checkerboard: pixels with even row + column; channel: the first half of the channels (Dinh et al. 2017, figure 3).
 *
 * @throws if the mask needs an image and the sample is none.
 */
export function couplingMask(name: MaskName, shape: Shape, flip: boolean): Mask {
  const size = sizeOf(shape);
  if ((name === 'checkerboard' || name === 'channel') && shape.length !== 3) {
    throw new Error(
      `coupling: the mask '${name}' is for images [channels, height, width], the samples are ${showShape(shape)}; use 'half' or 'alternate'`,
    );
  }
  const keeps = keepRule(name, shape);
  const positions = Int32Array.from({ length: size }, (_, i) => i);
  return {
    kept: positions.filter((i) => keeps(i) !== flip),
    changed: positions.filter((i) => keeps(i) === flip),
  };
}

function keepRule(name: MaskName, shape: Shape): (position: number) => boolean {
  const size = sizeOf(shape);
  if (name === 'half') return (i) => i < Math.ceil(size / 2);
  if (name === 'alternate') return (i) => i % 2 === 0;
  const [channels, height, width] = shape;
  if (name === 'channel') return (i) => Math.floor(i / (height * width)) < Math.ceil(channels / 2);
  return (i) => ((i % width) + (Math.floor(i / width) % height)) % 2 === 0;
}

const indices = (positions: Int32Array): Tensor =>
  constant({ data: positions, shape: [positions.length], dtype: 'int32' });

/** Entries at positions of axis 1. */
export const pick = (x: Tensor, positions: Int32Array): Tensor => gather(x, indices(positions), 1);

/** The flattened sample `[batch, size]` of its kept and its changed entries. */
export function mergeMask(mask: Mask, kept: Tensor, changed: Tensor): Tensor {
  const order = new Int32Array(mask.kept.length + mask.changed.length);
  [...mask.kept, ...mask.changed].forEach((position, i) => (order[position] = i));
  return pick(mask.kept.length === 0 ? changed : concat([kept, changed], 1), order);
}

/** Which entries of a sample a coupling keeps, and which it changes. */
import {
  concat,
  constant,
  gather,
  showShape,
  sizeOf,
  sliceAxis,
  type Shape,
  type Tensor,
} from '../tensor/index.ts';

export const maskNames = ['half', 'alternate', 'checkerboard', 'channel'] as const;
export type MaskName = (typeof maskNames)[number];

export interface Mask {
  /** Positions in the flattened sample. */
  readonly kept: Int32Array;
  readonly changed: Int32Array;
  /** Of masks whose kept and whose changed entries are whole planes of pixels, one after the other: height and width of a plane. */
  readonly plane: readonly [height: number, width: number] | null;
}

/**
 * The mask of that name for samples of a shape; `flip` exchanges kept and changed entries.
 *
 * - half: the first half of the flattened sample is kept; alternate: every other entry.
 * - checkerboard: pixels with even row + column; channel: the first half of the channels (Dinh et al. 2017, figure 3).
 *
 * Entries come in the order of the sample; those of a checkerboard with even sides by corners of its blocks of 2 × 2 pixels, each
 * corner a plane.
 *
 * @throws if the mask needs an image and the sample is none.
 */
export function couplingMask(name: MaskName, shape: Shape, flip: boolean): Mask {
  if ((name === 'checkerboard' || name === 'channel') && shape.length !== 3) {
    throw new Error(
      `coupling: the mask '${name}' is for images [channels, height, width], the samples are ${showShape(shape)}; use 'half' or 'alternate'`,
    );
  }
  const keeps = keepRule(name, shape);
  const { order, plane } = orderOf(name, shape);
  const kept = order.filter((i) => keeps(i) !== flip);
  const changed = order.filter((i) => keeps(i) === flip);
  return { kept, changed, plane: kept.length > 0 && changed.length > 0 ? plane : null };
}

function keepRule(name: MaskName, shape: Shape): (position: number) => boolean {
  const size = sizeOf(shape);
  if (name === 'half') return (i) => i < Math.ceil(size / 2);
  if (name === 'alternate') return (i) => i % 2 === 0;
  const [channels, height, width] = shape;
  if (name === 'channel') return (i) => Math.floor(i / (height * width)) < Math.ceil(channels / 2);
  return (i) => ((i % width) + (Math.floor(i / width) % height)) % 2 === 0;
}

/** All positions, so that those a mask keeps or changes are planes, where it has any. */
function orderOf(name: MaskName, shape: Shape): { readonly order: Int32Array } & Pick<Mask, 'plane'> {
  const order = Int32Array.from({ length: sizeOf(shape) }, (_, i) => i);
  const [, height, width] = shape;
  if (name === 'channel') return { order, plane: [height, width] };
  if (name !== 'checkerboard' || height % 2 !== 0 || width % 2 !== 0) return { order, plane: null };
  const corner = (i: number): number => 2 * (Math.floor(i / width) % 2) + (i % 2);
  const channel = (i: number): number => Math.floor(i / (height * width));
  return {
    order: order.sort((i, j) => channel(i) - channel(j) || corner(i) - corner(j) || i - j),
    plane: [height / 2, width / 2],
  };
}

const indices = (positions: Int32Array): Tensor =>
  constant({ data: positions, shape: [positions.length], dtype: 'int32' });

const isRange = (positions: Int32Array): boolean =>
  positions.length > 0 && positions.every((position, i) => position === positions[0] + i);

/** Entries at positions of axis 1. */
export const pick = (x: Tensor, positions: Int32Array): Tensor =>
  isRange(positions)
    ? sliceAxis(x, 1, positions[0], positions[0] + positions.length)
    : gather(x, indices(positions), 1);

/** The flattened sample `[batch, size]` of its kept and its changed entries. */
export function mergeMask(mask: Mask, kept: Tensor, changed: Tensor): Tensor {
  if (isRange(mask.kept) && isRange(mask.changed)) {
    return concat(mask.kept[0] === 0 ? [kept, changed] : [changed, kept], 1);
  }
  const order = new Int32Array(mask.kept.length + mask.changed.length);
  [...mask.kept, ...mask.changed].forEach((position, i) => (order[position] = i));
  return pick(mask.kept.length === 0 ? changed : concat([kept, changed], 1), order);
}

/**
 * What all space-time operators share: coordinates as channels, a lift to the width of the layers, padding of the grid,
 * layers with ReLU between them, cropping, and a head of two linear maps.
 */
import {
  broadcastTo,
  concat,
  constant,
  pad,
  relu,
  showShape,
  slice,
  type Shape,
  type Tensor,
} from '../../tensor/index.ts';
import { split, type Key } from '../../tensor/random.ts';
import { linear, type Initialiser } from '../../nn/index.ts';
import type { TensorsOf } from '../operator.ts';

/** Axes of space: 1 or 2. The time axis comes after them. */
export type SpaceAxes = 1 | 2;

export const axesOf = (space: SpaceAxes): readonly string[] =>
  space === 1 ? ['s', 'time'] : ['n1', 'n2', 'time'];

type Linear = TensorsOf<ReturnType<typeof linear.init>>;

interface StackParameters<Layer> {
  readonly lift: Linear;
  readonly layers: readonly Layer[];
  readonly head: readonly [Linear, Linear];
}

export interface StackOptions {
  readonly space: SpaceAxes;
  /** Channels of the input field, coordinates not among them. */
  readonly inputs: number;
  readonly width: number;
  readonly layers: number;
  /** Weights of the head; PyTorch's default of linear layers unless told otherwise. */
  readonly headWeight?: Initialiser;
}

export function initStack<Layer>(
  key: Key,
  { space, inputs, width, layers, headWeight }: StackOptions,
  initLayer: (key: Key) => Layer,
) {
  const [lift, body, first, last] = split(key, 4);
  const weight = headWeight && { weight: headWeight };
  return {
    lift: linear.init(lift, { inputs: inputs + space + 1, outputs: width }),
    layers: split(body, layers).map(initLayer),
    head: [
      linear.init(first, { inputs: width, outputs: 128, ...weight }),
      linear.init(last, { inputs: 128, outputs: 1, ...weight }),
    ] as const,
  };
}

interface StackUse {
  readonly name: string;
  readonly space: SpaceAxes;
  readonly inputs: number;
  /** The grid that the layers work on, at least as large as that of u: zeros are appended after the lift. */
  readonly paddedGrid?: (grid: Shape) => Shape;
}

/**
 * u [batch, ...grid, inputs] → [batch, ...grid, 1]. A layer maps [batch, ...padded grid, width] to the same shape; it also
 * gets the input with its coordinates, [batch, ...grid, inputs + axes].
 *
 * @throws if u has other axes or channels.
 */
export function applyStack<Layer>(
  p: StackParameters<Layer>,
  u: Tensor,
  { name, space, inputs, paddedGrid = (grid) => grid }: StackUse,
  applyLayer: (layer: Layer, x: Tensor, located: Tensor) => Tensor,
): Tensor {
  const axes = axesOf(space);
  if (u.rank !== axes.length + 2 || u.shape[u.rank - 1] !== inputs) {
    throw new Error(
      `${name}: the input is ${showShape(u.shape)}, expected [batch, ${axes.join(', ')}, ${inputs}]; option inputs says how many channels there are`,
    );
  }
  const grid = u.shape.slice(1, -1);
  const located = withCoordinates(u);
  let x = padGrid(linear.apply(p.lift, located), paddedGrid(grid));
  p.layers.forEach((layer, i) => (x = applyLayer(layer, i === 0 ? x : relu(x), located)));
  return linear.apply(p.head[1], relu(linear.apply(p.head[0], cropGrid(x, grid))));
}

/** The coordinates i/n ∈ [0, 1) of every point as further channels: [batch, ...grid, c] → [batch, ...grid, c + axes]. */
function withCoordinates(u: Tensor): Tensor {
  const grid = u.shape.slice(1, -1);
  const coordinates = grid.map((n, axis) => {
    const alone = [1, ...grid.map((size, i) => (i === axis ? size : 1)), 1];
    const values = Float64Array.from({ length: n }, (_, i) => i / n);
    return broadcastTo(constant(values, alone, u.dtype), [...u.shape.slice(0, -1), 1]);
  });
  return concat([u, ...coordinates], u.rank - 1);
}

/** Appends zeros at the end of the axes. */
function padGrid(x: Tensor, grid: Shape): Tensor {
  const after = grid.map((n, axis) => n - x.shape[axis + 1]);
  const none = x.shape.map(() => 0);
  return after.every((n) => n === 0) ? x : pad(x, none, [0, ...after, 0]);
}

function cropGrid(x: Tensor, grid: Shape): Tensor {
  const shape = [x.shape[0], ...grid, x.shape[x.rank - 1]];
  return shape.every((n, axis) => n === x.shape[axis])
    ? x
    : slice(
        x,
        shape.map(() => 0),
        shape,
      );
}

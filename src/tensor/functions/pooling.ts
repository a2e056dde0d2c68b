/**
 * Pooling over windows and upsampling, channels first: x [batch, channels, …spatial]. All are compositions, so they
 * differentiate, batch and run on every engine by themselves.
 */
import { add, maximum, mul } from '../ops/arithmetic.ts';
import { perAxis, resolvePadding, windowCount, type Padding } from '../ops/convolutionGeometry.ts';
import { concat, reshape, stack } from '../ops/shape.ts';
import { pad, sliceAxis } from '../ops/slice.ts';
import { showShape } from '../shape.ts';
import { constant, type Tensor } from '../tensor.ts';

export interface PoolingOptions {
  /** Step of the window; its size by default. */
  readonly strides?: number | readonly number[];
  readonly padding?: Padding;
}

interface Windows {
  readonly x: Tensor;
  readonly size: readonly number[];
  readonly strides: readonly number[];
  readonly counts: readonly number[];
  readonly padding: readonly (readonly [number, number])[];
}

function windowsOf(
  x: Tensor,
  window: number | readonly number[],
  options: PoolingOptions,
  name: string,
): Windows {
  const axes = x.rank - 2;
  if (axes < 1) throw new Error(`${name}: x is ${showShape(x.shape)}, expected [batch, channels, …spatial]`);
  const size = perAxis(window, axes, 1, 1, `${name}: window`);
  const strides = perAxis(options.strides ?? size, axes, 1, 1, `${name}: strides`);
  const input = x.shape.slice(2);
  const padding = resolvePadding(options.padding ?? 'valid', input, size, strides, name);
  padding.forEach((pair, axis) => {
    if (Math.max(...pair) >= size[axis])
      throw new Error(
        `${name}: padding ${showShape(pair)} of a window of ${size[axis]}; a window must hold at least one value of x`,
      );
  });
  const counts = input.map((n, axis) => windowCount(n, padding[axis], size[axis], strides[axis], name));
  return { x, size, strides, counts, padding };
}

/** Combines the values of all windows, axis by axis: max and sum over a box are those over its sides in turn. */
function combine(
  { x, size, strides, counts, padding }: Windows,
  filler: number,
  f: (a: Tensor, b: Tensor) => Tensor,
): Tensor {
  return size.reduce((y, k, i) => {
    const axis = i + 2;
    const padded = padWith(y, axis, padding[i], filler);
    const reach = (counts[i] - 1) * strides[i] + 1;
    return Array.from({ length: k }, (_, tap) =>
      sliceAxis(padded, axis, tap, tap + reach, strides[i]),
    ).reduce(f);
  }, x);
}

function padWith(x: Tensor, axis: number, [low, high]: readonly [number, number], filler: number): Tensor {
  if (filler === 0) {
    const along = (n: number): number[] => x.shape.map((_, i) => (i === axis ? n : 0));
    return pad(x, along(low), along(high));
  }
  const block = (n: number): Tensor[] => {
    const shape = x.shape.map((size, i) => (i === axis ? n : size));
    const size = shape.reduce((a, b) => a * b, 1);
    return n === 0 ? [] : [constant(new Float64Array(size).fill(filler), shape, x.dtype)];
  };
  return concat([...block(low), x, ...block(high)], axis);
}

/**
 * Maximum over windows; padding never wins. [batch, channels, …⌊(n + low + high − window)/stride⌋ + 1].
 *
 * @throws if the window does not fit, or padding alone could fill one.
 */
export function maxPool(x: Tensor, window: number | readonly number[], options: PoolingOptions = {}): Tensor {
  return combine(windowsOf(x, window, options, 'maxPool'), -Infinity, maximum);
}

/**
 * Mean over windows. Padding counts neither in the sum nor in the number of values (`count_include_pad=False` elsewhere).
 *
 * @throws if the window does not fit, or padding alone could fill one.
 */
export function averagePool(
  x: Tensor,
  window: number | readonly number[],
  options: PoolingOptions = {},
): Tensor {
  const windows = windowsOf(x, window, options, 'averagePool');
  const { size, strides, counts, padding } = windows;
  return counts.reduce(
    (y, count, i) => {
      const shares = Float64Array.from({ length: count }, (_, p) => {
        const start = p * strides[i] - padding[i][0];
        return 1 / (Math.min(start + size[i], x.shape[i + 2]) - Math.max(start, 0));
      });
      return mul(y, constant(shares, [count, ...counts.slice(i + 1).map(() => 1)], x.dtype));
    },
    combine(windows, 0, add),
  );
}

/** Every value twice along each spatial axis: [batch, channels, …n] → [batch, channels, …2n]. */
export function upsampleNearest(x: Tensor): Tensor {
  requireSpatial(x, 'upsampleNearest');
  return spatialAxes(x).reduce((y, axis) => interleave(y, y, axis), x);
}

/**
 * Linear interpolation to twice the size along each spatial axis (bilinear in 2-D), sample points at the centres of cells
 * and edges repeated (`align_corners=False` elsewhere): [batch, channels, …n] → [batch, channels, …2n].
 */
export function upsampleLinear(x: Tensor): Tensor {
  requireSpatial(x, 'upsampleLinear');
  return spatialAxes(x).reduce((y, axis) => {
    const n = y.shape[axis];
    const near = mul(0.75, y);
    const far = mul(0.25, y);
    const before = concat([sliceAxis(far, axis, 0, 1), sliceAxis(far, axis, 0, n - 1)], axis);
    const behind = concat([sliceAxis(far, axis, 1, n), sliceAxis(far, axis, n - 1, n)], axis);
    return interleave(add(near, before), add(near, behind), axis);
  }, x);
}

const spatialAxes = (x: Tensor): number[] => x.shape.slice(2).map((_, i) => i + 2);

/** a₀ b₀ a₁ b₁ … along an axis. */
const interleave = (a: Tensor, b: Tensor, axis: number): Tensor =>
  reshape(
    stack([a, b], axis + 1),
    a.shape.map((n, i) => (i === axis ? 2 * n : n)),
  );

function requireSpatial(x: Tensor, name: string): void {
  if (x.rank < 3)
    throw new Error(`${name}: x is ${showShape(x.shape)}, expected [batch, channels, …spatial]`);
}

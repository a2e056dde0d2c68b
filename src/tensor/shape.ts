/** Shapes: tuples of sizes, NumPy's broadcasting rule, and row-major strides. */

export type Shape = readonly number[];

export const sizeOf = (shape: Shape): number => shape.reduce((product, n) => product * n, 1);

export const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((n, i) => n === b[i]);

export const showShape = (shape: Shape): string => `[${shape.join(', ')}]`;

export function rowMajorStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = step;
    step *= shape[axis];
  }
  return strides;
}

/** The shape two operands broadcast to (NumPy's rule), or an Error that names `where` and both shapes. */
export function broadcastShapes(a: Shape, b: Shape, where: string): Shape {
  const rank = Math.max(a.length, b.length);
  const shape = new Array<number>(rank);
  for (let i = 1; i <= rank; i++) {
    const m = a[a.length - i] ?? 1;
    const n = b[b.length - i] ?? 1;
    if (m !== n && m !== 1 && n !== 1) {
      throw new Error(
        `${where}: shapes ${showShape(a)} and ${showShape(b)} do not broadcast (sizes ${m} and ${n} on axis −${i})`,
      );
    }
    shape[rank - i] = m === 1 ? n : m;
  }
  return shape;
}

/** A possibly negative axis as one in [0, rank). */
export function normalizeAxis(axis: number, rank: number, where: string): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    throw new Error(
      `${where}: axis ${axis} is outside a tensor of rank ${rank} (expected ${-rank} … ${rank - 1})`,
    );
  }
  return axis < 0 ? axis + rank : axis;
}

/** Axes as a sorted list without repetition; all axes when `axes` is undefined. */
export function normalizeAxes(
  axes: number | readonly number[] | undefined,
  rank: number,
  where: string,
): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, i) => i);
  const list = (typeof axes === 'number' ? [axes] : axes).map((axis) => normalizeAxis(axis, rank, where));
  const unique = [...new Set(list)].sort((a, b) => a - b);
  if (unique.length !== list.length)
    throw new Error(`${where}: axes ${showShape(list)} repeat an axis; name each once`);
  return unique;
}

export function checkShape(shape: Shape, where: string): void {
  for (const n of shape) {
    if (!Number.isInteger(n) || n < 0) {
      throw new Error(`${where}: shape ${showShape(shape)} has the size ${n}; sizes are whole numbers ≥ 0`);
    }
  }
}

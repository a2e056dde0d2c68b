/**
 * Sampling masks of Cartesian k-space, seeded. Column masks sample whole columns (phase encodes) and always contain a block of
 * adjacent columns at the centre, the autocalibration signal (ACS). The constructions are those of fastMRI (Zbontar et al. 2018);
 * the random numbers are this project's, so a seed gives other columns than there.
 */
import { array, type ComplexArray, type NDArray } from '../tensor/index.ts';
import { permutation, split, uniform, type Key } from '../tensor/random.ts';

/** 1 where k-space is sampled, 0 elsewhere: float64 of [1, width] for columns, [height, width] for points. */
export type SamplingMask = NDArray;

export interface ColumnMaskOptions {
  readonly width: number;
  /** R: how many times fewer columns than the width; what it counts is said by each mask. */
  readonly acceleration: number;
  /** Columns at the centre that are always sampled. */
  readonly acsLines: number;
}

/** The first column of a centred block of ACS lines: ⌊(width − lines + 1)/2⌋. */
export const acsStart = (width: number, lines: number): number => Math.floor((width - lines + 1) / 2);

/**
 * Every column outside the ACS with the same probability, which makes the expected number of columns width / R, ACS included.
 *
 * @throws if the ACS alone is more than that.
 */
export function randomMask(key: Key, options: ColumnMaskOptions): SamplingMask {
  const { width, acceleration, acsLines } = checked('randomMask', options);
  const probability = width === acsLines ? 0 : (width / acceleration - acsLines) / (width - acsLines);
  if (probability < 0) throw tooManyLines('randomMask', options);
  const draws = uniform(key, width);
  return columnMask(width, acsLines, (column) => draws[column] < probability);
}

/** Every R-th column from a random start, and the ACS: more than width / R columns in all. */
export function equispacedMask(key: Key, options: ColumnMaskOptions): SamplingMask {
  const { width, acceleration, acsLines } = checked('equispacedMask', options);
  const spacing = Math.max(1, Math.round(acceleration));
  const offset = below(key, spacing);
  return columnMask(width, acsLines, (column) => column % spacing === offset);
}

/**
 * Columns at a wider, in general fractional, spacing, so that together with the ACS there are about width / R of them: the true
 * acceleration is R. The gaps between columns differ by one.
 *
 * @throws if the ACS leaves no column to spread.
 */
export function trueAccelerationMask(key: Key, options: ColumnMaskOptions): SamplingMask {
  const { width, acceleration: R, acsLines } = checked('trueAccelerationMask', options);
  if (acsLines * R >= width) throw tooManyLines('trueAccelerationMask', options);
  const spacing = (R * (acsLines - width)) / (acsLines * R - width);
  const offset = below(key, Math.max(1, Math.round(spacing)));
  const columns = new Set<number>();
  for (let position = offset; position < width - 1; position += spacing) columns.add(Math.round(position));
  return columnMask(width, acsLines, (column) => columns.has(column));
}

/**
 * Every R-th column with a shift between the two halves of k-space: by conjugate symmetry, the columns of one half then lie
 * between those of the other (Defazio, "Offset sampling improves deep learning based accelerated MRI reconstructions", 2019).
 */
export function magicMask(key: Key, options: ColumnMaskOptions): SamplingMask {
  const { width, acceleration, acsLines } = checked('magicMask', options);
  const spacing = Math.max(1, Math.round(acceleration));
  const offset = below(key, spacing);
  // Frequencies 0, 1, … from `positive`, and −1, −2, … from `negative`, both in steps of R.
  const [positive, negative] =
    offset % 2 === 0 ? [offset + 1, offset + 2] : [offset + 2, Math.max(0, offset - 1)];
  const centre = Math.floor(width / 2);
  return columnMask(width, acsLines, (column) => {
    const [frequency, start] =
      column >= centre ? [column - centre, positive] : [centre - 1 - column, negative];
    return frequency >= start && (frequency - start) % spacing === 0;
  });
}

export interface PoissonDiscOptions {
  readonly height: number;
  readonly width: number;
  /** Points of k-space to sampled points, the calibration block included; reached within 5 %. */
  readonly acceleration: number;
  /** Side of the fully sampled square at the centre; default 0. */
  readonly calibration?: number;
}

/**
 * Points of the two phase encodes of a volume with a random order and a least distance between neighbours that grows with the
 * distance from the centre, 1 + s·|k| (|k| is 1 at the middle of the edges): density falls outwards and no two points waste each
 * other. s is found by bisection.
 *
 * @throws if the calibration block alone is more than the number of points asked for.
 */
export function poissonDiscMask(
  key: Key,
  { height, width, acceleration, calibration = 0 }: PoissonDiscOptions,
): SamplingMask {
  checked('poissonDiscMask', { width, acceleration, acsLines: Math.min(calibration, width) });
  const wanted = (height * width) / acceleration;
  if (!Number.isInteger(height) || height < 1 || calibration > height || calibration ** 2 > wanted) {
    throw new Error(
      `poissonDiscMask: ${height} × ${width} points at acceleration ${acceleration} with a block of ${calibration} × ${calibration}; expected a block of at most ${Math.floor(wanted)} points`,
    );
  }
  const order = permutation(key, height * width);
  let [low, high] = [0, Math.max(height, width)];
  let best = array(new Float64Array(height * width), [height, width]);
  let miss = Infinity;
  for (let step = 0; step < 40 && miss > 0.005 * wanted; step++) {
    const slope = (low + high) / 2;
    const mask = throwDarts(order, [height, width], slope, calibration);
    const count = mask.reduce((total, value) => total + value, 0);
    if (Math.abs(count - wanted) < miss) {
      best = array(mask, [height, width]);
      miss = Math.abs(count - wanted);
    }
    if (count > wanted) low = slope;
    else high = slope;
  }
  if (miss > 0.05 * wanted) {
    throw new Error(
      `poissonDiscMask: the nearest to ${Math.round(wanted)} points of ${height} × ${width} misses by ${miss}; take a larger acceleration or another seed`,
    );
  }
  return best;
}

/** Points in the given order, each taken unless one already taken lies within its distance. */
function throwDarts(
  order: Int32Array,
  [height, width]: readonly [number, number],
  slope: number,
  calibration: number,
): Float64Array {
  const mask = new Float64Array(height * width);
  const [top, left] = [acsStart(height, calibration), acsStart(width, calibration)];
  for (let row = top; row < top + calibration; row++)
    mask.fill(1, row * width + left, row * width + left + calibration);
  for (const point of order) {
    const [row, column] = [Math.floor(point / width), point % width];
    const [ky, kx] = [(2 * row) / height - 1, (2 * column) / width - 1];
    const distance = 1 + slope * Math.hypot(kx, ky);
    if (mask[point] === 0 && isFree(mask, [height, width], row, column, distance)) mask[point] = 1;
  }
  return mask;
}

function isFree(
  mask: Float64Array,
  [height, width]: readonly [number, number],
  row: number,
  column: number,
  distance: number,
): boolean {
  const reach = Math.ceil(distance) - 1;
  for (let y = Math.max(0, row - reach); y <= Math.min(height - 1, row + reach); y++)
    for (let x = Math.max(0, column - reach); x <= Math.min(width - 1, column + reach); x++)
      if (mask[y * width + x] === 1 && (y - row) ** 2 + (x - column) ** 2 < distance * distance) return false;
  return true;
}

/**
 * How many adjacent columns around the centre, ⌊width/2⌋, are sampled on both sides: the ACS lines that a mask [1, width] or
 * [width] shows, at least 1 (as E2E-VarNet finds them: twice the shorter side).
 */
export function detectAcsLines({ data, shape }: SamplingMask): number {
  const width = shape[shape.length - 1];
  const centre = Math.floor(width / 2);
  let [left, right] = [0, 0];
  while (centre - 1 - left >= 0 && data[centre - 1 - left] !== 0) left++;
  while (centre + right < width && data[centre + right] !== 0) right++;
  return Math.max(2 * Math.min(left, right), 1);
}

/**
 * The mask of k-space [c, h, w] (or [.., c, h, w]) that was stored with zeros where nothing was measured: points where any coil is
 * not zero, as columns [1, w] if whole columns were, else [h, w].
 *
 * @throws if all of k-space is zero.
 */
export function sampledPoints({ re, im }: ComplexArray): SamplingMask {
  const [h, w] = re.shape.slice(-2);
  const points = new Float64Array(h * w);
  for (let i = 0; i < re.data.length; i++) if (re.data[i] !== 0 || im.data[i] !== 0) points[i % (h * w)] = 1;
  if (!points.includes(1)) throw new Error('sampledPoints: k-space is zero everywhere, nothing was sampled');
  const first = points.subarray(0, w);
  const areColumns = points.every((value, i) => value === first[i % w]);
  return areColumns ? array(first.slice(), [1, w]) : array(points, [h, w]);
}

/** A rectangle of k-space: rows [top, top + height), columns [left, left + width). */
export interface Block {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/**
 * The largest fully sampled rectangle around the centre (⌊h/2⌋, ⌊w/2⌋) of k-space of `height` rows: the calibration block of a
 * mask of points [h, w], and the ACS lines of a mask of columns [1, w]. Empty if the centre is not sampled.
 */
export function calibrationBlock({ data, shape }: SamplingMask, height = shape[0]): Block {
  const [rows, width] = shape;
  const [middle, centre] = [Math.floor(height / 2), Math.floor(width / 2)];
  // Sampled neighbours of the centre to the left and right in each row; −1 to the left where the centre column itself is not.
  const reach = Array.from({ length: rows }, (_, row) => {
    let [left, right] = [centre, centre];
    while (left >= 0 && data[row * width + left] !== 0) left--;
    while (right < width && data[row * width + right] !== 0) right++;
    return [centre - left - 1, right - centre - 1] as const;
  });
  if (rows === 1) {
    const [left, right] = reach[0];
    return left < 0
      ? { top: middle, left: centre, height: 0, width: 0 }
      : { top: 0, left: centre - left, height, width: left + right + 1 };
  }
  let best: Block = { top: middle, left: centre, height: 0, width: 0 };
  let [aboveLeft, aboveRight] = [centre, width];
  for (let top = middle; top >= 0 && reach[top][0] >= 0; top--) {
    [aboveLeft, aboveRight] = [Math.min(aboveLeft, reach[top][0]), Math.min(aboveRight, reach[top][1])];
    let [left, right] = [aboveLeft, aboveRight];
    for (let bottom = middle; bottom < rows && reach[bottom][0] >= 0; bottom++) {
      [left, right] = [Math.min(left, reach[bottom][0]), Math.min(right, reach[bottom][1])];
      const block = { top, left: centre - left, height: bottom - top + 1, width: left + right + 1 };
      if (block.height * block.width > best.height * best.width) best = block;
    }
  }
  return best;
}

/**
 * The acceleration R and the first column of a mask of columns that samples every R-th one; beside these it may sample adjacent
 * columns at the centre, the ACS.
 *
 * @throws if there are no such R and offset.
 */
export function uniformSampling(mask: SamplingMask): {
  readonly acceleration: number;
  readonly offset: number;
} {
  const { data, shape } = mask;
  const [rows, width] = shape;
  if (rows !== 1)
    throw new Error(`uniformSampling: the mask is [${shape.join(', ')}], expected columns, [1, ${width}]`);
  const { left, width: lines } = calibrationBlock(mask);
  const inAcs = (column: number): boolean => column >= left && column < left + lines;
  for (let acceleration = 1; acceleration <= width; acceleration++)
    for (let offset = 0; offset < acceleration; offset++) {
      const fits = data.every((value, column) =>
        column % acceleration === offset ? value !== 0 : value === 0 || inAcs(column),
      );
      if (fits) return { acceleration, offset };
    }
  throw new Error(
    'uniformSampling: the mask does not sample every R-th column (and ACS lines at the centre) for any R; cg-sense takes any mask',
  );
}

/** Points of k-space to sampled points. @throws for a mask that samples nothing. */
export function trueAcceleration({ data }: SamplingMask): number {
  let sampled = 0;
  for (const value of data) if (value !== 0) sampled++;
  if (sampled === 0)
    throw new Error('trueAcceleration: the mask samples nothing, expected at least one point');
  return data.length / sampled;
}

function columnMask(width: number, acsLines: number, isSampled: (column: number) => boolean): SamplingMask {
  const start = acsStart(width, acsLines);
  const columns = Float64Array.from({ length: width }, (_, column) =>
    (column >= start && column < start + acsLines) || isSampled(column) ? 1 : 0,
  );
  return array(columns, [1, width]);
}

const below = (key: Key, n: number): number => Math.floor(uniform(split(key, 1)[0], 1)[0] * n);

const tooManyLines = (name: string, { width, acceleration, acsLines }: ColumnMaskOptions): Error =>
  new Error(
    `${name}: ${acsLines} ACS lines of ${width} columns at acceleration ${acceleration}, expected fewer than ${width / acceleration}; lower one of them or take equispacedMask`,
  );

function checked(name: string, options: ColumnMaskOptions): ColumnMaskOptions {
  const { width, acceleration, acsLines } = options;
  if (!Number.isInteger(width) || width < 1)
    throw new Error(`${name}: width is ${width}, expected a whole number ≥ 1`);
  if (!(acceleration >= 1 && acceleration <= width))
    throw new Error(`${name}: acceleration is ${acceleration}, expected a number 1 … ${width}`);
  if (!Number.isInteger(acsLines) || acsLines < 0 || acsLines > width)
    throw new Error(`${name}: ${acsLines} ACS lines, expected a whole number 0 … ${width}`);
  return options;
}

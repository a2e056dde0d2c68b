/** Synthetic digits: seven strokes, bent, sheared, turned and shifted at random. A stand-in for MNIST that needs no files. */
import { foldIn, uniform, type Key } from '../src/tensor/random.ts';
import { CLASSES, type LabelledImages } from './images.ts';

type Point = readonly [x: number, y: number];

/** Corners of the figure eight, from the upper left one row by row. */
const CORNERS: readonly Point[] = [
  [-0.5, -0.9],
  [0.5, -0.9],
  [-0.5, 0],
  [0.5, 0],
  [-0.5, 0.9],
  [0.5, 0.9],
];
/** Strokes between corners: top, upper right, lower right, bottom, lower left, upper left, middle. */
const STROKES = [
  [0, 1],
  [1, 3],
  [3, 5],
  [4, 5],
  [2, 4],
  [0, 2],
  [2, 3],
] as const;
/** Strokes of the digits 0 … 9. */
const DIGITS: readonly (readonly number[])[] = [
  [0, 1, 2, 3, 4, 5],
  [1, 2],
  [0, 1, 6, 4, 3],
  [0, 1, 6, 2, 3],
  [5, 6, 1, 2],
  [0, 5, 6, 2, 3],
  [0, 5, 6, 2, 3, 4],
  [0, 1, 2],
  [0, 1, 2, 3, 4, 5, 6],
  [0, 1, 2, 3, 5, 6],
];

/** Random numbers of one glyph: its digit, seven of the pen and the affine map, two for each corner. */
const NUMBERS = 8 + 2 * CORNERS.length;

/** `count` glyphs of side × side pixels; glyph i is the same for every count. */
export function glyphs(key: Key, count: number, side: number): LabelledImages {
  const levels = new Uint8Array(count * side * side);
  const labels = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const [choice, ...shape] = uniform(foldIn(key, i), NUMBERS);
    labels[i] = Math.floor(choice * CLASSES);
    draw(levels.subarray(i * side * side, (i + 1) * side * side), side, strokesOf(labels[i], shape));
  }
  return { levels, shape: [count, side, side], labels };
}

interface Drawing {
  readonly strokes: readonly (readonly [Point, Point])[];
  /** Half the width of a stroke. */
  readonly pen: number;
}

/** Strokes in the square [−1.5, 1.5]², from uniform numbers. */
function strokesOf(digit: number, numbers: readonly number[]): Drawing {
  const centred = numbers.map((u) => 2 * u - 1);
  const [angle, shear, widen, lengthen, right, down, pen, ...bends] = centred;
  const [cos, sin] = [Math.cos(0.2 * angle), Math.sin(0.2 * angle)];
  const placed = CORNERS.map(([x, y], i): Point => {
    const u = (1 + 0.2 * widen) * (x + 0.12 * bends[2 * i]) - 0.25 * shear * y;
    const v = (1 + 0.15 * lengthen) * (y + 0.12 * bends[2 * i + 1]);
    return [cos * u - sin * v + 0.2 * right, sin * u + cos * v + 0.15 * down];
  });
  return {
    strokes: DIGITS[digit].map((stroke) => {
      const [from, to] = STROKES[stroke];
      return [placed[from], placed[to]];
    }),
    pen: 0.14 + 0.05 * pen,
  };
}

/** Light strokes on dark, with edges a pixel wide. */
function draw(into: Uint8Array, side: number, { strokes, pen }: Drawing): void {
  const pixel = 3 / side;
  for (let i = 0; i < side; i++)
    for (let j = 0; j < side; j++) {
      const at: Point = [(j + 0.5) * pixel - 1.5, (i + 0.5) * pixel - 1.5];
      const nearest = Math.min(...strokes.map((stroke) => distance(at, stroke)));
      const covered = 0.5 + (pen - nearest) / pixel;
      into[i * side + j] = Math.round(255 * Math.min(1, Math.max(0, covered)));
    }
}

function distance([x, y]: Point, [[ax, ay], [bx, by]]: readonly [Point, Point]): number {
  const [dx, dy] = [bx - ax, by - ay];
  const along = ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy);
  const t = Math.min(1, Math.max(0, along));
  return Math.hypot(x - ax - t * dx, y - ay - t * dy);
}

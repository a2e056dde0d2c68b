/** Phantoms of ellipses: the modified Shepp–Logan head, and random heads like it with a smooth phase. */
import { array, complexArray, type ComplexArray, type NDArray } from '../../src/tensor/index.ts';
import { split, uniform, type Key } from '../../src/tensor/random.ts';

/** In a field of view of [−1, 1] × [−1, 1], y upwards. Intensities of ellipses that overlap add up. */
export interface Ellipse {
  readonly intensity: number;
  readonly semiAxes: readonly [x: number, y: number];
  readonly centre: readonly [x: number, y: number];
  /** Degrees, counter-clockwise. */
  readonly rotation: number;
}

export type ImageSize = readonly [height: number, width: number];

const ellipse = (
  intensity: number,
  semiAxes: readonly [number, number],
  centre: readonly [number, number],
  rotation = 0,
): Ellipse => ({ intensity, semiAxes, centre, rotation });

/** The ten ellipses of Shepp and Logan (1974) with the intensities of Toft (The Radon Transform, 1996), which show on a screen. */
export const sheppLoganEllipses: readonly Ellipse[] = [
  ellipse(1, [0.69, 0.92], [0, 0]),
  ellipse(-0.8, [0.6624, 0.874], [0, -0.0184]),
  ellipse(-0.2, [0.11, 0.31], [0.22, 0], -18),
  ellipse(-0.2, [0.16, 0.41], [-0.22, 0], 18),
  ellipse(0.1, [0.21, 0.25], [0, 0.35]),
  ellipse(0.1, [0.046, 0.046], [0, 0.1]),
  ellipse(0.1, [0.046, 0.046], [0, -0.1]),
  ellipse(0.1, [0.046, 0.023], [-0.08, -0.605]),
  ellipse(0.1, [0.023, 0.023], [0, -0.606]),
  ellipse(0.1, [0.023, 0.046], [0.06, -0.605]),
];

export const sheppLogan = (size: ImageSize): NDArray => drawEllipses(sheppLoganEllipses, size);

/** Intensity at pixel centres, [height, width]; the first row is at the top. */
export function drawEllipses(ellipses: readonly Ellipse[], [height, width]: ImageSize): NDArray {
  const image = new Float64Array(height * width);
  for (const { intensity, semiAxes, centre, rotation } of ellipses) {
    const [cos, sin] = [Math.cos((rotation * Math.PI) / 180), Math.sin((rotation * Math.PI) / 180)];
    for (let row = 0; row < height; row++) {
      const y = 1 - (2 * row + 1) / height - centre[1];
      for (let column = 0; column < width; column++) {
        const x = (2 * column + 1) / width - 1 - centre[0];
        const [u, v] = [(x * cos + y * sin) / semiAxes[0], (y * cos - x * sin) / semiAxes[1]];
        if (u * u + v * v <= 1) image[row * width + column] += intensity;
      }
    }
  }
  return array(image, [height, width]);
}

/**
 * A head of random ellipses: scalp, skull, brain, two ventricles, and about a dozen structures of random size, place and
 * contrast. Intensities lie between 0 and about 1.2.
 */
export function brainEllipses(key: Key): Ellipse[] {
  const draws = uniform(key, 256);
  let next = 0;
  const between = (low: number, high: number): number => low + (high - low) * draws[next++];
  const [a, b] = [between(0.62, 0.76), between(0.78, 0.92)];
  const turn = between(-10, 10);
  const [scalp, skull, brain] = [between(0.8, 1), between(0.05, 0.2), between(0.35, 0.6)];
  const [outer, inner] = [between(0.93, 0.97), between(0.86, 0.92)];
  const head = [
    ellipse(scalp, [a, b], [0, 0], turn),
    ellipse(skull - scalp, [outer * a, outer * b], [0, 0], turn),
    ellipse(brain - skull, [inner * a, inner * b], [0, 0], turn),
  ];
  const ventricle = -between(0.7, 0.9) * brain;
  const ventricles = [-1, 1].map((side) =>
    ellipse(
      ventricle,
      [between(0.06, 0.13), between(0.16, 0.32)],
      [side * between(0.13, 0.2), between(-0.05, 0.12)],
      -side * between(8, 24),
    ),
  );
  const structures = Array.from({ length: 8 + Math.floor(between(0, 9)) }, () => {
    // Uniform on the inner part of the brain, so that no structure reaches the skull.
    const [radius, angle] = [0.62 * Math.sqrt(between(0, 1)), between(0, 2 * Math.PI)];
    return ellipse(
      between(-0.12, 0.25) * brain,
      [between(0.02, 0.16), between(0.02, 0.16)],
      [radius * a * Math.cos(angle), radius * b * Math.sin(angle)],
      between(0, 180),
    );
  });
  return [...head, ...ventricles, ...structures];
}

/**
 * A smooth phase in radians [height, width], at most `amplitude` in size: a random plane and curvature, as a field that is off
 * centre gives, and waves of up to one and a half periods.
 */
export function smoothPhase(key: Key, [height, width]: ImageSize, amplitude: number): Float64Array {
  const draws = uniform(key, 5 + 3 * 4).map((u) => 2 * u - 1);
  const waves = Array.from({ length: 3 }, (_, i) => draws.slice(5 + 4 * i, 9 + 4 * i));
  const phase = new Float64Array(height * width);
  let largest = 0;
  for (let row = 0; row < height; row++) {
    const y = 1 - (2 * row + 1) / height;
    for (let column = 0; column < width; column++) {
      const x = (2 * column + 1) / width - 1;
      let value = draws[0] * x + draws[1] * y + draws[2] * x * x + draws[3] * x * y + draws[4] * y * y;
      for (const [size, kx, ky, start] of waves)
        value += 0.5 * size * Math.cos(Math.PI * (1.5 * (kx * x + ky * y) + start));
      phase[row * width + column] = value;
      largest = Math.max(largest, Math.abs(value));
    }
  }
  return phase.map((value) => (largest === 0 ? 0 : (amplitude * value) / largest));
}

/** m e^(iφ) of a magnitude [height, width] and a phase in radians. */
export function withPhase({ data, shape }: NDArray, phase: Float64Array): ComplexArray {
  return complexArray(
    Float64Array.from(data, (m, i) => m * Math.cos(phase[i])),
    Float64Array.from(data, (m, i) => m * Math.sin(phase[i])),
    shape,
  );
}

/** A random head (`brainEllipses`, never negative) with a smooth phase of up to `phase` radians. The same key, the same head. */
export function brainPhantom(key: Key, size: ImageSize, { phase = 1 } = {}): ComplexArray {
  const [shapeKey, phaseKey] = split(key, 2);
  const drawn = drawEllipses(brainEllipses(shapeKey), size);
  const magnitude = array(
    Float64Array.from(drawn.data, (m) => Math.max(0, m)),
    drawn.shape,
  );
  return withPhase(magnitude, smoothPhase(phaseKey, size, phase));
}

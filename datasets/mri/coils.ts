/**
 * Sensitivities of simulated receive coils, [coils, height, width], divided by their root of sum of squares: Σ_c |S_c|² = 1
 * everywhere. The relative phase of coils is physical; a common phase of the image is not.
 */
import { complexArray, type ComplexArray } from '../../src/tensor/index.ts';
import type { ImageSize } from './phantoms.ts';

/**
 * A birdcage array: coils on a circle of `radius` (in half fields of view), each with magnitude 1/distance and the phase of the
 * direction to it, turned by 2πc/n.
 */
export function birdcageCoils(coils: number, size: ImageSize, { radius = 1.5 } = {}): ComplexArray {
  checkCoils('birdcageCoils', coils);
  return fromField(coils, size, (c, x, y) => {
    const angle = (2 * Math.PI * c) / coils;
    const [dx, dy] = [x - radius * Math.cos(angle), y - radius * Math.sin(angle)];
    const phase = Math.atan2(dx, -dy) - angle;
    const magnitude = 1 / Math.hypot(dx, dy);
    return [magnitude * Math.cos(phase), magnitude * Math.sin(phase)];
  });
}

export interface LoopArray {
  readonly coils: number;
  /** The loops are dealt out to this many rings along the bore; default 1. Each ring is turned against the last by half a gap. */
  readonly rings?: number;
  /** Distance between rings, in half fields of view; default 1. The slice is midway. */
  readonly ringSpacing?: number;
  /** Radius of a loop, in half fields of view; default: loops of a ring just touch each other. */
  readonly loopRadius?: number;
  /** Distance of loop centres from the axis of the bore, in half fields of view; default 1.2. */
  readonly distance?: number;
}

/**
 * Circular loops that face the axis of the bore, by the law of Biot and Savart. The receive sensitivity of a loop is its
 * transverse field, B_x + i B_y.
 *
 * @throws if the loops cannot be dealt out evenly.
 */
export function loopCoils(
  size: ImageSize,
  { coils, rings = 1, ringSpacing = 1, distance = 1.2, loopRadius }: LoopArray,
): ComplexArray {
  checkCoils('loopCoils', coils);
  if (!Number.isInteger(rings) || rings < 1 || coils % rings !== 0)
    throw new Error(`loopCoils: ${coils} coils in ${rings} rings, expected a divisor of ${coils}`);
  const perRing = coils / rings;
  const radius = loopRadius ?? distance * Math.tan(Math.PI / Math.max(perRing, 3));
  return fromField(coils, size, (c, x, y) => {
    const ring = Math.floor(c / perRing);
    const angle = (2 * Math.PI * ((c % perRing) + (ring % 2) / 2)) / perRing;
    const bore = ringSpacing * (ring - (rings - 1) / 2);
    const [bx, by] = loopField(
      {
        centre: [distance * Math.cos(angle), distance * Math.sin(angle), bore],
        normal: [-Math.cos(angle), -Math.sin(angle), 0],
        radius,
      },
      [x, y, 0],
    );
    return [bx, by];
  });
}

export type Vector = readonly [x: number, y: number, z: number];

export interface Loop {
  readonly centre: Vector;
  /** Of unit length. */
  readonly normal: Vector;
  readonly radius: number;
}

/**
 * Magnetic field of a circular loop of unit current at a point, in units of μ₀/4π: complete elliptic integrals of the distance
 * along and from the axis (Smythe, Static and Dynamic Electricity, 7.10; Grivich & Jackson, American Journal of Physics 68,
 * 2000).
 */
export function loopField({ centre, normal, radius }: Loop, point: Vector): Vector {
  const offset = point.map((p, i) => (p - centre[i]) / radius);
  const z = offset.reduce((total, p, i) => total + p * normal[i], 0);
  const radial = offset.map((p, i) => p - z * normal[i]);
  const r = Math.hypot(...radial);
  const [near, far] = [(1 - r) ** 2 + z * z, (1 + r) ** 2 + z * z];
  const { K, E } = ellipticIntegrals((4 * r) / far);
  const scale = 2 / (radius * Math.sqrt(far));
  const axial = scale * (K + ((1 - r * r - z * z) / near) * E);
  // The radial field over r; close to the axis, where the formula cancels, the first term of its series, 3πz / (1 + z²)^(5/2).
  const outward =
    r < 1e-4
      ? (3 * Math.PI * z) / (radius * (1 + z * z) ** 2.5)
      : ((scale * z) / (r * r)) * (((1 + r * r + z * z) / near) * E - K);
  const [bx, by, bz] = normal.map((n, i) => axial * n + outward * radial[i]);
  return [bx, by, bz];
}

/** Complete elliptic integrals K(m) and E(m), 0 ≤ m < 1, by the arithmetic-geometric mean. */
function ellipticIntegrals(m: number): { readonly K: number; readonly E: number } {
  let [a, b, weight, deficit] = [1, Math.sqrt(1 - m), 1, m / 2];
  for (let c = Math.sqrt(m); Math.abs(c) > 1e-17 * a && weight < 2 ** 40; weight *= 2) {
    c = (a - b) / 2;
    [a, b] = [(a + b) / 2, Math.sqrt(a * b)];
    deficit += weight * c * c;
  }
  const K = Math.PI / (2 * a);
  return { K, E: K * (1 - deficit) };
}

/** Samples the fields of coils at pixels, x and y in −1 … 1 with 0 at the centre pixel, and divides by the root of sum of squares. */
function fromField(
  coils: number,
  [height, width]: ImageSize,
  field: (coil: number, x: number, y: number) => readonly [re: number, im: number],
): ComplexArray {
  const pixels = height * width;
  const [re, im] = [new Float64Array(coils * pixels), new Float64Array(coils * pixels)];
  for (let pixel = 0; pixel < pixels; pixel++) {
    const [x, y] = [
      ((pixel % width) - width / 2) / (width / 2),
      (Math.floor(pixel / width) - height / 2) / (height / 2),
    ];
    let energy = 0;
    for (let c = 0; c < coils; c++) {
      const [a, b] = field(c, x, y);
      re[c * pixels + pixel] = a;
      im[c * pixels + pixel] = b;
      energy += a * a + b * b;
    }
    for (let at = pixel; at < coils * pixels; at += pixels) {
      re[at] /= Math.sqrt(energy);
      im[at] /= Math.sqrt(energy);
    }
  }
  return complexArray(re, im, [coils, height, width]);
}

function checkCoils(name: string, coils: number): void {
  if (!Number.isInteger(coils) || coils < 1)
    throw new Error(`${name}: ${coils} coils, expected a whole number ≥ 1`);
}

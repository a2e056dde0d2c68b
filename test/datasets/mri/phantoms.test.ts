/** Phantoms and coils against closed forms and direct integration. */
import { describe, expect, test } from 'vitest';
import { birdcageCoils, loopCoils, loopField, type Loop, type Vector } from '../../../datasets/mri/coils.ts';
import { brainPhantom, sheppLogan, sheppLoganEllipses } from '../../../datasets/mri/phantoms.ts';
import { key, uniform } from '../../../src/tensor/random.ts';

describe('phantoms', () => {
  test('Shepp–Logan: the mean is the sum of areas, and known places have their intensities', () => {
    const [h, w] = [400, 300];
    const { data } = sheppLogan([h, w]);
    const mean = Float64Array.from(data).reduce((a, b) => a + b, 0) / (h * w);
    const area = sheppLoganEllipses.reduce(
      (t, { intensity, semiAxes: [a, b] }) => t + (intensity * Math.PI * a * b) / 4,
      0,
    );
    expect(Math.abs(mean / area - 1)).toBeLessThan(2e-3);
    const at = (x: number, y: number) =>
      data[Math.floor(((1 - y) / 2) * h) * w + Math.floor(((x + 1) / 2) * w)];
    expect(at(0, 0.9)).toBeCloseTo(1, 12); // skull, which is thicker at the top
    expect(at(0, -0.25)).toBeCloseTo(0.2, 12); // brain
    expect(at(0.22, 0)).toBeCloseTo(0, 12); // ventricle
    expect(at(0.29, 0.25)).toBeCloseTo(0, 12); // its upper end leans outwards
    expect(at(0.15, 0.25)).toBeCloseTo(0.3, 12); // where it does not lean, the ellipse above the ventricles
    expect(at(0, 0.45)).toBeCloseTo(0.3, 12);
    expect(at(0.95, 0)).toBe(0);
  });

  test('a brain is the same for its key, another for another, within its ranges, and as smooth as its phase', () => {
    const [a, again, b] = [
      brainPhantom(key(1), [48, 40]),
      brainPhantom(key(1), [48, 40]),
      brainPhantom(key(2), [48, 40]),
    ];
    expect(a).toEqual(again);
    expect(a.re.data).not.toEqual(b.re.data);
    const real = brainPhantom(key(1), [48, 40], { phase: 0 });
    expect(Math.max(...real.im.data)).toBe(0);
    const magnitude = real.re.data;
    expect(Math.min(...magnitude)).toBe(0);
    expect(Math.max(...magnitude)).toBeGreaterThan(0.5);
    expect(Math.max(...magnitude)).toBeLessThan(2);
    for (let i = 0; i < magnitude.length; i++) {
      expect(Math.hypot(a.re.data[i], a.im.data[i])).toBeCloseTo(magnitude[i], 12);
      if (magnitude[i] > 0)
        expect(Math.abs(Math.atan2(a.im.data[i], a.re.data[i]))).toBeLessThanOrEqual(1 + 1e-12);
    }
  });
});

/** The law of Biot and Savart around the loop; the trapezoidal rule converges exponentially here. */
function integratedField({ centre, normal, radius }: Loop, point: Vector, steps = 4000): Vector {
  const [nx, ny, nz] = normal;
  const helper: Vector = Math.abs(nz) < 0.9 ? [0, 0, 1] : [1, 0, 0];
  const cross = ([a, b, c]: Vector, [d, e, f]: Vector): Vector => [
    b * f - c * e,
    c * d - a * f,
    a * e - b * d,
  ];
  const raw = cross(helper, normal);
  const u = raw.map((x) => x / Math.hypot(...raw)) as unknown as Vector;
  const v = cross([nx, ny, nz], u);
  const total = [0, 0, 0];
  for (let i = 0; i < steps; i++) {
    const t = (2 * Math.PI * i) / steps;
    const line = u.map(
      (_, j) => (radius * (v[j] * Math.cos(t) - u[j] * Math.sin(t)) * 2 * Math.PI) / steps,
    ) as unknown as Vector;
    const offset = point.map(
      (p, j) => p - centre[j] - radius * (u[j] * Math.cos(t) + v[j] * Math.sin(t)),
    ) as unknown as Vector;
    cross(line, offset).forEach((f, j) => (total[j] += f / Math.hypot(...offset) ** 3));
  }
  return [total[0], total[1], total[2]];
}

describe('coils', () => {
  test('the field of a loop is the integral of Biot and Savart, on its axis and off it', () => {
    const draws = uniform(key(3), 5 * 7);
    for (let i = 0; i < 5; i++) {
      const d = draws.slice(7 * i, 7 * i + 7).map((x) => 2 * x - 1);
      const length = Math.hypot(d[0], d[1], d[2]);
      const normal: Vector = [d[0] / length, d[1] / length, d[2] / length];
      const loop = { centre: [0.3, -0.2, 0.1] as Vector, normal, radius: 0.5 + 0.3 * d[3] };
      const far: Vector = [0.3 + 1.3 * d[4], -0.2 + 1.3 * d[5], 0.1 + 1.3 * d[6] + 0.2];
      const axis = loop.centre.map((c, j) => c + 0.7 * normal[j]) as unknown as Vector;
      for (const point of [far, axis, loop.centre]) {
        const [field, direct] = [loopField(loop, point), integratedField(loop, point)];
        field.forEach((b, j) => expect(Math.abs(b - direct[j]) / Math.hypot(...direct)).toBeLessThan(1e-9));
      }
    }
  });

  test.each([
    ['birdcage', birdcageCoils(6, [12, 20])],
    ['one ring of loops', loopCoils([12, 20], { coils: 6 })],
    ['two rings of loops', loopCoils([12, 20], { coils: 8, rings: 2 })],
  ])('%s: root of sum of squares is 1, and every coil is strongest near itself', (_, { re, im }) => {
    const pixels = 12 * 20;
    const power = Float64Array.from(re.data, (a, i) => a * a + im.data[i] ** 2);
    for (let p = 0; p < pixels; p++) {
      let total = 0;
      for (let c = 0; c < re.shape[0]; c++) total += power[c * pixels + p];
      expect(total).toBeCloseTo(1, 12);
    }
    // Coil 0 lies on the positive x axis: stronger at the right end of the middle row than at the left.
    expect(power[6 * 20 + 19]).toBeGreaterThan(4 * power[6 * 20]);
  });

  test('birdcage: neighbours are turned copies, up to the phase 2π/n of the turn', () => {
    // A quarter turn (x, y) → (−y, x) takes coil 0 of 4 to coil 1; on a square grid, pixel (row, column) to (column, −row).
    const n = 16;
    const { re, im } = birdcageCoils(4, [n, n]);
    const at = (c: number, row: number, column: number) => c * n * n + row * n + column;
    for (const [row, column] of [
      [3, 5],
      [8, 12],
      [1, 15],
    ]) {
      const [from, to] = [at(0, row, column), at(1, column, n - row)];
      expect(re.data[to]).toBeCloseTo(re.data[from], 12);
      expect(im.data[to]).toBeCloseTo(im.data[from], 12);
    }
  });

  test('loops that do not fill their rings are refused', () => {
    expect(() => loopCoils([4, 4], { coils: 8, rings: 3 })).toThrow(
      '8 coils in 3 rings, expected a divisor of 8',
    );
  });
});

import { expect, test } from 'vitest';
import { array } from '../../src/tensor/index.ts';
import { key, normal, split, uniform } from '../../src/tensor/random.ts';
import { lipschitzReport, multiplierNorm, padeCoefficients } from '../../src/operators/index.ts';

const [modes, width, points] = [3, 2, 8];

function randomBlock(seed: number, scale: number) {
  const [a, b, c, d] = split(key(seed), 4);
  return {
    block: {
      kernel: array(
        normal(a, modes * width * 2 * width).map((v) => v * scale),
        [modes, width, 2 * width],
      ),
      weight: array(normal(b, width * width), [width, width]),
      bias: array(normal(c, width), [width]),
    },
    x: array(normal(d, points * width), [1, points, width]),
  };
}

test.each([
  [1, 1],
  [2, 3],
  [4, 2],
  [6, 6],
])('the three bounds of the theorem hold at [%i/%i]', async (p, q) => {
  for (const [i, scale] of Array.from(uniform(key(p * 10 + q), 3)).entries()) {
    const { block, x } = randomBlock(100 * p + 10 * q + i, 0.1 + scale);
    const { bounds, measured } = await lipschitzReport(block, x, { p, q, degrees: 'full' });
    for (const name of ['kernel', 'weight', 'bias'] as const) {
      expect(measured[name]).toBeGreaterThan(0);
      expect(measured[name]).toBeLessThanOrEqual(bounds[name] * (1 + 1e-9));
    }
  }
});

test('the bound in b is attained when L = 0 and every unit is active: ∂y/∂b embeds one vector at n points', async () => {
  const { block, x } = randomBlock(1, 0);
  const active = { ...block, bias: array(Float64Array.of(50, 50)) };
  const { bounds, measured } = await lipschitzReport(active, x, { p: 3, q: 2, degrees: 'full' });
  expect(measured.bias).toBeCloseTo(Math.sqrt(points), 6);
  expect(bounds.bias).toBeCloseTo(Math.sqrt(points), 12);
});

test('the norm of a multiplier is that of its largest mode', () => {
  // Diagonal modes 0.5 (mode 0), 3i (mode 1) and 2 − 2i (mode 2): norms 0.5, 3, 2√2.
  const kernel = new Float64Array(modes * width * 2 * width);
  const set = (k: number, real: number, imaginary: number): void => {
    for (let i = 0; i < width; i++) {
      kernel[(k * width + i) * 2 * width + i] = real;
      kernel[(k * width + i) * 2 * width + width + i] = imaginary;
    }
  };
  set(0, 0.5, 9);
  set(1, 0, 3);
  set(2, 2, -2);
  expect(multiplierNorm(array(kernel, [modes, width, 2 * width]))).toBeCloseTo(3, 12);
});

test.each([
  [4, 2, [1, 2 / 3, 1 / 5, 1 / 30, 1 / 360], [1, -1 / 3, 1 / 30]],
  [2, 2, [1, 1 / 2, 1 / 12], [1, -1 / 2, 1 / 12]],
])('Padé coefficients of [%i/%i]', (p, q, a, b) => {
  const found = padeCoefficients(p, q);
  a.forEach((value, j) => expect(found.a[j]).toBeCloseTo(value, 14));
  b.forEach((value, j) => expect(found.b[j]).toBeCloseTo(value, 14));
});

test.each([
  [1, 1],
  [3, 2],
  [3, 4],
])('[%i/%i] approximates e^x to order p + q + 1', (p, q) => {
  const { a, b } = padeCoefficients(p, q);
  const at = (c: number[], x: number): number => c.reduceRight((total, value) => total * x + value, 0);
  const error = (x: number): number => Math.abs(at(a, x) / at(b, x) - Math.exp(x));
  const x = 1;
  const order = Math.log2(error(x) / error(x / 2));
  expect(order).toBeGreaterThan(p + q + 0.5);
});

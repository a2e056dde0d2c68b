import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fourierTransform } from '../../solvers/fourier.ts';
import { derivative, Field } from '../../solvers/field.ts';
import { periodicGrid } from '../../solvers/grid.ts';

const signal = (n: number) =>
  fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: n, maxLength: n });
/** An even one takes a complex transform of half its length, an odd one of the whole: powers of two, and others, of each. */
const lengths = fc.oneof(
  fc.integer({ min: 1, max: 140 }),
  fc.constantFrom(127, 128, 255, 360, 511, 512, 720, 1024),
);
const anySignal = lengths.chain((n) => signal(n).map((u) => Float64Array.from(u)));

/** The definition, term by term. */
function slowTransform(z: Float64Array): Float64Array {
  const n = z.length / 2;
  const result = new Float64Array(2 * n);
  for (let k = 0; k < n; k++) {
    for (let j = 0; j < n; j++) {
      const angle = (-2 * Math.PI * ((j * k) % n)) / n;
      result[2 * k] += z[2 * j] * Math.cos(angle) - z[2 * j + 1] * Math.sin(angle);
      result[2 * k + 1] += z[2 * j] * Math.sin(angle) + z[2 * j + 1] * Math.cos(angle);
    }
  }
  return result;
}

const worst = (a: Float64Array, b: Float64Array) =>
  a.reduce((max, value, i) => Math.max(max, Math.abs(value - b[i])), 0);

test('real transform of any length equals the definition, and the inverse undoes it', () => {
  fc.assert(
    fc.property(anySignal, (u) => {
      const n = u.length;
      const { forward, inverse, modes } = fourierTransform(n);
      const z = new Float64Array(2 * n);
      u.forEach((value, j) => (z[2 * j] = value));
      expect(worst(forward(u), slowTransform(z).subarray(0, 2 * modes))).toBeLessThan(1e-12 * n);
      expect(worst(inverse(forward(u)), u)).toBeLessThan(1e-14 * Math.max(n, 10));
    }),
    { numRuns: 100 },
  );
});

test.each([31, 32])('derivatives of a trigonometric polynomial are exact on %i points', (points) => {
  const grid = periodicGrid([-1, 2], points);
  const wave = (2 * Math.PI * 3) / 3;
  const u = Field.fromValues(
    grid,
    grid.x.map((x) => Math.sin(wave * x)),
  );
  const exact = [Math.cos, (s: number) => -Math.sin(s), (s: number) => -Math.cos(s)];
  exact.forEach((f, i) => {
    const expected = grid.x.map((x) => wave ** (i + 1) * f(wave * x));
    expect(worst(derivative(u, i + 1).values, expected) / wave ** (i + 1)).toBeLessThan(1e-12);
  });
});

test('the last mode of an even grid has no odd derivative, and the even one of cos', () => {
  const grid = periodicGrid([0, 2 * Math.PI], 8);
  const alternating = Field.fromValues(
    grid,
    grid.x.map((_, j) => (j % 2 ? -1 : 1)),
  );
  expect(worst(derivative(alternating, 1).values, new Float64Array(8))).toBe(0);
  expect(worst(derivative(alternating, 3).values, new Float64Array(8))).toBe(0);
  expect(
    worst(
      derivative(alternating, 2).values,
      alternating.values.map((v) => -16 * v),
    ),
  ).toBeLessThan(1e-12);
});

test('a length that is no whole number ≥ 1 is refused', () => {
  expect(() => fourierTransform(0)).toThrow('whole number of points');
  expect(() => fourierTransform(2.5)).toThrow('2.5');
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fitMultiplier, getBaseline } from '../../src/operators/index.ts';
import { multiply, type Multiplier } from '../../src/operators/baselines.ts';
import { key, normal } from '../../src/tensor/random.ts';

const s = 12;
const rows = (seed: number, count: number): Float64Array => normal(key(seed), count * s);

describe('multiplier', () => {
  const truth: Multiplier = (k) => [Math.cos(k) + 0.2, k === 0 || 2 * k === s ? 0 : Math.sin(2 * k)];

  test.each([
    [64, 64],
    [65, 65],
  ])(
    'at %i points has %i parameters: the mean and the highest mode of an even grid are real',
    (points, expected) => {
      expect(getBaseline('multiplier').parameters(points)).toBe(expected);
    },
  );

  test('recovers the factors that made the data', () => {
    const input = rows(1, 5);
    const fitted = fitMultiplier({ input, output: multiply(input, s, truth) }, s);
    fitted.forEach(([real, imaginary], k) => {
      expect(real).toBeCloseTo(truth(k)[0], 12);
      expect(imaginary).toBeCloseTo(truth(k)[1], 12);
    });
  });

  test('leaves modes at zero that the inputs have by rounding only', () => {
    const wave = (i: number, k: number): number =>
      Math.cos((2 * Math.PI * k * (i % s)) / s + Math.floor(i / s));
    const input = Float32Array.from({ length: 4 * s }, (_, i) => wave(i, 1) + 1e-3 * wave(i, 2));
    const output = Float32Array.from(input, (v, i) => 2 * v + wave(i, 5));
    const fitted = fitMultiplier({ input, output }, s);
    fitted.forEach(([real, imaginary], k) => {
      const size = Math.hypot(real, imaginary);
      if (k === 1 || k === 2) expect(size).toBeCloseTo(2, 3);
      else expect(size).toBe(0);
    });
  });

  test('is the least-squares choice: any other factor of a mode fits the training pairs worse', () => {
    const train = { input: rows(2, 6), output: rows(3, 6) };
    const fitted = fitMultiplier(train, s);
    const loss = (factors: readonly (readonly [number, number])[]): number =>
      multiply(train.input, s, (k) => factors[k]).reduce(
        (total, v, i) => total + (v - train.output[i]) ** 2,
        0,
      );
    const best = loss(fitted);
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: s / 2 }),
        fc.double({ min: -1, max: 1, noNaN: true }),
        (k, by) => {
          const other = fitted.map(([a, b], i) => (i === k ? ([a + by, b] as const) : ([a, b] as const)));
          expect(loss(other)).toBeGreaterThanOrEqual(best - 1e-9);
        },
      ),
    );
  });
});

describe('linear', () => {
  test('propagates a wave by the phase and the size of its factor', () => {
    const [mode, phase, size] = [3, 0.7, 0.5];
    const at = (shift: number): number[] =>
      Array.from({ length: s }, (_, i) => Math.cos((2 * Math.PI * mode * i) / s + shift));
    const propagator: Multiplier = (k) =>
      k === mode ? [size * Math.cos(phase), size * Math.sin(phase)] : [9, 9];
    const predicted = getBaseline('linear').predict(
      { train: { input: [], output: [] }, resolution: s, propagator },
      at(0),
    );
    at(phase).forEach((value, i) => expect(predicted[i]).toBeCloseTo(size * value, 12));
  });

  test('says what it lacks when the data names no equation', () => {
    expect(() =>
      getBaseline('linear').predict({ train: { input: [], output: [] }, resolution: s }, []),
    ).toThrow(/names no equation/);
  });
});

test('identity returns its input', () => {
  const input = rows(4, 2);
  expect(getBaseline('identity').predict({ train: { input, output: input }, resolution: s }, input)).toEqual(
    input,
  );
});

test('an unknown baseline is answered with the known ones', () => {
  expect(() => getBaseline('magic')).toThrow(
    /'magic' is unknown; expected one of linear, multiplier, identity/,
  );
});

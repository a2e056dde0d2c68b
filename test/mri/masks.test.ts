/** Masks: counts of lines, centre blocks, spacing, and what is refused. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  acsStart,
  detectAcsLines,
  equispacedMask,
  magicMask,
  poissonDiscMask,
  randomMask,
  trueAcceleration,
  trueAccelerationMask,
} from '../../src/mri/index.ts';
import { array } from '../../src/tensor/index.ts';
import { key } from '../../src/tensor/random.ts';
import { numbers, total } from './support.ts';

const masks = { randomMask, equispacedMask, trueAccelerationMask, magicMask };
const columnsOf = (mask: { data: ArrayLike<number> }) =>
  Array.from(mask.data).flatMap((v, column) => (v === 1 ? [column] : []));

describe.each(Object.entries(masks))('%s', (_, make) => {
  test('R = 4 … 12 with 24 ACS lines of 368: the block is where it belongs and whole', () => {
    for (let acceleration = 4; acceleration <= 12; acceleration++) {
      const mask = make(key(acceleration), { width: 368, acceleration, acsLines: 24 });
      expect(mask.shape).toEqual([1, 368]);
      expect(numbers(mask).slice(172, 196)).toEqual(new Float64Array(24).fill(1));
      expect(detectAcsLines(mask)).toBeGreaterThanOrEqual(24);
    }
  });

  test('a key gives the same mask again, and keys differ', () => {
    const options = { width: 320, acceleration: 6, acsLines: 24 };
    expect(make(key(1), options)).toEqual(make(key(1), options));
    const distinct = new Set(Array.from({ length: 8 }, (_, i) => numbers(make(key(i), options)).join()));
    expect(distinct.size).toBeGreaterThan(2);
  });

  test.each([
    [{ width: 0, acceleration: 1, acsLines: 0 }, /width is 0/],
    [{ width: 64, acceleration: 0.5, acsLines: 4 }, /acceleration is 0.5, expected a number 1 … 64/],
    [{ width: 64, acceleration: 4, acsLines: 65 }, /65 ACS lines/],
    [{ width: 64, acceleration: NaN, acsLines: 4 }, /acceleration is NaN/],
  ])('%j is refused', (options, message) => {
    expect(() => make(key(0), options)).toThrow(message);
  });
});

test('random: on average width / R columns, ACS included', () => {
  const [width, acceleration, n] = [320, 4, 300];
  let columns = 0;
  for (let seed = 0; seed < n; seed++)
    columns += total(randomMask(key(seed), { width, acceleration, acsLines: 26 }));
  // sd of one count is below √(294 · 0.18 · 0.82) ≈ 6.6.
  expect(Math.abs(columns / n - width / acceleration)).toBeLessThan((3 * 6.6) / Math.sqrt(n));
});

test('equispaced: every R-th column and the ACS, exactly', () => {
  for (let seed = 0; seed < 10; seed++) {
    const columns = columnsOf(equispacedMask(key(seed), { width: 64, acceleration: 5, acsLines: 6 }));
    const outside = columns.filter((c) => c < 29 || c >= 35);
    expect(new Set(outside.map((c) => c % 5)).size).toBe(1);
    const offset = outside[0];
    expect(columns).toEqual(
      Array.from({ length: 64 }, (_, c) => c).filter((c) => c % 5 === offset || (c >= 29 && c < 35)),
    );
  }
});

test('true acceleration: R within a line or two, whatever the ACS', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 96, max: 400 }),
      fc.integer({ min: 2, max: 8 }),
      fc.nat(1000),
      (width, R, seed) => {
        const acsLines = Math.floor(width / R / 2);
        const mask = trueAccelerationMask(key(seed), { width, acceleration: R, acsLines });
        expect(Math.abs(total(mask) - width / R)).toBeLessThanOrEqual(2.5);
        expect(trueAcceleration(mask)).toBeCloseTo(width / total(mask), 12);
      },
    ),
    { numRuns: 60 },
  );
});

test('magic: mirrored, the columns of one half never repeat those of the other', () => {
  for (const acceleration of [4, 8])
    for (let seed = 0; seed < 8; seed++) {
      const width = 320;
      const mask = numbers(magicMask(key(seed), { width, acceleration, acsLines: 0 }));
      expect(mask.reduce((a, b) => a + b)).toBeGreaterThan(width / acceleration - 3);
      // Frequency f sits in column 160 + f; its conjugate partner is −f.
      for (let f = 1; f < 160; f++) expect(mask[160 + f] * mask[160 - f]).toBe(0);
    }
});

describe('Poisson disc', () => {
  const options = { height: 96, width: 80, acceleration: 6, calibration: 16 };
  const mask = poissonDiscMask(key(1), options);
  const at = (y: number, x: number) => mask.data[y * 80 + x];

  test('acceleration within 5 %, calibration block whole, same for its key', () => {
    expect(Math.abs(trueAcceleration(mask) / 6 - 1)).toBeLessThan(0.05);
    for (let y = acsStart(96, 16); y < acsStart(96, 16) + 16; y++)
      for (let x = acsStart(80, 16); x < acsStart(80, 16) + 16; x++) expect(at(y, x)).toBe(1);
    expect(poissonDiscMask(key(1), options)).toEqual(mask);
  });

  test('density falls outwards, and far out no two samples touch', () => {
    const density = (from: number, to: number) => {
      let [count, points] = [0, 0];
      for (let y = 0; y < 96; y++)
        for (let x = 0; x < 80; x++) {
          const r = Math.hypot((2 * y) / 96 - 1, (2 * x) / 80 - 1);
          if (r < from || r >= to) continue;
          points++;
          count += at(y, x);
        }
      return count / points;
    };
    expect(density(0.3, 0.6)).toBeGreaterThan(1.5 * density(0.8, 1.2));
    for (let y = 0; y < 12; y++) for (let x = 0; x < 79; x++) expect(at(y, x) * at(y, x + 1)).toBe(0);
  });

  test('a block larger than the budget is refused', () => {
    expect(() =>
      poissonDiscMask(key(1), { height: 20, width: 20, acceleration: 8, calibration: 10 }),
    ).toThrow(/expected a block of at most 50 points/);
  });
});

test('ACS lines: place, and detection', () => {
  fc.assert(
    fc.property(fc.integer({ min: 8, max: 60 }), fc.integer({ min: 1, max: 8 }), (width, lines) => {
      const start = acsStart(width, lines);
      const bare = Float64Array.from({ length: width }, (_, c) => (c >= start && c < start + lines ? 1 : 0));
      // A block that is not centred on ⌊w/2⌋ to the column counts by its shorter side.
      const shorter = Math.min(Math.floor(width / 2) - start, start + lines - Math.floor(width / 2));
      expect(detectAcsLines(array(bare, [1, width]))).toBe(Math.max(1, 2 * shorter));
    }),
  );
});

test('a mask that leaves nothing to choose, or samples nothing, is refused', () => {
  const options = { width: 96, acceleration: 8, acsLines: 24 };
  expect(() => randomMask(key(0), options)).toThrow(/24 ACS lines of 96 columns at acceleration 8/);
  expect(() => trueAccelerationMask(key(0), options)).toThrow(/expected fewer than 12/);
  expect(() => trueAcceleration(array(new Float64Array(4), [1, 4]))).toThrow('samples nothing');
});

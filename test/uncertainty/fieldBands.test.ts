import fc from 'fast-check';
import { expect, test } from 'vitest';
import { foldIn, key, normal, uniform } from '../../src/tensor/random.ts';
import { calibrationCurve, expectedCoverage, gaussianCoverage } from '../../src/uncertainty/calibration.ts';
import {
  calibrateFieldBands,
  fieldCoverage,
  fieldScores,
  type PredictedFields,
} from '../../src/uncertainty/fieldBands.ts';

/** Exchangeable fields: errors are smooth, heavy-tailed from field to field, and wider where the heuristic says so, roughly. */
function synthetic(seed: number, n: number, points: number): PredictedFields {
  const z = normal(foldIn(key(seed), 0), 3 * n);
  const prediction = normal(foldIn(key(seed), 1), n * points);
  const noise = uniform(foldIn(key(seed), 2), n * points);
  const heuristic = noise.map((u, i) => (0.5 + u) * Math.exp(z[3 * Math.floor(i / points)]));
  const truth = prediction.map((value, at) => {
    const i = Math.floor(at / points);
    const wave = z[3 * i + 1] * Math.sin((2 * Math.PI * (at % points)) / points) + 0.3 * z[3 * i + 2];
    return value + Math.exp(z[3 * i]) * wave;
  });
  return { points, prediction, truth, heuristic };
}

test('a field is covered with its score as factor, and not with less', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 25 }),
      fc.double({ min: 0.05, max: 1, noNaN: true }),
      (errors, share) => {
        const points = errors.length;
        const prediction = new Float64Array(points);
        const fields = {
          points,
          prediction,
          truth: errors,
          heuristic: Float64Array.from(errors, (_, i) => 1 + (i % 3)),
        };
        const [score] = fieldScores(fields, share);
        const inside = (factor: number): number =>
          errors.filter((error, i) => error / fields.heuristic[i] <= factor).length;
        expect(inside(score)).toBeGreaterThanOrEqual(share * points - 1e-6);
        expect(inside(score * (1 - 1e-12))).toBeLessThan(share * points);
        expect(fieldCoverage(fields, score, share).fields).toBe(1);
        expect(fieldCoverage(fields, score * (1 - 1e-12), share).fields).toBe(0);
      },
    ),
  );
});

test('nine of ten points at a share of 0.9, counted by hand', () => {
  const truth = [0, 1, 2, 3, 4, 5, 6, 7, 8, 100];
  const fields = {
    points: 10,
    prediction: new Float64Array(10),
    truth,
    heuristic: Array<number>(10).fill(2),
  };
  expect([...fieldScores(fields, 0.9)]).toEqual([4]);
  expect([...fieldScores(fields, 0.91)]).toEqual([50]);
  expect(fieldCoverage(fields, 4, 0.9)).toEqual({ fields: 1, points: 0.9, width: 16 });
});

test('coverage of exchangeable fields: at least nominal on average, and scattered as expected', () => {
  const [n, tests, points, share] = [39, 40, 16, 0.8];
  const repetitions = 300;
  for (const level of [0.5, 0.9]) {
    const measured = Array.from({ length: repetitions }, (_, seed) => {
      const factor = calibrateFieldBands(synthetic(2 * seed, n, points), { share, level });
      return fieldCoverage(synthetic(2 * seed + 1, tests, points), factor, share).fields;
    });
    const mean = measured.reduce((a, b) => a + b) / repetitions;
    const deviation = Math.sqrt(
      measured.reduce((total, c) => total + (c - mean) ** 2, 0) / (repetitions - 1),
    );
    const expected = expectedCoverage(level, { calibration: n, test: tests });
    expect(expected.mean).toBeGreaterThanOrEqual(level - 1e-12);
    // 40 ranks fit both levels exactly: coverage is neither below nor above nominal.
    expect(Math.abs(mean - level)).toBeLessThan((4 * expected.deviation) / Math.sqrt(repetitions));
    expect(deviation / expected.deviation).toBeGreaterThan(0.85);
    expect(deviation / expected.deviation).toBeLessThan(1.15);
  }
});

test('the curve: factors and widths grow with the level; too few fields give infinite bands', () => {
  const levels = [0.5, 0.8, 0.95, 0.99];
  const curve = calibrationCurve(synthetic(1, 30, 8), synthetic(2, 50, 8), { share: 0.9, levels });
  expect(curve.map(({ level }) => level)).toEqual(levels);
  for (let i = 1; i < levels.length; i++) {
    expect(curve[i].factor).toBeGreaterThanOrEqual(curve[i - 1].factor);
    expect(curve[i].fields).toBeGreaterThanOrEqual(curve[i - 1].fields);
    expect(curve[i].width).toBeGreaterThanOrEqual(curve[i - 1].width);
  }
  // 30 < 0.99 / 0.01
  expect(curve[3]).toMatchObject({ factor: Infinity, fields: 1, points: 1 });
  expect(expectedCoverage(0.99, { calibration: 30, test: 50 })).toEqual({ mean: 1, deviation: 0 });
});

test('without calibration: normal errors of the deviation told are covered as the levels say', () => {
  const n = 40000;
  const deviation = uniform(key(1), n).map((u) => 0.5 + u);
  const truth = normal(key(2), n).map((z, i) => z * deviation[i]);
  const levels = [0.5, 0.6827, 0.95];
  const told = { prediction: new Float64Array(n), truth };
  gaussianCoverage({ ...told, heuristic: deviation }, levels).forEach((share, i) =>
    expect(Math.abs(share - levels[i])).toBeLessThan(4 * Math.sqrt((levels[i] * (1 - levels[i])) / n)),
  );
  // Half the deviation: 1.96/2 of the true one.
  const [half] = gaussianCoverage({ ...told, heuristic: deviation.map((d) => d / 2) }, [0.95]);
  expect(half).toBeCloseTo(0.673, 2);
});

test('what does not fit is refused', () => {
  const fields = { points: 2, prediction: [0, 0], truth: [1, 1], heuristic: [1, 1] };
  expect(() => fieldScores(fields, 0)).toThrow('share is 0');
  expect(() => fieldScores({ ...fields, points: 3 }, 0.9)).toThrow('n fields of 3 points');
  expect(() => fieldScores({ ...fields, heuristic: [1, -1] }, 0.9)).toThrow(
    'point 1 has error 1 and heuristic -1',
  );
  expect([...fieldScores({ ...fields, truth: [0, 1], heuristic: [0, 0] }, 1)]).toEqual([Infinity]);
});

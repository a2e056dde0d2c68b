/** Series of counts: repairs of what falls or is missing, and the simulated epidemic. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cumulativeMaximum, isotonic, repair, repairRules } from '../../../datasets/covid/repair.ts';
import { simulateEpidemic } from '../../../datasets/covid/simulate.ts';
import { dayNumber } from '../../../datasets/covid/table.ts';

describe('repair', () => {
  const series = fc
    .array(fc.integer({ min: 0, max: 1000 }), { minLength: 1, maxLength: 40 })
    .map((v) => Float64Array.from(v));
  const rising = (values: Float64Array): boolean =>
    values.every((value, t) => t === 0 || value >= values[t - 1] - 1e-9);

  test('both rules give series that do not fall, and leave those that do not fall as they are', () => {
    fc.assert(
      fc.property(series, (values) => {
        expect(rising(cumulativeMaximum(values)) && rising(isotonic(values))).toBe(true);
        const sorted = values.slice().sort();
        expect(cumulativeMaximum(sorted)).toEqual(sorted);
        expect(isotonic(sorted)).toEqual(sorted);
      }),
    );
  });

  test('the cumulative maximum uses the past only', () => {
    fc.assert(
      fc.property(series, fc.nat(40), (values, cut) => {
        expect(cumulativeMaximum(values).slice(0, cut)).toEqual(cumulativeMaximum(values.slice(0, cut)));
      }),
    );
  });

  test('the isotonic series is the nearest: min-max formula', () => {
    const reference = (values: Float64Array): Float64Array =>
      values.map((_, t) => {
        const mean = (from: number, to: number): number =>
          values.slice(from, to + 1).reduce((a, b) => a + b) / (to - from + 1);
        const upTo = Array.from({ length: t + 1 }, (_, from) => from);
        const onward = Array.from({ length: values.length - t }, (_, i) => t + i);
        return Math.max(...upTo.map((from) => Math.min(...onward.map((to) => mean(from, to)))));
      });
    fc.assert(
      fc.property(series, (values) => {
        const expected = reference(values);
        for (const [t, value] of isotonic(values).entries()) expect(value).toBeCloseTo(expected[t], 8);
      }),
    );
  });

  test('gaps and falls are counted and listed', () => {
    const where = { days: ['2020-03-01', '2020-03-02', '2020-03-03', '2020-03-04'], states: ['A', 'B'] };
    const counts = Float64Array.of(5, 1, NaN, 3, 3, 2, 9, 0);
    const { values, filled, falls, changed } = repair(where, counts, {
      rule: 'cumulative-maximum',
      name: 'confirmed',
    });
    expect([...values]).toEqual([5, 1, 5, 3, 5, 3, 9, 3]);
    expect(filled).toBe(1);
    expect(changed).toBe(3);
    expect(falls).toEqual([
      { day: '2020-03-03', state: 'A', before: 5, after: 3 },
      { day: '2020-03-04', state: 'B', before: 2, after: 0 },
      { day: '2020-03-03', state: 'B', before: 3, after: 2 },
    ]);
    const none = repair(where, counts, { rule: 'none', name: 'confirmed' });
    expect([...none.values]).toEqual([5, 1, 5, 3, 3, 2, 9, 0]);
    expect(none.changed).toBe(0);
  });

  test('a gap before the first value is refused, or takes the value given', () => {
    const where = { days: ['2020-03-01', '2020-03-02'], states: ['A'] };
    for (const rule of repairRules) {
      expect(() => repair(where, Float64Array.of(NaN, 2), { rule, name: 'deaths' })).toThrow(
        'deaths of A is missing on 2020-03-01, the first day',
      );
      expect([...repair(where, Float64Array.of(NaN, 2), { rule, name: 'deaths', first: 0 }).values]).toEqual([
        0, 2,
      ]);
    }
  });

  test('where no day has a value of every state, a later first day is no way out', () => {
    const where = { days: ['2020-03-01', '2020-03-02'], states: ['A', 'B'] };
    expect(() => repair(where, Float64Array.of(NaN, 2, 1, NaN), { rule: 'none', name: 'deaths' })).toThrow(
      'on no day have all states a value: write the first value of each into the file, or leave its state out',
    );
  });
});

describe('simulator', () => {
  const table = simulateEpidemic({ seed: 3 });

  test('S + I + R + D = N for every state and day, all of them ≥ 0', () => {
    const { susceptible, infected, recovered, dead } = table.truth;
    const lost = susceptible.map((value, i) => {
      const sum = value + infected[i] + recovered[i] + dead[i];
      return Math.abs(sum / table.population[i % 50] - 1);
    });
    expect(Math.max(...lost)).toBeLessThan(1e-12);
    for (const part of [susceptible, infected, recovered, dead])
      expect(Math.min(...part)).toBeGreaterThanOrEqual(0);
  });

  test('reports are whole numbers that never fall and stay below what happened', () => {
    const pairs = [
      [table.confirmed, table.truth.susceptible.map((value, i) => table.population[i % 50] - value)],
      [table.recovered, table.truth.recovered],
      [table.deaths, table.truth.dead],
    ];
    for (const [reported, happened] of pairs) {
      expect(reported.every(Number.isInteger)).toBe(true);
      expect(reported.every((value, i) => i < 50 || value >= reported[i - 50])).toBe(true);
      expect(reported.every((value, i) => value <= happened[i] + 0.5)).toBe(true);
    }
  });

  test('fewer cases are reported on weekends than on weekdays', () => {
    const sums = { weekend: 0, weekday: 0 };
    for (let i = 50; i < table.confirmed.length; i++) {
      const weekday = (dayNumber(table.days[Math.floor(i / 50)]) + 4) % 7;
      sums[weekday === 0 || weekday === 6 ? 'weekend' : 'weekday'] +=
        table.confirmed[i] - table.confirmed[i - 50];
    }
    expect(sums.weekend / 2).toBeLessThan(0.9 * (sums.weekday / 5));
  });

  test('the same seed gives the same table, another one another', () => {
    const same = (a: Float64Array, b: Float64Array): boolean => a.every((value, i) => value === b[i]);
    expect(same(simulateEpidemic({ seed: 3 }).deaths, table.deaths)).toBe(true);
    expect(same(simulateEpidemic({ seed: 4 }).deaths, table.deaths)).toBe(false);
  });
});

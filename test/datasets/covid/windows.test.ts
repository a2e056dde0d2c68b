/** Windows, their roles in a split, and the series that a task takes from a table. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { simulateEpidemic } from '../../../datasets/covid/simulate.ts';
import { betweenDays, daysBetween } from '../../../datasets/covid/table.ts';
import { epidemicSeries, PUBLISHED_DAYS } from '../../../datasets/covid/task.ts';
import {
  cutWindows,
  FOLDS,
  splitWindows,
  WINDOW,
  windowCount,
  windowRoles,
} from '../../../datasets/covid/windows.ts';

describe('windows', () => {
  const settings = fc.record({
    days: fc.integer({ min: 200, max: 1100 }),
    fold: fc.integer({ min: 0, max: FOLDS - 1 }),
    seed: fc.nat(1000),
  });

  test('a forward split shares no day between roles and trains on the past only', () => {
    fc.assert(
      fc.property(settings, (setting) => {
        const split = splitWindows('forward', setting);
        const blocks = windowRoles.map((role) => {
          expect(split[role].length).toBeGreaterThan(0);
          return { first: Math.min(...split[role]), last: Math.max(...split[role]) + WINDOW - 1 };
        });
        for (let i = 1; i < blocks.length; i++) expect(blocks[i].first).toBeGreaterThan(blocks[i - 1].last);
        expect(blocks[0].first).toBe(0);
        expect(blocks[3].last).toBeLessThan(setting.days);
      }),
    );
  });

  test('a blocked split trains on the days before and after the others, and shares none of theirs', () => {
    fc.assert(
      fc.property(settings, (setting) => {
        const { days } = setting;
        const [forward, blocked] = (['forward', 'blocked'] as const).map((kind) =>
          splitWindows(kind, setting),
        );
        for (const role of ['validation', 'calibration', 'test'] as const)
          expect(blocked[role]).toEqual(forward[role]);
        const seen = (starts: Int32Array) =>
          new Set([...starts].flatMap((start) => Array.from({ length: WINDOW }, (_, i) => start + i)));
        const train = seen(blocked.train);
        const others = ['validation', 'calibration', 'test'].flatMap((role) => [
          ...seen(blocked[role as 'test']),
        ]);
        expect(others.filter((day) => train.has(day))).toEqual([]);
        // All days but those of the three blocks, where what is left after the test block has room for a window.
        const after = Math.max(...others) + 1;
        const left = days - after >= WINDOW ? days - after : 0;
        expect(train.size).toBe(Math.min(...others) + left);
        expect(Math.max(...train)).toBeLessThan(days);
      }),
    );
  });

  test('folds of a forward split test later and later blocks, the last one the last days', () => {
    const firsts = Array.from(
      { length: FOLDS },
      (_, fold) => splitWindows('forward', { days: 504, fold, seed: 0 }).test[0],
    );
    expect(firsts).toEqual(firsts.slice().sort((a, b) => a - b));
    expect(new Set(firsts).size).toBe(FOLDS);
    expect(firsts[FOLDS - 1] + 35).toBe(504);
  });

  test('a random split deals every window to one role; the reserved one to test', () => {
    fc.assert(
      fc.property(settings, fc.nat(150), (setting, reserved) => {
        const split = splitWindows('random', { ...setting, reserved });
        const all = windowRoles.flatMap((role) => [...split[role]]).sort((a, b) => a - b);
        expect(all).toEqual(Array.from({ length: windowCount(setting.days) }, (_, i) => i));
        expect(split.test).toContain(reserved);
      }),
    );
  });

  test('504 days have 484 windows; a window is 14 days and the 7 after them', () => {
    expect(windowCount(504)).toBe(484);
    const { history, future } = cutWindows(
      Float64Array.from({ length: 60 }, (_, i) => i),
      2,
      [3],
    );
    expect([...history]).toEqual(Array.from({ length: 28 }, (_, i) => 6 + i));
    expect([...future]).toEqual(Array.from({ length: 14 }, (_, i) => 34 + i));
    expect(() => cutWindows(new Float64Array(60), 2, [10])).toThrow('cannot begin on day 10 of 30');
  });

  test('too few days, and folds that are none, are refused', () => {
    expect(() => splitWindows('forward', { days: 160, fold: 0, seed: 0 })).toThrow('160 days are too few');
    expect(() => splitWindows('random', { days: 504, fold: 10, seed: 0 })).toThrow('fold 10');
  });
});

describe('task', () => {
  const options = { recovered: 'ffill', repair: 'cumulative-maximum' } as const;

  test('recovered: carried forward, modelled, or of the complete states up to the last report', () => {
    const table = betweenDays(simulateEpidemic(), '2020-04-12', '2020-06-30');
    const { days } = table;
    const n = table.states.length;
    // Ohio reports nothing in the first ten days; everybody stops after day 60.
    const ohio = table.states.indexOf('Ohio');
    for (let t = 0; t < days.length; t++)
      for (let s = 0; s < n; s++) if (t > 60 || (s === ohio && t < 10)) table.recovered[t * n + s] = NaN;

    const series = (recovered: 'ffill' | 'model' | 'complete') =>
      epidemicSeries(table, { ...options, task: 'crd', recovered });
    const at = ({ counts }: { counts: Float64Array }, t: number, s: number): number =>
      counts[(t * n + s) * 3 + 1];
    // One report with too many digits: it cannot be true, and the highest value until then stands for all days after it.
    table.recovered[30 * n + ohio] = 2 * table.confirmed[30 * n + ohio];
    const carried = series('ffill');
    const { facts } = carried;
    const impossible = days.filter((_, t) => {
      const [c, r, d] = [0, 1, 2].map((q) => carried.counts[(t * n + ohio) * 3 + q]);
      return r + d > c;
    });
    expect(impossible.length).toBeGreaterThan(1);
    expect(facts['recovered: state-days with more recovered and dead than confirmed']).toBe(
      impossible.length,
    );
    const rise = at(carried, 30, ohio) - at(carried, 29, ohio);
    expect(facts['recovered: largest rises of one day']).toMatch(
      new RegExp(`^Ohio ${days[30]} \\+${Math.round(rise)};`),
    );
    expect(carried.quantities).toEqual(['confirmed', 'recovered', 'deaths']);
    expect(at(carried, 5, ohio)).toBe(0);
    expect(at(carried, 75, 0)).toBe(table.recovered[60 * n]);
    const modelled = series('model');
    const guess = Math.max(0, table.confirmed[(75 - 21) * n] - table.deaths[75 * n]);
    expect(at(modelled, 75, 0)).toBe(Math.max(guess, ...days.slice(0, 75).map((_, t) => at(modelled, t, 0))));
    const complete = series('complete');
    expect(complete.states).toEqual(table.states.filter((state) => state !== 'Ohio'));
    expect(complete.days).toHaveLength(61);
    expect(complete.facts).toMatchObject({ 'recovered: rule for missing values': 'complete', states: 49 });
  });

  test('no state is complete: the message says what to choose', () => {
    const table = simulateEpidemic({ last: '2020-06-30' });
    const none = { ...table, recovered: table.recovered.map(() => NaN) };
    expect(() => epidemicSeries(none, { ...options, task: 'crd', recovered: 'complete' })).toThrow(
      'choose --recovered',
    );
  });

  test('days that are not there are refused', () => {
    const table = simulateEpidemic({ last: '2020-06-30' });
    expect(() => epidemicSeries(table, { ...options, task: 'cd', ...PUBLISHED_DAYS })).toThrow(
      'run from 2020-04-12 to 2020-06-30',
    );
    expect(() => daysBetween('2020-02-02', '2020-02-01')).toThrow('lies after');
  });
});

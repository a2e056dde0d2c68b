import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { csvRows } from '../../datasets/covid/csv.ts';
import { readDailyReports } from '../../datasets/covid/dailyReports.ts';
import { readEpidemic } from '../../datasets/covid/read.ts';
import { cumulativeMaximum, isotonic, repair, repairRules } from '../../datasets/covid/repair.ts';
import { simulateEpidemic } from '../../datasets/covid/simulate.ts';
import { states } from '../../datasets/covid/states.ts';
import { betweenDays, dayNumber, daysBetween } from '../../datasets/covid/table.ts';
import { tarFiles } from '../../datasets/covid/tar.ts';
import { epidemicSeries, PUBLISHED_DAYS } from '../../datasets/covid/task.ts';
import { formatTidy, parseTidy } from '../../datasets/covid/tidy.ts';
import {
  cutWindows,
  FOLDS,
  splitWindows,
  WINDOW,
  windowCount,
  windowRoles,
} from '../../datasets/covid/windows.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'sextant-covid-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('CSV', () => {
  const rows = (text: string, limits = {}) => [...csvRows(text, 'a.csv', limits)];

  test('what is written with quotes where needed is read back', () => {
    const field = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r\n', ' ', 'é') });
    const matrix = fc
      .integer({ min: 2, max: 4 })
      .chain((width) => fc.array(fc.array(field, { minLength: width, maxLength: width }), { minLength: 1 }));
    fc.assert(
      fc.property(matrix, fc.constantFrom('\n', '\r\n'), (values, lineBreak) => {
        const text = values
          .map((row) => row.map((value) => `"${value.replaceAll('"', '""')}"`).join())
          .join(lineBreak);
        expect(rows(text)).toEqual(values);
      }),
    );
  });

  test('empty fields, CRLF, a byte order mark and a last line break', () => {
    expect(rows('\ufeffa,b\r\n,2\r\n3,\r\n')).toEqual([
      ['a', 'b'],
      ['', '2'],
      ['3', ''],
    ]);
  });

  test.each([
    ['another number of fields', 'a,b\n1\n', /line 2: 1 fields, expected 2/],
    ['a quote that does not close', 'a,b\n"1,2\n', /line 2: a quoted field does not end/],
    ['a quote inside a plain field', 'a\n1"2\n', /line 2: a quote stands inside/],
    ['text after a quoted field', 'a\n"1"2\n', /line 2: a quoted field is followed/],
    ['a huge field', `a\n${'9'.repeat(1001)}\n`, /line 2: a field has more than 1000/],
    ['a huge quoted field', `a\n"${'9'.repeat(1001)}"\n`, /line 2: a field has more than 1000/],
    ['too many fields', Array(102).join(','), /line 1: there are more than 100 fields/],
  ])('refuses %s', (_, text, message) => expect(() => rows(text)).toThrow(message));

  test('refuses more rows than the limit', () =>
    expect(() => rows('a\n1\n2\n', { rows: 2 })).toThrow('line 3: there are more than 2 rows'));
});

describe('tidy table', () => {
  const header = 'date,state,confirmed,recovered,deaths,population';
  const read = (...lines: string[]) => parseTidy([header, ...lines, ''].join('\n'), 'a.csv');

  test('rows in any order; what is not there is NaN', () => {
    const table = read(
      '2020-03-02,Utah,5,,1,100',
      '2020-03-01,Ohio,7.0,2,0,200',
      '2020-03-03,Utah,6,1,1,100',
    );
    expect(table.days).toEqual(['2020-03-01', '2020-03-02', '2020-03-03']);
    expect(table.states).toEqual(['Ohio', 'Utah']);
    expect([...table.population]).toEqual([200, 100]);
    expect([...table.confirmed]).toEqual([7, NaN, NaN, 5, NaN, 6]);
    expect([...table.recovered]).toEqual([2, NaN, NaN, NaN, NaN, 1]);
  });

  test('a written table is read back', () => {
    const table = simulateEpidemic({ last: '2020-04-20' });
    table.recovered[3] = NaN;
    const again = parseTidy(formatTidy(table), 'a.csv');
    expect({ ...again, truth: table.truth }).toEqual(table);
  });

  test.each([
    ['nothing', '', 'the file is empty'],
    ['a header alone', `${header}\n`, 'there is a header and no row'],
    [
      'other columns',
      'date,state,confirmed,deaths,population\n',
      'the columns are date, state, confirmed, deaths',
    ],
    ['a row cut short', `${header}\n2020-03-01,Utah,5,`, '4 fields, expected 6'],
    ['a negative count', `${header}\n2020-03-01,Utah,-5,,1,100\n`, "row 2: confirmed is '-5'"],
    ['NaN', `${header}\n2020-03-01,Utah,NaN,,1,100\n`, "row 2: confirmed is 'NaN'"],
    ['infinity', `${header}\n2020-03-01,Utah,1e400,,1,100\n`, "row 2: confirmed is '1e400'"],
    ['part of a person', `${header}\n2020-03-01,Utah,1.5,,1,100\n`, "row 2: confirmed is '1.5'"],
    ['a count above all', `${header}\n2020-03-01,Utah,9999999999999,,1,100\n`, 'row 2: confirmed is'],
    ['hexadecimal', `${header}\n2020-03-01,Utah,0x10,,1,100\n`, "row 2: confirmed is '0x10'"],
    ['no population', `${header}\n2020-03-01,Utah,5,,1,\n`, 'row 2: the population is missing or zero'],
    ['no state', `${header}\n2020-03-01,,5,,1,100\n`, 'row 2: the state is missing'],
    ['a day that is none', `${header}\n2021-02-30,Utah,5,,1,100\n`, "row 2: '2021-02-30' is not a day"],
    [
      'days that are too far apart',
      `${header}\n1000-01-01,U,5,,1,9\n2020-01-01,U,5,,1,9\n`,
      'more than 20000 days',
    ],
    ['a row twice', `${header}\n2020-03-01,U,5,,1,9\n2020-03-01,U,5,,1,9\n`, 'U has two rows for 2020-03-01'],
    [
      'two populations',
      `${header}\n2020-03-01,U,5,,1,9\n2020-03-02,U,5,,1,8\n`,
      'U has two populations, 9 and 8',
    ],
  ])('refuses %s', (_, text, message) => expect(() => parseTidy(text, 'a.csv')).toThrow(message));

  test('a state may be called like a property of objects', () => {
    expect(read('2020-03-01,__proto__,5,,1,100').states).toEqual(['__proto__']);
  });
});

/** A ustar header and its file, with a true checksum. */
function tarEntry(name: string, content: string, { size = content.length, kind = '0' } = {}): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  header.write('        ', 148);
  header.write(kind, 156);
  header.write('ustar\0', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  const body = Buffer.alloc(Math.ceil(content.length / 512) * 512);
  body.write(content);
  return Buffer.concat([header, body]);
}

describe('daily reports', () => {
  const header = 'Province_State,Country_Region,Last_Update,Confirmed,Deaths,Recovered';
  const report = (...rows: string[]): string => [header, ...rows, ''].join('\n');
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  const first = report('Utah,US,x,10,1,', 'Guam,US,x,3,0,', 'Recovered,US,x,0,0,9', 'Ohio,US,x,20.0,2,4');
  const third = report('Ohio,US,x,22,2,4');
  const utah = states.findIndex(({ name }) => name === 'Utah');
  const ohio = states.findIndex(({ name }) => name === 'Ohio');

  test('days and states that are not there are NaN, other places are dropped', () => {
    const table = readDailyReports(
      [
        { file: '03-03-2020.csv', bytes: bytes(third) },
        { file: 'README.md', bytes: bytes('no report') },
        { file: '03-01-2020.csv', bytes: bytes(first) },
      ],
      'folder',
    );
    expect(table.days).toEqual(['2020-03-01', '2020-03-02', '2020-03-03']);
    const at = (day: number, state: number): number => table.confirmed[day * 50 + state];
    expect([0, 1, 2].map((day) => at(day, ohio))).toEqual([20, NaN, 22]);
    expect([0, 1, 2].map((day) => at(day, utah))).toEqual([10, NaN, NaN]);
    expect(table.recovered[ohio]).toBe(4);
    expect(table.confirmed.filter((value) => !Number.isNaN(value))).toHaveLength(3);
  });

  test.each([
    ['no report', [], 'there is no daily report in it'],
    ['a day that is none', [['13-01-2020.csv', first]], "'2020-13-01' is not a day"],
    [
      'two files of a day',
      [
        ['03-01-2020.csv', first],
        ['03-01-2020.csv', first],
      ],
      'there are two files',
    ],
    ['an empty file', [['03-01-2020.csv', '']], '03-01-2020.csv: the file is empty'],
    ['other columns', [['03-01-2020.csv', 'a,b\n1,2\n']], 'there is no column Province_State; it has a, b'],
    ['a negative count', [['03-01-2020.csv', report('Ohio,US,x,-1,2,4')]], "Ohio: Confirmed is '-1'"],
    [
      'a state twice',
      [['03-01-2020.csv', report('Ohio,US,x,1,2,4', 'Ohio,US,x,1,2,4')]],
      'Ohio has two rows',
    ],
    ['a huge file', [['03-01-2020.csv', 'x'.repeat(1_000_001)]], 'expected at most 1000000'],
  ])('refuses %s', (_, files, message) => {
    const reports = files.map(([file, text]) => ({ file, bytes: bytes(text) }));
    expect(() => readDailyReports(reports, 'folder')).toThrow(message);
  });

  test('a folder and its archive give the same table', async () => {
    const reports = path.join(folder, 'reports');
    mkdirSync(reports);
    writeFileSync(path.join(reports, '03-01-2020.csv'), first);
    writeFileSync(path.join(reports, '03-03-2020.csv'), third);
    const archive = path.join(folder, 'reports.tar.gz');
    const entries = [
      tarEntry('r/', '', { kind: '5' }),
      tarEntry('r/03-01-2020.csv', first),
      tarEntry('r/03-03-2020.csv', third),
    ];
    writeFileSync(archive, gzipSync(Buffer.concat([...entries, Buffer.alloc(1024)])));
    expect(await readEpidemic(archive)).toEqual(await readEpidemic(reports));
  });

  test.each([
    ['is cut short in a header', tarEntry('a', 'text').subarray(0, 300), 'cut short inside a header'],
    ['is cut short in a file', tarEntry('a', 'text', { size: 5000 }), 'a file of 5000 bytes is cut short'],
    ['is no archive', Buffer.from('x'.repeat(512)), 'this is not a tar header'],
    ['has a damaged header', tarEntry('a', 'text').fill('b', 0, 1), 'this is not a tar header'],
  ])('refuses an archive that %s', (_, archive, message) =>
    expect(() => tarFiles(archive, 'a.tar')).toThrow(message),
  );

  test('refuses files that unpack to more than there could be, that are none, and of another kind', async () => {
    const bomb = path.join(folder, 'bomb.tar.gz');
    writeFileSync(bomb, gzipSync(Buffer.alloc(65 * 2 ** 20)));
    await expect(readEpidemic(bomb)).rejects.toThrow('bomb.tar.gz: it cannot be unpacked');
    const damaged = path.join(folder, 'damaged.tgz');
    writeFileSync(damaged, gzipSync(tarEntry('a', 'text')).subarray(0, 30));
    await expect(readEpidemic(damaged)).rejects.toThrow('damaged.tgz: it cannot be unpacked');
    await expect(readEpidemic(path.join(folder, 'none.csv'))).rejects.toThrow('there is no such file');
    const binary = path.join(folder, 'binary.csv');
    writeFileSync(binary, Buffer.from([0xff, 0xfe, 0x00]));
    await expect(readEpidemic(binary)).rejects.toThrow('binary.csv: this is not UTF-8 text');
    const other = path.join(folder, 'other.xlsx');
    writeFileSync(other, 'x');
    await expect(readEpidemic(other)).rejects.toThrow('expected a folder of daily reports');
  });
});

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
      { day: '2020-03-03', state: 'A', amount: 2 },
      { day: '2020-03-04', state: 'B', amount: 2 },
      { day: '2020-03-03', state: 'B', amount: 1 },
    ]);
    const none = repair(where, counts, { rule: 'none', name: 'confirmed' });
    expect([...none.values]).toEqual([5, 1, 5, 3, 3, 2, 9, 0]);
    expect(none.changed).toBe(0);
  });

  test('a gap before the first value is refused, or takes the value given', () => {
    const where = { days: ['2020-03-01', '2020-03-02'], states: ['A'] };
    for (const rule of repairRules) {
      expect(() => repair(where, Float64Array.of(NaN, 2), { rule, name: 'deaths' })).toThrow(
        'deaths of A is missing on 2020-03-01',
      );
      expect([...repair(where, Float64Array.of(NaN, 2), { rule, name: 'deaths', first: 0 }).values]).toEqual([
        0, 2,
      ]);
    }
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
    const carried = series('ffill');
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

const covid = path.join(process.env['SEXTANT_DATA'] ?? '', 'covid');
const tidy = path.join(covid, 'us_states_daily_nov2021vintage.csv');
const raw = path.join(covid, 'daily_reports_us_nov2021vintage.tar.gz');
const finalVintage = path.join(covid, 'us_states_daily.csv');

describe('real files', () => {
  test.skipIf(!existsSync(tidy))('the published days, states and populations', async () => {
    const table = await readEpidemic(tidy);
    expect(table.states).toEqual(states.map(({ name }) => name));
    expect([...table.population]).toEqual(states.map(({ population }) => population));
    expect(table.population.reduce((a, b) => a + b)).toBe(327_533_774);
    expect(table.days).toEqual(daysBetween(PUBLISHED_DAYS.first, PUBLISHED_DAYS.last));
    const {
      facts,
      states: left,
      days,
    } = epidemicSeries(table, { task: 'crd', recovered: 'complete', repair: 'none' });
    expect([left.length, days.length]).toEqual([16, 329]);
    expect(facts['recovered: last day with a report']).toBe('2021-03-06');
  });

  test.skipIf(!existsSync(finalVintage))('falls of the final vintage', async () => {
    const table = await readEpidemic(finalVintage);
    const { facts } = epidemicSeries(table, {
      task: 'crd',
      recovered: 'ffill',
      repair: 'cumulative-maximum',
    });
    expect(facts).toMatchObject({
      'confirmed: falls of the cumulative count': 53,
      'deaths: falls of the cumulative count': 179,
      'recovered: falls of the cumulative count': 71,
    });
    expect(facts['confirmed: largest falls']).toContain('New Jersey 2021-04-26 −9005');
  });

  test.skipIf(!existsSync(raw) || !existsSync(tidy))('raw daily reports give the tidy table', async () => {
    expect(await readEpidemic(raw)).toEqual(await readEpidemic(tidy));
  });
});

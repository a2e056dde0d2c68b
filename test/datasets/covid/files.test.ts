/** Files of epidemic counts: CSV, the tidy table, daily reports in folders and archives. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { csvRows } from '../../../datasets/covid/csv.ts';
import { readDailyReports } from '../../../datasets/covid/dailyReports.ts';
import { readEpidemic } from '../../../datasets/covid/read.ts';
import { simulateEpidemic } from '../../../datasets/covid/simulate.ts';
import { states } from '../../../datasets/covid/states.ts';
import { tarFiles } from '../../../datasets/covid/tar.ts';
import { formatTidy, parseTidy } from '../../../datasets/covid/tidy.ts';

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

  test('the vintage is a last column, the same in all rows; a table without one has no such column', () => {
    const table = read('2020-03-01,Utah,5,,1,100');
    expect(table.vintage).toBeUndefined();
    expect(formatTidy(table).split('\n')[0]).toBe(header);
    const named = { ...table, vintage: 'copy of "12 Nov", 2021' };
    expect(formatTidy(named)).toBe(
      `${header},vintage\n2020-03-01,Utah,5,,1,100,"copy of ""12 Nov"", 2021"\n`,
    );
    expect(parseTidy(formatTidy(named), 'a.csv')).toEqual(named);
    expect(parseTidy(`${header},vintage\n2020-03-01,Utah,5,,1,100,\n`, 'a.csv').vintage).toBeUndefined();
  });

  test.each([
    ['nothing', '', 'the file is empty'],
    [
      'two vintages',
      `${header},vintage\n2020-03-01,U,5,,1,9,a\n2020-03-02,U,5,,1,9,b\n`,
      "a.csv, row 3: the vintage is 'b', expected 'a' as in the first row",
    ],
    [
      'a vintage that is a text',
      `${header},vintage\n2020-03-01,U,5,,1,9,${'a'.repeat(201)}\n`,
      'a.csv: the vintage is not one line of at most 200 characters',
    ],
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
    expect(table.vintage).toBe('reports up to 2020-03-03');
    const at = (day: number, state: number): number => table.confirmed[day * 50 + state];
    expect([0, 1, 2].map((day) => at(day, ohio))).toEqual([20, NaN, 22]);
    expect([0, 1, 2].map((day) => at(day, utah))).toEqual([10, NaN, NaN]);
    expect(table.recovered[ohio]).toBe(4);
    expect(table.confirmed.filter((value) => !Number.isNaN(value))).toHaveLength(3);
  });

  test.each([
    ['no report', [], 'there is no daily report in it'],
    ['a month that is none', [['13-01-2020.csv', first]], 'folder: 13-01-2020.csv is named after no day'],
    ['a day that is none', [['02-30-2021.csv', first]], 'folder: 02-30-2021.csv is named after no day'],
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
    expect(await readEpidemic(archive)).toEqual({ ...(await readEpidemic(reports)), file: archive });
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

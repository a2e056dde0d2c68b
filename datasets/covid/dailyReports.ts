/**
 * The raw daily reports of the Johns Hopkins University (CSSE COVID-19 data repository, folder csse_covid_19_daily_reports_us, CC BY
 * 4.0): one file a day, `MM-DD-YYYY.csv`, one row a state or territory. Territories, cruise ships and the row "Recovered" are dropped;
 * populations are those of states.ts.
 */
import { csvRows } from './csv.ts';
import { states } from './states.ts';
import {
  dayNumber,
  dayOf,
  daysBetween,
  emptyTable,
  quantities,
  type EpidemicTable,
  type Quantity,
} from './table.ts';
import { parseCount } from './tidy.ts';

export interface DailyReport {
  /** Name of the file, without folders. */
  readonly file: string;
  readonly bytes: Uint8Array;
}

const FILE = /^(\d{2})-(\d{2})-(\d{4})\.csv$/;
/** Above every file there has been, by a factor of fifty. */
const LARGEST_FILE = 1_000_000;

/** Whether a file is a daily report, by its name. */
export const isDailyReport = (file: string): boolean => FILE.test(file);

const columns: Readonly<Record<Quantity, string>> = {
  confirmed: 'Confirmed',
  recovered: 'Recovered',
  deaths: 'Deaths',
};

type Row = Readonly<Record<Quantity, number>>;

/** Counts of the fifty states in one report. */
function readReport({ file, bytes }: DailyReport): Map<string, Row> {
  if (bytes.length > LARGEST_FILE)
    throw new Error(`${file}: ${bytes.length} bytes, expected at most ${LARGEST_FILE}`);
  const rows = csvRows(new TextDecoder().decode(bytes), file);
  const header = rows.next();
  if (header.done) throw new Error(`${file}: the file is empty`);
  const at = (column: string): number => {
    const i = header.value.indexOf(column);
    if (i < 0)
      throw new Error(
        `${file}: there is no column ${column}; it has ${header.value.join(', ').slice(0, 200)}`,
      );
    return i;
  };
  const place = { state: at('Province_State'), country: at('Country_Region') };
  const counts = quantities.map((quantity) => [quantity, at(columns[quantity])] as const);
  const known = new Set(states.map(({ name }) => name));
  const found = new Map<string, Row>();
  for (const fields of rows) {
    const state = fields[place.state];
    if (!known.has(state) || fields[place.country] !== 'US') continue;
    if (found.has(state)) throw new Error(`${file}: ${state} has two rows`);
    const values = counts.map(([quantity, i]) => [
      quantity,
      parseCount(fields[i], `${file}, ${state}: ${columns[quantity]}`),
    ]);
    found.set(state, Object.fromEntries(values) as Row);
  }
  return found;
}

function dayOfReport([file, month, day, year]: RegExpExecArray, name: string): number {
  try {
    return dayNumber(`${year}-${month}-${day}`);
  } catch (error) {
    throw new Error(
      `${name}: ${file} is named after no day of the calendar, expected MM-DD-YYYY.csv; rename it, or take it out`,
      { cause: error },
    );
  }
}

/**
 * One table of daily reports, from the first to the last day there is; a day without a file, and a state without a row, leave NaN.
 * Files whose names are not days are passed over.
 *
 * @throws when there is no report, two are of one day, or one cannot be read; the message names the file.
 */
export function readDailyReports(reports: Iterable<DailyReport>, name: string): EpidemicTable {
  const byDay = new Map<number, DailyReport>();
  for (const report of reports) {
    const match = FILE.exec(report.file);
    if (!match) continue;
    const number = dayOfReport(match, name);
    if (byDay.has(number)) throw new Error(`${name}: there are two files ${report.file}`);
    byDay.set(number, report);
  }
  if (!byDay.size) {
    throw new Error(`${name}: there is no daily report in it, expected files named MM-DD-YYYY.csv`);
  }
  const numbers = [...byDay.keys()].sort((a, b) => a - b);
  const [first, last] = [numbers[0], numbers[numbers.length - 1]];
  const table = emptyTable(
    daysBetween(dayOf(first), dayOf(last)),
    states.map((state) => state.name),
    Float64Array.from(states, ({ population }) => population),
  );
  for (const [number, report] of byDay) {
    const rows = readReport(report);
    for (const [s, state] of table.states.entries()) {
      const row = rows.get(state);
      if (!row) continue;
      for (const quantity of quantities)
        table[quantity][(number - first) * table.states.length + s] = row[quantity];
    }
  }
  // Later copies have revised counts of earlier days: the newest report tells a copy from those before it.
  return { ...table, vintage: `reports up to ${dayOf(last)}` };
}

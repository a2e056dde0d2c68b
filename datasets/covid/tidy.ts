/**
 * The tidy table: one CSV row a day and state, `date,state,confirmed,recovered,deaths,population`, and where it is known a last column
 * `vintage`, the same in all rows.
 */
import { csvField, csvRows } from './csv.ts';
import {
  dayNumber,
  daysBetween,
  emptyTable,
  quantities,
  type EpidemicTable,
  type Quantity,
} from './table.ts';

const HEADER = ['date', 'state', 'confirmed', 'recovered', 'deaths', 'population'];
const VINTAGE = 'vintage';
const LONGEST_VINTAGE = 200;
/** Above every count and population there could be, and far below where float64 rounds. */
const LARGEST = 1e12;
const MOST_DAYS = 20_000;

/** A count; NaN where the field is empty. Throws unless it is a whole number ≥ 0 that float64 holds exactly. */
export function parseCount(field: string, where: string): number {
  if (field === '') return NaN;
  // Spreadsheets and pandas write whole numbers as 3667.0.
  if (!/^\d{1,15}(\.0{1,6})?$/.test(field) || Number(field) > LARGEST) {
    const shown = field.length > 30 ? `${field.slice(0, 30)}…` : field;
    throw new Error(`${where} is '${shown}', expected a whole number from 0 to ${LARGEST}, or nothing`);
  }
  return Number(field);
}

/** Whether a text can be the vintage of a table: one line that fits among the facts of a report. */
export const isVintage = (text: string): boolean =>
  text.trim() !== '' && text.length <= LONGEST_VINTAGE && !/\p{Cc}/u.test(text);

/**
 * Reads a tidy table. Rows may come in any order; a day or a row that is not there leaves NaN. Throws, naming line or state, when
 * columns are others, a day or count is none, a row comes twice, a state has two populations, or the table two vintages.
 */
export function parseTidy(text: string, name: string): EpidemicTable {
  const rows = csvRows(text, name);
  const header = rows.next();
  if (header.done) throw new Error(`${name}: the file is empty`);
  if (![HEADER.join(), [...HEADER, VINTAGE].join()].includes(header.value.join())) {
    throw new Error(
      `${name}: the columns are ${header.value.join(', ').slice(0, 200)}; expected ${HEADER.join(', ')}, and ${VINTAGE} where there is one`,
    );
  }
  const entries = [...rows].map((fields, i) => readRow(fields, `${name}, row ${i + 2}`));
  if (!entries.length) throw new Error(`${name}: there is a header and no row`);

  const population = new Map<string, number>();
  for (const { state, inhabitants } of entries) {
    const known = population.get(state) ?? inhabitants;
    if (known !== inhabitants)
      throw new Error(`${name}: ${state} has two populations, ${known} and ${inhabitants}`);
    population.set(state, inhabitants);
  }
  const states = [...population.keys()].sort();
  const numbers = entries.map(({ day }) => day);
  const first = numbers.reduce((a, b) => Math.min(a, b));
  const last = numbers.reduce((a, b) => Math.max(a, b));
  if (last - first >= MOST_DAYS)
    throw new Error(`${name}: there are more than ${MOST_DAYS} days between first and last`);
  const byNumber = entries.find(({ day }) => day === first)?.date ?? '';
  const until = entries.find(({ day }) => day === last)?.date ?? '';
  const table = emptyTable(
    daysBetween(byNumber, until),
    states,
    Float64Array.from(states, (state) => population.get(state) ?? NaN),
  );
  const column = new Map(states.map((state, i) => [state, i]));
  const seen = new Uint8Array(table.confirmed.length);
  for (const { day, date, state, counts } of entries) {
    const at = (day - first) * states.length + (column.get(state) ?? NaN);
    if (seen[at]) throw new Error(`${name}: ${state} has two rows for ${date}`);
    seen[at] = 1;
    for (const quantity of quantities) table[quantity][at] = counts[quantity];
  }
  const [{ vintage }] = entries;
  const other = entries.findIndex((entry) => entry.vintage !== vintage);
  if (other > 0)
    throw new Error(
      `${name}, row ${other + 2}: the vintage is '${entries[other].vintage}', expected '${vintage}' as in the first row`,
    );
  if (vintage === '') return table;
  if (!isVintage(vintage))
    throw new Error(`${name}: the vintage is not one line of at most ${LONGEST_VINTAGE} characters`);
  return { ...table, vintage };
}

interface Entry {
  readonly day: number;
  readonly date: string;
  readonly state: string;
  readonly counts: Readonly<Record<Quantity, number>>;
  readonly inhabitants: number;
  /** Empty where there is none. */
  readonly vintage: string;
}

function readRow(
  [date, state, confirmed, recovered, deaths, population, vintage = '']: readonly string[],
  where: string,
): Entry {
  const inhabitants = parseCount(population, `${where}: population`);
  if (!(inhabitants > 0)) throw new Error(`${where}: the population is missing or zero`);
  if (state.trim() === '') throw new Error(`${where}: the state is missing`);
  let day: number;
  try {
    day = dayNumber(date);
  } catch (error) {
    throw new Error(`${where}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  return {
    day,
    date,
    state,
    counts: {
      confirmed: parseCount(confirmed, `${where}: confirmed`),
      recovered: parseCount(recovered, `${where}: recovered`),
      deaths: parseCount(deaths, `${where}: deaths`),
    },
    inhabitants,
    vintage,
  };
}

/** The table as a tidy CSV, which `parseTidy` reads back. */
export function formatTidy({ days, states, population, vintage, ...counts }: EpidemicTable): string {
  const last = vintage === undefined ? [] : [csvField(vintage)];
  const show = (value: number): string => (Number.isNaN(value) ? '' : String(value));
  const rows = days.flatMap((day, t) =>
    states.map((state, s) => {
      const at = t * states.length + s;
      const values = quantities.map((quantity) => show(counts[quantity][at]));
      return [day, csvField(state), ...values, String(population[s]), ...last].join();
    }),
  );
  const header = vintage === undefined ? HEADER : [...HEADER, VINTAGE];
  return `${header.join()}\n${rows.join('\n')}\n`;
}

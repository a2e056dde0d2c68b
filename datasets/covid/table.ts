/** Cumulative counts of an epidemic by day and state, as they were read: NaN where nothing was reported. */

export const quantities = ['confirmed', 'recovered', 'deaths'] as const;
export type Quantity = (typeof quantities)[number];

export interface EpidemicTable extends Readonly<Record<Quantity, Float64Array>> {
  /** Consecutive days, '2020-04-12'; each quantity is [days, states], row by row. */
  readonly days: readonly string[];
  readonly states: readonly string[];
  /** Inhabitants [states]. */
  readonly population: Float64Array;
  /** Which copy of counts that were revised for years, where that is known; of simulated counts it begins with SYNTHETIC. */
  readonly vintage?: string | undefined;
  /** The file or folder that was read, as the user named it: messages of what comes later can say it. */
  readonly file?: string;
}

/** Kept with the counts in every file made of them, so that simulated ones are never taken for reports. */
export const SYNTHETIC = 'SYNTHETIC';

const MILLISECONDS = 86_400_000;

/** Days since 1970-01-01 of 'YYYY-MM-DD'. Throws on anything that is not a day of the calendar. */
export function dayNumber(day: string): number {
  const time = /^\d{4}-\d{2}-\d{2}$/.test(day) ? Date.parse(`${day}T00:00:00Z`) : NaN;
  // Date.parse takes 2021-02-30 for the second of March.
  if (Number.isNaN(time) || dayOf(time / MILLISECONDS) !== day)
    throw new Error(`'${day}' is not a day, expected YYYY-MM-DD`);
  return time / MILLISECONDS;
}

/** Whether a text is a day of the calendar as 'YYYY-MM-DD'. */
export function isDay(text: string): boolean {
  try {
    return Number.isFinite(dayNumber(text));
  } catch {
    return false;
  }
}

/** 'YYYY-MM-DD' of days since 1970-01-01. */
export const dayOf = (number: number): string => new Date(number * MILLISECONDS).toISOString().slice(0, 10);

/** All days from the first to the last, both included. */
export function daysBetween(first: string, last: string): string[] {
  const [from, to] = [dayNumber(first), dayNumber(last)];
  if (from > to) throw new Error(`the first day ${first} lies after the last day ${last}`);
  return Array.from({ length: to - from + 1 }, (_, i) => dayOf(from + i));
}

/** A table without values for the given days and states. */
export function emptyTable(
  days: readonly string[],
  states: readonly string[],
  population: Float64Array,
): EpidemicTable {
  const nothing = (): Float64Array => new Float64Array(days.length * states.length).fill(NaN);
  return { days, states, population, confirmed: nothing(), recovered: nothing(), deaths: nothing() };
}

/**
 * The days from `first` to `last` (default: all there are). Throws when the table does not reach so far.
 */
export function betweenDays(table: EpidemicTable, first?: string, last?: string): EpidemicTable {
  const days = table.days;
  const [start, end] = [days[0], days[days.length - 1]];
  const wanted = daysBetween(first ?? start, last ?? end);
  const from = dayNumber(wanted[0]) - dayNumber(start);
  if (from < 0 || from + wanted.length > days.length) {
    throw new Error(
      `the data run from ${start} to ${end}; the days ${wanted[0]} to ${wanted[wanted.length - 1]} are not all there`,
    );
  }
  const n = table.states.length;
  const cut = (values: Float64Array): Float64Array => values.slice(from * n, (from + wanted.length) * n);
  return {
    ...table,
    days: wanted,
    confirmed: cut(table.confirmed),
    recovered: cut(table.recovered),
    deaths: cut(table.deaths),
  };
}

/** Some of the states, in the order given. Throws when one is not there. */
export function ofStates(table: EpidemicTable, names: readonly string[]): EpidemicTable {
  const columns = names.map((name) => {
    const column = table.states.indexOf(name);
    if (column < 0) throw new Error(`the data have no state '${name}'`);
    return column;
  });
  const pick = (values: Float64Array): Float64Array =>
    Float64Array.from({ length: table.days.length * columns.length }, (_, i) => {
      const [day, column] = [Math.floor(i / columns.length), columns[i % columns.length]];
      return values[day * table.states.length + column];
    });
  return {
    ...table,
    states: names,
    population: Float64Array.from(columns, (column) => table.population[column]),
    confirmed: pick(table.confirmed),
    recovered: pick(table.recovered),
    deaths: pick(table.deaths),
  };
}

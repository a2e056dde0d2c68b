/** `sextant data covid`: epidemic counts from daily reports, a tidy CSV or the simulator, checked, and kept as a tidy CSV. */
import type { Command } from 'commander';
import { z } from 'zod';
import { readEpidemic } from '../../../datasets/covid/read.ts';
import { repairRules } from '../../../datasets/covid/repair.ts';
import { simulateEpidemic } from '../../../datasets/covid/simulate.ts';
import { betweenDays, isDay, SYNTHETIC, type EpidemicTable } from '../../../datasets/covid/table.ts';
import { epidemicSeries, formatFalls, recoveredRules, taskNames } from '../../../datasets/covid/task.ts';
import { formatTidy, isVintage } from '../../../datasets/covid/tidy.ts';
import { windowCount } from '../../../datasets/covid/windows.ts';
import { command } from '../command.ts';
import { UsageError } from '../errors.ts';
import { printFacts } from '../facts.ts';
import { checkOutputs, writeBytes } from '../output.ts';
import type { Terminal } from '../terminal.ts';
import { fileName, nonEmpty, oneOf, parsed, wholeNumber } from '../text.ts';

const day = parsed('a day of the calendar as 2020-04-12', (text) => (isDay(text) ? text : undefined));

/** Refuses days that the table has not, by the names of their flags. */
function requireDays({ days }: EpidemicTable, first: string | undefined, last: string | undefined): void {
  const [start, end] = [days[0], days[days.length - 1]];
  const refuse = (flag: string, got: string, expected: string): never => {
    throw new UsageError(`${flag}: got ${got}, expected ${expected}`);
  };
  if (first !== undefined && !days.includes(first))
    refuse('--first-day', first, `a day from ${start} to ${end}, which the data have`);
  const from = first ?? start;
  if (last !== undefined && (last < from || last > end))
    refuse('--last-day', last, `a day from ${from}${first === undefined ? '' : ' (--first-day)'} to ${end}`);
}

export const covidData = (terminal: Terminal): Command =>
  command({
    name: 'covid',
    summary: 'epidemic counts of the states: read daily reports or a CSV, or simulate',
    description:
      'Cumulative counts of the fifty states by day (docs/covid.md).\nPrints what is missing and what is repaired, and writes the counts as they were read as a tidy CSV.\nWithout --from the counts are simulated and synthetic.',
    arguments: {},
    options: {
      from: {
        value: 'file',
        help: 'tidy .csv, or a folder or .tar.gz of JHU daily reports MM-DD-YYYY.csv',
        schema: nonEmpty.optional(),
      },
      output: { value: 'file', help: 'write a tidy CSV', schema: fileName('.csv').optional() },
      falls: {
        value: 'file',
        help: 'write every fall of a cumulative count as a CSV, with the counts before and after',
        schema: fileName('.csv').optional(),
      },
      vintage: {
        value: 'text',
        help: 'which copy of the reports it is, kept in --output (what the file says)',
        schema: parsed('one line of at most 200 characters', (text) =>
          isVintage(text) ? text : undefined,
        ).optional(),
      },
      firstDay: { value: 'day', help: 'first day (the first there is)', schema: day.optional() },
      lastDay: { value: 'day', help: 'last day (the last there is)', schema: day.optional() },
      task: {
        value: 'name',
        help: `of ${taskNames.join(', ')} (cd): with or without recovered counts`,
        schema: oneOf(...taskNames).default('cd'),
      },
      recovered: {
        value: 'name',
        help: `of ${recoveredRules.join(', ')} (complete): what stands for missing recovered counts`,
        schema: oneOf(...recoveredRules).default('complete'),
      },
      repair: {
        value: 'name',
        help: `of ${repairRules.join(', ')} (cumulative-maximum): what happens to falls`,
        schema: oneOf(...repairRules).default('cumulative-maximum'),
      },
      seed: { value: 'number', help: 'seed of the simulation (0)', schema: wholeNumber(0).default(0) },
      json: { help: 'print the facts as JSON', schema: z.boolean().default(false) },
    },
    examples: ['sextant data covid --last-day 2020-12-31 --output synthetic.csv --falls falls.csv'],
    async run({ from, output, falls, vintage, firstDay: first, lastDay: last, seed, json, ...rules }) {
      if (falls !== undefined && falls === output)
        throw new UsageError(`--falls: got ${falls}, the file of --output; expected another name`);
      await checkOutputs(
        [output, falls].flatMap((file) => file ?? []),
        from,
      );
      if (rules.task === 'cd' && rules.recovered !== 'complete')
        throw new UsageError(
          `--recovered: got ${rules.recovered}, which has no effect without recovered counts; give --task crd as well`,
        );
      const table = await read(from, seed, vintage);
      requireDays(table, first, last);
      const series = epidemicSeries(table, { ...rules, first, last });
      if (output !== undefined) await writeBytes(output, formatTidy(betweenDays(table, first, last)));
      if (falls !== undefined) await writeBytes(falls, formatFalls(series.falls));
      const facts = {
        ...(from === undefined ? { source: `${SYNTHETIC}: simulated`, seed } : { source: from }),
        ...series.facts,
        'windows of 14 + 7 days': windowCount(series.days.length),
        hash: series.hash,
        ...(falls === undefined ? {} : { 'falls written': falls }),
        ...(output === undefined ? {} : { written: output }),
      };
      if (json) terminal.print(JSON.stringify({ ...facts, falls: series.falls }, null, 2));
      else printFacts(terminal, facts, false);
    },
  });

/** The counts of `from`, or simulated ones, with the vintage that was given in the place of what they say themselves. */
async function read(
  from: string | undefined,
  seed: number,
  vintage: string | undefined,
): Promise<EpidemicTable> {
  const table = from === undefined ? simulateEpidemic({ seed }) : await readEpidemic(from);
  if (vintage === undefined) return table;
  if (table.vintage?.startsWith(SYNTHETIC))
    throw new UsageError(
      `--vintage: got ${vintage}, but these counts are simulated; expected it with reports`,
    );
  return { ...table, vintage };
}

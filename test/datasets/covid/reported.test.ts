/** The reported counts themselves, where the folder of reference data has them. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { readEpidemic } from '../../../datasets/covid/read.ts';
import { states } from '../../../datasets/covid/states.ts';
import { daysBetween } from '../../../datasets/covid/table.ts';
import { epidemicSeries, PUBLISHED_DAYS } from '../../../datasets/covid/task.ts';

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
    const { facts, falls } = epidemicSeries(table, {
      task: 'crd',
      recovered: 'ffill',
      repair: 'cumulative-maximum',
    });
    expect(facts).toMatchObject({
      'confirmed: falls of the cumulative count': 53,
      'deaths: falls of the cumulative count': 179,
      'recovered: falls of the cumulative count': 71,
    });
    expect(falls).toHaveLength(53 + 179 + 71);
    expect(facts['confirmed: largest falls']).toContain('New Jersey 2021-04-26 −9005');
  });

  test.skipIf(!existsSync(raw) || !existsSync(tidy))('raw daily reports give the tidy table', async () => {
    const { vintage, ...table } = await readEpidemic(raw);
    expect(vintage).toBe('reports up to 2021-08-28');
    expect({ ...table, file: tidy }).toEqual(await readEpidemic(tidy));
  });
});

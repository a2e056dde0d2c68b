/** The finished jobs of the COVID-19 experiment by model and condition. */
import { forecastBaselines, forecasterNames, type ForecastTarget } from '../forecasting/index.ts';
import { canonicalJson, type Condition, type JobResult } from '../runs/index.ts';
import { groupBy } from './statistics.ts';

/** All folds of one model under one condition. */
export interface Cell {
  readonly model: string;
  readonly condition: Condition;
  readonly baseline: boolean;
  readonly results: readonly JobResult[];
}

const isBaseline = (model: string): boolean => forecastBaselines.some(({ name }) => name === model);

export const sameCondition = (a: Condition, b: Condition): boolean => canonicalJson(a) === canonicalJson(b);

/** Mean over the folds of one of the numbers of a job. */
export const meanOf = ({ results }: Pick<Cell, 'results'>, name: string): number =>
  results.reduce((total, { extra }) => total + extra[name], 0) / results.length;

/** `random split, network answers counts` */
export const placeOf = ({ split, network }: Condition): string =>
  `${String(split)} split, network answers ${String(network)}`;

/** Cells in the order of the table; a baseline stands under every target, for it answers none. */
export function cellsOf(finished: readonly JobResult[], targets: readonly ForecastTarget[]): Cell[] {
  const order = [...forecasterNames, ...forecastBaselines.map(({ name }) => name)];
  return groupBy(finished, ({ config: { model, condition } }) => canonicalJson([model, condition]))
    .flatMap((results): Cell[] => {
      const { model, condition } = results[0].config;
      if (!isBaseline(model)) return [{ model, condition, baseline: false, results }];
      return targets.map((network) => ({
        model,
        condition: { ...condition, network },
        baseline: true,
        results,
      }));
    })
    .sort((a, b) => order.indexOf(a.model) - order.indexOf(b.model));
}

/** Cells of networks in groups of one condition each. */
export const networksByCondition = (cells: readonly Cell[]): Cell[][] =>
  groupBy(
    cells.filter(({ baseline }) => !baseline),
    ({ condition }) => canonicalJson(condition),
  );

export const seedsOf = ({ results }: Cell): Set<number> => new Set(results.map(({ config }) => config.seed));

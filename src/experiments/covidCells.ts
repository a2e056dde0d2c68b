/** The finished jobs of the COVID-19 experiment by model and condition, and whether a network is better than the baselines. */
import type { Quantity } from '../../datasets/covid/table.ts';
import {
  fixedForecasts,
  forecastBaselines,
  forecasterNames,
  type ForecastTarget,
} from '../forecasting/index.ts';
import { canonicalJson, type Check, type Condition, type JobResult } from '../runs/index.ts';
import { groupBy, meanAndDeviation, standardError } from './statistics.ts';

/** All folds of one model under one condition. */
export interface Cell {
  readonly model: string;
  readonly condition: Condition;
  readonly baseline: boolean;
  readonly results: readonly JobResult[];
}

const isBaseline = (model: string): boolean => forecastBaselines.some(({ name }) => name === model);

const isFixed = (model: string): boolean => fixedForecasts.some(({ name }) => name === model);

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

const seedsOf = ({ results }: Cell): Set<number> => new Set(results.map(({ config }) => config.seed));

/** Baselines under the condition of these networks, with a fold that one of them has. */
function baselinesFor(networks: readonly Cell[], cells: readonly Cell[]): Cell[] {
  const [{ condition }] = networks;
  const seeds = new Set(networks.flatMap((network) => [...seedsOf(network)]));
  return cells.filter(
    (cell) =>
      cell.baseline &&
      sameCondition(cell.condition, condition) &&
      [...seedsOf(cell)].some((seed) => seeds.has(seed)),
  );
}

/** The folds of a cell that another has too: where a part of the folds is missing, the others are other windows. */
function sharedWith(other: Cell, cell: Cell): Cell {
  const folds = seedsOf(other);
  return { ...cell, results: cell.results.filter(({ config }) => folds.has(config.seed)) };
}

/** Sum of some errors of a model over the sum for another, of means over the folds that both have; NaN when they share none. */
export function ratio(of: Cell, to: Cell, ...keys: readonly string[]): number {
  const total = (cell: Cell, other: Cell): number =>
    keys.reduce((sum, key) => sum + meanOf(sharedWith(other, cell), key), 0);
  return total(of, to) / total(to, of);
}

/** Errors that decide, by their keys among the numbers of a job. */
export const maeOf = (quantity: Quantity): string => `MAE ${quantity}`;
const RELATIVE_L2 = 'relative L2';

/**
 * A network is to be better than every baseline without parameters: by the mean absolute error of every quantity, and by the relative
 * L2 error. The value is the largest of its errors over those of the baselines.
 */
export function baselineChecks(cells: readonly Cell[], quantities: readonly Quantity[]): Check[] {
  const criteria = [
    { name: 'mean absolute error', keys: quantities.map(maeOf) },
    { name: 'relative L2 error', keys: [RELATIVE_L2] },
  ];
  return networksByCondition(cells).flatMap((networks) => {
    const { condition } = networks[0];
    const baselines = baselinesFor(networks, cells).filter(({ model }) => isFixed(model));
    if (!baselines.length) return [];
    const names = baselines.map(({ model }) => model).join(' and ');
    return networks.flatMap((network) =>
      criteria.flatMap(({ name, keys }): Check[] => {
        const ratios = keys.flatMap((key) => baselines.map((baseline) => ratio(network, baseline, key)));
        const value = Math.max(...ratios);
        if (!Number.isFinite(value)) return [];
        const worst = keys.length > 1 ? `, worst of ${quantities.join(', ')}` : '';
        return [
          {
            name: `${network.model}: beats ${names} by ${name}, ${placeOf(condition)}`,
            value,
            limit: `< 1, over that of the better baseline${worst}`,
            holds: value < 1,
          },
        ];
      }),
    );
  });
}

/** Which networks are better than which baseline by which metric: one note a condition. */
export function baselineNotes(cells: readonly Cell[], quantities: readonly Quantity[]): string[] {
  const metrics = [
    ...quantities.map((quantity) => ({ key: maeOf(quantity), name: `mean absolute error of ${quantity}` })),
    { key: RELATIVE_L2, name: 'relative L2 error' },
  ];
  return networksByCondition(cells).flatMap((networks) => {
    const { condition } = networks[0];
    const baselines = baselinesFor(networks, cells);
    if (!baselines.length) return [];
    const verdicts = metrics.map(({ key, name }) => {
      const against = baselines.map((baseline) => verdict(networks, baseline, key));
      return `By ${name}, ${against.join('; ')}.`;
    });
    return [`Against the baselines (${placeOf(condition)}). ${verdicts.join(' ')}`];
  });
}

/**
 * What fitting a baseline gains over the line of the last days, fold by fold: one note a split. The windows of a fold are much alike,
 * so the spread over the folds, not their number of windows, says what such a ratio resolves. Folds share days, of training above all:
 * the error is that of independent folds, the least it can be.
 */
export function fittedNotes(cells: readonly Cell[], quantities: readonly Quantity[]): string[] {
  const here = groupBy(
    cells.filter(({ baseline }) => baseline),
    ({ condition: { split } }) => String(split),
  ).map((all) => all.filter(({ condition }) => sameCondition(condition, all[0].condition)));
  return here.flatMap((baselines) => {
    const line = baselines.find(({ model }) => model === 'slope');
    return baselines.flatMap((cell): string[] => {
      if (!line || isFixed(cell.model)) return [];
      const parts = [...quantities.map(maeOf), RELATIVE_L2].map((key) => {
        const ratios = cell.results.flatMap(({ config: { seed }, extra }) =>
          line.results
            .filter(({ config }) => config.seed === seed)
            .map((other) => extra[key] / other.extra[key]),
        );
        const better = ratios.filter((value) => value < 1).length;
        const { mean } = meanAndDeviation(ratios);
        const error = standardError(ratios);
        const value = `${mean?.toFixed(3)}${error === null ? '' : ` ± ${error.toFixed(3)}`}`;
        return `${key} ${value} (below 1 in ${better} of ${ratios.length})`;
      });
      return [
        `${cell.model} over ${line.model}, ${String(cell.condition.split)} split, mean ratio of the folds ± standard error (as of independent folds; they share days, so it is the least): ${parts.join(', ')}.`,
      ];
    });
  });
}

/** `fc beats slope, pade-3d and fno-3d do not` */
function verdict(networks: readonly Cell[], baseline: Cell, key: string): string {
  const won = networks.filter((network) => ratio(network, baseline, key) < 1);
  const lost = networks.filter((network) => ratio(network, baseline, key) >= 1);
  if (!won.length) return `no network beats ${baseline.model} (${list(lost)})`;
  const verb = won.length === 1 ? 'beats' : 'beat';
  const rest = lost.length ? `, ${list(lost)} ${lost.length === 1 ? 'does' : 'do'} not` : '';
  return `${list(won)} ${verb} ${baseline.model}${rest}`;
}

const list = (cells: readonly Cell[]): string => {
  const names = cells.map(({ model }) => model);
  return names.length > 1 ? `${names.slice(0, -1).join(', ')} and ${names[names.length - 1]}` : names.join();
};

/** How networks and baselines of the COVID-19 experiment compare: ratios of their errors, fold by fold. */
import type { Quantity } from '../../datasets/covid/table.ts';
import { fixedForecasts } from '../forecasting/index.ts';
import { NOISE_LEVEL, noiseOfMean, type Check } from '../runs/index.ts';
import { meanOf, networksByCondition, placeOf, sameCondition, seedsOf, type Cell } from './covidCells.ts';
import { groupBy, meanAndDeviation, standardError } from './statistics.ts';

const isFixed = (model: string): boolean => fixedForecasts.some(({ name }) => name === model);

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

/** An error of one model over that of another on every fold that both have; 1 where both are exact. */
function foldRatios(of: Cell, to: Cell, key: string): number[] {
  const others = new Map(to.results.map(({ config, extra }) => [config.seed, extra[key]]));
  return of.results.flatMap(({ config: { seed }, extra }) => {
    const other = others.get(seed);
    return other === undefined ? [] : [extra[key] === other ? 1 : extra[key] / other];
  });
}

/**
 * Whether errors are lower than another model's: the mean ratio of the folds is below or above 1 by more than its noise.
 * One fold has none that is known; there the ratio alone is told.
 */
function outcome(ratios: readonly number[]): 'better' | 'worse' | 'open' {
  const { mean, std, n } = meanAndDeviation(ratios);
  if (mean === null) return 'open';
  if (!Number.isFinite(mean)) return 'worse';
  if (n > 1 && Math.abs(mean - 1) <= noiseOfMean({ std, n })) return 'open';
  return mean < 1 ? 'better' : 'worse';
}

/**
 * A network is to be better than every baseline without parameters: by the mean absolute error of every quantity, and by the relative
 * L2 error. The value is the largest of its mean ratios to the baselines; null where a baseline is exact and the network is not.
 */
export function baselineChecks(cells: readonly Cell[], quantities: readonly Quantity[]): Check[] {
  const criteria = [
    { name: 'mean absolute error', keys: quantities.map(maeOf) },
    { name: 'relative L2 error', keys: [RELATIVE_L2] },
  ];
  return networksByCondition(cells).flatMap((networks) => {
    const { condition } = networks[0];
    const baselines = baselinesFor(networks, cells).filter(({ model }) => isFixed(model));
    const names = baselines.map(({ model }) => model).join(' and ');
    return networks.flatMap((network) =>
      criteria.flatMap(({ name, keys }): Check[] => {
        const compared = keys
          .flatMap((key) => baselines.map((baseline) => foldRatios(network, baseline, key)))
          .filter(({ length }) => length > 0);
        if (!compared.length) return [];
        const value = Math.max(...compared.map((ratios) => meanAndDeviation(ratios).mean ?? NaN));
        const worst = keys.length > 1 ? `, worst of ${quantities.join(', ')}` : '';
        const folds = Math.min(...compared.map(({ length }) => length));
        const margin = folds > 1 ? `by more than the noise of ${folds} folds` : 'in one fold';
        return [
          {
            name: `${network.model}: beats ${names} by ${name}, ${placeOf(condition)}`,
            value: Number.isFinite(value) ? value : null,
            limit: `< 1 ${margin}, over that of the better baseline${worst}`,
            holds: compared.every((ratios) => outcome(ratios) === 'better'),
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
    const folds = Math.max(...networks.map(({ results }) => results.length));
    const rule =
      folds > 1
        ? `noise: ${100 * NOISE_LEVEL} % by Student’s distribution over the folds`
        : 'one fold, whose noise is not known';
    return [`Against the baselines (${placeOf(condition)}; ${rule}). ${verdicts.join(' ')}`];
  });
}

/** `fc beats slope, pade-3d and fno-3d do not, seq2seq is within the noise` */
function verdict(networks: readonly Cell[], baseline: Cell, key: string): string {
  const compared = networks
    .map((network) => ({ model: network.model, ratios: foldRatios(network, baseline, key) }))
    .filter(({ ratios }) => ratios.length > 0);
  const names = (is: ReturnType<typeof outcome>): string[] =>
    compared.filter(({ ratios }) => outcome(ratios) === is).map(({ model }) => model);
  const [won, lost, open] = [names('better'), names('worse'), names('open')];
  const verb = (models: readonly string[], one: string, many: string): string =>
    `${list(models)} ${models.length === 1 ? one : many}`;
  const rest = open.length ? `, ${verb(open, 'is', 'are')} within the noise` : '';
  if (!won.length) return `no network beats ${baseline.model}${lost.length ? ` (${list(lost)})` : ''}${rest}`;
  return `${verb(won, 'beats', 'beat')} ${baseline.model}${lost.length ? `, ${verb(lost, 'does', 'do')} not` : ''}${rest}`;
}

const list = (names: readonly string[]): string =>
  names.length > 1 ? `${names.slice(0, -1).join(', ')} and ${names[names.length - 1]}` : names.join();

/**
 * Errors over those of the line of the last days, fold by fold, of fitted baselines (one note a split) and of networks with several
 * folds (one note a condition). The windows of a fold are much alike, so the spread over the folds, not their number of windows, says
 * what such a ratio resolves. Folds share days, of training above all: the error is that of independent folds, the true one is larger.
 */
export function foldNotes(cells: readonly Cell[], quantities: readonly Quantity[]): string[] {
  const line = (like: Cell): Cell | undefined =>
    cells.find(({ model, condition }) => model === 'slope' && sameCondition(condition, like.condition));
  const told = (cell: Cell): string[] => {
    const slope = line(cell);
    const parts = [...quantities.map(maeOf), RELATIVE_L2].map((key) => {
      const ratios = slope ? foldRatios(cell, slope, key) : [];
      const better = ratios.filter((value) => value < 1).length;
      const { mean } = meanAndDeviation(ratios);
      const error = standardError(ratios);
      const value =
        mean === Infinity ? '∞' : `${mean?.toFixed(3)}${error === null ? '' : ` ± ${error.toFixed(3)}`}`;
      return ratios.length ? `${key} ${value} (below 1 in ${better} of ${ratios.length})` : '';
    });
    return parts[0] ? [`${cell.model}: ${parts.join(', ')}`] : [];
  };
  const note = (where: string, those: readonly Cell[]): string[] => {
    const lines = those.flatMap(told);
    return lines.length
      ? [
          `Over slope, fold by fold, mean ratio ± standard error as of independent folds, which share days, so that the true error is larger (${where}): ${lines.join('; ')}.`,
        ]
      : [];
  };
  const fitted = groupBy(
    cells.filter(({ baseline, model }) => baseline && !isFixed(model)),
    ({ condition: { split } }) => String(split),
  ).flatMap((all) =>
    note(
      `${String(all[0].condition.split)} split`,
      all.filter(({ condition }) => sameCondition(condition, all[0].condition)),
    ),
  );
  const networks = networksByCondition(cells).flatMap((here) =>
    note(
      placeOf(here[0].condition),
      here.filter(({ results }) => results.length > 1),
    ),
  );
  return [...fitted, ...networks];
}

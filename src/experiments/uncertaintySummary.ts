/** What the jobs of `operator-uncertainty` say together: widths and coverage of the bands, and noise, as rows, checks and figures. */
import type { Check, Figure, JobResult, ResultRow } from '../runs/index.ts';
import { expectedCoverage } from '../uncertainty/calibration.ts';
import {
  bandKey,
  bandNames,
  gaussianKey,
  mapKeys,
  noiseKeys,
  uncertaintyOptions,
  type BandName,
  type Quantity,
} from './ensembleTask.ts';
import { isBaseline } from './operatorRows.ts';
import { groupBy, meanAndDeviation } from './statistics.ts';

/** Mean over the jobs of one number that they measured; null where none has it. */
export const numberOf = (results: readonly JobResult[], name: string): number | null =>
  meanAndDeviation(results.flatMap(({ extra }) => (name in extra ? [extra[name]] : []))).mean;

/** Jobs of one model on one problem, all seeds. */
const groupsOf = (finished: readonly JobResult[]): JobResult[][] =>
  groupBy(finished, ({ config }) => `${config.model} on ${config.condition['problem']}`);

const nameOf = ([{ config }]: readonly JobResult[]): string =>
  `${config.model} on ${config.condition['problem']}`;

/** Sharpness: the width of every band at one level, with the coverage it has. */
export const widthRows = (finished: readonly JobResult[], level: number): ResultRow[] =>
  groupsOf(finished).flatMap((group) =>
    bandNames.flatMap((band): ResultRow[] => {
      const of = (quantity: Quantity): number | null => numberOf(group, bandKey(band, quantity, level));
      const widths = group.flatMap(({ extra }) => {
        const name = bandKey(band, 'width', level);
        return name in extra ? [extra[name]] : [];
      });
      if (!widths.length) return [];
      const [{ config, parameters }] = group;
      return [
        {
          model: config.model,
          condition: { ...config.condition, band },
          metric: `mean width of bands of level ${level} relative to the root mean square of the outputs, test split`,
          published: null,
          ...meanAndDeviation(widths),
          parameters,
          seconds: null,
          baseline: isBaseline(config.model),
          note: `covers ${(of('fields') ?? NaN).toFixed(3)} of the fields, ${(of('points') ?? NaN).toFixed(3)} of the points`,
        },
      ];
    }),
  );

/** Levels of the bands, and how many fields calibrate and test them. */
interface Calibration {
  readonly levels: readonly number[];
  readonly validation: number;
  readonly test: number;
}

/** How far coverage may be from nominal, in its own standard deviations. */
const COVERAGE_LIMIT = 4;
/** First order against sampling: what the draws leave, and as much again for higher orders. */
const NOISE_LIMIT = 2;

/** Coverage of every band, and noise by the Jacobian against sampling. */
export function checksOf(finished: readonly JobResult[], { levels, validation, test }: Calibration): Check[] {
  return groupsOf(finished).flatMap((group): Check[] => {
    const where = nameOf(group);
    const coverage = bandNames.flatMap((band): Check[] => {
      const off = levels.flatMap((level) => {
        const measured = numberOf(group, bandKey(band, 'fields', level));
        const expected = expectedCoverage(level, { calibration: validation, test });
        return measured === null ? [] : [Math.abs(measured - expected.mean) / expected.deviation];
      });
      if (!off.length) return [];
      const value = Math.max(...off);
      return [
        {
          name: `${where}, band ‘${band}’: coverage of the fields at all levels`,
          value,
          limit: `≤ ${COVERAGE_LIMIT} standard deviations from nominal (${validation} fields to calibrate, ${test} to test)`,
          holds: value <= COVERAGE_LIMIT,
        },
      ];
    });
    const error = numberOf(group, noiseKeys.relativeError);
    const resolution = numberOf(group, noiseKeys.resolution);
    if (error === null || resolution === null) return coverage;
    const slope = numberOf(group, noiseKeys.slope) ?? NaN;
    const limit = NOISE_LIMIT * resolution;
    const told = `${limit.toPrecision(3)} (${NOISE_LIMIT} × what sampling leaves)`;
    return [
      ...coverage,
      {
        name: `${where}: relative error of noise by the Jacobian against sampling`,
        value: error,
        limit: `≤ ${told}`,
        holds: error <= limit,
      },
      {
        name: `${where}: slope of noise by the Jacobian over sampling`,
        value: slope,
        limit: `1 ± ${told}`,
        holds: Math.abs(slope - 1) <= limit,
      },
    ];
  });
}

type Series = Figure['series'][number];

/** One curve over the levels, where the jobs have its numbers. */
function curve(
  group: readonly JobResult[],
  levels: readonly number[],
  name: string,
  keyOf: (level: number) => string,
): Series[] {
  const measured = levels.flatMap((level) => {
    const value = numberOf(group, keyOf(level));
    return value === null ? [] : [[level, value] as const];
  });
  if (!measured.length) return [];
  return [{ name, x: measured.map(([x]) => x), y: measured.map(([, y]) => y), style: 'line' }];
}

/** Calibration and sharpness of each problem, and the noise of one input. */
export function figuresOf(
  finished: readonly JobResult[],
  { levels: given, validation, test }: Calibration,
  titleOf: (problem: string) => string,
): Figure[] {
  const levels = [...given].sort((a, b) => a - b);
  const common = { xLabel: 'nominal share of the fields', xScale: 'linear', yScale: 'linear' } as const;
  return groupBy(finished, ({ config }) => String(config.condition['problem'])).flatMap(
    (ofProblem): Figure[] => {
      const name = String(ofProblem[0].config.condition['problem']);
      const title = titleOf(name);
      const groups = groupsOf(ofProblem);
      const models = groups.filter(([{ config }]) => !isBaseline(config.model));
      const expected = levels.map((level) => expectedCoverage(level, { calibration: validation, test }));
      const nominal: Series = {
        name: 'expected',
        x: levels,
        y: expected.map((at) => at.mean),
        band: expected.map((at) => 2 * at.deviation),
        style: 'dashed',
      };
      const bands = (quantity: Quantity): Series[] =>
        groups.flatMap((group) =>
          bandNames.flatMap((band: BandName) =>
            curve(group, levels, `${group[0].config.model}: ${band}`, (level) =>
              bandKey(band, quantity, level),
            ),
          ),
        );
      return [
        {
          id: `calibration-${name}`,
          title: `Calibration: ${title}`,
          caption:
            'Share of the test fields whose band holds the nominal share of their points; dashed with two standard deviations: what calibration and test of this size give. ‘Not calibrated’ is the share of points within the normal interval of the ensemble’s deviation.',
          ...common,
          yLabel: 'measured share',
          series: [
            nominal,
            ...bands('fields'),
            ...models.flatMap((group) =>
              curve(group, levels, `${group[0].config.model}: not calibrated`, gaussianKey),
            ),
          ],
        },
        {
          id: `sharpness-${name}`,
          title: `Sharpness: ${title}`,
          caption:
            'Mean width of the bands, relative to the root mean square of the outputs. Narrower is better where coverage is the same.',
          ...common,
          yLabel: 'relative width',
          yScale: 'log',
          series: bands('width'),
        },
        ...models.slice(0, 1).map((group) => noiseFigure(group[0], title, name)),
      ];
    },
  );
}

/** Deviation of the output for noise of the first test input, along the grid. */
function noiseFigure({ config, extra }: JobResult, title: string, id: string): Figure {
  const { noiseSamples } = uncertaintyOptions.parse(config.options['uncertainty']);
  const along = (prefix: string): number[] =>
    Object.entries(extra).flatMap(([name, value]) => (name.startsWith(prefix) ? [value] : []));
  const x = along(mapKeys.x);
  const sampled = along(mapKeys.sampled);
  return {
    id: `noise-${id}`,
    title: `Noise of the initial condition: ${title}`,
    caption: `Standard deviation of the output of ${config.model} for white noise of the first test input: by the Jacobian, and by ${noiseSamples} draws with two standard errors.`,
    xLabel: 'x',
    yLabel: 'standard deviation',
    xScale: 'linear',
    yScale: 'linear',
    series: [
      { name: 'Jacobian', x, y: along(mapKeys.first), style: 'line' },
      {
        name: 'sampling',
        x,
        y: sampled,
        band: sampled.map((value) => (2 * value) / Math.sqrt(2 * (noiseSamples - 1))),
        style: 'points',
      },
    ],
  };
}

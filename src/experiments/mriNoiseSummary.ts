/** Rows, checks, figures and notes of the noise of trained reconstructions, from the numbers of their jobs. */
import { regionNames, type Region } from '../mri/index.ts';
import { canonicalJson, type Check, type Figure, type JobResult, type ResultRow } from '../runs/index.ts';
import { linearisationPoints, noiseKeys, picturedLevels, type LinearisationPoint } from './mriNoiseTask.ts';
import { groupBy, meanAndDeviation } from './statistics.ts';

type Group = readonly JobResult[];
type Series = Figure['series'][number];

/** Jobs that differ in their seed alone. */
export const groupsOf = (finished: Group): JobResult[][] =>
  groupBy(finished, ({ config: { model, condition } }) => canonicalJson([model, condition]));

export const valuesOf = (group: Group, name: string): number[] =>
  group.flatMap(({ extra }) => (Number.isFinite(extra[name]) ? [extra[name]] : []));
export const meanOf = (group: Group, name: string): number =>
  meanAndDeviation(valuesOf(group, name)).mean ?? NaN;
const worstOf = (group: Group, name: string): number => Math.max(...valuesOf(group, name));

export const nameOf = (group: Group): string => {
  const { model, condition } = group[0].config;
  return [model, ...Object.entries(condition).map(([name, value]) => `${name} = ${value}`)].join(', ');
};
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** A row of a number of the jobs; nothing is published. */
export function rowOf(
  group: Group,
  name: string,
  row: Pick<ResultRow, 'metric'> & Partial<ResultRow>,
): ResultRow {
  const [{ config, parameters }] = group;
  return {
    model: config.model,
    condition: config.condition,
    published: null,
    ...meanAndDeviation(valuesOf(group, name)),
    parameters,
    seconds: null,
    baseline: false,
    note: '',
    ...row,
  };
}

const DIFFERENCE = 'relative difference of sd by the Jacobian and by replicas, object';
const ERROR = 'median RMSE / σ, object';
export const LESION_SHARE = 'share of the contrast of an inserted lesion, neither is better';
export const GAIN = 'worst-case gain ‖J‖₂';
const FROZEN = 'relative change of the sd map with frozen sensitivities, object';

export function propagationRows(group: Group, levels: readonly number[]): ResultRow[] {
  const [{ config }] = group;
  const at = (level: number) => ({ ...config.condition, 'σ/peak': level });
  const agreementRow = (level: number, point: LinearisationPoint): ResultRow => {
    const key = (region: Region, name: 'median ratio' | 'slope' | 'correlation' | 'sampling') =>
      meanOf(group, noiseKeys.agreement(level, point, region, name));
    const ratios = regionNames.map((region) => `${key(region, 'median ratio').toFixed(3)} ${region}`);
    return rowOf(group, noiseKeys.agreement(level, point, 'object', 'relative difference'), {
      model: `${config.model}, ${point} point`,
      condition: at(level),
      metric: DIFFERENCE,
      note: `sampling leaves ${percent(key('object', 'sampling'))}; median ratio ${ratios.join(', ')}; slope ${key('object', 'slope').toFixed(3)}, r ${key('object', 'correlation').toFixed(3)} in the object`,
    });
  };
  return [
    ...levels.flatMap((level) => [
      ...linearisationPoints.map((point) => agreementRow(level, point)),
      rowOf(group, noiseKeys.error(level, 'relative difference of a constant'), {
        model: 'one deviation everywhere',
        condition: at(level),
        metric: DIFFERENCE,
        parameters: 1,
        baseline: true,
        note: 'the mean deviation of the replicas in the object',
      }),
    ]),
    ...levels.map((level) => {
      const number = (name: Parameters<typeof noiseKeys.error>[1]) =>
        meanOf(group, noiseKeys.error(level, name));
      return rowOf(group, noiseKeys.error(level, 'RMSE / σ'), {
        condition: at(level),
        metric: ERROR,
        note: `median |bias| / σ ${number('|bias| / σ').toPrecision(3)}, sd / σ ${number('sd / σ').toPrecision(3)}; |bias| below sd at ${percent(number('share of pixels with |bias| below sd'))} of the pixels; without noise the image is off by ${number('error without noise / σ').toPrecision(3)} σ`,
      });
    }),
    rowOf(group, noiseKeys.lesion, {
      metric: LESION_SHARE,
      note: `least slice ${meanOf(group, noiseKeys.leastLesion).toFixed(3)}; 1 keeps it all`,
    }),
    rowOf(group, noiseKeys.gain, {
      metric: GAIN,
      note:
        Math.min(...valuesOf(group, noiseKeys.gainConverged)) === 1
          ? 'power iteration has converged'
          : 'a lower bound: power iteration had not converged',
    }),
    rowOf(group, noiseKeys.frozen, {
      metric: FROZEN,
      note: `for comparison, a global phase of 1 radian changes it by ${percent(meanOf(group, noiseKeys.phase))}`,
    }),
  ];
}

/** σ/peak up to which first order must hold, and that of the limit on the relative difference. */
const [SMALL, MIDDLE] = [0.003, 0.01];
const MIDDLE_LIMIT = 0.08;

export function propagationChecks(group: Group, levels: readonly number[]): Check[] {
  const where = nameOf(group);
  const object = (level: number, name: 'median ratio' | 'relative difference' | 'sampling'): string =>
    noiseKeys.agreement(level, 'clean', 'object', name);
  const most = (name: string, value: number, limit: number, told = ''): Check => ({
    name: `${where}: ${name}`,
    value,
    limit: `≤ ${Number(limit.toPrecision(3))}${told}`,
    holds: value <= limit,
  });
  const near = (name: string, values: readonly number[]): Check => {
    const value = values.reduce((far, one) => (Math.abs(one - 1) > Math.abs(far - 1) ? one : far));
    return {
      name: `${where}: ${name}`,
      value,
      limit: '0.99 … 1.01',
      holds: value >= 0.99 && value <= 1.01,
    };
  };
  const small = levels.filter((level) => level <= SMALL);
  const checks = small.flatMap((level) => {
    const limit = 1.2 * meanOf(group, object(level, 'sampling'));
    return [
      near(`σ/peak ${level}: median ratio of Jacobian and replicas, object`, [
        meanOf(group, object(level, 'median ratio')),
      ]),
      most(
        `σ/peak ${level}: relative difference, object`,
        meanOf(group, object(level, 'relative difference')),
        limit,
        ' (1.2 × what sampling leaves)',
      ),
    ];
  });
  if (levels.includes(MIDDLE)) {
    const difference = worstOf(group, object(MIDDLE, 'relative difference'));
    // Where noise is least, first order is exact and the maps differ by sampling alone: that measures it. Its estimate, which a few
    // pixels of large error rule, may be too large, and would hide what the limit is for.
    const sampling = Math.min(
      meanOf(group, object(MIDDLE, 'sampling')),
      ...small.map((level) => meanOf(group, object(level, 'relative difference'))),
    );
    const name = `σ/peak ${MIDDLE}: relative difference`;
    // Few probes and replicas alone differ by more than the limit, which is for what the linearisation makes of it.
    const beyond = Math.sqrt(Math.max(0, difference ** 2 - sampling ** 2));
    checks.push(
      sampling < MIDDLE_LIMIT
        ? most(`${name}, object`, difference, MIDDLE_LIMIT)
        : most(
            `${name} beyond sampling, object`,
            beyond,
            MIDDLE_LIMIT,
            ` (√(${difference.toPrecision(3)}² − ${sampling.toPrecision(3)}²), the latter from probes and replicas)`,
          ),
    );
  }
  if (small.length > 1)
    checks.push(
      near('sd linear in σ: replicas at the two lowest levels', valuesOf(group, noiseKeys.linearity)),
    );
  checks.push(
    most(
      'RMSE² = bias² + sd²',
      Math.max(
        ...levels.map((level) =>
          worstOf(group, noiseKeys.error(level, 'largest defect of RMSE² = bias² + sd²')),
        ),
      ),
      1e-6,
    ),
  );
  return checks;
}

/** Ratio and errors over the noise level, and pixels by Jacobian and replicas. */
export function propagationFigures(group: Group, levels: readonly number[]): Figure[] {
  const where = nameOf(group);
  const id = where.replaceAll(/[^\p{L}\p{N}]+/gu, '-');
  const along = (name: string, keyOf: (level: number) => string, more: Partial<Series> = {}): Series => ({
    name,
    x: [...levels],
    y: levels.map((level) => meanOf(group, keyOf(level))),
    style: 'line',
    ...more,
  });
  const xLabel = 'σ / largest intensity';
  const scales = { xLabel, xScale: 'log', yScale: 'linear' } as const;
  const scattered = picturedLevels(levels).map((level): Figure => {
    const [{ curves = {} }] = group;
    const series = regionNames.flatMap((region): Series[] => {
      const [x, y] = (['replicas', 'Jacobian'] as const).map(
        (axis) => curves[noiseKeys.scatter(level, region, axis)] ?? [],
      );
      return x.length ? [{ name: region, x, y, style: 'points' }] : [];
    });
    const end = Math.max(0, ...series.flatMap(({ x, y }) => [...x, ...y]));
    return {
      id: `scatter-${id}-${level}`,
      title: `Jacobian over replicas, σ/peak ${level}: ${where}`,
      caption:
        'Standard deviation of single pixels over σ, by the Jacobian at the image without noise and by replicas; dashed: equal.',
      xLabel: 'sd / σ of the replicas',
      yLabel: 'sd / σ by the Jacobian',
      xScale: 'linear',
      yScale: 'linear',
      series: [...series, { name: 'equal', x: [0, end], y: [0, end], style: 'dashed' }],
    };
  });
  return [
    {
      id: `ratio-${id}`,
      title: `Jacobian over replicas: ${where}`,
      caption:
        'Median over pixels of the standard deviation by the Jacobian over that of replicas; dashed: linearised at k-space with the noise of one measurement.',
      ...scales,
      yLabel: 'median of sd / sd',
      series: linearisationPoints.flatMap((point) =>
        regionNames.map((region) =>
          along(
            `${region}, ${point} point`,
            (level) => noiseKeys.agreement(level, point, region, 'median ratio'),
            { group: region, style: point === 'clean' ? 'line' : 'dashed' },
          ),
        ),
      ),
    },
    {
      id: `errors-${id}`,
      title: `Bias and noise: ${where}`,
      caption:
        'Medians over the object in units of σ. Bias is the mean of the replicas minus the image without noise: what noise does, not what is missing without it.',
      ...scales,
      yLabel: 'median over σ',
      series: (['RMSE / σ', 'sd / σ', '|bias| / σ'] as const).map((name) =>
        along(name, (level) => noiseKeys.error(level, name)),
      ),
    },
    ...scattered,
  ];
}

/** What the source's slides say, and whether the measurement says the same. */
export function claims(group: Group, levels: readonly number[]): string[] {
  const where = nameOf(group);
  const [lowest, highest] = [levels[0], levels[levels.length - 1]];
  const clean = (level: number, region: Region, name: 'median ratio' | 'relative difference') =>
    meanOf(group, noiseKeys.agreement(level, 'clean', region, name));
  const verdict = (agrees: boolean): string => (agrees ? 'ours agrees' : 'ours does not agree');
  const differences = [lowest, highest].map((level) => clean(level, 'object', 'relative difference'));
  const outliers = regionNames.map((region) => clean(highest, region, 'relative difference'));
  const [inObject, ...elsewhere] = outliers;
  const ratios = levels.map((level) => clean(level, 'object', 'median ratio'));
  const biases = levels.map((level) => level * meanOf(group, noiseKeys.error(level, '|bias| / σ')));
  const shares = levels.map((level) =>
    meanOf(group, noiseKeys.error(level, 'share of pixels with |bias| below sd')),
  );
  return [
    `${where}. Result 2 says that Jacobian and Monte Carlo agree, less so at higher noise: ${verdict(differences[1] > differences[0])}, ${percent(differences[0])} apart at σ/peak ${lowest} and ${percent(differences[1])} at ${highest}.`,
    `${where}. Result 2 says that outliers lie mostly in the background and the ventricles: ${verdict(Math.max(...elsewhere) > inObject)}, at σ/peak ${highest} the maps differ by ${regionNames.map((region, i) => `${percent(outliers[i])} (${region})`).join(', ')}.`,
    `${where}. Result 3 says that the Jacobian tends to underestimate noise: ${verdict(ratios.every((ratio) => ratio < 1))}, its median ratio in the object is ${ratios.map((ratio, l) => `${(100 * (ratio - 1)).toFixed(1)} % off at ${levels[l]}`).join(', ')}.`,
    `${where}. Result 4 says that bias grows with the noise and stays below the RMSE: ${verdict(biases.every((bias, l) => l === 0 || bias > biases[l - 1]) && Math.min(...shares) > 0.5)}, |bias| is below the standard deviation at ${percent(Math.min(...shares))} of the pixels of the object or more.`,
  ];
}

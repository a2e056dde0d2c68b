/**
 * Degrees of the Padé operator: every [p/q] at equal cost, which is the number p + q of applications of L, Taylor sums [n/0]
 * among them, with the learned stand-in for the inverse of the denominator and with the exact inverse.
 */
import { z } from 'zod';
import { kdvDataset } from '../../../datasets/kdv.ts';
import { getOperator, LARGEST_DEGREE, padeCoefficients } from '../../operators/index.ts';
import {
  noiseOfDifference,
  type Check,
  type Figure,
  type JobResult,
  type ResultRow,
} from '../../runs/index.ts';
import { seedList } from '../lists.ts';
import {
  fineGrid,
  linearPropagator,
  modelFields,
  operatorBenchmark,
  resolutionList,
  sampleFields,
} from '../operatorBenchmark.ts';
import { groupBy, meanOf } from '../statistics.ts';
import { trainingFields } from '../trainingSettings.ts';

const DEGREES = /^(\d{1,2})\/(\d{1,2})$/;

/** p and q of an entry of --degrees; null where it is none that the operator takes. */
function degreesOf(text: string): { readonly p: number; readonly q: number } | null {
  const [, p, q] = (DEGREES.exec(text) ?? []).map(Number);
  return p >= 1 && p <= LARGEST_DEGREE && q <= LARGEST_DEGREE ? { p, q } : null;
}

const configuration = z.strictObject({
  degrees: z
    .array(
      z
        .string()
        .refine(
          (text) => degreesOf(text) !== null,
          `expected p/q, as 4/2, p from 1 and q from 0 to ${LARGEST_DEGREE}`,
        ),
    )
    .min(1)
    .describe('degrees p/q of numerator and denominator; q = 0 is a Taylor sum'),
  denominators: z
    .array(z.enum(['learned', 'exact']))
    .min(1)
    .default(['learned', 'exact'])
    .describe('what inverts the denominator; without one (q = 0) there is nothing to invert'),
  baselines: modelFields.baselines,
  resolutions: resolutionList,
  seeds: seedList(),
  channels: z.int().min(1).default(16).describe('channels of the operator; a block is 4 times as wide'),
  recipe: z.enum(['paper', 'nonlinear']).default('paper').describe('of the KdV data set'),
  ...sampleFields,
  fine: fineGrid(1024),
  ...trainingFields,
});
type Configuration = z.output<typeof configuration>;

interface Variant {
  readonly p: number;
  readonly q: number;
  readonly denominator: 'learned' | 'exact';
}

const MODEL = /^pade \[(\d+)\/(\d+)\]( exact)?$/;

const nameOf = ({ p, q, denominator }: Variant): string =>
  `pade [${p}/${q}]${denominator === 'exact' ? ' exact' : ''}`;

/** The variant of a model's name; null for other models. */
function variantOf(model: string): Variant | null {
  const match = MODEL.exec(model);
  return match
    ? { p: Number(match[1]), q: Number(match[2]), denominator: match[3] ? 'exact' : 'learned' }
    : null;
}

const modelsOf = ({ degrees, denominators }: Configuration): string[] => {
  const variants = degrees.flatMap((text): Variant[] => {
    const pair = degreesOf(text);
    if (!pair) return [];
    return pair.q === 0
      ? [{ ...pair, denominator: 'learned' }]
      : denominators.map((denominator) => ({ ...pair, denominator }));
  });
  return [...new Set(variants.map(nameOf))];
};

const titleOf = ({ p, q, denominator }: Variant): string =>
  `${q === 0 ? 'Taylor' : denominator === 'exact' ? 'Padé, exact inverse' : 'Padé, learned inverse'}, ${p + q} applications of L`;

/** All splits of n applications into p + q, the Taylor sum first. */
const splitsOf = (n: number): string[] => Array.from({ length: n }, (_, q) => `${n - q}/${q}`);

/** max |[p/q](z) − e^z| on the circle |z| = r. */
export function approximationError({ p, q }: Pick<Variant, 'p' | 'q'>, r: number): number {
  const { a, b } = padeCoefficients(p, q);
  const points = 90;
  let largest = 0;
  for (let j = 0; j <= points; j++) {
    const angle = (Math.PI * j) / points;
    const [x, y] = [r * Math.cos(angle), r * Math.sin(angle)];
    const evaluate = (coefficients: readonly number[]): [number, number] =>
      coefficients.reduceRight<[number, number]>(
        ([re, im], c) => [re * x - im * y + c, re * y + im * x],
        [0, 0],
      );
    const [n, m] = evaluate(a);
    const [c, d] = evaluate(b);
    const size = c * c + d * d;
    const difference = [
      (n * c + m * d) / size - Math.exp(x) * Math.cos(y),
      (m * c - n * d) / size - Math.exp(x) * Math.sin(y),
    ];
    largest = Math.max(largest, Math.hypot(...difference));
  }
  return largest;
}

interface Measured extends Variant {
  readonly mean: number;
  readonly std: number | null;
  readonly n: number;
}

const measuredOf = (rows: readonly ResultRow[]): Measured[] =>
  rows.flatMap(({ model, mean, std, n }) => {
    const variant = variantOf(model);
    return variant && mean !== null ? [{ ...variant, mean, std, n }] : [];
  });

const kinds: readonly { name: string; of: (variant: Variant) => boolean }[] = [
  { name: 'Taylor [n/0]', of: ({ q }) => q === 0 },
  { name: 'Padé, learned inverse', of: ({ q, denominator }) => q > 0 && denominator === 'learned' },
  { name: 'Padé, exact inverse', of: ({ q, denominator }) => q > 0 && denominator === 'exact' },
];

/** Test error over the applications of L; of the splits of one kind, the one with the lowest error. */
function errorFigure(rows: readonly ResultRow[], resolution: string): Figure {
  const all = measuredOf(rows);
  const series = kinds.flatMap(({ name, of }): Figure['series'] => {
    const best = groupBy(all.filter(of), ({ p, q }) => String(p + q))
      .map((group) => group.reduce((low, one) => (one.mean < low.mean ? one : low)))
      .sort((a, b) => a.p + a.q - b.p - b.q);
    if (!best.length) return [];
    return [
      {
        name,
        x: best.map(({ p, q }) => p + q),
        y: best.map(({ mean }) => mean),
        band: best.map(({ std }) => std ?? 0),
        style: 'line',
      },
    ];
  });
  return {
    id: `pade-degrees-${resolution}`,
    title: `Test error at equal cost, s = ${resolution}`,
    caption:
      'Of all splits p + q = n of one kind the one with the lowest test error, a choice that favours kinds with more splits; bands are one standard deviation over seeds.',
    xLabel: 'applications of L',
    yLabel: 'relative L2 error',
    xScale: 'linear',
    yScale: 'log',
    series,
  };
}

/** What the rational functions themselves do: no training is in it. */
function approximationFigure(rows: readonly ResultRow[]): Figure {
  const pairs = groupBy(measuredOf(rows), ({ p, q }) => `${p}/${q}`).map(([first]) => first);
  const most = Math.max(0, ...pairs.map(({ p, q }) => p + q));
  const radii = Array.from({ length: 25 }, (_, i) => 0.1 * 30 ** (i / 24));
  return {
    id: 'pade-approximation',
    title: `How near [p/q] comes to the exponential, p + q = ${most}`,
    caption: 'Largest |[p/q](z) − e^z| on the circle |z| = r; r plays the part of ‖L‖.',
    xLabel: 'r',
    yLabel: 'largest error',
    xScale: 'log',
    yScale: 'log',
    series: pairs
      .filter(({ p, q }) => p + q === most)
      .map((pair) => ({
        name: `[${pair.p}/${pair.q}]`,
        x: radii,
        y: radii.map((r) => approximationError(pair, r)),
        style: pair.q === 0 ? 'dashed' : 'line',
      })),
  };
}

/** Whether seeds are enough for a spread, without which an order of two models is no claim. */
const canJudge = ({ n }: Measured): boolean => n >= 2;

/** Mean validation error of a model at one resolution; NaN where a job has none. */
const validationOf = (finished: readonly JobResult[], model: string, resolution: unknown): number =>
  meanOf(
    finished.filter(({ config }) => config.model === model && config.condition['resolution'] === resolution),
    ({ best }) => best?.validation ?? NaN,
  );

/**
 * The claim of the source at every cost and resolution: Padé, of its splits the one that validation samples choose, is before the one
 * Taylor sum of that cost by more than the noise between seeds.
 */
const checksOf = (rows: readonly ResultRow[], _: Configuration, finished: readonly JobResult[]): Check[] =>
  groupBy(rows, ({ condition }) => String(condition['resolution'])).flatMap((atOne) =>
    groupBy(measuredOf(atOne), ({ p, q }) => String(p + q)).flatMap((group): Check[] => {
      const { resolution } = atOne[0].condition;
      const taylor = group.find(({ q }) => q === 0);
      const [pade] = group
        .filter(({ q, denominator }) => q > 0 && denominator === 'learned')
        .map((one) => ({ ...one, validation: validationOf(finished, nameOf(one), resolution) }))
        .filter(({ validation }) => Number.isFinite(validation))
        .sort((a, b) => a.validation - b.validation);
      if (!taylor || !pade || ![taylor, pade].every(canJudge)) return [];
      const limit = taylor.mean - noiseOfDifference(taylor, pade);
      return [
        {
          name: `s = ${resolution}, ${taylor.p} applications of L: ${nameOf(pade)}, chosen on validation, before Taylor`,
          value: pade.mean,
          limit: `< ${limit.toPrecision(3)} (${nameOf(taylor)} less the noise between seeds)`,
          holds: pade.mean < limit,
        },
      ];
    }),
  );

export default operatorBenchmark('pade-degrees', {
  title: 'Degrees of the Padé operator: Taylor and Padé at equal cost, learned and exact inverse',
  source:
    'Gupta, Xiao, Balan and Bogdan 2022 (ICLR): the ablation of p and q is described without numbers; no value is quoted',
  configuration,
  axes: ['degrees', 'denominators', 'baselines', 'resolutions', 'seeds'],
  presets: {
    quick: {
      description:
        'two and four applications of L, a narrow operator, few samples and epochs; about two minutes',
      values: {
        degrees: [...splitsOf(2), '4/0', '3/1', '2/2'],
        resolutions: [64],
        channels: 4,
        train: 100,
        validation: 20,
        test: 40,
        epochs: 20,
        halveEvery: 10,
      },
    },
    paper: {
      description: 'two, four, six and eight applications of L in every split, at the published width; days',
      values: {
        degrees: [2, 4, 6, 8].flatMap(splitsOf),
        resolutions: [64],
        seeds: [0, 1, 2],
        fine: 8192,
      },
    },
  },
  check({ resolutions, fine }) {
    for (const resolution of resolutions) {
      if (fine % resolution === 0) continue;
      throw new Error(
        `--resolutions: got ${resolution}, expected divisors of the fine grid of ${fine} points (--fine)`,
      );
    }
  },
  models: modelsOf,
  baselines: ({ baselines }) => baselines,
  operatorOptions: ({ channels }, model) => ({ ...variantOf(model), degrees: 'full', channels }),
  operator(model, options) {
    const variant = variantOf(model);
    if (!variant) throw new Error(`model '${model}': expected a name as 'pade [4/2]' or 'pade [4/2] exact'`);
    return { ...getOperator('pade', options), name: model, title: titleOf(variant) };
  },
  cases: ({ resolutions, recipe, ...config }) => {
    const { train, validation, test, fine, dataSeed: seed } = config;
    return resolutions.map((resolution) => ({
      condition: { resolution, recipe },
      data: { recipe, train, validation, test, fine, seed },
      label: `s = ${resolution}`,
    }));
  },
  pairs: (data, { resolution }) => ({ dataset: kdvDataset, options: { ...data, resolution } }),
  labels: ({ recipe }) => (recipe === 'paper' ? 'released' : 'converged'),
  propagator: (_, { recipe }) =>
    linearPropagator('kdv', { dispersion: recipe === 'paper' ? 1 : 0.01 }, { length: 1, time: 1 }),
  checks: checksOf,
  notes: ({ seeds, validation }) => [
    ...(seeds.length < 2
      ? ['Whether Padé comes before Taylor is not judged: with one seed no order is a claim.']
      : []),
    ...(validation === 0
      ? [
          'Whether Padé comes before Taylor is not judged: without validation samples nothing chooses the split.',
        ]
      : []),
    'Cost is counted in applications of L, p + q. The exact inverse costs more than that: it inverts a matrix for every mode.',
    'Sums end at p and q, as in the paper. The published code ends them one degree earlier; its “[4/2]” is compared in the experiment kdv (models pade and pade-full).',
  ],
  figures: (_, rows) => [
    ...groupBy(rows, ({ condition }) => String(condition['resolution'])).map((group) =>
      errorFigure(group, String(group[0].condition['resolution'])),
    ),
    approximationFigure(rows),
  ],
});

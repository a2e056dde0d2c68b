/**
 * Estimators of the log-determinant of a residual layer, log det(I + J) for a random J of known spectral norm, against the exact value:
 * bias and deviation of the power series cut off after n terms and of the Russian roulette, with Gaussian and with ±1 probes.
 */
import { z } from 'zod';
import {
  logAbsDet,
  plusIdentity,
  reachableTerms,
  rouletteWeights,
  seriesEstimate,
  spectralNorm,
  truncatedWeights,
} from '../../flows/index.ts';
import type { Figure, JobResult } from '../../runs/index.ts';
import {
  array,
  compile,
  expandDims,
  matmul,
  specsOf,
  type NDArray,
  type Tensor,
} from '../../tensor/index.ts';
import { foldIn, key, normal, uniform, type Key } from '../../tensor/random.ts';
import { experiment, type JobConfig, type JobContext, type JobOutput } from '../experiment.ts';
import { seedList } from '../lists.ts';
import { bySeeds, rowOfSeeds } from '../resultRows.ts';
import { groupBy, meanAndDeviation } from '../statistics.ts';

const probeNames = ['rademacher', 'gaussian'] as const;

const configuration = z.strictObject({
  norms: z
    .array(z.number().gt(0).lt(1))
    .min(1)
    .default([0.5, 0.7, 0.9, 0.97])
    .describe('spectral norms of the Jacobian of the residual branch'),
  terms: z
    .array(z.int().min(1))
    .default([1, 2, 4, 8, 16])
    .describe('terms after which a power series is cut off'),
  probes: z
    .array(z.enum(probeNames))
    .min(1)
    .default([...probeNames])
    .describe('random vectors: ±1 or normal'),
  seeds: seedList('the matrices and of the draws'),
  dimension: z.int().min(1).max(16).default(8).describe('entries of a sample'),
  draws: z.int().min(100).default(20_000).describe('estimates a row'),
  exactTerms: z.int().min(1).default(2).describe('terms that the roulette always sums'),
  stop: z.number().gt(0).lt(1).default(0.5).describe('probability that the roulette stops after a term'),
});
type Configuration = z.output<typeof configuration>;

const { dimension, draws, exactTerms, stop } = configuration.shape;
const optionsSchema = z.object({ dimension, draws, exactTerms, stop });
const conditionSchema = z.object({ norm: z.number(), probes: z.enum(probeNames) });

const ROULETTE = 'russian-roulette';
const seriesName = (terms: number): string => `power-series-${terms}`;
/** The roulette has at least so many terms: at stop ½ it reaches the last once in 10¹⁷. */
const LEAST_TERMS = 60;

const BIAS = 'bias';
const BIAS_ERROR = 'standard error of the bias';
const METRIC = 'deviation of one estimate, nats';
const BIAS_METRIC = '|bias|, nats';

function jobs(config: Configuration): JobConfig[] {
  const options = optionsSchema.parse(config);
  const models = [ROULETTE, ...config.terms.map(seriesName)];
  return config.norms.flatMap((norm) =>
    config.probes.flatMap((probes) =>
      models.flatMap((model) =>
        config.seeds.map((seed) => ({ model, condition: { norm, probes }, seed, options })),
      ),
    ),
  );
}

/** A random matrix `[d, d]` of normal numbers, scaled to a spectral norm. */
function randomJacobian(at: Key, d: number, norm: number): NDArray {
  const entries = normal(at, d * d);
  const by = norm / spectralNorm({ data: entries, shape: [d, d] });
  return array(
    entries.map((v) => by * v),
    [d, d],
  );
}

const drawProbes = (kind: (typeof probeNames)[number], at: Key, count: number): Float64Array =>
  kind === 'gaussian' ? normal(at, count) : uniform(at, count).map((u) => (u < 0.5 ? -1 : 1));

async function runJob({ config, threads, engine }: JobContext): Promise<JobOutput> {
  const { norm, probes } = conditionSchema.parse(config.condition);
  const { dimension: d, draws: n, exactTerms: exact, stop: p } = optionsSchema.parse(config.options);
  const began = performance.now();
  const root = key(config.seed);
  const J = randomJacobian(foldIn(root, 0), d, norm);
  const v = array(drawProbes(probes, foldIn(root, 1), n * d), [n, d]);
  const u = array(uniform(foldIn(root, 2), n), [n]);
  const terms = config.model === ROULETTE ? null : Number(/\d+$/.exec(config.model)?.[0]);
  const estimator = (a: Tensor, probe: Tensor, chance: Tensor) => ({
    estimate: seriesEstimate(
      (w) => matmul(w, a),
      probe,
      terms === null
        ? rouletteWeights(chance, {
            exact,
            stop: p,
            terms: Math.max(LEAST_TERMS, reachableTerms({ exact, stop: p })),
          })
        : truncatedWeights({ terms }),
    ),
    exact: logAbsDet(plusIdentity(expandDims(a, 0))),
  });
  const program = await compile(estimator, [specsOf(J), specsOf(v), specsOf(u)], {
    dtype: 'float64',
    threads,
    engine,
  });
  const { estimate, exact: truth } = await program.run([J, v, u]);
  await program.dispose();
  const { mean, std } = meanAndDeviation(Array.from(estimate.data));
  const bias = (mean ?? NaN) - truth.data[0];
  return {
    result: {
      metric: METRIC,
      value: std ?? 0,
      best: null,
      parameters: 0,
      seconds: (performance.now() - began) / 1000,
      inferenceMilliseconds: null,
      samples: [],
      extra: { [BIAS]: bias, [BIAS_ERROR]: (std ?? 0) / Math.sqrt(n) },
    },
    arrays: null,
  };
}

/** The signed bias and how much of it is chance. */
const noteOf = (results: readonly JobResult[]): string =>
  results
    .map(({ extra }) => `bias ${extra[BIAS].toPrecision(2)} ± ${extra[BIAS_ERROR].toPrecision(2)}`)
    .join('; ');

const absoluteBias = ({ extra }: JobResult): number => Math.abs(extra[BIAS]);

function figureOf(
  finished: readonly JobResult[],
  probes: string,
  metric: string,
  valueOf: (result: JobResult) => number,
): Figure {
  const own = finished.filter(({ config }) => config.condition['probes'] === probes);
  return {
    id: `${metric === METRIC ? 'deviation' : 'bias'}-${probes}`,
    title: `${metric}: ${probes} probes`,
    caption: 'Mean over the seeds against the spectral norm of the Jacobian.',
    xLabel: 'spectral norm',
    yLabel: metric,
    xScale: 'linear',
    yScale: 'log',
    series: groupBy(own, ({ config }) => config.model).map((group) => {
      const byNorm = groupBy(group, ({ config }) => String(config.condition['norm']));
      return {
        name: group[0].config.model,
        x: byNorm.map(([{ config }]) => Number(config.condition['norm'])),
        y: byNorm.map((same) => meanAndDeviation(same.map(valueOf)).mean ?? NaN),
        style: 'line' as const,
      };
    }),
  };
}

export default experiment('residual-estimator', {
  title: 'Estimators of the log-determinant of residual layers',
  source: 'Chen, Behrmann, Duvenaud and Jacobsen 2019 (Residual flows); the article states no such numbers',
  configuration,
  axes: ['norms', 'terms', 'probes', 'seeds'],
  presets: {
    quick: {
      description: 'two norms, 4000 draws, half a minute',
      values: { norms: [0.5, 0.9], terms: [2, 8], draws: 4000 },
    },
    paper: { description: '20 000 draws, five seeds; minutes', values: { seeds: [0, 1, 2, 3, 4] } },
  },
  jobs,
  runJob,
  summarize(finished) {
    const rowsOf = (metric: string, valueOf: (result: JobResult) => number) =>
      bySeeds(finished).map((group) => ({
        ...rowOfSeeds(group, metric, valueOf, { note: noteOf(group) }),
        // Nothing is trained.
        parameters: null,
        seconds: null,
      }));
    const roulette = finished.filter(({ config }) => config.model === ROULETTE);
    const scores = roulette.map(({ extra }) => Math.abs(extra[BIAS]) / extra[BIAS_ERROR]);
    const worst = Math.max(0, ...scores);
    // The largest of many normal scores: 4 alone is passed by one in 16 000.
    return {
      rows: [...rowsOf(METRIC, ({ value }) => value), ...rowsOf(BIAS_METRIC, absoluteBias)],
      checks: roulette.length
        ? [
            {
              name: 'Russian roulette: largest |bias| in standard errors',
              value: worst,
              limit: '≤ 4: unbiased',
              holds: worst <= 4,
            },
          ]
        : [],
      notes: [
        'The deviation is that of one estimate; the mean of n has 1/√n of it. An evaluation to 0.05 nat needs about a thousand draws a sample.',
        '|bias| of an unbiased estimator is not 0 here but of the size of its standard error, deviation / √draws.',
      ],
      figures: probeNames.flatMap((probes) =>
        finished.some(({ config }) => config.condition['probes'] === probes)
          ? [
              figureOf(finished, probes, METRIC, ({ value }) => value),
              figureOf(finished, probes, BIAS_METRIC, absoluteBias),
            ]
          : [],
      ),
    };
  },
});

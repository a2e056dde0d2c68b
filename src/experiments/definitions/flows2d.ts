/**
 * Every flow on every set of the plane: the negative log-likelihood of held-out samples beside the entropy of the set, the least that any
 * model can reach; density pictures; samples.
 */
import { z } from 'zod';
import { npy } from '../../../datasets/npy.ts';
import type { NpzArrays } from '../../../datasets/npz.ts';
import { planeSplits } from '../../../datasets/samples.ts';
import { getPlaneSet, pictureGrid, planeSets, type PlaneSet } from '../../../datasets/toy2d.ts';
import { logProb, sample, type Density } from '../../flows/index.ts';
import { array } from '../../tensor/index.ts';
import type { Check, Figure, JobResult } from '../../runs/index.ts';
import { experiment, type JobConfig } from '../experiment.ts';
import {
  exportLogProb,
  flowDomain,
  flowFields,
  flowJobs,
  flowModelNames,
  flowSettings,
  NLL_METRIC,
  requireEstimate,
  trainableDensity,
  trainFlow,
} from '../flowTask.ts';
import { gaussianNll } from '../gaussianBaseline.ts';
import { latentGridCurves, latentGridOf } from '../latentGrid.ts';
import { seedList } from '../lists.ts';
import { bySeeds, fixedRow, limitRow, rowOfSeeds } from '../resultRows.ts';
import { groupBy, mean } from '../statistics.ts';

const setNames = planeSets.map(({ name }) => name);

const configuration = z.strictObject({
  models: z.array(z.enum(flowModelNames)).min(1).describe('flows to train'),
  sets: z.array(z.enum(setNames)).min(1).default(setNames).describe('sets of the plane'),
  seeds: seedList(),
  samples: z.int().min(100).default(20_000).describe('training samples'),
  ...flowFields,
});
type Configuration = z.output<typeof configuration>;

const ENTROPY = 'entropy';
const EXCESS_METRIC = 'negative log-likelihood less that of the true density on the same samples, nats';
const EXCESS = 'nats above the true density';
const EXCESS_ERROR = 'standard error of nats above the true density';

/** How near to the entropy the best model must come on a set, in nats; other sets have no limit. */
const within: Readonly<Record<string, number>> = {
  moons: 0.05,
  'moons-sharp': 0.05,
  circles: 0.05,
  blobs: 0.02,
};

/** Points of a density picture along an axis, and samples drawn in a figure. */
const PICTURE = 96;
const DRAWN = 1000;

const domain = flowDomain.parse({ shape: [2], context: 0 });

function jobs(config: Configuration): JobConfig[] {
  const settings = flowSettings.parse(config);
  return flowJobs(config, { domain, settings, samples: config.samples });
}

const axesOf = ({ picture: { x, y } }: PlaneSet) => ({
  x: { label: 'x₁', extent: pair(x) },
  y: { label: 'x₂', extent: pair(y) },
  quantity: 'density',
});
const pair = ([low, high]: readonly [number, number]): [number, number] => [low, high];

/** True density and the model's as pictures. */
async function picture(set: PlaneSet, model: Density, parameters: unknown): Promise<NpzArrays> {
  const points = pictureGrid(set, PICTURE);
  const own = await logProb(model, parameters, array(points, [PICTURE * PICTURE, 2]), {}, { threads: 1 });
  const image = (logs: ArrayLike<number>) => npy(Float32Array.from(logs, Math.exp), [1, PICTURE, PICTURE]);
  return { truth: image(set.logDensity(points)), prediction: image(own.data) };
}

const titleOf = (set: string): string => getPlaneSet(set).title;

/** Samples of the set and of each model, a panel each; what lies beyond the picture is counted. */
function samplesFigure(group: readonly JobResult[]): Figure {
  const set = getPlaneSet(String(group[0].config.condition['set']));
  const { x: across, y: along } = set.picture;
  const within = (value: number, [low, high]: readonly [number, number]): boolean =>
    value >= low && value <= high;
  const seriesOf = (name: string, x: readonly number[], y: readonly number[]): Figure['series'][number] => {
    const shown = x.flatMap((value, i) => (within(value, across) && within(y[i], along) ? [i] : []));
    const outside = x.length - shown.length;
    return {
      name,
      panel: outside ? `${name} (${outside} outside)` : name,
      x: shown.map((i) => x[i]),
      y: shown.map((i) => y[i]),
      style: 'points',
    };
  };
  const truth = Array.from(set.sample(4, DRAWN));
  const first = groupBy(group, ({ config }) => config.model).map(([result]) => result);
  return {
    id: `samples-${set.name}`,
    title: `Samples: ${set.title}`,
    caption: `${DRAWN} samples of the set and of each model, of the first seed, on the same axes; "outside" are those beyond the picture.`,
    xLabel: 'x₁',
    yLabel: 'x₂',
    xScale: 'linear',
    yScale: 'linear',
    series: [
      seriesOf(
        'truth',
        truth.filter((_, i) => i % 2 === 0),
        truth.filter((_, i) => i % 2 === 1),
      ),
      ...first.map(({ config, curves }) => seriesOf(config.model, curves?.['x'] ?? [], curves?.['y'] ?? [])),
    ],
  };
}

/** The latent plane in the plane of the data, a panel for each model that has one map between them. */
function gridFigures(group: readonly JobResult[]): Figure[] {
  const set = String(group[0].config.condition['set']);
  const series = groupBy(group, ({ config }) => config.model).flatMap(([{ config, curves }]) => {
    const grid = latentGridOf(curves);
    return grid ? [{ name: config.model, panel: config.model, ...grid, style: 'line' as const }] : [];
  });
  if (!series.length) return [];
  return [
    {
      id: `latent-grid-${set}`,
      title: `Latent grid: ${titleOf(set)}`,
      caption:
        'Lines at every half of a unit of the standard normal latent, up to two, as each model maps them to data, of the first seed: narrow cells are dense, long thin ones are what a continuous map pays for gaps in the data.',
      xLabel: 'x₁',
      yLabel: 'x₂',
      xScale: 'linear',
      yScale: 'linear',
      series,
    },
  ];
}

/** The best model of a set by its mean over the seeds. */
function checksOf(finished: readonly JobResult[]): Check[] {
  return groupBy(finished, ({ config }) => String(config.condition['set'])).flatMap((group): Check[] => {
    const set = String(group[0].config.condition['set']);
    const excess = ({ extra }: JobResult): number => extra[EXCESS];
    const byModel = groupBy(group, ({ config }) => config.model).map((own) => ({
      model: own[0].config.model,
      value: mean(own.map(excess)),
    }));
    const best = byModel.reduce((a, b) => (b.value < a.value ? b : a));
    const least = group.reduce((a, b) =>
      excess(b) + 3 * b.extra[EXCESS_ERROR] < excess(a) + 3 * a.extra[EXCESS_ERROR] ? b : a,
    );
    const beaten = excess(least) + 3 * least.extra[EXCESS_ERROR];
    return [
      ...(Object.hasOwn(within, set)
        ? [
            {
              name: `${titleOf(set)}: best model (${best.model}), nats above the true density`,
              value: best.value,
              limit: `≤ ${within[set]}`,
              holds: best.value <= within[set],
            },
          ]
        : []),
      {
        name: `${titleOf(set)}: no model is above the true density, least difference + 3 standard errors`,
        value: beaten,
        limit: '≥ 0',
        holds: beaten >= 0,
      },
    ];
  });
}

export default experiment('flows-2d', {
  title: 'Normalizing flows on sets of the plane',
  source: 'none; the entropies of the sets are exact',
  configuration,
  axes: ['models', 'sets', 'seeds'],
  presets: {
    quick: {
      description: 'two small flows on moons, a minute',
      values: {
        models: ['real-nvp', 'nsf'],
        sets: ['moons'],
        samples: 10_000,
        epochs: 25,
        blocks: 4,
        hidden: [32, 32],
        learningRate: 5e-3,
      },
    },
    paper: {
      description: 'every model on every set, one seed; two and a half hours of one core',
      values: { models: flowModelNames, epochs: 150 },
    },
  },
  check: requireEstimate,
  jobs,
  async runJob(context) {
    const { model: name, condition, options } = context.config;
    const settings = flowSettings.parse(options['settings']);
    const set = getPlaneSet(String(condition['set']));
    const splits = planeSplits(set.name, z.int().parse(options['samples']));
    const model = trainableDensity(name, domain, settings);
    return trainFlow(model, splits, settings, context, async (parameters, logDensities) => {
      const truth = set.logDensity(splits.test.x.data);
      const differences = truth.map((value, i) => value - logDensities.data[i]);
      const above = mean(differences);
      const n = differences.length;
      const variance = mean(differences.map((value) => (value - above) ** 2));
      const { data } = await sample(model, parameters, { n: DRAWN, seed: 1 }, { threads: context.threads });
      const column = (j: number): number[] =>
        Array.from({ length: DRAWN }, (_, i) => Number(data[2 * i + j].toPrecision(4)));
      return {
        extra: { [EXCESS]: above, [EXCESS_ERROR]: Math.sqrt(variance / n) },
        arrays: await picture(set, model, parameters),
        samples: ['density'],
        axes: axesOf(set),
        curves: {
          x: column(0),
          y: column(1),
          ...(await latentGridCurves(model, parameters, { threads: context.threads })),
        },
      };
    });
  },
  exportRun: exportLogProb,
  summarize(finished) {
    const bySet = groupBy(finished, ({ config }) => String(config.condition['set']));
    const cells = bySet.flatMap(bySeeds);
    const gaussians = bySet.map(([{ config }]) => {
      const set = String(config.condition['set']);
      const { train, test } = planeSplits(set, z.int().parse(config.options['samples']));
      const row = (metric: string, of: number) => fixedRow('best Gaussian', config.condition, metric, of);
      const { value } = gaussianNll(train.x, test.x);
      const truth = -mean(getPlaneSet(set).logDensity(test.x.data));
      return { likelihood: row(NLL_METRIC, value), excess: row(EXCESS_METRIC, value - truth) };
    });
    const floors = bySet.map(([{ config }]) =>
      limitRow(
        ENTROPY,
        config.condition,
        NLL_METRIC,
        getPlaneSet(String(config.condition['set'])).entropy(),
        'of the set itself, by quadrature: what a perfect model reaches on average',
      ),
    );
    return {
      rows: [
        ...cells.map((cell) => rowOfSeeds(cell, NLL_METRIC, ({ value }) => value)),
        ...gaussians.map(({ likelihood }) => likelihood),
        ...floors,
        ...cells.map((cell) => rowOfSeeds(cell, EXCESS_METRIC, ({ extra }) => extra[EXCESS])),
        ...gaussians.map(({ excess }) => excess),
      ],
      checks: checksOf(finished),
      notes: [
        'Differences to the true density are taken sample by sample, which removes most of the chance in the test samples: they estimate the Kullback–Leibler divergence from the set to the model.',
        'Pictures show densities, not logarithms; the true one stands beside each.',
      ],
      figures: bySet.flatMap((group) => [samplesFigure(group), ...gridFigures(group)]),
    };
  },
});

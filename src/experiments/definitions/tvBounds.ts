/**
 * How far flows must stay from sets of the plane: lower bounds of the total variation from Lipschitz constants. For each set: the bound of
 * every flow with a given constant, and for a trained residual flow its own bounds, from certified constants (a product over layers) and
 * from empirical ones (the largest slopes among samples), beside the total variation measured on a grid.
 */
import { z } from 'zod';
import { planeSplits } from '../../../datasets/samples.ts';
import { getPlaneSet, pictureGrid, planeSets, type PlaneSet } from '../../../datasets/toy2d.ts';
import {
  bestDenseBound,
  bestSparseBound,
  certifiedConstants,
  empiricalConstants,
  gaussianDenseBound,
  isFlow,
  logProb,
  standardizedSubset,
  toData,
  type Flow,
  type FlowParameters,
  type LipschitzConstants,
} from '../../flows/index.ts';
import { array } from '../../tensor/index.ts';
import type { Check } from '../../runs/index.ts';
import { experiment, type JobConfig } from '../experiment.ts';
import { flowDomain, flowFields, flowJobs, flowSettings, trainableDensity, trainFlow } from '../flowTask.ts';
import { seedList } from '../lists.ts';
import { bySeeds, rowOfSeeds } from '../resultRows.ts';
import { groupBy } from '../statistics.ts';

const setNames = planeSets.map(({ name }) => name);

/** Models of whose every layer a constant is known. */
const boundedModels = ['residual-flow', 'nice'] as const;

const configuration = z.strictObject({
  models: z.array(z.enum(boundedModels)).min(1).describe('flows to train; all their layers are Lipschitz'),
  sets: z.array(z.enum(setNames)).min(1).default(setNames).describe('sets of the plane'),
  seeds: seedList(),
  constants: z
    .array(z.number().positive())
    .min(1)
    .default([0.5, 1, 2, 3, 5, 10, 20])
    .describe('Lipschitz constants for the bound of every flow'),
  samples: z.int().min(100).default(10_000).describe('training samples'),
  ...flowFields,
});
type Configuration = z.output<typeof configuration>;

const domain = flowDomain.parse({ shape: [2], context: 0 });

const METRIC = 'total variation to the set, on a grid';
const names = {
  certified: 'lower bound, certified constants',
  empirical: 'lower bound, empirical constants (heuristic)',
  certifiedForward: 'Lip(F), certified',
  empiricalForward: 'Lip(F), empirical',
  certifiedInverse: 'Lip(F⁻¹), certified',
  empiricalInverse: 'Lip(F⁻¹), empirical',
} as const;

/** Samples that bounds are computed from, and slopes looked at. */
const LOOKED_AT = 2000;
/** Points of the grid along an axis. */
const GRID = 300;

function jobs(config: Configuration): JobConfig[] {
  const settings = flowSettings.parse(config);
  const { constants, samples } = config;
  return flowJobs(config, { domain, settings, constants, samples });
}

/** ½ ∫ |p − q| over the box of the set, where all but a negligible part of p lies: ½ (∫ |p − q| + 1 − ∫ q). */
async function totalVariation(set: PlaneSet, flow: Flow, parameters: FlowParameters): Promise<number> {
  const { x, y } = set.picture;
  const [dx, dy] = [(x[1] - x[0]) / GRID, (y[1] - y[0]) / GRID];
  const points = pictureGrid(set, GRID);
  const truth = set.logDensity(points);
  const own = await logProb(
    flow,
    parameters,
    array(points, [GRID * GRID, 2]),
    {},
    { threads: 1, batchSize: 3000 },
  );
  let difference = 0;
  let inside = 0;
  truth.forEach((log, i) => {
    const q = Math.exp(own.data[i]);
    difference += Math.abs(Math.exp(log) - q) * dx * dy;
    inside += q * dx * dy;
  });
  return 0.5 * (difference + Math.max(0, 1 - inside));
}

/** The larger of the dense and the sparse bound. Rows `[n, 2]`, origin F⁻¹(0). */
const lowerBound = (
  rows: Float64Array,
  { forward, inverse }: LipschitzConstants,
  origin: ArrayLike<number>,
): number =>
  Math.max(bestDenseBound(rows, 2, forward).bound, bestSparseBound(rows, 2, inverse, origin).bound);

export default experiment('tv-bounds', {
  title: 'Total variation that bi-Lipschitz flows cannot avoid',
  source:
    'Verine, Negrevergne, Chevaleyre and Rossi 2022; bounds are theorems, the article prints no table of these sets',
  configuration,
  axes: ['models', 'sets', 'seeds'],
  presets: {
    quick: {
      description: 'a small residual flow on two sets, a minute',
      values: {
        models: ['residual-flow'],
        sets: ['circles', 'eight-gaussians'],
        samples: 2000,
        epochs: 6,
        blocks: 3,
        hidden: [16, 16],
      },
    },
    paper: {
      description: 'residual flow and NICE on every set; hours',
      values: { models: [...boundedModels] },
    },
  },
  jobs,
  async runJob(context) {
    const { model: name, condition, options } = context.config;
    const settings = flowSettings.parse(options['settings']);
    const set = getPlaneSet(String(condition['set']));
    const model = trainableDensity(name, domain, settings);
    if (!isFlow(model)) throw new Error(`${name} is no single flow`);
    const splits = planeSplits(set.name, z.int().parse(options['samples']));
    const output = await trainFlow(model, splits, settings, context, async (given) => {
      const parameters = given as FlowParameters;
      const { test } = splits;
      const rows = Float64Array.from(test.x.data.subarray(0, 2 * LOOKED_AT));
      const x = array(rows, [rows.length / 2, 2]);
      const { threads } = context;
      const origin = await toData(
        model,
        parameters,
        array([0, 0], [1, 2]),
        {},
        { threads, dtype: 'float64' },
      );
      const empirical = await empiricalConstants(model, parameters, x, { threads });
      const certified = certifiedConstants(model, parameters);
      if (!certified) throw new Error(`${name}: a layer has no Lipschitz constant`);
      const standard = standardizedSubset(test.x, LOOKED_AT);
      const constants = z.array(z.number()).parse(options['constants']);
      return {
        extra: {
          'total variation': await totalVariation(set, model, parameters),
          [names.certified]: lowerBound(rows, certified, origin.x.data),
          [names.empirical]: lowerBound(rows, empirical, origin.x.data),
          [names.certifiedForward]: certified.forward,
          [names.empiricalForward]: empirical.forward,
          [names.certifiedInverse]: certified.inverse,
          [names.empiricalInverse]: empirical.inverse,
        },
        curves: { constants, bounds: constants.map((l) => bestDenseBound(standard, 2, l).bound) },
      };
    });
    const { result } = output;
    return {
      ...output,
      result: { ...result, metric: METRIC, value: result.extra?.['total variation'] ?? NaN, best: null },
    };
  },
  summarize(finished) {
    const cells = bySeeds(finished);
    const excess = (key: string): number =>
      Math.max(-1, ...finished.map(({ value, extra }) => extra[key] - value));
    const checks: Check[] = [
      {
        name: 'certified bound less measured total variation, largest',
        value: excess(names.certified),
        limit: '≤ 0.01 (grid)',
        holds: excess(names.certified) <= 0.01,
      },
    ];
    const sigma = 0.5;
    const l = 1;
    return {
      rows: [
        ...cells.map((cell) => rowOfSeeds(cell, METRIC, ({ value }) => value)),
        ...Object.values(names).flatMap((name) =>
          cells.map((cell) => rowOfSeeds(cell, `${name} (neither is better)`, ({ extra }) => extra[name])),
        ),
      ],
      checks,
      notes: [
        'Certified constants are products of upper bounds of the layers: their bounds hold, and are weak. Empirical constants are the largest slopes among samples, lower estimates of the true ones: their bounds are heuristic and may exceed the truth.',
        `For N(0, σ² I) with σ = ${sigma} in the plane and L₁ = ${l} the bound has a closed form, ${gaussianDenseBound({ d: 2, sigma, lipschitz: l }).bound.toFixed(6)}.`,
      ],
      figures: [
        {
          id: 'bounds-by-constant',
          title: 'Total variation of every flow with Lip(F) ≤ L₁, at least',
          caption: `Dense bound from ${LOOKED_AT} samples of each set, standardised, with 99 % probability.`,
          xLabel: 'L₁',
          yLabel: 'lower bound of the total variation',
          xScale: 'log',
          yScale: 'linear',
          series: groupBy(finished, ({ config }) => String(config.condition['set'])).map(
            ([{ config, curves }]) => ({
              name: String(config.condition['set']),
              x: curves?.['constants'] ?? [],
              y: curves?.['bounds'] ?? [],
              style: 'line' as const,
            }),
          ),
        },
      ],
    };
  },
});

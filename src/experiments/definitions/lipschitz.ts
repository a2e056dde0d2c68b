/**
 * The Lipschitz theorem of the Padé operator on trained models: bounds and measured norms of the gradients over the degrees
 * p = q. The theorem says that the bounds do not grow with the degrees, so that gradients do not explode.
 */
import path from 'node:path';
import { z } from 'zod';
import { kdv } from '../../../datasets/kdv.ts';
import { loadParameters } from '../../nn/files.ts';
import { getOperator, lipschitzReport, type PadeBlock } from '../../operators/index.ts';
import type { Check, Figure, JobResult } from '../../runs/index.ts';
import { array, type NDArray } from '../../tensor/index.ts';
import { key, normal } from '../../tensor/random.ts';
import { experiment, type JobConfig } from '../experiment.ts';
import { trainOperator } from '../operatorTask.ts';
import { groupBy, meanAndDeviation } from '../statistics.ts';

const configuration = z.strictObject({
  degrees: z.array(z.int().min(1).max(12)).min(1).describe('degrees p = q of numerator and denominator'),
  seeds: z.array(z.int().min(0)).default([0]).describe('seeds of initial parameters and sample order'),
  resolution: z.int().min(16).default(64).describe('grid points'),
  channels: z.int().min(1).default(4).describe('channels of the operator; a block is 4 times as wide'),
  train: z.int().min(1).default(100).describe('training samples'),
  epochs: z.int().min(1).default(20).describe('passes over the training samples'),
});

const optionsSchema = configuration.pick({ resolution: true, channels: true, train: true, epochs: true });
type Options = z.infer<typeof optionsSchema>;

const METRIC = 'largest ratio of measured gradient norm to bound';

/** The gradients of the theorem: by the kernel of L, by W, by b. */
const gradients = {
  kernel: 'gradient by the kernel of L, bound (1)',
  weight: 'gradient by W, bound (2)',
  bias: 'gradient by b, bound (3)',
} as const;
type Gradient = keyof typeof gradients;
const gradientNames = Object.keys(gradients) as Gradient[];

const dataOf = ({ resolution, train }: Options) =>
  ({ recipe: 'paper', labels: 'released', fine: 1024, resolution, train, validation: 0, test: 20 }) as const;

const operatorOf = (degree: number, { channels }: Options) =>
  getOperator('pade', { p: degree, q: degree, degrees: 'full', channels });

/** What the first layer of the operator holds of the theorem's block; the three kernels lie one after the other. */
const layerSchema = z.custom<{
  layers: readonly { kernels: NDArray; maps: readonly { weight: NDArray; bias: NDArray }[] }[];
}>((value) => typeof value === 'object' && value !== null && 'layers' in value);

/** The block of the kernel A in the first layer. */
function firstBlock(parameters: unknown): PadeBlock {
  const [{ kernels, maps }] = layerSchema.parse(parameters).layers;
  const [rows, width, columns] = kernels.shape;
  const modes = rows / 3;
  return {
    kernel: array(Float64Array.from(kernels.data.slice(0, modes * width * columns)), [modes, width, columns]),
    weight: array(Float64Array.from(maps[0].weight.data), maps[0].weight.shape),
    bias: array(Float64Array.from(maps[0].bias.data), maps[0].bias.shape),
  };
}

function jobs({ degrees, seeds, ...options }: z.output<typeof configuration>): JobConfig[] {
  return seeds.flatMap((seed) =>
    degrees.map((degree) => ({ model: 'pade', condition: { p: degree, q: degree }, seed, options })),
  );
}

const meanOf = (results: readonly JobResult[], name: string): number =>
  results.reduce((total, { extra }) => total + extra[name], 0) / results.length;

/** Bound and measurement of one gradient over the degrees. */
function figureOf(gradient: Gradient, groups: readonly (readonly JobResult[])[]): Figure {
  const x = groups.map(([{ config }]) => Number(config.condition.p));
  const curve = (name: string, kind: string, style: 'dashed' | 'points') => ({
    name,
    x,
    y: groups.map((group) => meanOf(group, `${kind} ${gradient}`)),
    style,
  });
  return {
    id: `lipschitz-${gradient}`,
    title: `Norm of the ${gradients[gradient]}`,
    caption:
      'Bound of the theorem and measured operator norm at a random field of unit mean square, in the first block of the trained operator, mean over seeds.',
    xLabel: 'degree p = q',
    yLabel: 'norm',
    xScale: 'linear',
    yScale: 'log',
    series: [curve('bound', 'bound', 'dashed'), curve('measured', 'measured', 'points')],
  };
}

export default experiment('lipschitz', {
  title: 'Lipschitz bounds of the Padé operator and measured gradient norms',
  source:
    'Gupta, Xiao, Balan and Bogdan 2022 (ICLR), theorem on the Lipschitz constants; no measured values are published',
  configuration,
  axes: ['degrees', 'seeds'],
  presets: {
    quick: {
      description: 'degrees 1, 2 and 4, briefly trained; about a minute',
      values: { degrees: [1, 2, 4] },
    },
    paper: {
      description: 'degrees 1 to 8 at the published width, three seeds',
      values: { degrees: [1, 2, 3, 4, 5, 6, 7, 8], seeds: [0, 1, 2], channels: 16, train: 1000, epochs: 100 },
    },
  },
  check({ resolution, degrees, ...rest }) {
    if (1024 % resolution !== 0)
      throw new Error(`--resolution: got ${resolution}, expected a divisor of 1024`);
    operatorOf(degrees[0], { resolution, ...rest }).checkResolution(resolution);
  },
  async prepare(config, { signal, threads, onProgress }) {
    const report = (progress: { done: number; total: number }): void =>
      onProgress({ label: 'data', ...progress });
    const { provenance } = await kdv(dataOf(config), { signal, threads, onProgress: report });
    return { ...provenance };
  },
  jobs,
  async runJob(context) {
    const { run, config, signal } = context;
    const options = optionsSchema.parse(config.options);
    const degree = Number(config.condition.p);
    const operator = operatorOf(degree, options);
    const pairs = await kdv(dataOf(options), { signal });
    const training = {
      epochs: options.epochs,
      batchSize: 20,
      learningRate: 1e-3,
      weightDecay: 1e-4,
      reduction: 'sum' as const,
      halveEvery: 100,
    };
    const trained = await trainOperator(operator, pairs, training, context);
    const file = path.join(run.checkpoints, 'last.safetensors');
    const { parameters } = await loadParameters(file, operator.init(key(config.seed)));
    const block = firstBlock(parameters);
    const width = block.bias.data.length;
    // Half the points of the grid: the finest level of the pyramid that the first block acts on.
    const points = options.resolution / 2;
    const field = array(normal(key(config.seed), points * width), [1, points, width]);
    const { normL, normW, bounds, measured } = await lipschitzReport(block, field, {
      p: degree,
      q: degree,
      degrees: 'full',
    });
    const extra = Object.fromEntries(
      gradientNames.flatMap((name) => [
        [`bound ${name}`, bounds[name]],
        [`measured ${name}`, measured[name]],
      ]),
    );
    const value = Math.max(...gradientNames.map((name) => measured[name] / bounds[name]));
    const { value: error } = trained.result;
    return {
      ...trained,
      result: {
        ...trained.result,
        metric: METRIC,
        value,
        best: null,
        extra: { ...extra, normL, normW, 'test error': error },
      },
    };
  },
  summarize(finished) {
    const groups = groupBy(finished, ({ config }) => String(config.condition.p)).sort(
      ([a], [b]) => Number(a.config.condition.p) - Number(b.config.condition.p),
    );
    const rows = groups.map((group) => ({
      model: 'pade',
      condition: group[0].config.condition,
      metric: METRIC,
      published: null,
      ...meanAndDeviation(group.map(({ value }) => value)),
      parameters: group[0].parameters,
      seconds: meanAndDeviation(group.map(({ seconds }) => seconds)).mean,
      baseline: false,
      note: `‖L‖ = ${meanOf(group, 'normL').toPrecision(3)}, test error ${meanOf(group, 'test error').toPrecision(3)}`,
    }));
    const checks = groups.map((group): Check => {
      const value = Math.max(...group.map((result) => result.value));
      const { p } = group[0].config.condition;
      return {
        name: `p = q = ${p}: measured norms below their bounds`,
        value,
        limit: '≤ 1',
        holds: value <= 1,
      };
    });
    return {
      rows,
      checks,
      notes: [
        'Norms are taken in the first block of the trained operator at a random field; the bounds depend on ‖L‖ and ‖W‖ of the trained parameters, and on p and q through bound (3) only.',
      ],
      figures: gradientNames.map((name) => figureOf(name, groups)),
    };
  },
});

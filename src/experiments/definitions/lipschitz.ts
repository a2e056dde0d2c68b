/**
 * The Lipschitz theorem of the Padé operator on trained models: bounds and measured norms of the gradients over a grid of
 * degrees [p/q], and the norm of the gradient that training follows for p = q up to 8. The theorem says that the bounds do not
 * grow with the degrees, so that gradients do not explode.
 */
import path from 'node:path';
import { z } from 'zod';
import { kdv, kdvDataset } from '../../../datasets/kdv.ts';
import { loadParameters } from '../../nn/files.ts';
import { getOperator, lipschitzReport, type PadeBlock } from '../../operators/index.ts';
import {
  canonicalJson,
  type Check,
  type Figure,
  type JobResult,
  type MetricLine,
  type ResultRow,
} from '../../runs/index.ts';
import { array, type NDArray } from '../../tensor/index.ts';
import { key, normal } from '../../tensor/random.ts';
import { experiment, type JobConfig } from '../experiment.ts';
import { seedList } from '../lists.ts';
import { requireOptions } from '../pairsSource.ts';
import { trainOperator } from '../operatorTask.ts';
import { rowOfSeeds } from '../resultRows.ts';
import { groupBy, meanOf } from '../statistics.ts';

const degree = z.int().min(1).max(12);

const configuration = z.strictObject({
  p: z.array(degree).min(1).describe('degrees of the numerator; every p meets every q'),
  q: z.array(degree).min(1).describe('degrees of the denominator'),
  diagonal: z.array(degree).default([]).describe('degrees p = q to train beside the grid'),
  seeds: seedList(),
  resolution: z.int().min(16).default(64).describe('grid points'),
  channels: z.int().min(1).default(4).describe('channels of the operator; a block is 4 times as wide'),
  train: z.int().min(1).default(100).describe('training samples'),
  epochs: z.int().min(1).default(20).describe('passes over the training samples'),
});

const { resolution, channels, train, epochs } = configuration.shape;
/** The part of the configuration that every job knows. */
const optionsSchema = z.object({ resolution, channels, train, epochs });
type Options = z.infer<typeof optionsSchema>;

interface Pair {
  readonly p: number;
  readonly q: number;
}

const pairOf = ({ config: { condition } }: Pick<JobResult, 'config'>): Pair => ({
  p: Number(condition.p),
  q: Number(condition.q),
});

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

const operatorOf = ({ p, q }: Pair, { channels }: Pick<Options, 'channels'>) =>
  getOperator('pade', { p, q, degrees: 'full', channels });

/** What the first layer of the operator holds of the theorem's block. */
const layerSchema = z.custom<{
  layers: readonly { kernels: readonly NDArray[]; maps: readonly { weight: NDArray; bias: NDArray }[] }[];
}>((value) => typeof value === 'object' && value !== null && 'layers' in value);

/** The block of the kernel A in the first layer. */
function firstBlock(parameters: unknown): PadeBlock {
  const [{ kernels, maps }] = layerSchema.parse(parameters).layers;
  const [kernel, weight, bias] = [kernels[0], maps[0].weight, maps[0].bias].map((part) =>
    array(Float64Array.from(part.data), part.shape),
  );
  return { kernel, weight, bias };
}

/** The grid and the diagonal, every pair once. */
function pairsOf({ p, q, diagonal }: z.output<typeof configuration>): Pair[] {
  const all = [
    ...p.flatMap((numerator) => q.map((denominator) => ({ p: numerator, q: denominator }))),
    ...diagonal.map((both) => ({ p: both, q: both })),
  ];
  return groupBy(all, (pair) => `${pair.p}/${pair.q}`).map(([pair]) => pair);
}

function jobs(config: z.output<typeof configuration>): JobConfig[] {
  const options = optionsSchema.parse(config);
  return config.seeds.flatMap((seed) =>
    pairsOf(config).map((pair) => ({ model: 'pade', condition: { ...pair }, seed, options })),
  );
}

/** At most so many epochs of a training are kept for the figure. */
const KEPT_EPOCHS = 25;
const NORM_OF_EPOCH = 'training gradient norm, epoch ';
const LARGEST_NORM = 'training gradient norm, largest mean of an epoch';

/** Gradient norms of a training, means over the steps of an epoch, as numbers of its result: the largest, and those of evenly spread epochs. */
function trainingNorms(lines: readonly MetricLine[]): Record<string, number> {
  const norms = lines.map(({ epoch, gradientNorm }) => ({ epoch, norm: gradientNorm ?? NaN }));
  const every = Math.ceil(norms.length / KEPT_EPOCHS);
  const kept = norms.filter(({ epoch }, i) => epoch === 1 || i === norms.length - 1 || epoch % every === 0);
  return {
    [LARGEST_NORM]: Math.max(...norms.map(({ norm }) => norm)),
    ...Object.fromEntries(kept.map(({ epoch, norm }) => [`${NORM_OF_EPOCH}${epoch}`, norm])),
  };
}

const meanOfNumber = (results: readonly JobResult[], name: string): number =>
  meanOf(results, ({ extra }) => extra[name]);

/** All seeds of one pair of degrees. */
type Group = readonly JobResult[];

/** How near the measured norm of one gradient comes to its bound. */
const ratioOf = ({ extra }: JobResult, gradient: Gradient): number =>
  extra[`measured ${gradient}`] / extra[`bound ${gradient}`];

/** One number of every pair of degrees as a table of its own. */
const rowsOf = (
  groups: readonly Group[],
  metric: string,
  valueOf: (result: JobResult) => number,
): ResultRow[] =>
  groups.map((group) =>
    rowOfSeeds(group, metric, valueOf, {
      note: `‖L‖ = ${meanOfNumber(group, 'normL').toPrecision(3)}, test error ${meanOfNumber(group, 'test error').toPrecision(3)}`,
    }),
  );

/** The largest ratio alone would hide that a bound is far from what is measured. */
function nearnessNote(groups: readonly Group[]): string {
  const ranges = gradientNames.map((gradient) => {
    const ratios = groups.flatMap((group) => group.map((result) => ratioOf(result, gradient)));
    const [low, high] = [Math.min(...ratios), Math.max(...ratios)].map((ratio) => ratio.toPrecision(2));
    return `${gradients[gradient]}, ${low} to ${high}`;
  });
  return `Measured norm over bound, over all pairs of degrees: ${ranges.join('; ')}. A ratio far below 1 says that the bound tells little of the gradient.`;
}

/** Bound and measurement of one gradient over p, a curve for each q. */
function figureOf(gradient: Gradient, groups: readonly Group[]): Figure {
  const series = groupBy(groups, ([result]) => String(pairOf(result).q)).flatMap((ofOne) => {
    const { q } = pairOf(ofOne[0][0]);
    const x = ofOne.map(([result]) => pairOf(result).p);
    const curve = (kind: 'bound' | 'measured', style: 'dashed' | 'line') => ({
      name: `${kind}, q = ${q}`,
      group: `q = ${q}`,
      x,
      y: ofOne.map((group) => meanOfNumber(group, `${kind} ${gradient}`)),
      style,
    });
    return [curve('bound', 'dashed'), curve('measured', 'line')];
  });
  return {
    id: `lipschitz-${gradient}`,
    title: `Norm of the ${gradients[gradient]}`,
    caption:
      'Bound of the theorem (dashed) and measured operator norm at a random field of unit mean square, in the first block of the trained operator, mean over seeds.',
    xLabel: 'degree p of the numerator',
    yLabel: 'norm',
    xScale: 'linear',
    yScale: 'log',
    series,
  };
}

const onDiagonal = (groups: readonly Group[]): Group[] =>
  groups.filter(([result]) => pairOf(result).p === pairOf(result).q);

/** Norm of the gradient of the loss by all parameters, over the epochs, for p = q. */
function trainingFigure(groups: readonly Group[]): Figure {
  const series = onDiagonal(groups).map((group) => {
    const names = Object.keys(group[0].extra).filter((name) => name.startsWith(NORM_OF_EPOCH));
    return {
      name: `p = q = ${pairOf(group[0]).p}`,
      x: names.map((name) => Number(name.slice(NORM_OF_EPOCH.length))),
      y: names.map((name) => meanOfNumber(group, name)),
      style: 'line' as const,
    };
  });
  return {
    id: 'training-gradient',
    title: 'Norm of the gradient that training follows',
    caption:
      'Gradient of the loss (summed over the batch) by all parameters, mean over the steps of an epoch and over seeds, without clipping.',
    xLabel: 'epoch',
    yLabel: 'norm',
    xScale: 'linear',
    yScale: 'log',
    series,
  };
}

function checksOf(groups: readonly Group[]): Check[] {
  const bounded = groups.map((group): Check => {
    const value = Math.max(...group.map((result) => result.value));
    const { p, q } = pairOf(group[0]);
    return { name: `[${p}/${q}]: measured norms below their bounds`, value, limit: '≤ 1', holds: value <= 1 };
  });
  const diagonal = onDiagonal(groups);
  if (!diagonal.length) return bounded;
  const reference = meanOfNumber(diagonal[0], LARGEST_NORM);
  const { p: lowest } = pairOf(diagonal[0][0]);
  const trained = diagonal.slice(1).map((group): Check => {
    const value = Math.max(...group.map(({ extra }) => extra[LARGEST_NORM]));
    // ‖A(L)‖‖B(L)‖ ≤ e^‖L‖ for all p and q: all that higher degrees can add to the bounds.
    const limit = reference * Math.exp(Math.max(...group.map(({ extra }) => extra.normL)));
    return {
      name: `p = q = ${pairOf(group[0]).p}: gradient norm of the training, largest mean of an epoch`,
      value: Number.isFinite(value) ? value : null,
      limit: `finite, ≤ ${limit.toPrecision(3)} = e^‖L‖ × that of p = q = ${lowest}`,
      holds: value <= limit,
    };
  });
  return [...bounded, ...trained];
}

export default experiment('lipschitz', {
  title: 'Lipschitz bounds of the Padé operator and measured gradient norms',
  source:
    'Gupta, Xiao, Balan and Bogdan 2022 (ICLR), theorem on the Lipschitz constants; no measured values are published',
  configuration,
  axes: ['p', 'q', 'diagonal', 'seeds'],
  presets: {
    quick: {
      description: 'p and q of 1, 2, 4 and 6, and p = q = 8, briefly trained; about a minute',
      values: { p: [1, 2, 4, 6], q: [1, 2, 4, 6], diagonal: [8] },
    },
    paper: {
      description: 'p and q from 1 to 6, and p = q up to 8, at the published width; hours',
      values: {
        p: [1, 2, 3, 4, 5, 6],
        q: [1, 2, 3, 4, 5, 6],
        diagonal: [1, 2, 3, 4, 5, 6, 7, 8],
        channels: 16,
        train: 1000,
        epochs: 100,
      },
    },
  },
  check(config) {
    const { resolution } = config;
    if (1024 % resolution !== 0)
      throw new Error(`--resolution: got ${resolution}, expected a divisor of 1024`);
    requireOptions({ dataset: kdvDataset, options: dataOf(config) }, Object.keys(config));
    operatorOf(pairsOf(config)[0], config).checkResolution(resolution);
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
    const degrees = pairOf(context);
    const operator = operatorOf(degrees, options);
    const pairs = await kdv(dataOf(options), { signal });
    const training = {
      epochs: options.epochs,
      batchSize: 20,
      learningRate: 1e-3,
      weightDecay: 1e-4,
      reduction: 'sum' as const,
      halveEvery: 100,
    };
    const lines: MetricLine[] = [];
    const trained = await trainOperator(operator, pairs, training, {
      ...context,
      onEpoch: (line, epochs) => {
        lines.push(line);
        return context.onEpoch(line, epochs);
      },
      onResume: (history) => {
        lines.push(...history);
        return context.onResume(history);
      },
    });
    const file = path.join(run.checkpoints, 'last.safetensors');
    const { parameters } = await loadParameters(file, operator.init(key(config.seed)));
    const block = firstBlock(parameters);
    const width = block.bias.data.length;
    // Half the points of the grid: the finest level of the pyramid that the first block acts on.
    const points = options.resolution / 2;
    const field = array(normal(key(config.seed), points * width), [1, points, width]);
    const { normL, normW, bounds, measured } = await lipschitzReport(block, field, {
      ...degrees,
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
        extra: { ...extra, normL, normW, 'test error': error, ...trainingNorms(lines) },
      },
    };
  },
  summarize(finished) {
    const groups = groupBy(finished, ({ config }) => canonicalJson(config.condition)).sort(([a], [b]) => {
      const [first, second] = [pairOf(a), pairOf(b)];
      return first.q - second.q || first.p - second.p;
    });
    return {
      rows: [
        ...rowsOf(groups, METRIC, ({ value }) => value),
        ...gradientNames.flatMap((gradient) =>
          rowsOf(groups, `measured norm over bound, ${gradients[gradient]}, neither is better`, (result) =>
            ratioOf(result, gradient),
          ),
        ),
      ],
      checks: checksOf(groups),
      notes: [
        nearnessNote(groups),
        'Norms are taken in the first block of the trained operator at a random field; the bounds depend on ‖L‖ and ‖W‖ of the trained parameters, and on p and q through bound (3) only.',
        'The gradient of a training goes through the whole network, for which the theorem has no bound; the check takes the factor e^‖L‖, which is all that the degrees can add to the bounds of a block.',
      ],
      figures: [...gradientNames.map((name) => figureOf(name, groups)), trainingFigure(groups)],
    };
  },
});

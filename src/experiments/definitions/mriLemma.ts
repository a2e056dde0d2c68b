/** The lemma behind the bound: every left inverse of the acquisition has at least the noise of the pseudo-inverse. */
import { Matrix } from 'ml-matrix';
import { z } from 'zod';
import { loopCoils } from '../../../datasets/mri/coils.ts';
import { correlatedNoise, encode, equispacedMask, noiseCovariance } from '../../mri/index.ts';
import { applyToCoils } from '../../mri/complexLinalg.ts';
import { choleskyFactor, invertLower } from '../../mri/hermitian.ts';
import type { Check, JobResult, ResultRow } from '../../runs/index.ts';
import {
  compile,
  complexArray,
  constant,
  flatten,
  jacobian,
  reshape,
  sliceAxis,
  spec,
  squeeze,
  stack,
  type Complex,
  type ComplexArray,
  type Tensor,
} from '../../tensor/index.ts';
import { key, normal, split } from '../../tensor/random.ts';
import {
  compareLeftInverse,
  leastSquaresInverse,
  leftInverseFrom,
  type LeftInverseComparison,
} from '../../uncertainty/fisher.ts';
import { experiment, type JobContext, type JobOutput } from '../experiment.ts';
import { seedList } from '../lists.ts';
import { groupBy, meanAndDeviation } from '../statistics.ts';

const estimators = ['pseudo-inverse', 'ignoring Ψ', 'random left inverse', 'Tikhonov'] as const;
type Estimator = (typeof estimators)[number];

const configuration = z.strictObject({
  models: z
    .array(z.enum(estimators))
    .min(1)
    .default([...estimators])
    .describe('linear reconstructions'),
  seeds: seedList('mask, covariance and left inverse', [0, 1, 2]),
  height: z.int().min(1).default(3).describe('rows of the image'),
  width: z.int().min(4).default(12).describe('columns'),
  coils: z.int().min(2).default(4).describe('loops around the bore'),
  acceleration: z.number().min(1).default(2).describe('R of the mask'),
  tikhonov: z
    .number()
    .positive()
    .default(0.05)
    .describe('λ of the biased estimator, relative to the largest eigenvalue'),
});
const optionsSchema = configuration.omit({ models: true, seeds: true });
type Options = z.output<typeof optionsSchema>;

const METRIC = 'median over unknowns of standard deviation over the Cramér–Rao bound';

/** The acquisition as a real matrix [2 c h w, 2 h w], and L ⊗ 1 of the noise, [2 c h w, 2 c h w]. */
async function matrices(
  { height: h, width: w, coils, acceleration }: Options,
  seed: number,
  threads: number,
) {
  const [maskKey, mixKey, noiseKey] = split(key(seed), 3);
  const sensitivities = loopCoils([h, w], { coils });
  const mask = equispacedMask(maskKey, { width: w, acceleration, acsLines: 2 });
  // Any covariance will do: that of a few draws of noise that is mixed at random.
  const mixture = complexArray(normal(mixKey, 4 * coils * coils), normal(noiseKey, 4 * coils * coils), [
    coils,
    4 * coils,
  ]);
  const Ψ = noiseCovariance(correlatedNoise(noiseKey, noiseCovariance(mixture), [coils, 8 * coils]));
  const L = choleskyFactor(Ψ);
  const fixed = (z: ComplexArray): Complex => ({
    re: constant(z.re.data, z.re.shape, 'float64'),
    im: constant(z.im.data, z.im.shape, 'float64'),
  });
  const complexOf = (x: Tensor, shape: readonly number[]): Complex => {
    const parts = reshape(x, [2, ...shape]);
    return { re: squeeze(sliceAxis(parts, 0, 0, 1), 0), im: squeeze(sliceAxis(parts, 0, 1, 2), 0) };
  };
  const flat = (z: Complex): Tensor => reshape(stack(flatten<Tensor>(z).leaves, 0), [-1]);
  const dense = async (f: (x: Tensor) => Tensor, n: number): Promise<Matrix> => {
    const program = await compile(jacobian(f), [spec([n])], { dtype: 'float64', threads });
    const { data } = await program.run([{ data: new Float64Array(n), shape: [n], dtype: 'float64' }]);
    await program.dispose();
    return Matrix.from1DArray(data.length / n, n, data);
  };
  const [kspace, image] = [2 * coils * h * w, 2 * h * w];
  const mix =
    (matrix: ComplexArray) =>
    (x: Tensor): Tensor =>
      flat(applyToCoils(fixed(matrix), complexOf(x, [coils, h, w])));
  const model = { sensitivities: fixed(sensitivities), mask: constant(mask.data, mask.shape, 'float64') };
  const A = await dense((x) => flat(encode(complexOf(x, [h, w]), model)), image);
  return { A, L: await dense(mix(L), kspace), whiten: await dense(mix(invertLower(L)), kspace) };
}

/** Each estimator in whitened k-space, where noise has unit covariance. */
async function compare(
  estimator: Estimator,
  options: Options,
  seed: number,
  threads: number,
): Promise<LeftInverseComparison> {
  const { A, L, whiten } = await matrices(options, seed, threads);
  const white = whiten.mmul(A);
  switch (estimator) {
    case 'pseudo-inverse':
      return compareLeftInverse(white, leastSquaresInverse(white));
    case 'ignoring Ψ':
      return compareLeftInverse(white, leastSquaresInverse(A).mmul(L));
    case 'random left inverse': {
      const size = white.rows * white.columns;
      const W = Matrix.from1DArray(white.columns, white.rows, normal(split(key(seed), 4)[3], size)).mul(0.02);
      return compareLeftInverse(white, leftInverseFrom(white, W));
    }
    case 'Tikhonov': {
      const gram = white.transpose().mmul(white);
      const λ = options.tikhonov * Math.max(...gram.diagonal());
      return compareLeftInverse(
        white,
        // (AᵀA + λ)⁻¹Aᵀ is the pseudo-inverse of A stacked on √λ, without its last columns.
        leastSquaresInverse(stacked(white, Math.sqrt(λ))).subMatrix(0, white.columns - 1, 0, white.rows - 1),
      );
    }
  }
}

/** A over s I. */
function stacked(a: Matrix, s: number): Matrix {
  const whole = Matrix.zeros(a.rows + a.columns, a.columns);
  whole.setSubMatrix(a, 0, 0);
  whole.setSubMatrix(Matrix.eye(a.columns).mul(s), a.rows, 0);
  return whole;
}

async function runJob({ config, threads }: JobContext): Promise<JobOutput> {
  const started = performance.now();
  const options = optionsSchema.parse(config.options);
  const found = await compare(z.enum(estimators).parse(config.model), options, config.seed, threads);
  const sorted = found.deviationRatios.slice().sort();
  return {
    result: {
      metric: METRIC,
      value: sorted[sorted.length >> 1],
      best: null,
      parameters: 0,
      seconds: (performance.now() - started) / 1000,
      inferenceMilliseconds: null,
      samples: [],
      extra: {
        defect: found.defect,
        smallestExcess: found.smallestExcess,
        leastRatio: sorted[0],
        largestRatio: sorted[sorted.length - 1],
      },
    },
    arrays: null,
  };
}

const of = (group: readonly JobResult[], name: string): number[] => group.map(({ extra }) => extra[name]);

function rowOf(group: readonly JobResult[]): ResultRow {
  const [{ config }] = group;
  const biased = Math.max(...of(group, 'defect')) > 1e-6;
  return {
    model: config.model,
    condition: config.condition,
    metric: METRIC,
    published: null,
    ...meanAndDeviation(group.map(({ value }) => value)),
    parameters: null,
    seconds: null,
    baseline: config.model === 'pseudo-inverse',
    note: `${biased ? 'biased: no left inverse, the bound does not hold for it; ' : ''}ratios ${Math.min(...of(group, 'leastRatio')).toPrecision(4)} … ${Math.max(...of(group, 'largestRatio')).toPrecision(4)}`,
  };
}

function checksOf(group: readonly JobResult[]): Check[] {
  const { model } = group[0].config;
  const excess = Math.min(...of(group, 'smallestExcess'));
  const defect = Math.max(...of(group, 'defect'));
  if (model === 'Tikhonov')
    return [
      { name: `${model}: ‖B A − I‖ shows the bias`, value: defect, limit: '> 0.001', holds: defect > 1e-3 },
    ];
  const least: Check = {
    name: `${model}: smallest eigenvalue of B Bᵀ − (AᵀA)⁻¹, relative`,
    value: excess,
    limit: '≥ −1e-9',
    holds: excess >= -1e-9,
  };
  if (model !== 'pseudo-inverse') return [least];
  const largest = Math.max(...of(group, 'largestRatio').map((ratio) => Math.abs(ratio - 1)));
  return [
    least,
    { name: `${model}: distance from the bound`, value: largest, limit: '≤ 1e-9', holds: largest <= 1e-9 },
  ];
}

export default experiment('mri-lemma', {
  title: 'Left inverses of the acquisition and the Cramér–Rao bound',
  source: 'the lemma B Bᵀ ≥ (AᵀA)⁻¹ for B A = I; nothing is tabulated',
  configuration,
  axes: ['models', 'seeds'],
  presets: {
    quick: { description: '3 × 12 pixels, 4 coils, three seeds; seconds', values: {} },
    paper: {
      description: '8 × 24 pixels, 8 coils, ten seeds; minutes',
      values: { height: 8, width: 24, coils: 8, seeds: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] },
    },
  },
  jobs: (config) =>
    config.seeds.flatMap((seed) =>
      config.models.map((model) => ({
        model,
        condition: { acceleration: config.acceleration },
        seed,
        options: optionsSchema.parse(
          Object.fromEntries(Object.entries(config).filter(([name]) => name in optionsSchema.shape)),
        ),
      })),
    ),
  runJob,
  summarize(finished) {
    const groups = groupBy(finished, ({ config: { model } }) => model);
    return {
      rows: groups.map(rowOf),
      checks: groups.flatMap(checksOf),
      notes: [
        'Real and imaginary parts are unknowns of their own. Noise is correlated between coils; in whitened k-space its covariance is the identity.',
        'Tikhonov regularisation has less noise than the bound because it is biased: it is no left inverse.',
      ],
    };
  },
});

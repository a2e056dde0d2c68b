/** A synthetic experiment for the tests of reports and server: 3 models × 2 resolutions × 3 seeds and three baselines. */
import type { Environment, ResultRow } from '../../src/runs/schema.ts';
import { meanStd } from '../../reports/compare.ts';
import type { ReportInput, ReportJob } from '../../reports/input.ts';

const metric = 'mean relative L2 error, test split, last checkpoint';
const resolutions = [64, 256];
const seeds = [0, 1, 2];
const final: Record<string, number[]> = {
  pade: [0.0039, 0.0041],
  mwt: [0.0028, 0.0029],
  fno: [0.0068, 0.0066],
};
const published: Record<string, number[]> = {
  pade: [0.00301, 0.0032],
  mwt: [0.00372, 0.0039],
  fno: [0.00663, 0.00667],
};
const parameters: Record<string, number> = { pade: 266_837, mwt: 500_137, fno: 549_569 };

/** Reproducible values in [−1, 1) from three integers (fractional part of a sine). */
const noise = (a: number, b: number, c: number): number => {
  const value = Math.sin(a * 12.9898 + b * 78.233 + c * 37.719) * 43758.5453;
  return 2 * (value - Math.floor(value)) - 1;
};

const environment: Environment = {
  sextant: '0.1.0',
  commit: '2ce82ddcb0f1a7c9f1f5b1c2a3d4e5f60718293a',
  dirty: true,
  node: 'v20.20.2',
  platform: 'linux x64',
  cpu: 'Synthetic CPU @ 2.60GHz',
  cores: 2,
  memoryGiB: 15.6,
  engine: 'onnxruntime-node cpu',
  libraries: { 'onnxruntime-node': '1.30.0', 'fft.js': '4.0.4' },
  startedAt: '2026-11-22T04:00:00.000Z',
};

function job(model: string, r: number, seed: number): ReportJob {
  const resolution = resolutions[r];
  const m = Object.keys(final).indexOf(model);
  const end = final[model][r] * (1 + 0.03 * noise(m, r, seed));
  const epochs = 200;
  const config = {
    experiment: 'kdv',
    preset: 'paper',
    model,
    condition: { labels: 'released', resolution },
    seed,
    options: {
      epochs,
      batch: 20,
      optimizer: { name: 'adam', rate: 1e-3, weightDecay: 1e-4 },
      ...(model === 'fno'
        ? { modes: 16, width: 64 }
        : { k: 4, c: 4, ...(model === 'pade' ? { degrees: [2, 2] } : {}) }),
    },
  };
  const metrics = Array.from({ length: epochs }, (_, i) => {
    const decay = end + (0.5 + 0.1 * m) * Math.exp(-i / (9 + 3 * m)) + 0.02 * Math.exp(-i / 50);
    return {
      epoch: i + 1,
      train: 0.7 * decay * (1 + 0.05 * noise(i, seed, m)),
      validation: decay * (1 + 0.08 * noise(i, seed + 7, m)),
      learningRate: 1e-3 * 0.5 ** Math.floor(i / 100),
      seconds: (i + 1) * (0.5 + r),
      gradientNorm: 0.1,
    };
  });
  const x = Float64Array.from({ length: resolution }, (_, i) => i / resolution);
  const samples = [1, 4];
  const input = samples.flatMap((size) =>
    Array.from(x, (s) => Math.sin(2 * Math.PI * s) + 0.3 * size * Math.cos(6 * Math.PI * s)),
  );
  const truth = samples.flatMap((size) =>
    Array.from(
      x,
      (s) => 0.8 * Math.sin(2 * Math.PI * (s - 0.2)) + 0.25 * size * Math.cos(6 * Math.PI * (s - 0.1)),
    ),
  );
  const prediction = truth.map((value, i) => {
    const s = (i % resolution) / resolution;
    const size = samples[Math.floor(i / resolution)];
    return (
      value + end * size * (2 * Math.sin(2 * Math.PI * ((m + 2) * s + 0.1 * m)) + 0.4 * noise(i, m, seed))
    );
  });
  const error = Float64Array.from(
    { length: 60 },
    (_, i) => end * Math.exp(0.6 * (noise(i, r, 3) + noise(i, r, 5)) + 0.05 * noise(i, m, seed)),
  );
  return {
    name: `${model}-s${resolution}-seed${seed}`,
    config,
    status: {
      state: 'finished',
      epoch: epochs,
      epochs,
      updatedAt: '2026-11-22T05:00:00.000Z',
      pid: null,
      secondsLeft: null,
    },
    metrics,
    result: {
      config,
      metric,
      value: end,
      best: { epoch: 180, validation: end * 0.95, value: end * 0.99 },
      parameters: parameters[model],
      seconds: 130 + 240 * r + 55 * m + 3 * noise(seed, m, r),
      inferenceMilliseconds: 3.2 + m,
      samples: ['median', 'worst'],
      extra: {},
    },
    environment,
    arrays: {
      x: { shape: [resolution], data: x },
      input: { shape: [2, resolution], data: input },
      truth: { shape: [2, resolution], data: truth },
      prediction: { shape: [2, resolution], data: prediction },
      error: { shape: [60], data: error },
    },
  };
}

const baseline = (model: string, r: number, mean: number): ResultRow => ({
  model,
  condition: { labels: 'released', resolution: resolutions[r] },
  metric: 'mean relative L2 error, test split',
  published: null,
  mean,
  std: null,
  n: 1,
  parameters: model === 'multiplier' ? resolutions[r] : 0,
  seconds: null,
  baseline: true,
  note: model === 'multiplier' ? 'least squares on 10 training pairs' : '',
});

/** A finished experiment; every call gives a fresh copy. */
export function syntheticReport(): ReportInput {
  const jobs = Object.keys(final).flatMap((model) =>
    resolutions.flatMap((_, r) => seeds.map((seed) => job(model, r, seed))),
  );
  const rows = resolutions.flatMap((resolution, r) => [
    ...Object.keys(final).map((model): ResultRow => {
      const own = jobs.filter(
        ({ config }) => config.model === model && config.condition.resolution === resolution,
      );
      return {
        model,
        condition: { labels: 'released', resolution },
        metric,
        published: published[model][r],
        ...meanStd(own.flatMap(({ result }) => (result ? [result.value] : []))),
        parameters: parameters[model],
        seconds: meanStd(own.flatMap(({ result }) => (result ? [result.seconds] : []))).mean,
        baseline: false,
        note: '',
      };
    }),
    {
      ...baseline('mgno', r, 0),
      baseline: false,
      published: 0.1296,
      mean: null,
      n: 0,
      parameters: null,
      note: 'not trained here',
    },
    baseline('linear', r, 0.00052),
    baseline('multiplier', r, 0.00088),
    baseline('identity', r, 1.31),
  ]);
  const powers = [1, 2, 3, 4, 5, 6];
  return {
    result: {
      experiment: 'kdv',
      preset: 'paper',
      title: 'Korteweg–de Vries: neural operators at several resolutions',
      source: 'Balan 2022, slide “Sensitivity to Input Resolution”; Gupta, Xiao and Bogdan 2021, table 1',
      command:
        'sextant bench kdv --preset paper --resolutions 64,256 --models pade,mwt,fno --labels released',
      environment,
      data: {
        recipe: 'paper',
        seed: 1,
        training: 1000,
        test: 200,
        labels: 'released',
        'certified error of the labels': 1.3e-9,
        'SHA-256': '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
      },
      rows,
      checks: [
        { name: 'pade test error at s = 64', value: 0.0039, limit: '≤ 0.0042', holds: true },
        { name: 'mwt test error at s = 64', value: 0.0028, limit: '≤ 0.0040', holds: true },
        { name: 'fno test error at s = 64', value: 0.0081, limit: '≤ 0.0075', holds: false },
      ],
      notes: [
        'The published generator takes one ETDRK4 step, so its labels are nearly those of the linear equation: this is why the linear propagator is hard to beat.',
        'Selection of the best checkpoint uses validation data only.',
      ],
      figures: [
        {
          id: 'lipschitz',
          title: 'Lipschitz bound and measured gradient norm',
          caption:
            'The three bounds of the theorem over the degree of the numerator, and the largest gradient norm measured on the test samples.',
          xLabel: 'degree p',
          yLabel: 'bound',
          xScale: 'linear',
          yScale: 'log',
          series: [
            { name: 'general bound', x: powers, y: powers.map((p) => 3 * 4 ** p), style: 'dashed' },
            { name: 'refined bound', x: powers, y: powers.map((p) => 2 * 2 ** p), style: 'line' },
            {
              name: 'measured',
              x: powers,
              y: powers.map((p) => 1.2 + 0.1 * p),
              band: powers.map(() => 0.15),
              style: 'points',
            },
          ],
        },
      ],
    },
    jobs,
  };
}

/** What λ trace(J Jᵀ) in the training loss does to a reconstruction: less noise, and at what price in bias. */
import { canonicalJson, type Check } from '../../runs/index.ts';
import { noiseBenchmark } from '../mriNoiseBenchmark.ts';
import { GAIN, groupsOf, LESION_SHARE, meanOf, rowOf } from '../mriNoiseSummary.ts';
import { noiseKeys } from '../mriNoiseTask.ts';
import { NMSE_METRIC } from '../mriTask.ts';
import { groupBy, meanAndDeviation } from '../statistics.ts';

export default noiseBenchmark('mri-regularised', {
  title: 'Training with λ trace(J Jᵀ): variance against bias',
  source: 'slide "Regularisation by the trace of the Jacobian" proposes it; nothing is tabulated',
  presets: {
    quick: {
      description: 'a small variational network on 32 × 32 pixels with three λ; a minute',
      values: {
        regularisers: [0, 0.1, 1],
        height: 32,
        width: 32,
        coils: 4,
        acsLines: 6,
        train: 40,
        validation: 6,
        test: 8,
        epochs: 6,
        batchSize: 2,
        levels: [0.01, 0.03],
        probes: 16,
        replicas: 64,
      },
    },
    paper: {
      description: 'five λ on 96 × 96 pixels and 8 coils, three seeds; days',
      values: {
        regularisers: [0, 0.01, 0.1, 1, 10],
        seeds: [0, 1, 2],
        height: 96,
        width: 96,
        coils: 8,
        accelerations: [4],
        acsLines: 12,
        train: 1000,
        validation: 40,
        test: 40,
        slices: 8,
        levels: [0.003, 0.01, 0.03],
      },
    },
  },
  summarize(finished, { levels }) {
    const groups = groupsOf(finished);
    const [level] = levels.slice(-1);
    const rows = groups.flatMap((group) => [
      {
        ...rowOf(group, '', { metric: NMSE_METRIC, note: `SSIM ${meanOf(group, 'ssim').toFixed(4)}` }),
        ...meanAndDeviation(group.map(({ value }) => value)),
        seconds: meanAndDeviation(group.map(({ seconds }) => seconds)).mean,
      },
      ...levels.flatMap((at) => {
        const condition = { ...group[0].config.condition, 'σ/peak': at };
        const [noise, bias] = (['noise, NMSE', 'bias, NMSE'] as const).map((name) =>
          noiseKeys.error(at, name),
        );
        return [
          rowOf(group, noiseKeys.error(at, 'sd / σ'), {
            condition,
            metric: 'median sd / σ, object, neither is better',
          }),
          rowOf(group, noise, {
            condition,
            metric: 'variance of the replicas over |true image|², neither is better',
          }),
          rowOf(group, bias, {
            condition,
            metric: 'bias² over |true image|²',
            note: 'mean of the replicas against the true image',
          }),
        ];
      }),
      rowOf(group, noiseKeys.gain, { metric: GAIN }),
      rowOf(group, noiseKeys.lesion, { metric: LESION_SHARE, note: '1 keeps it all' }),
    ]);
    const same = groupBy(groups, ([{ config }]) =>
      canonicalJson([config.model, { ...config.condition, λ: null }]),
    );
    const checks = same.flatMap((family): Check[] => {
      const sorted = [...family].sort((a, b) => lambdaOf(a) - lambdaOf(b));
      if (sorted.length < 2 || lambdaOf(sorted[0]) !== 0) return [];
      const key = noiseKeys.error(level, 'sd / σ');
      const [plain, strongest] = [sorted[0], sorted[sorted.length - 1]].map((group) => meanOf(group, key));
      return [
        {
          name: `${sorted[0][0].config.model}: sd at the largest λ = ${lambdaOf(sorted[sorted.length - 1])} over that without, σ/peak ${level}`,
          value: strongest / plain,
          limit: '< 1',
          holds: strongest < plain,
        },
      ];
    });
    return {
      rows,
      checks,
      notes: [
        'Less noise alone makes no image better: a constant has none. Noise is paid for with bias, NMSE counts both, and a share of the lesion near 1 keeps what a reader looks for.',
        'trace(J Jᵀ)/pixels is the mean variance of a pixel for noise of σ = 1; one random probe a step estimates it without bias.',
        'The bound of the variance of an unbiased image does not depend on λ: noise below it is paid with bias, and NMSE says whether that pays.',
      ],
    };
  },
});

const lambdaOf = ([{ config }]: ReturnType<typeof groupsOf>[number]): number =>
  Number(config.condition['λ'] ?? 0);

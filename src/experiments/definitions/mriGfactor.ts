/** Noise maps of SENSE by the Jacobian, by probing and by replicas against the closed form of the g-factor. */
import { z } from 'zod';
import { loopCoils } from '../../../datasets/mri/coils.ts';
import { brainPhantom } from '../../../datasets/mri/phantoms.ts';
import { npy } from '../../../datasets/npy.ts';
import { encode, senseGFactor, senseNoiseSd } from '../../mri/index.ts';
import type { NoisyAcquisition } from '../../mri/kspaceNoise.ts';
import { noiseMaps } from '../../mri/noiseMaps.ts';
import { getReconstruction } from '../../mri/reconstructions.ts';
import { replicaMaps } from '../../mri/replicas.ts';
import type { Check, JobResult, ResultRow } from '../../runs/index.ts';
import { array, compile, specsOf, type NDArray } from '../../tensor/index.ts';
import { key } from '../../tensor/random.ts';
import { experiment, type JobContext, type JobOutput } from '../experiment.ts';
import { seedList } from '../lists.ts';
import { groupBy, meanAndDeviation } from '../statistics.ts';

const configuration = z.strictObject({
  accelerations: z
    .array(z.int().min(1).max(8))
    .min(1)
    .default([2, 3, 4])
    .describe('every R-th column is sampled'),
  seeds: seedList('phantom, probes and replicas'),
  height: z.int().min(2).default(16).describe('rows of the image'),
  width: z.int().min(8).default(48).describe('columns; a multiple of every acceleration'),
  coils: z.int().min(2).default(8).describe('loops around the bore'),
  probes: z.array(z.int().min(2)).default([16, 64]).describe('numbers of random probes in image space'),
  replicas: z.array(z.int().min(2)).default([64, 256]).describe('numbers of pseudo replicas'),
});
type Configuration = z.output<typeof configuration>;
const optionsSchema = configuration.omit({ accelerations: true, seeds: true });

const METRIC = 'root mean square of the relative error of the standard deviation';
const EXACT = { f64: 'rows, float64: largest relative error', f32: 'rows, float32: largest relative error' };

/** Root mean square of a / b − 1. */
const relativeError = ({ data }: NDArray, truth: NDArray): number =>
  Math.sqrt(Array.from(data, (v, i) => (v / truth.data[i] - 1) ** 2).reduce((a, b) => a + b) / data.length);
const largestError = ({ data }: NDArray, truth: NDArray): number =>
  Math.max(...Array.from(data, (v, i) => Math.abs(v / truth.data[i] - 1)));

async function runJob({ config, engine, threads, signal }: JobContext): Promise<JobOutput> {
  const started = performance.now();
  const { height: h, width: w, coils, probes, replicas } = optionsSchema.parse(config.options);
  const R = Number(config.condition['acceleration']);
  const sensitivities = loopCoils([h, w], { coils });
  const mask = array(
    Float64Array.from({ length: w }, (_, k) => (k % R === 0 ? 1 : 0)),
    [1, w],
  );
  const phantom = brainPhantom(key(config.seed), [h, w]);
  const program = await compile(
    (image, s, m) => ({
      kspace: encode(image, { sensitivities: s, mask: m }),
      sd: senseNoiseSd(s, { acceleration: R }),
      g: senseGFactor(s, { acceleration: R }),
    }),
    [specsOf(phantom), specsOf(sensitivities), specsOf(mask)],
    { dtype: 'float64', threads },
  );
  const { kspace, sd, g } = await program.run([phantom, sensitivities, mask]);
  await program.dispose();
  const acquisition: NoisyAcquisition = { kspace, mask, sensitivities, noise: { sigma: 1 } };
  const method = getReconstruction('sense');
  const reconstruction = { reconstruct: method.prepare(acquisition), output: method.output };
  const common = { engine, threads, signal, seed: config.seed };

  const extra: Record<string, number> = { 'least g': Math.min(...g.data), 'largest g': Math.max(...g.data) };
  const rows = await noiseMaps(reconstruction, acquisition, {
    ...common,
    engine: 'onnx',
    method: 'rows',
    dtype: 'float64',
  });
  extra[EXACT.f64] = largestError(rows.sd, sd);
  const single = await noiseMaps(reconstruction, acquisition, { ...common, method: 'rows' });
  extra[EXACT.f32] = largestError(single.sd, sd);
  let probed = single;
  for (const count of probes) {
    probed = await noiseMaps(reconstruction, acquisition, { ...common, probes: count });
    extra[`probing ${count}`] = relativeError(probed.sd, sd);
    extra[`probing ${count}, displayed`] = probed.relativeError ?? NaN;
  }
  let sampled = single.sd;
  for (const count of replicas) {
    const found = await replicaMaps(reconstruction, acquisition, { ...common, replicas: count });
    sampled = found.complex?.component.deviation ?? found.sd;
    extra[`replicas ${count}`] = relativeError(sampled, sd);
  }
  const map = (name: string, title: string, values: NDArray) => ({ name, title, values });
  const maps = [
    map('closed', 'Closed form', sd),
    map('jacobian', 'Rows of the Jacobian', rows.sd),
    map('probed', `${probed.probes} probes`, probed.sd),
    map('sampled', `${replicas.at(-1) ?? 0} replicas`, sampled),
  ];
  return {
    result: {
      metric: METRIC,
      value: relativeError(rows.sd, sd),
      best: null,
      parameters: 0,
      seconds: (performance.now() - started) / 1000,
      inferenceMilliseconds: null,
      samples: [],
      extra,
      maps: maps.map(({ name, title }) => ({ array: name, title, quantity: 'sd / σ', scale: 'sd' })),
    },
    arrays: Object.fromEntries(
      maps.map(({ name, values }) => [name, npy(Float32Array.from(values.data), values.shape)]),
    ),
  };
}

const valuesOf = (group: readonly JobResult[], name: string): number[] =>
  group.map(({ extra }) => extra[name]);

function rowsOf(group: readonly JobResult[], { probes, replicas }: Configuration): ResultRow[] {
  const [{ config }] = group;
  const row = (model: string, count: number | null, name: string, note: string): ResultRow => ({
    model,
    condition: { ...config.condition, ...(count !== null && { vectors: count }) },
    metric: METRIC,
    published: null,
    ...meanAndDeviation(valuesOf(group, name)),
    parameters: null,
    seconds: null,
    baseline: false,
    note,
  });
  return [
    row('rows', null, EXACT.f64, 'largest error, float64'),
    ...probes.map((count) =>
      row(
        'probing',
        count,
        `probing ${count}`,
        `displays ${(meanAndDeviation(valuesOf(group, `probing ${count}, displayed`)).mean ?? NaN).toPrecision(3)}`,
      ),
    ),
    ...replicas.map((count) =>
      row(
        'replicas',
        count,
        `replicas ${count}`,
        `theory 1/(2√N) = ${(1 / (2 * Math.sqrt(count))).toPrecision(3)}`,
      ),
    ),
  ];
}

function checksOf(group: readonly JobResult[], { probes, replicas }: Configuration): Check[] {
  const R = String(group[0].config.condition['acceleration']);
  const worst = (name: string): number => Math.max(...valuesOf(group, name));
  const most = (name: string, value: number, limit: number): Check => ({
    name: `R = ${R}: ${name}`,
    value,
    limit: `≤ ${limit}`,
    holds: value <= limit,
  });
  const near = (name: string, value: number): Check => ({
    name: `R = ${R}: ${name}`,
    value,
    limit: '0.9 … 1.1',
    holds: value >= 0.9 && value <= 1.1,
  });
  const least = Math.min(...valuesOf(group, 'least g'));
  const mean = (name: string): number => meanAndDeviation(valuesOf(group, name)).mean ?? NaN;
  return [
    most(EXACT.f64, worst(EXACT.f64), 1e-3),
    most(EXACT.f32, worst(EXACT.f32), 1e-2),
    { name: `R = ${R}: least g`, value: least, limit: '≥ 1', holds: least >= 1 - 1e-6 },
    ...probes.map((count) =>
      near(
        `error of ${count} probes over the displayed one`,
        mean(`probing ${count}`) / mean(`probing ${count}, displayed`),
      ),
    ),
    ...replicas.map((count) =>
      near(`error of ${count} replicas over 1/(2√N)`, mean(`replicas ${count}`) * 2 * Math.sqrt(count)),
    ),
  ];
}

export default experiment('mri-gfactor', {
  title: 'Noise of SENSE: Jacobian, probing and replicas against the closed form',
  source:
    'Pruessmann et al., Magnetic Resonance in Medicine 42, 1999: the closed form; no table is published',
  configuration,
  axes: ['accelerations', 'seeds'],
  presets: {
    quick: { description: '16 × 48 pixels, 8 coils, R = 2, 3, 4; under a minute', values: {} },
    paper: {
      description: '48 × 96 pixels, 16 coils, up to 1024 replicas, three seeds; half an hour',
      values: {
        height: 48,
        width: 96,
        coils: 16,
        probes: [2, 16, 64],
        replicas: [64, 256, 1024],
        seeds: [0, 1, 2],
      },
    },
  },
  check({ accelerations, width, coils }) {
    for (const R of accelerations)
      if (width % R !== 0 || R > coils)
        throw new Error(
          `--accelerations: got ${R}, expected divisors of the ${width} columns (--width) up to the ${coils} coils (--coils)`,
        );
  },
  jobs: (config) =>
    config.seeds.flatMap((seed) =>
      config.accelerations.map((acceleration) => ({
        model: 'sense',
        condition: { acceleration },
        seed,
        options: optionsSchema.parse(
          Object.fromEntries(Object.entries(config).filter(([name]) => name in optionsSchema.shape)),
        ),
      })),
    ),
  runJob,
  summarize(finished, config) {
    const groups = groupBy(finished, ({ config: { condition } }) => String(condition['acceleration']));
    return {
      rows: groups.flatMap((group) => rowsOf(group, config)),
      checks: groups.flatMap((group) => checksOf(group, config)),
      notes: [
        'Loop coils around the field of view, noise white between coils, no regularisation. Deviations are of one real component.',
        'Probing takes two products a vector, a replica one reconstruction; both are unbiased, and the error of probing depends on how far noise reaches between pixels.',
      ],
    };
  },
});

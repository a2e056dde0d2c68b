/** `sextant uq`: uncertainty of a result from measured data. */
import path from 'node:path';
import { Command } from 'commander';
import { z } from 'zod';
import { encodeNifti } from '../../../datasets/mri/nifti.ts';
import { npy, writeNpy } from '../../../datasets/npy.ts';
import { flagOf } from '../../experiments/configuration.ts';
import { fixedRow } from '../../experiments/resultRows.ts';
import { assessNoise, OVER_BOUND, type AssessedMap, type Assessment } from '../../mri/assessment.ts';
import type { ReceiverNoise } from '../../mri/kspaceNoise.ts';
import { trueAcceleration } from '../../mri/masks.ts';
import { edgeNoise } from '../../mri/noiseLevel.ts';
import {
  captureEnvironment,
  ExperimentFolder,
  type ResultRow,
  type Run,
  type RunConfig,
} from '../../runs/index.ts';
import { command, exampleText } from '../command.ts';
import { describeError } from '../errors.ts';
import { formatNumber, shortPath } from '../format.ts';
import { pauseForInterruption } from '../interruption.ts';
import { checkOutputs, writeBytes } from '../output.ts';
import {
  chosenReconstruction,
  kspaceArgument,
  methodFlags,
  methodList,
  readAcquisition,
  reconstructionOptions,
  type AcquiredFile,
} from '../reconstruction.ts';
import type { Terminal } from '../terminal.ts';
import { positiveNumber, wholeNumber } from '../text.ts';
import { writeReport } from './report.ts';

const EXPERIMENT = 'uq-mri';

export const build = (terminal: Terminal): Command => {
  const group = new Command('uq').summary('noise and uncertainty maps of measured data');
  group.description('Maps of what noise does to a result, with a report.');
  group.addHelpText('after', exampleText(['sextant mri phantom', 'sextant uq mri phantom.npz']));
  group.addCommand(buildMri(terminal));
  return group;
};

const buildMri = (terminal: Terminal): Command =>
  command({
    name: 'mri',
    summary: 'noise maps of a reconstruction of k-space',
    description:
      'Reconstructs one slice of multi-coil k-space as mri recon does and maps its noise: standard deviation by the Jacobian and by ' +
      'replicas, signal to noise ratio, Cramér–Rao bound, bias, worst case. Writes a run folder with an HTML report and every map ' +
      `as .npy and NIfTI. ${methodList}`,
    arguments: { file: kspaceArgument },
    options: {
      ...reconstructionOptions,
      sigma: {
        value: 'number',
        help:
          'noise of one real component of k-space as it is in the file, white between coils (noise readouts of the file, to which it is ' +
          'whitened, else the covariance of the outermost samples)',
        schema: positiveNumber.optional(),
      },
      error: {
        value: 'number',
        help: 'wanted relative standard error of the noise map (0.05)',
        schema: positiveNumber.default(0.05),
      },
      maximumProbes: {
        value: 'number',
        help: 'most random probes (64)',
        schema: wholeNumber(16).default(64),
      },
      replicas: {
        value: 'number',
        help: 'pseudo replicas, 0 for none (32)',
        schema: wholeNumber(0)
          .refine((replicas) => replicas !== 1, 'got 1, expected 0, or 2 and more: one has no deviation')
          .default(32),
      },
      boundProbes: {
        value: 'number',
        help: 'probes of the Cramér–Rao bound, 0 for none (16)',
        schema: wholeNumber(0).default(16),
      },
      gainIterations: {
        value: 'number',
        help: 'power iterations for the worst case, 0 for none (10)',
        schema: wholeNumber(0).default(10),
      },
      seed: { value: 'number', help: 'of probes and replicas (0)', schema: wholeNumber(0).default(0) },
      json: { help: 'print the numbers as JSON', schema: z.boolean().default(false) },
    },
    flags: methodFlags,
    examples: [
      'sextant mri phantom --height 32 --width 32 --coils 4 --acceleration 2 --acs-lines 12 --output small.npz',
      'sextant uq mri small.npz --replicas 16',
      'sextant uq mri small.npz --method zero-filled --replicas 0',
    ],
    async run({ file, runs, json, sigma, method, network, sensitivities, slice, coils, ...settings }, flags) {
      const signal = terminal.interruption('begins anew');
      const reconstruction = await chosenReconstruction({ method, network, runs }, flags);
      await checkOutputs([path.join(runs, EXPERIMENT)]);
      const choices = { sensitivities, slice, coils, whiten: sigma === undefined, signal };
      const [read, notes] = await acquired(file, choices, {
        needed: reconstruction.needsSensitivities,
        wanted: settings.boundProbes > 0,
      });
      await pauseForInterruption(signal);
      const { acquisition } = read;
      const { kspace, mask } = acquisition;
      const { noise, level, origin } = noiseOf(sigma, read);
      const reconstruct = reconstruction.prepare(acquisition);

      const given = { sigma, network, sensitivities, coils };
      const config: RunConfig = {
        experiment: EXPERIMENT,
        preset: 'file',
        model: reconstruction.name,
        condition: { file: path.basename(file), slice },
        seed: settings.seed,
        options: { ...settings, ...reconstruction.options, ...defined(given) },
      };
      const folder = ExperimentFolder.create(path.resolve(runs), EXPERIMENT, path.parse(file).name, {
        ...config,
        file: path.resolve(file),
      });
      const run = await folder.run(config);
      const release = run.lock();
      try {
        const started = performance.now();
        const assessed = await assessNoise(
          { reconstruct, output: reconstruction.output },
          { ...acquisition, noise },
          {
            maps: { targetError: settings.error, maximumProbes: settings.maximumProbes },
            replicas: settings.replicas,
            boundProbes: settings.boundProbes,
            gainIterations: settings.gainIterations,
            seed: settings.seed,
            signal,
            onProgress: (label, done, total) =>
              terminal.progress.update({ label, done, total, unit: 'steps' }),
          },
        );
        terminal.progress.clear();
        const facts = {
          coils: kspace.re.shape[0],
          height: kspace.re.shape[1],
          width: kspace.re.shape[2],
          acceleration: trueAcceleration(mask),
          'noise of one real component': level,
        };
        const numbers = { ...facts, ...assessed.numbers };
        const seconds = (performance.now() - started) / 1000;
        await writeRun(folder, run, {
          assessed,
          numbers,
          seconds,
          title: `${reconstruction.title}: ${path.basename(file)}`,
          source: reconstruction.source,
          noiseSource: origin,
          notes,
          command: commandLine(file, { method, ...flags, slice, ...given, ...settings }),
        });
        await writeMaps(run, assessed.maps, read.pixelMm);
        const report = await writeReport(folder.path);
        if (json)
          terminal.print(
            JSON.stringify(
              { ...numbers, noise: origin, remarks: assessed.remarks, warnings: assessed.warnings, report },
              null,
              2,
            ),
          );
        else {
          printNumbers(terminal, numbers, assessed, notes);
          terminal.print(`noise: ${origin}`);
          terminal.print(`maps: ${shortPath(run.path('maps'))}`);
          terminal.print(`report: ${shortPath(report)}`);
        }
      } finally {
        release();
      }
    },
  });

/**
 * The acquisition with sensitivities if the reconstruction needs them; if only the bound wants them, and they cannot be had, without:
 * then with a note that says why.
 */
async function acquired(
  file: string,
  choices: Omit<Parameters<typeof readAcquisition>[1], 'needsSensitivities'>,
  { needed, wanted }: { readonly needed: boolean; readonly wanted: boolean },
): Promise<[AcquiredFile, notes: string[]]> {
  const without = { ...choices, needsSensitivities: false };
  if (!needed && !wanted) return [await readAcquisition(file, without), []];
  try {
    return [await readAcquisition(file, { ...choices, needsSensitivities: true }), []];
  } catch (error) {
    if (needed || choices.sensitivities !== undefined) throw error;
    const read = await readAcquisition(file, without);
    return [read, [`There is no Cramér–Rao bound, which needs sensitivities: ${describeError(error)}`]];
  }
}

/** The noise of k-space: deviation of one real component, and where it came from. */
function noiseOf(
  sigma: number | undefined,
  { acquisition: { kspace, mask }, whitened }: AcquiredFile,
): { readonly noise: ReceiverNoise; readonly level: number; readonly origin: string } {
  if (sigma !== undefined) return { noise: { sigma }, level: sigma, origin: 'given' };
  if (whitened)
    return {
      noise: { sigma: 1 },
      level: 1,
      origin: 'noise readouts of the file, which brought k-space to SNR units',
    };
  const { covariance, sigma: level, samples } = edgeNoise(kspace, mask);
  const origin = `the covariance of the outermost ${samples} samples of each coil, an estimate from above`;
  return { noise: { covariance }, level, origin };
}

const defined = <T extends Readonly<Record<string, unknown>>>(values: T): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));

/** The command that makes this again. */
const commandLine = (file: string, values: Readonly<Record<string, unknown>>): string =>
  [
    'npx sextant uq mri',
    /^[\w./-]+$/.test(file) ? file : `'${file}'`,
    ...Object.entries(defined(values)).map(([key, value]) => `${flagOf(key)} ${String(value)}`),
  ].join(' ');

interface Written {
  readonly assessed: Assessment;
  readonly numbers: Readonly<Record<string, number>>;
  readonly seconds: number;
  readonly title: string;
  readonly source: string;
  readonly noiseSource: string;
  readonly notes: readonly string[];
  readonly command: string;
}

async function writeRun(folder: ExperimentFolder, run: Run, written: Written): Promise<void> {
  const { assessed, numbers, seconds, title, source, noiseSource, notes, command } = written;
  const { config } = run;
  const environment = captureEnvironment('onnx');
  const metric = 'median standard deviation of the noise in the object, in the unit of k-space';
  const value = numbers['median sd, object'];
  const arrays = Object.fromEntries(
    assessed.maps.map(({ name, values }) => [name, npy(Float32Array.from(values.data), values.shape)]),
  );
  await run.writeEnvironment(environment);
  await run.writeStatus({ state: 'finished', epoch: 0, epochs: 0, pid: null, secondsLeft: null });
  await run.writeResult(
    {
      config,
      metric,
      value,
      best: null,
      parameters: 0,
      seconds,
      inferenceMilliseconds: null,
      samples: [],
      extra: numbers,
      maps: assessed.maps.map(({ name, title, quantity, scale }) => ({
        array: name,
        title,
        quantity,
        scale,
      })),
    },
    arrays,
  );
  const row = (name: string, mean: number, note?: string): ResultRow => ({
    ...fixedRow(config.model, config.condition, name, mean, note),
    baseline: false,
  });
  const about = { experiment: EXPERIMENT, preset: config.preset, title, source: '', command };
  await folder.writeConfig({ ...about, configuration: { ...config.options }, jobs: [run.name] });
  await folder.writeResult({
    ...about,
    environment,
    data: {},
    rows: [
      row(metric, value),
      ...(OVER_BOUND in numbers
        ? [row(`${OVER_BOUND}, neither is better`, numbers[OVER_BOUND], assessed.remarks[OVER_BOUND])]
        : []),
    ],
    checks: [],
    notes: [
      ...assessed.warnings,
      ...notes,
      `Reconstruction: ${source}.`,
      `Noise of k-space: ${noiseSource}. σ is the standard deviation of one real component, so that E|n|² = 2σ².`,
      'The map by the Jacobian is first order at the measured k-space; the image is in the unit of k-space (orthonormal transform).',
    ],
    figures: [],
  });
}

/** Every map as .npy and as NIfTI. */
async function writeMaps(
  run: Run,
  maps: readonly AssessedMap[],
  pixelMm: AcquiredFile['pixelMm'],
): Promise<void> {
  const [dx, dy] = pixelMm ?? [1, 1];
  for (const { name, quantity, values } of maps) {
    const { shape } = values;
    const single = { data: Float32Array.from(values.data), shape, dtype: 'float32' } as const;
    await writeBytes(run.path('maps', `${name}.npy`), writeNpy(npy(single.data, shape)));
    const nifti = encodeNifti(single, { voxelMm: [dx, dy, 1], description: quantity });
    await writeBytes(run.path('maps', `${name}.nii`), nifti);
  }
}

function printNumbers(
  terminal: Terminal,
  numbers: Readonly<Record<string, number>>,
  { remarks, warnings }: Assessment,
  notes: readonly string[],
): void {
  for (const [name, value] of Object.entries(numbers)) {
    const remark = name in remarks ? ` (${remarks[name]})` : '';
    terminal.print(`${name}: ${formatNumber(value)}${remark}`);
  }
  for (const warning of warnings) terminal.print(`warning: ${warning}`);
  for (const note of notes) terminal.print(`note: ${note}`);
}

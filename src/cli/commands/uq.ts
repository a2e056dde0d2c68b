/** `sextant uq`: uncertainty of a result from measured data. */
import path from 'node:path';
import { Command } from 'commander';
import { z } from 'zod';
import { encodeNifti } from '../../../datasets/mri/nifti.ts';
import { readKspaceSlice } from '../../../datasets/mri/kspaceFile.ts';
import { npy, writeNpy } from '../../../datasets/npy.ts';
import { assessNoise, type AssessedMap, type Assessment } from '../../mri/assessment.ts';
import { calibrationData } from '../../mri/calibration.ts';
import { espiritSensitivities } from '../../mri/espirit.ts';
import type { ReceiverNoise } from '../../mri/kspaceNoise.ts';
import { trueAcceleration } from '../../mri/masks.ts';
import { edgeNoise } from '../../mri/noiseLevel.ts';
import type { Acquisition } from '../../mri/reconstruction.ts';
import { getReconstruction, reconstructionFamilies } from '../../mri/reconstructions.ts';
import { captureEnvironment, ExperimentFolder, type Run, type RunConfig } from '../../runs/index.ts';
import { mapTree, type ComplexArray, type NDArray } from '../../tensor/index.ts';
import { command } from '../command.ts';
import { asUsage } from '../errors.ts';
import { formatNumber, shortPath } from '../format.ts';
import { writeBytes } from '../output.ts';
import { RUNS_FOLDER } from '../runs.ts';
import type { Terminal } from '../terminal.ts';
import { constants, nonEmpty, positiveNumber, wholeNumber } from '../text.ts';
import { writeReport } from './report.ts';

const EXPERIMENT = 'uq-mri';

export const build = (terminal: Terminal): Command => {
  const group = new Command('uq').summary('noise and uncertainty maps of measured data');
  group.description('Maps of what noise does to a result, with a report.');
  group.addCommand(buildMri(terminal));
  return group;
};

const buildMri = (terminal: Terminal): Command =>
  command({
    name: 'mri',
    summary: 'noise maps of a reconstruction of k-space',
    description:
      'Reconstructs one slice of multi-coil k-space (.npy, .npz, .cfl, fastMRI .h5) and maps its noise: standard deviation by ' +
      'the Jacobian and by replicas, signal to noise ratio, Cramér–Rao bound, bias, worst case. Writes a run folder with an ' +
      `HTML report and every map as .npy and NIfTI. Reconstructions: ${reconstructionFamilies.map(({ name }) => name).join(', ')}.`,
    arguments: { file: { help: 'k-space [coils, height, width], zero where not sampled', schema: nonEmpty } },
    options: {
      reconstruction: { value: 'name', help: 'by name (cg-sense)', schema: nonEmpty.default('cg-sense') },
      options: {
        value: 'name=number,…',
        help: 'options of the reconstruction (cg-sense: tikhonov=0.01,iterations=20)',
        schema: constants.optional(),
      },
      sigma: {
        value: 'number',
        help: 'noise of one real component of k-space, white between coils (covariance of the outermost samples)',
        schema: positiveNumber.optional(),
      },
      slice: { value: 'number', help: 'of files that hold several (0)', schema: wholeNumber(0).default(0) },
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
        schema: wholeNumber(0).default(32),
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
      runs: {
        value: 'folder',
        help: `folder of runs (${RUNS_FOLDER})`,
        schema: nonEmpty.default(RUNS_FOLDER),
      },
      json: { help: 'print the numbers as JSON', schema: z.boolean().default(false) },
    },
    examples: [
      'sextant uq mri kspace.npy --replicas 16',
      'sextant uq mri kspace.npy --reconstruction zero-filled',
    ],
    async run({ file, runs, json, reconstruction: name, options: given, slice, sigma, ...settings }) {
      const signal = terminal.interruption();
      const method = asUsage(() =>
        getReconstruction(name, given ?? (name === 'cg-sense' ? { tikhonov: 0.01, iterations: 20 } : {})),
      );
      const { kspace, mask } = await readKspaceSlice(file, slice);
      const sensitivities = method.needsSensitivities ? espirit(kspace, mask) : null;
      const { noise, level, origin } = noiseOf(sigma, kspace, mask);
      const acquisition: Acquisition = { kspace, mask, sensitivities };
      const reconstruct = method.prepare(acquisition);

      const config: RunConfig = {
        experiment: EXPERIMENT,
        preset: 'file',
        model: method.name,
        condition: { file: path.basename(file), slice },
        seed: settings.seed,
        options: { ...settings, ...method.options, sigma: sigma ?? 'outermost samples' },
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
          { reconstruct, output: method.output },
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
          title: `${method.title}: ${path.basename(file)}`,
          source: method.source,
          noiseSource: origin,
        });
        await writeMaps(run, assessed.maps);
        const report = await writeReport(folder.path);
        if (json)
          terminal.print(JSON.stringify({ ...numbers, warnings: assessed.warnings, report }, null, 2));
        else printNumbers(terminal, numbers, assessed, { report, maps: run.path('maps') });
      } finally {
        release();
      }
    },
  });

/** The noise of k-space as given, or from its outermost samples: deviation of one real component, and where it came from. */
function noiseOf(
  sigma: number | undefined,
  kspace: ComplexArray,
  mask: NDArray,
): { readonly noise: ReceiverNoise; readonly level: number; readonly origin: string } {
  if (sigma !== undefined) return { noise: { sigma }, level: sigma, origin: 'given' };
  const { covariance, sigma: level, samples } = edgeNoise(kspace, mask);
  const origin = `the covariance of the outermost ${samples} samples of each coil, an estimate from above`;
  return { noise: { covariance }, level, origin };
}

/** ESPIRiT from the fully sampled centre. */
const espirit = (kspace: ComplexArray, mask: NDArray): ComplexArray =>
  espiritSensitivities(calibrationData(kspace, mask, { least: 8, name: 'espirit' }), [
    kspace.re.shape[1],
    kspace.re.shape[2],
  ]).sensitivities;

interface Written {
  readonly assessed: Assessment;
  readonly numbers: Readonly<Record<string, number>>;
  readonly seconds: number;
  readonly title: string;
  readonly source: string;
  readonly noiseSource: string;
}

async function writeRun(folder: ExperimentFolder, run: Run, written: Written): Promise<void> {
  const { assessed, numbers, seconds, title, source, noiseSource } = written;
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
  const command = `npx sextant uq mri ${String(config.condition['file'])} --reconstruction ${config.model}`;
  const about = { experiment: EXPERIMENT, preset: config.preset, title, source: '', command };
  await folder.writeConfig({ ...about, configuration: { ...config.options }, jobs: [run.name] });
  await folder.writeResult({
    ...about,
    environment,
    data: {},
    rows: [
      {
        model: config.model,
        condition: config.condition,
        metric,
        published: null,
        mean: value,
        std: null,
        n: 1,
        parameters: null,
        seconds: null,
        baseline: false,
        note: '',
      },
    ],
    checks: [],
    notes: [
      ...assessed.warnings,
      `Reconstruction: ${source}.`,
      `Noise of k-space: ${noiseSource}. σ is the standard deviation of one real component, so that E|n|² = 2σ².`,
      'The map by the Jacobian is first order at the measured k-space; the image is in the unit of k-space (orthonormal transform).',
    ],
    figures: [],
  });
}

/** Every map as .npy and as NIfTI. */
async function writeMaps(run: Run, maps: readonly AssessedMap[]): Promise<void> {
  for (const { name, quantity, values } of maps) {
    const single = mapTree(values, ({ data, shape }: NDArray): NDArray => ({
      data: Float32Array.from(data),
      shape,
      dtype: 'float32',
    }));
    await writeBytes(run.path('maps', `${name}.npy`), writeNpy(npy(single.data, single.shape)));
    await writeBytes(run.path('maps', `${name}.nii`), encodeNifti(single, { description: quantity }));
  }
}

function printNumbers(
  terminal: Terminal,
  numbers: Readonly<Record<string, number>>,
  { warnings }: Assessment,
  files: { readonly report: string; readonly maps: string },
): void {
  for (const [name, value] of Object.entries(numbers)) terminal.print(`${name}: ${formatNumber(value)}`);
  for (const warning of warnings) terminal.print(`warning: ${warning}`);
  terminal.print(`maps: ${shortPath(files.maps)}`);
  terminal.print(`report: ${shortPath(files.report)}`);
}

/** A folder of runs on disk made of the synthetic experiment, and a look at the pages in Chromium. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { npy } from '../../datasets/npy.ts';
import { writeNpz, type NpzArrays } from '../../datasets/npz.ts';
import type { ReportInput, ReportJob } from '../../reports/input.ts';
import { syntheticReport } from '../reports/fixture.ts';

export interface Runs {
  folder: string;
  remove: () => Promise<void>;
}

export async function writeJob(experiment: string, job: ReportJob): Promise<string> {
  const folder = path.join(experiment, 'jobs', job.name);
  await mkdir(folder, { recursive: true });
  const put = (name: string, value: unknown): Promise<void> =>
    writeFile(path.join(folder, name), JSON.stringify(value));
  await put('config.json', job.config);
  await put('status.json', job.status);
  await put('environment.json', job.environment);
  if (job.arrays) {
    const arrays: Record<string, NpzArrays[string]> = {};
    for (const [name, { shape, data }] of Object.entries(job.arrays))
      arrays[name] = npy(Float64Array.from(data), shape);
    await writeNpz(path.join(folder, 'arrays.npz'), arrays);
  }
  if (job.result) await put('result.json', job.result);
  await writeFile(
    path.join(folder, 'metrics.jsonl'),
    job.metrics.map((line) => JSON.stringify(line) + '\n').join(''),
  );
  return folder;
}

async function writeExperiment(runsFolder: string, id: string, input: ReportInput): Promise<string> {
  const folder = path.join(runsFolder, id);
  await mkdir(folder, { recursive: true });
  const { experiment, preset, title, source, command } = input.result;
  await writeFile(
    path.join(folder, 'experiment.json'),
    JSON.stringify({ experiment, preset, title, source, command }),
  );
  if (input.complete !== false)
    await writeFile(path.join(folder, 'result.json'), JSON.stringify(input.result));
  for (const job of input.jobs) await writeJob(folder, job);
  return folder;
}

/** `kdv-done` is finished; `kdv-half` has one finished and one running job of six epochs. */
export async function makeRuns(): Promise<Runs> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'sextant-runs-'));
  const done = syntheticReport();
  await writeExperiment(folder, 'kdv-done', done);
  const [first, second] = syntheticReport().jobs;
  await writeExperiment(folder, 'kdv-half', {
    result: done.result,
    complete: false,
    jobs: [
      first,
      {
        ...second,
        result: null,
        metrics: second.metrics.slice(0, 6),
        status: { ...second.status, state: 'running', epoch: 6, pid: process.pid, secondsLeft: 95 },
      },
    ],
  });
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

export const chromiumPath = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';
export const hasChromium = existsSync(chromiumPath);
export const chromiumArguments = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

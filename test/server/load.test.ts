import { appendFile, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseMetrics } from '../../src/runs/metrics.ts';
import { actualStatus, loadExperiment } from '../../reports/load.ts';
import { renderReport } from '../../reports/report.ts';
import { summarizeExperiment } from '../../reports/summary.ts';
import { syntheticReport } from '../reports/fixture.ts';
import { makeRuns, type Runs } from './runs.ts';

let runs: Runs;
const at = (...parts: string[]): string => path.join(runs.folder, ...parts);
beforeEach(async () => {
  runs = await makeRuns();
});
afterEach(() => runs.remove());

describe('a folder on disk', () => {
  test('comes back as it was written', async () => {
    const { result, jobs, problems } = await loadExperiment(at('kdv-done'));
    const written = syntheticReport();
    expect(result).toEqual(written.result);
    expect(problems).toEqual([]);
    const byName = new Map(written.jobs.map((job) => [job.name, job]));
    expect(jobs).toHaveLength(18);
    for (const job of jobs)
      expect({ ...job, arrays: null }).toEqual({ ...byName.get(job.name), arrays: null });
  });

  test('an unfinished experiment has rows from its finished jobs', async () => {
    const { result, jobs, complete } = await loadExperiment(at('kdv-half'));
    expect(complete).toBe(false);
    expect(jobs.map(({ status }) => status.state)).toEqual(['finished', 'running']);
    expect(result.rows).toHaveLength(1);
    expect(result.rows[0]).toMatchObject({ model: 'pade', mean: jobs[0].result?.value, std: null, n: 1 });
    expect(result.title).toBe(syntheticReport().result.title);
  });

  test('a truncated arrays.npz is a problem, not a failure', async () => {
    const { name } = (await loadExperiment(at('kdv-half'))).jobs[0];
    const file = at('kdv-half', 'jobs', name, 'arrays.npz');
    const bytes = await readFile(file);
    await writeFile(file, bytes.subarray(0, bytes.length / 2));
    const { jobs, problems } = await loadExperiment(at('kdv-half'));
    expect(jobs[0].arrays).toBeNull();
    expect(problems).toHaveLength(1);
    expect(problems?.[0]).toMatch(new RegExp(`^jobs/${name}/arrays.npz cannot be read: `));
    expect(problems?.[0]).not.toContain(runs.folder);
  });

  test.each([
    ['not JSON', '{"half', 'result.json is not valid JSON'],
    ['another shape', '{"experiment":"kdv"}', 'result.json does not have the expected shape (preset'],
  ])('a result.json that is %s is named and the jobs are still shown', async (_, text, message) => {
    await writeFile(at('kdv-done', 'result.json'), text);
    const input = await loadExperiment(at('kdv-done'));
    expect(input.problems?.[0]).toContain(message);
    expect(input.result.rows).toHaveLength(6);
    expect(renderReport(input)).toContain(message);
  });

  test('a job with a result is finished, whatever its status file still says', async () => {
    const { name } = (await loadExperiment(at('kdv-half'))).jobs[0];
    await rm(at('kdv-half', 'jobs', name, 'status.json'));
    expect((await loadExperiment(at('kdv-half'))).jobs[0].status.state).toBe('finished');
  });

  test('a job without configuration is left out and named', async () => {
    await mkdir(at('kdv-half', 'jobs', 'empty'));
    const { jobs, problems } = await loadExperiment(at('kdv-half'));
    expect(jobs).toHaveLength(2);
    expect(problems).toEqual(['jobs/empty is left out: it has no readable config.json']);
  });

  test('a link that leads out of the folder is not read', async () => {
    await rm(at('kdv-half', 'experiment.json'));
    await writeFile(at('secret.json'), JSON.stringify({ title: 'the secret' }));
    await symlink(at('secret.json'), at('kdv-half', 'experiment.json'));
    const { result, problems } = await loadExperiment(at('kdv-half'));
    expect(problems).toEqual(['experiment.json leads out of the experiment folder and is left out']);
    expect(result.title).not.toBe('the secret');
  });

  test('folders that are no experiments are refused with what is expected', async () => {
    await expect(loadExperiment(at('nothing'))).rejects.toThrow(
      /no experiment folder at .*nothing: give the folder/,
    );
    await mkdir(at('empty'));
    await expect(loadExperiment(at('empty'))).rejects.toThrow(
      /holds neither experiment.json nor result.json nor a job/,
    );
  });

  test('the summary counts epochs and says how long it will take', async () => {
    expect(await summarizeExperiment(at('kdv-half'), 'kdv-half')).toMatchObject({
      state: 'running',
      progress: (1 + 6 / 200) / 2,
      secondsLeft: 95,
      problems: [],
    });
    expect(await summarizeExperiment(at('kdv-done'), 'kdv-done')).toMatchObject({
      state: 'finished',
      progress: 1,
    });
  });
});

describe('metrics.jsonl', () => {
  const line = JSON.stringify({ epoch: 1, train: 0.5, validation: null, learningRate: 1e-3, seconds: 2 });

  test('a line still being written is left out, a broken one is numbered', () => {
    const { lines, broken } = parseMetrics(`${line}\nnonsense\n\n${line}\n${line.slice(0, 20)}`);
    expect(lines).toHaveLength(2);
    expect(broken).toEqual([2]);
  });

  test('broken lines are named in the report', async () => {
    const { name } = (await loadExperiment(at('kdv-half'))).jobs[1];
    await appendFile(at('kdv-half', 'jobs', name, 'metrics.jsonl'), 'nonsense\n');
    expect((await loadExperiment(at('kdv-half'))).problems).toEqual([
      `jobs/${name}/metrics.jsonl has broken lines, which are left out: 7`,
    ]);
  });
});

test('a running job whose process is gone counts as interrupted', () => {
  const status = {
    state: 'running' as const,
    epoch: 1,
    epochs: 2,
    updatedAt: '',
    pid: 2 ** 22 + 1,
    secondsLeft: null,
  };
  expect(actualStatus(status).state).toBe('interrupted');
  expect(actualStatus({ ...status, pid: process.pid }).state).toBe('running');
});

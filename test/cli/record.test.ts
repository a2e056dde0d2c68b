import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { commitText, timeText } from '../../src/cli/record.ts';
import { captureEnvironment, Run } from '../../src/runs/index.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'sextant-record-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a record names the commits its jobs were trained at where they are not that of the table', async () => {
  const environment = { ...captureEnvironment('onnx', 1), commit: 'aaa', dirty: false };
  const jobAt = async (seed: number, commit: string | null) => {
    const config = { experiment: 'tiny', preset: 'quick', model: 'm', condition: {}, seed, options: {} };
    const run = await Run.create(folder, config);
    await run.writeEnvironment({ ...environment, commit });
    return { run, state: 'finished', skipped: true } as const;
  };
  const jobs = [await jobAt(0, 'aaa'), await jobAt(1, 'ccc'), await jobAt(2, 'bbb'), await jobAt(3, null)];
  const runs = jobs.map(({ run }) => run);
  expect(await commitText(environment, runs.slice(0, 1))).toBe('at commit aaa');
  expect(await commitText(environment, runs)).toBe('at commit aaa (the table; jobs also at bbb, ccc)');
  expect(await commitText({ ...environment, dirty: true }, [])).toBe(
    'at commit aaa with uncommitted changes',
  );
});

test('the time of a command run in parts is that of all jobs, with what they did besides training', async () => {
  const job = async (seed: number, training: number, process: number) => {
    const config = { experiment: 'tiny', preset: 'quick', model: 'm', condition: {}, seed, options: {} };
    const run = await Run.create(folder, config);
    const startedAt = new Date(Date.now() - process * 1000).toISOString();
    await run.writeEnvironment({ ...captureEnvironment('onnx', 1), startedAt });
    const numbers = { metric: 'e', value: 1, best: null, parameters: 1, seconds: training };
    const rest = { inferenceMilliseconds: null, samples: [], extra: {} };
    await run.writeResult({ config: run.config, ...numbers, ...rest }, null);
    await run.writeStatus({ state: 'finished', epoch: 0, epochs: 0, pid: null, secondsLeft: null });
    return { run, state: 'finished', skipped: true } as const;
  };
  const jobs = [await job(10, 0, 600), await job(11, 1800, 60)];
  const runs = jobs.map(({ run }) => run);
  expect(await timeText(1, jobs, runs)).toMatch(/^40 min 00 s of work, all jobs added up/);
  const fresh = jobs.map((one) => ({ ...one, skipped: false }));
  expect(await timeText(65, fresh, runs)).toBe('1 min 05 s from start to finish');
  // A command for a part of the table does not tell the time of all of it.
  expect(await timeText(65, fresh.slice(1), runs)).toMatch(/^40 min 00 s of work/);
});

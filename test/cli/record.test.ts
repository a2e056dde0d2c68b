import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { commitText } from '../../src/cli/record.ts';
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
  expect(await commitText(environment, jobs.slice(0, 1))).toBe('at commit aaa');
  expect(await commitText(environment, jobs)).toBe('at commit aaa (the table; jobs also at bbb, ccc)');
  expect(await commitText({ ...environment, dirty: true }, [])).toBe('at commit aaa with uncommitted changes');
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { benchmarkReporter } from '../../src/cli/benchmarkReporter.ts';
import type { Terminal } from '../../src/cli/terminal.ts';
import { Run } from '../../src/runs/index.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'sextant-reporter-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('a result damaged after the job ended is a line without a number, not the end of the program', async () => {
  const config = {
    experiment: 'tiny',
    preset: 'quick',
    model: 'steady',
    condition: {},
    seed: 0,
    options: {},
  };
  const run = await Run.create(folder, config);
  writeFileSync(run.path('result.json'), '{"value"');
  const told: unknown[] = [];
  const line = await new Promise<string>((resolve) => {
    const progress = {
      update: () => undefined,
      event: (text: string, fields: unknown) => {
        told.push(fields);
        resolve(text);
      },
    };
    benchmarkReporter(
      { progress } as unknown as Terminal,
      'tiny',
    )({
      kind: 'end',
      outcome: { run, state: 'finished', skipped: false },
    });
  });
  expect(line).toContain('steady  seed 0  finished');
  expect(told).toEqual([expect.objectContaining({ event: 'end', state: 'finished', value: null })]);
});

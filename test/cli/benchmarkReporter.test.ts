import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { benchmarkReporter } from '../../src/cli/benchmarkReporter.ts';
import type { ProgressState, Terminal } from '../../src/cli/terminal.ts';
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

test('the time left is unknown until a training has shown its pace, however many baselines are done', async () => {
  const run = (model: string): Promise<Run> =>
    Run.create(folder, {
      ...{ experiment: 'tiny', preset: 'quick', condition: {}, seed: 0, options: {} },
      model,
    });
  const [linear, fno] = [await run('linear'), await run('fno')];
  const told: ProgressState[] = [];
  const lines: string[] = [];
  const progress = {
    update: (state: ProgressState) => told.push(state),
    event: (text: string) => lines.push(text),
  };
  const listen = benchmarkReporter({ progress } as unknown as Terminal, 'tiny');
  listen({ kind: 'jobs', runs: [linear, fno] });
  listen({ kind: 'start', run: linear });
  listen({ kind: 'end', outcome: { run: linear, state: 'finished', skipped: false } });
  await expect.poll(() => lines.length).toBe(1);
  listen({ kind: 'start', run: fno });
  const epoch = (of: number) =>
    listen({ kind: 'progress', run: fno, progress: { epoch: of, epochs: 10, secondsLeft: null } });
  epoch(1);
  expect(told.map(({ secondsLeft }) => secondsLeft).every((left) => left === null)).toBe(true);
  epoch(2);
  expect(told.at(-1)?.secondsLeft).toBeGreaterThan(0);
  expect(told.at(-1)?.done).toBeCloseTo(1.2, 12);
});

test('what a job does beside epochs is shown with its name, and leaves the share that is done', async () => {
  const run = await Run.create(folder, {
    ...{ experiment: 'tiny', preset: 'quick', condition: {}, seed: 0, options: {} },
    model: 'varnet',
  });
  const told: ProgressState[] = [];
  const progress = { update: (state: ProgressState) => told.push(state), event: () => undefined };
  const listen = benchmarkReporter({ progress } as unknown as Terminal, 'tiny');
  const at = { epoch: 5, epochs: 10, secondsLeft: null };
  listen({ kind: 'jobs', runs: [run] });
  listen({ kind: 'start', run });
  listen({ kind: 'progress', run, progress: at });
  listen({ kind: 'progress', run, progress: { ...at, part: { label: 'replicas', done: 3, total: 8 } } });
  expect(told.map(({ detail, done }) => [detail, done])).toEqual([
    ['varnet', 0],
    ['varnet 5/10', 0.5],
    ['varnet, replicas 3/8', 0.5],
  ]);
});

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { benchmark, type BenchmarkEvent } from '../../src/experiments/benchmark.ts';
import { configure, type Configuration } from '../../src/experiments/configuration.ts';
import { loadDefinition } from '../../src/experiments/registry.ts';
import { parseMetricLines, type Run } from '../../src/runs/index.ts';

const tiny = await loadDefinition(new URL('./fixtures/tiny.ts', import.meta.url).href);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'sextant-scheduler-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const run = async (
  overrides: Configuration,
  more: { signal?: AbortSignal; onEvent?: (event: BenchmarkEvent) => void } = {},
) =>
  benchmark(tiny, {
    preset: 'quick',
    configuration: configure(tiny.experiment, 'quick', overrides),
    runsFolder: folder,
    engine: 'reference',
    parallel: 2,
    threads: 1,
    signal: new AbortController().signal,
    ...more,
  });

const states = (outcomes: readonly { run: Run; state: string }[]): Record<string, string> =>
  Object.fromEntries(outcomes.map(({ run: { config }, state }) => [`${config.model} ${config.seed}`, state]));

test('a job that throws and one that crashes are reported; the others finish and make the table', async () => {
  const { outcomes, result } = await run({ models: ['failing', 'crashing', 'steady'] });
  expect(states(outcomes)).toEqual({ 'failing 0': 'failed', 'crashing 0': 'failed', 'steady 0': 'finished' });
  const [failing, crashing] = outcomes;
  expect(failing.error).toBe('the loss is NaN in epoch 2');
  expect(crashing.error).toContain('SIGSEGV');
  expect((await failing.run.readStatus())?.error).toBe('the loss is NaN in epoch 2');
  expect((await crashing.run.readStatus())?.state).toBe('failed');
  expect(result?.rows.map(({ model }) => model)).toEqual(['steady']);
  expect(result?.notes.join()).toContain('the loss is NaN in epoch 2');
});

test('finished jobs are skipped, and more seeds extend the same folder and table', async () => {
  const first = await run({ seeds: [0] });
  const events: BenchmarkEvent[] = [];
  const second = await run({ seeds: [1, 2] }, { onEvent: (event) => events.push(event) });
  expect(second.folder).toBe(first.folder);
  expect(second.result?.rows.map(({ condition }) => condition.seed)).toEqual([0, 1, 2]);
  expect(second.result?.command).toBe('npx sextant bench tiny --preset quick --seeds 0,1,2');
  const third = await run({ seeds: [0, 1, 2] }, { onEvent: (event) => events.push(event) });
  expect(third.outcomes.every(({ skipped }) => skipped)).toBe(true);
  expect(third.result?.rows).toEqual(second.result?.rows);
  expect(events.filter(({ kind }) => kind === 'start')).toHaveLength(2);
});

test('other options make another folder', async () => {
  const [a, b] = [await run({ epochs: 2 }), await run({ epochs: 3 })];
  expect(a.folder).not.toBe(b.folder);
});

test('no more jobs run at a time than were asked for', async () => {
  let running = 0;
  let most = 0;
  await run(
    { seeds: [0, 1, 2, 3, 4] },
    {
      onEvent: ({ kind }) => {
        if (kind === 'start') most = Math.max(most, ++running);
        if (kind === 'end') running--;
      },
    },
  );
  expect(most).toBe(2);
});

test('interrupted jobs keep their epochs, and the same command ends with the numbers of an uninterrupted run', async () => {
  const configuration = { seeds: [0, 1, 2], epochs: 12, pause: 40 };
  const stop = new AbortController();
  const interrupted = await run(configuration, {
    signal: stop.signal,
    onEvent: (event) => {
      if (event.kind === 'progress' && event.progress.epoch === 4) stop.abort(new Error('stop'));
    },
  });
  expect(interrupted.result).toBeNull();
  expect(new Set(Object.values(states(interrupted.outcomes)))).toEqual(new Set(['interrupted']));
  const left = await Promise.all(interrupted.outcomes.map(({ run: job }) => job.readStatus()));
  expect(left.every((status) => status?.pid === null && status.state !== 'running')).toBe(true);
  expect(Math.max(...left.map((status) => status?.epoch ?? 0))).toBeGreaterThanOrEqual(4);

  const started: number[] = [];
  const resumed = await run(configuration, {
    onEvent: (event) => {
      if (event.kind === 'progress') started.push(event.progress.epoch);
    },
  });
  // Whoever reached epoch 4 goes on with 5: epoch 1 is seen only of those that had not begun.
  expect(started.filter((epoch) => epoch === 1).length).toBeLessThan(3);
  expect(resumed.folder).toBe(interrupted.folder);
  rmSync(folder, { recursive: true });
  const whole = await run(configuration);
  expect(resumed.result?.rows).toEqual(whole.result?.rows);
  const lines = parseMetricLines(readFileSync(whole.outcomes[0].run.path('metrics.jsonl'), 'utf8'));
  expect(lines.map(({ epoch }) => epoch)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
});

test('two commands do not train the same job', async () => {
  const configuration = { epochs: 10_000, pause: 20 };
  const stop = new AbortController();
  let second: ReturnType<typeof run> | null = null;
  const first = await run(configuration, {
    signal: stop.signal,
    onEvent: ({ kind }) => {
      if (kind === 'progress') second ??= run(configuration).finally(() => stop.abort(new Error('stop')));
    },
  });
  const outcome = await (second as unknown as ReturnType<typeof run>);
  expect(outcome.outcomes[0].error).toMatch(/is in use by process \d+/);
  // The refusal did not touch the files of the one that works.
  expect(states(first.outcomes)).toEqual({ 'steady 0': 'interrupted' });
  expect((await first.outcomes[0].run.readStatus())?.state).toBe('interrupted');
});

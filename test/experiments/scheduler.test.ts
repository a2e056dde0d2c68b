import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { benchmark, type BenchmarkEvent } from '../../src/experiments/benchmark.ts';
import { configure, type Configuration } from '../../src/experiments/configuration.ts';
import { loadDefinition } from '../../src/experiments/registry.ts';
import { parseMetricLines, type Run } from '../../src/runs/index.ts';
import { loadExperiment } from '../../reports/load.ts';
import { summarizeExperiment } from '../../reports/summary.ts';
import { ExperimentFollower } from '../../server/follow.ts';

const tiny = await loadDefinition(new URL('./fixtures/tiny.ts', import.meta.url).href);

const running = {
  state: 'running',
  epoch: 1,
  epochs: 3,
  updatedAt: '2026-01-01T00:00:00.000Z',
  secondsLeft: null,
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'sextant-scheduler-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const run = async (
  overrides: Configuration,
  more: { signal?: AbortSignal; threads?: number; onEvent?: (event: BenchmarkEvent) => void } = {},
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

test('a result of other settings than the preset says so', async () => {
  expect((await run({})).result?.notes).toEqual([]);
  expect((await run({ epochs: 2 })).result?.notes).toEqual([
    'The preset quick has epochs 3; this table has epochs 2.',
  ]);
});

test('finished jobs are skipped, and more seeds extend the same folder and table', async () => {
  const first = await run({ seeds: [0] });
  const events: BenchmarkEvent[] = [];
  const second = await run({ seeds: [1, 2] }, { onEvent: (event) => events.push(event) });
  expect(second.folder).toBe(first.folder);
  expect(second.result?.rows.map(({ condition }) => condition.seed)).toEqual([0, 1, 2]);
  expect(second.result?.command).toBe(
    'npx sextant bench tiny --preset quick --seeds 0,1,2 --engine reference',
  );
  const third = await run({ seeds: [0, 1, 2] }, { onEvent: (event) => events.push(event) });
  expect(third.outcomes.every(({ skipped }) => skipped)).toBe(true);
  expect(third.result?.rows).toEqual(second.result?.rows);
  expect(events.filter(({ kind }) => kind === 'start')).toHaveLength(2);
});

/** A command that is stopped before its first job: all that is left of it is what it asked for. */
const ask = (overrides: Configuration) => {
  const stop = new AbortController();
  return run(overrides, {
    signal: stop.signal,
    onEvent: ({ kind }) => {
      if (kind === 'jobs') stop.abort(new Error('stop'));
    },
  });
};

test('what is finished is told before anything starts, wherever it stands in the list', async () => {
  await run({ seeds: [2] });
  const seen: string[] = [];
  const onEvent = (event: BenchmarkEvent): void => {
    if (event.kind === 'start') seen.push(`start ${event.run.config.seed}`);
    if (event.kind === 'end' && event.outcome.skipped) seen.push(`skipped ${event.outcome.run.config.seed}`);
  };
  await run({ seeds: [0, 1, 2] }, { onEvent });
  expect(seen[0]).toBe('skipped 2');
  expect(seen.slice(1).sort()).toEqual(['start 0', 'start 1']);
});

test('a result names the jobs that its command asks for and that no one has run', async () => {
  await ask({ models: ['steady', 'deaf'], seeds: [0] });
  const { result } = await run({ seeds: [1] });
  expect(result?.command).toContain('--models steady,deaf --seeds 0,1');
  expect(result?.notes).toEqual([
    expect.stringMatching(
      /^Asked for by the command, not run .*, 3 of 4 jobs: steady-seed0-\w+, deaf-seed0-\w+, deaf-seed1-\w+\.$/,
    ),
  ]);
  const whole = await run({ models: ['steady', 'deaf'], seeds: [0, 1] });
  expect(whole.result?.notes).toEqual([]);
});

test('a result says how far the jobs are that it misses', async () => {
  await ask({ seeds: [0, 1, 2] });
  const { jobs } = await loadExperiment(path.join(folder, readdirSync(folder)[0]));
  const jobOf = (seed: number): string =>
    path.join(
      folder,
      readdirSync(folder)[0],
      'jobs',
      jobs.find(({ config }) => config.seed === seed)?.name ?? '',
    );
  const stop = (seed: number, epoch: number): void =>
    writeFileSync(
      path.join(jobOf(seed), 'status.json'),
      JSON.stringify({ ...running, state: 'interrupted', epoch, pid: null }),
    );
  const line = { train: 1, learningRate: 0.1, seconds: 1 };
  // The line of an epoch is written before the status, which may be one behind.
  writeFileSync(
    path.join(jobOf(0), 'metrics.jsonl'),
    [0.5, 0.25].map((validation, i) => `${JSON.stringify({ ...line, epoch: i + 1, validation })}\n`).join(''),
  );
  stop(0, 1);
  stop(1, 2);
  const { result } = await run({ seeds: [3] });
  expect(result?.notes).toEqual([
    expect.stringMatching(
      /^Trained in part .*, 2 of 4 jobs: steady-seed0-\w+ \(1 of 3 epochs, 0\.5 on validation samples\); steady-seed1-\w+ \(2 of 3 epochs\)\.$/,
    ),
    expect.stringMatching(/^Asked for by the command, .*, 1 of 4 jobs: steady-seed2-\w+\.$/),
  ]);
});

test('of many jobs that were not run ten are named', async () => {
  await ask({ seeds: Array.from({ length: 14 }, (_, seed) => seed) });
  const { result } = await run({ seeds: [0] });
  expect(result?.notes[0]).toMatch(/ 13 of 14 jobs: (steady-seed\d+-\w+(, | and )){10}3 more\.$/);
});

test('a job that failed under an earlier command is named as failed, not as left out', async () => {
  await run({ models: ['failing'] });
  const { result } = await run({ models: ['steady'] });
  expect(result?.rows).toHaveLength(1);
  expect(result?.notes).toEqual([
    expect.stringMatching(/^The job failing-\S+ failed and is missing .*: the loss is NaN in epoch 2\.$/),
  ]);
});

test('other options make another folder', async () => {
  const [a, b] = [await run({ epochs: 2 }), await run({ epochs: 3 })];
  expect(a.folder).not.toBe(b.folder);
});

test('jobs of data that have changed are no seeds of those of today', async () => {
  const data = path.join(folder, 'data.txt');
  writeFileSync(data, 'old');
  const first = await run({ data, seeds: [0] });
  writeFileSync(data, 'new');
  const second = await run({ data, seeds: [0] });
  expect(second.folder).toBe(first.folder);
  expect(second.outcomes[0].skipped).toBe(false);
  expect(second.result?.rows).toHaveLength(1);
  expect((await loadExperiment(second.folder)).jobs.map(({ name }) => name)).toEqual([
    second.outcomes[0].run.name,
  ]);
  const third = await run({ data, seeds: [1] });
  expect(third.result?.rows).toHaveLength(2);
  expect(third.result?.data).toEqual({ text: 'new', seeds: '0,1' });
});

test('an experiment that is extended is not finished while its new job runs', async () => {
  await run({ seeds: [0] });
  const during: Promise<{ state: string }>[] = [];
  const { folder: at } = await run(
    { seeds: [0, 1] },
    {
      onEvent: (event) => {
        if (event.kind !== 'start') return;
        const left = readdirSync(path.join(folder, readdirSync(folder)[0]));
        expect(left).not.toContain('result.json');
        during.push(summarizeExperiment(path.join(folder, readdirSync(folder)[0]), 'x'));
      },
    },
  );
  const statesThen = (await Promise.all(during)).map(({ state }) => state);
  expect(statesThen).toHaveLength(1);
  expect(statesThen).not.toContain('finished');
  expect((await summarizeExperiment(at, 'x')).state).toBe('finished');
  // A result from before, and a job that runs again: what the list of jobs says counts.
  const job = (await loadExperiment(at)).jobs[0].name;
  rmSync(path.join(at, 'jobs', job, 'result.json'));
  writeFileSync(path.join(at, 'jobs', job, 'status.json'), JSON.stringify({ ...running, pid: process.pid }));
  expect((await summarizeExperiment(at, 'x')).state).toBe('running');
  expect((await loadExperiment(at)).complete).toBe(false);
  expect((await new ExperimentFollower(at).changes()).map(({ event }) => event)).not.toContain('complete');
});

test('a damaged result costs its job only', async () => {
  const first = await run({ seeds: [0, 1] });
  writeFileSync(first.outcomes[0].run.path('result.json'), '{"config"');
  const second = await run({ seeds: [0, 1, 2] });
  expect(states(second.outcomes)).toEqual({
    'steady 0': 'failed',
    'steady 1': 'finished',
    'steady 2': 'finished',
  });
  expect(second.outcomes[0].error).toContain('is damaged');
  expect(second.result?.rows.map(({ condition }) => condition.seed)).toEqual([1, 2]);
  expect(second.result?.notes.join()).toContain('is damaged');
});

test('a resumed job goes on with the threads it began with, which are on record', async () => {
  const configuration = { epochs: 400, pause: 5 };
  const stop = new AbortController();
  const first = await run(configuration, {
    signal: stop.signal,
    onEvent: ({ kind }) => {
      if (kind === 'progress') stop.abort(new Error('stop'));
    },
  });
  expect((await first.outcomes[0].run.readEnvironment())?.threads).toBe(1);
  const notes: string[] = [];
  const again = await run(configuration, {
    threads: 2,
    onEvent: (event) => {
      if (event.kind === 'note') notes.push(event.message);
    },
  });
  expect(notes).toEqual([expect.stringContaining('goes on with 1 threads')]);
  expect((await again.outcomes[0].run.readEnvironment())?.threads).toBe(1);
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
      if (kind !== 'progress' || second) return;
      second = run(configuration).finally(() => stop.abort(new Error('stop')));
      second.catch(() => undefined);
    },
  });
  await expect(second).rejects.toThrow(/1 of 1 jobs .* no result was written.* is in use by process \d+/);
  // The refusal did not touch the files of the one that works.
  expect(states(first.outcomes)).toEqual({ 'steady 0': 'interrupted' });
  expect((await first.outcomes[0].run.readStatus())?.state).toBe('interrupted');
});

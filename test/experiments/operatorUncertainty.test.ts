import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { configure } from '../../src/experiments/configuration.ts';
import { executeJob } from '../../src/experiments/execute.ts';
import { findExperiment } from '../../src/experiments/registry.ts';
import { Run, type JobResult } from '../../src/runs/index.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'sextant-uncertainty-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const { experiment } = await findExperiment('operator-uncertainty');

test('a small run end to end: bands, noise, rows, checks and figures', { timeout: 300_000 }, async () => {
  const config = configure(experiment, 'quick', {
    problems: ['ks'],
    baselines: ['multiplier'],
    members: 2,
    membersAtOnce: 2,
    resolution: 32,
    train: 20,
    validation: 20,
    test: 10,
    epochs: 2,
    noiseInputs: 2,
    noiseSamples: 300,
    fine: 256,
  });
  const signal = new AbortController().signal;
  const facts = await experiment.prepare?.(config, { signal, threads: 1, onProgress: () => undefined });
  const finished: JobResult[] = [];
  for (const job of experiment.jobs(config, facts ?? {})) {
    const run = await Run.create(folder, { experiment: 'operator-uncertainty', preset: 'quick', ...job });
    expect(await executeJob(experiment, run, { signal, engine: 'onnx', threads: 1 })).toBe('finished');
    finished.push((await run.readResult())!);
  }
  expect(finished.map(({ config: { model } }) => model)).toEqual(['multiplier', 'fno']);
  const { rows, checks, figures = [] } = experiment.summarize(finished, config);
  const widths = rows.filter(({ condition }) => 'band' in condition);
  expect(widths.map(({ model, condition }) => [model, condition.band])).toEqual([
    ['multiplier', 'one model, constant width'],
    ['fno', 'ensemble'],
    ['fno', 'ensemble mean, constant width'],
    ['fno', 'one model, constant width'],
  ]);
  for (const { mean, published } of widths) {
    expect(mean).toBeGreaterThan(0);
    expect(published).toBeNull();
  }
  const noise = checks.filter(({ name }) => name.includes('Jacobian'));
  expect(noise.map(({ holds }) => holds)).toEqual([true, true]);
  const coverage = checks.filter(({ name }) => name.includes('coverage'));
  expect(coverage.map(({ holds }) => holds)).toEqual([true, true, true, true]);
  expect(figures.map(({ id }) => id)).toEqual(['calibration-ks', 'sharpness-ks', 'noise-ks']);
  const [jacobian, sampling] = figures[2].series;
  expect(jacobian.x).toHaveLength(32);
  expect(jacobian.y).toHaveLength(32);
  expect(sampling.band).toHaveLength(32);
});

test('too few samples to calibrate the highest level are refused', () => {
  expect(() => configure(experiment, 'quick', { validation: 18 })).toThrow(
    'expected at least 19 samples to calibrate bands of level 0.95',
  );
});

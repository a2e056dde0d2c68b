import { expect, test } from 'vitest';
import type { OperatorPairs } from '../../datasets/pairs.ts';
import {
  energySpectrum,
  measureRollout,
  rolloutChecks,
  rolloutFigures,
} from '../../src/experiments/rollout.ts';
import type { JobResult } from '../../src/runs/index.ts';

const s = 16;
const wave = (amplitude: number, k: number): number[] =>
  Array.from({ length: s }, (_, j) => amplitude * Math.cos((2 * Math.PI * k * j) / s));

/** Two samples whose states are halved from one saved time to the next. */
const pairs: OperatorPairs = (() => {
  const starts = [wave(1, 1), wave(3, 2)];
  const states = starts.flatMap((start) => [1, 0.5, 0.25].flatMap((factor) => start.map((u) => factor * u)));
  const samples = {
    count: 2,
    input: Float32Array.from(starts.flat()),
    output: Float32Array.from(starts.flat(), (u) => u / 2),
  };
  return {
    x: Float64Array.from({ length: s }, (_, j) => j / s),
    train: samples,
    validation: samples,
    test: samples,
    rollout: {
      times: Float64Array.of(0, 1, 2),
      states: Float32Array.from(states),
      errorEstimate: Float64Array.of(0, 1e-8, 2e-8),
    },
    provenance: { dataset: 'test', hash: '', labelErrorEstimate: 1e-7 },
  };
})();

test('energy of a mode is half its squared amplitude, and all energies add up to the mean square', () => {
  const fields = [...wave(3, 2), ...wave(1, 8)].map((u, i) => u + (i < s ? 0.5 : 0));
  const energy = energySpectrum(fields, s);
  expect(energy[0]).toBeCloseTo(0.25 / 2, 12);
  expect(energy[2]).toBeCloseTo(4.5 / 2, 12);
  expect(energy[8]).toBeCloseTo(1 / 2, 12);
  const square = fields.reduce((total, u) => total + u * u, 0) / fields.length;
  expect(energy.reduce((a, b) => a + b, 0)).toBeCloseTo(square, 12);
});

test('a model is applied to its own output: one that forgets to halve errs by 1, then by 3', async () => {
  const exact = await measureRollout(pairs, (u) => Promise.resolve(u.map((value) => value / 2)));
  expect(exact).toMatchObject({ 'rollout error, t = 1': 0, 'rollout error, t = 2': 0, 'label error': 1e-7 });
  expect(exact['energy of mode 2']).toBeCloseTo(exact['true energy of mode 2'], 6);
  const identity = await measureRollout(pairs, (u) => Promise.resolve(u));
  expect(identity['rollout error, t = 1']).toBeCloseTo(1, 6);
  expect(identity['rollout error, t = 2']).toBeCloseTo(3, 6);
  expect(identity['energy of mode 1'] / identity['true energy of mode 1']).toBeCloseTo(16, 4);
});

test('a model that has left the solution is followed no further; pairs without rollout have their label error only', async () => {
  const numbers = await measureRollout(pairs, (u) => Promise.resolve(u.map((value) => value * 40)));
  expect(numbers['rollout error, t = 1']).toBeCloseTo(79, 3);
  expect(Object.keys(numbers).some((name) => name.startsWith('energy'))).toBe(false);
  expect(numbers).not.toHaveProperty(['rollout error, t = 2']);
  expect(Object.values(numbers).every(Number.isFinite)).toBe(true);
  const { x, train, validation, test: tested, provenance } = pairs;
  const plain = { x, train, validation, test: tested, provenance };
  expect(await measureRollout(plain, () => Promise.reject(new Error('never')))).toEqual({
    'label error': 1e-7,
  });
});

const job = (seed: number, extra: Readonly<Record<string, number>>): JobResult => ({
  config: { experiment: 'ks', preset: 'quick', model: 'fno', condition: {}, seed, options: {} },
  metric: '',
  value: 1,
  best: null,
  parameters: 1,
  seconds: 1,
  inferenceMilliseconds: null,
  samples: [],
  extra,
});

test('figures average over seeds', async () => {
  const extra = await measureRollout(pairs, (u) => Promise.resolve(u));
  const jobs = [0.1, 0.3].map((error, seed) => job(seed, { ...extra, 'rollout error, t = 1': error }));
  const [errors, spectrum] = rolloutFigures(jobs, '1', 'here');
  expect(errors.series[0]).toMatchObject({ name: 'fno', x: [1, 2] });
  expect(errors.series[0].y[0]).toBeCloseTo(0.2, 12);
  expect(errors.series[1]).toMatchObject({ x: [1, 2], y: [1e-8, 2e-8] });
  expect(spectrum.series[0].y[1] / spectrum.series[1].y[1]).toBeCloseTo(1 / 16, 6);
  expect(errors.caption).not.toContain('Lost');
  expect(rolloutFigures([job(0, {})], '1', 'here')).toEqual([]);
});

/** A seed with these errors at t = 1, 2, …, lost where one is missing, and its energies of the modes 1, 2, …. */
const seedOf = (seed: number, errors: readonly (number | null)[], energies: readonly number[]): JobResult => {
  const numbers = (prefix: string, values: readonly (number | null)[]) =>
    values.flatMap((value, i) => (value === null ? [] : [[`${prefix}${i + 1}`, value] as const]));
  const extra = Object.fromEntries([
    ...numbers('rollout error, t = ', errors),
    ...errors.map((_, i) => [`error of the reference, t = ${i + 1}`, 1e-8] as const),
    ...numbers('energy of mode ', energies),
    ...[4, 5, 6].map((energy, k) => [`true energy of mode ${k + 1}`, energy] as const),
  ]);
  return job(seed, extra);
};

test('a curve ends before its first seed is lost, whatever the order of the jobs, and the caption says so', () => {
  const steady = seedOf(0, [0.1, 1, 2], [4, 5, 6]);
  const diverging = seedOf(1, [0.5, 90, null], []);
  for (const jobs of [
    [steady, diverging],
    [diverging, steady],
  ]) {
    const [errors, spectrum] = rolloutFigures(jobs, '1', 'here');
    expect(errors.series[0]).toMatchObject({ name: 'fno', x: [1, 2], y: [0.3, 45.5] });
    expect(errors.caption).toContain('Lost: fno 1 of 2 seeds at t = 3.');
    expect(spectrum.series.map(({ name }) => name)).toEqual(['truth']);
    expect(spectrum.caption).toContain('Lost: fno 1 of 2 seeds at t = 3.');
  }
  const lostAtOnce = seedOf(2, [null, null, null], []);
  const [errors] = rolloutFigures([steady, lostAtOnce, diverging], '1', 'here');
  expect(errors.series.map(({ name }) => name)).toEqual(['reference (step doubling, worst sample)']);
  expect(errors.caption).toContain('Lost: fno 2 of 3 seeds, the first at t = 1.');
});

test('an energy spectrum has the modes that no seed of a model leaves out', () => {
  const all = seedOf(0, [0.1], [4, 5, 6]);
  const smooth = seedOf(1, [0.1], [2]);
  for (const jobs of [
    [all, smooth],
    [smooth, all],
  ])
    expect(rolloutFigures(jobs, '1', 'here')[1].series[1]).toMatchObject({ name: 'fno', x: [1], y: [3] });
});

test('how long the best model is before every baseline, and a lost seed is no small error', () => {
  const named = (model: string, ...seeds: JobResult[]): JobResult[] =>
    seeds.map((result) => ({ ...result, config: { ...result.config, model } }));
  const check = (...finished: JobResult[][]) => rolloutChecks(finished.flat(), 'here');
  const linear = named('linear', seedOf(0, [0.1, 1.02, null], []));
  const identity = named('identity', seedOf(0, [0.2, 1.1, 1.1], []));
  const mwt = named('mwt', seedOf(0, [0.01, 0.9, 1.3], []), seedOf(1, [0.01, 1.1, 0.9], []));
  const pade = named('pade', seedOf(0, [0.01, 0.5, 0.5], []), seedOf(1, [0.01, null, null], []));
  expect(check(linear, identity, mwt, pade)).toEqual([
    {
      name: 'rollout here: time until which the best model is before every baseline',
      value: 2,
      limit: '≥ 2, two steps (rollouts end at 3)',
      holds: true,
    },
  ]);
  expect(check(identity, pade)).toMatchObject([{ value: 1, holds: false }]);
  expect(
    check(named('linear', seedOf(0, [0.1, 0.1, null], [])), named('fno', seedOf(0, [0.2, 0.05, 1], []))),
  ).toMatchObject([{ value: 0, holds: false }]);
  expect(check(identity, named('fno', seedOf(0, [0.1, 0.1, 0.1], [])))).toMatchObject([{ value: 3 }]);
  expect(check(mwt)).toEqual([]);
  expect(check(identity, named('fno', job(0, {})))).toMatchObject([{ value: 0 }]);
  expect(check(named('identity', job(0, {})), named('fno', job(0, {})))).toEqual([]);
});

import { expect, test } from 'vitest';
import { secondsLeft, type JobPace } from '../../src/cli/timeLeft.ts';

const job = (model: string, more: Partial<JobPace> = {}): JobPace => ({
  ...{ model, fraction: 0, from: null, reached: 0, trains: false },
  ...more,
});
/** A training seen from `from` on at time 0 that reached `fraction` after so many seconds. */
const training = (model: string, fraction: number, seconds: number, from = 0): JobPace =>
  job(model, { fraction, from: { fraction: from, time: 0 }, reached: 1000 * seconds, trains: true });
const baseline = (model: string): JobPace =>
  job(model, { fraction: 1, from: { fraction: 0, time: 0 }, reached: 2000 });

test('finished baselines say nothing of the trainings that wait', () => {
  expect(secondsLeft([baseline('linear'), baseline('persistence'), job('fno'), job('mwt')], 2)).toBeNull();
});

test('a training goes on at its own pace, and others of its model last as long', () => {
  // A tenth in 360 s: an hour for the whole, 54 minutes of it left.
  expect(secondsLeft([baseline('linear'), training('fno', 0.1, 360)], 1)).toBeCloseTo(3240, 9);
  expect(secondsLeft([training('fno', 0.1, 360), job('fno'), baseline('linear')], 1)).toBeCloseTo(6840, 9);
  // Taken up at a half, it took 100 s for a quarter: 100 s are left.
  expect(secondsLeft([training('fno', 0.75, 100, 0.5)], 1)).toBeCloseTo(100, 9);
});

test('a model of which nothing is known lasts as long as the mean model that trains; a known baseline takes what it took', () => {
  const jobs = [training('fno', 1, 100), training('fno', 1, 200), training('mwt', 1, 450), job('pade')];
  expect(secondsLeft(jobs, 1)).toBeCloseTo(300, 9);
  expect(secondsLeft([...jobs, baseline('linear'), job('linear')], 1)).toBeCloseTo(302, 9);
});

test('lanes share the work, but no job is split', () => {
  const jobs = [training('fno', 0.5, 50), job('fno'), job('fno')];
  expect(secondsLeft(jobs, 2)).toBeCloseTo(125, 9);
  expect(secondsLeft([training('mwt', 0.1, 100), training('fno', 0.9, 9)], 2)).toBeCloseTo(900, 9);
});

import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { MetricsLog, parseMetricLines } from '../../src/runs/metrics.ts';
import type { MetricLine } from '../../src/runs/schema.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'sextant-metrics-'));
  file = path.join(folder, 'metrics.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const line = (epoch: number, train = 1 / epoch): MetricLine => ({
  epoch,
  train,
  validation: null,
  learningRate: 1e-3,
  seconds: epoch,
  gradientNorm: null,
});
const epochs = (lines: readonly MetricLine[]): number[] => lines.map(({ epoch }) => epoch);

test('a line torn by a crash is cut off when the log is opened, at whatever byte the crash came', async () => {
  const whole = `${JSON.stringify(line(1))}\n${JSON.stringify(line(2))}\n`;
  const firstEnd = whole.indexOf('\n') + 1;
  for (let bytes = firstEnd; bytes < whole.length; bytes++) {
    writeFileSync(file, whole.slice(0, bytes));
    const log = await MetricsLog.open(file);
    await log.append(line(2));
    expect(readFileSync(file, 'utf8')).toBe(whole);
  }
});

test('a reader takes no torn line for a number', () => {
  // '12' cut from '123' is valid JSON, but the line has no end.
  const text = `${JSON.stringify(line(1))}\n${JSON.stringify(line(2)).slice(0, -1)}`;
  expect(epochs(parseMetricLines(text))).toEqual([1]);
  expect(parseMetricLines('')).toEqual([]);
});

test('an epoch trained again takes the place of its line and of all later ones', async () => {
  const log = await MetricsLog.open(file);
  for (const epoch of [1, 2, 3, 4]) await log.append(line(epoch));
  await log.append(line(3, 0.5));
  const read = await MetricsLog.open(file);
  expect(epochs(read.lines)).toEqual([1, 2, 3]);
  expect(read.lines[2].train).toBe(0.5);
});

test('a damaged line in the middle is dropped and the rest survives', async () => {
  writeFileSync(file, `${JSON.stringify(line(1))}\n{"epoch": "two"}\n`);
  appendFileSync(file, `${JSON.stringify(line(3))}\n`);
  expect(epochs((await MetricsLog.open(file)).lines)).toEqual([1, 3]);
});

test('numbers that JSON cannot hold are refused instead of being written as null', async () => {
  const log = await MetricsLog.open(file);
  await expect(log.append({ ...line(1), train: NaN })).rejects.toThrow();
  expect(log.lines).toEqual([]);
});

/** A benchmark whose whole process tree is killed goes on where it was and ends with the same numbers. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import {
  jobResultSchema,
  parseMetricLines,
  runStatusSchema,
  type JobResult,
  type Unfinished,
} from '../../src/runs/index.ts';
import { sextant, start, until, workplace } from './sextant.ts';

const { folder, remove } = workplace();
afterAll(remove);
// Several processes are started one after the other, beside whatever else the machine does.
vi.setConfig({ testTimeout: 300_000 });

const bench = (runs: string): string[] => [
  ...['bench', 'kdv', '--runs', runs, '--models', 'fno', '--baselines', 'identity', '--resolutions', '16'],
  ...[
    '--train',
    '40',
    '--validation',
    '10',
    '--test',
    '10',
    '--fine',
    '64',
    '--epochs',
    '50',
    '--halve-every',
    '40',
  ],
  ...['--jobs', '1', '--threads', '1'],
];

function jobFolder(runs: string): string | null {
  const [experiment] = existsSync(path.join(folder, runs)) ? readdirSync(path.join(folder, runs)) : [];
  if (!experiment) return null;
  const jobs = path.join(folder, runs, experiment, 'jobs');
  const [job] = existsSync(jobs) ? readdirSync(jobs).filter((name) => name.startsWith('fno')) : [];
  return job ? path.join(jobs, job) : null;
}

const text = (runs: string, file: string): string => {
  const job = jobFolder(runs);
  const full = job && path.join(job, file);
  return full && existsSync(full) ? readFileSync(full, 'utf8') : '';
};
const linesOf = (runs: string) => parseMetricLines(text(runs, 'metrics.jsonl'));

/** What must be equal: everything but the clock. */
const numbersOf = (runs: string) => {
  const { value, best, parameters }: JobResult = jobResultSchema.parse(JSON.parse(text(runs, 'result.json')));
  const losses = linesOf(runs).map(({ epoch, train, validation }) => ({ epoch, train, validation }));
  return { value, best, parameters, losses };
};

test('kill -9 of all processes in the middle of training, then the same command again', async () => {
  const first = start(folder, ...bench('killed'));
  // Past the first checkpoint, so that the second part really continues one.
  await until(
    () => linesOf('killed').length >= 5 && text('killed', 'checkpoints/last.json') !== '',
    'five epochs',
  );
  first.signalGroup('SIGKILL');
  await first.ended;
  const before = linesOf('killed').length;
  expect(before, first.said.stderr).toBeLessThan(50);
  expect(text('killed', 'result.json')).toBe('');

  const early = sextant(folder, 'operator', 'evaluate', jobFolder('killed') ?? '', '--json');
  expect(early.code, early.stderr).toBe(0);
  const { epoch, epochs, validation } = (JSON.parse(early.stdout) as { unfinished: Unfinished }).unfinished;
  expect(epochs).toBe(50);
  expect(validation).toBe(linesOf('killed').find((line) => line.epoch === epoch)?.validation);
  expect(early.stderr).toContain(`has not come to its end: it has ${epoch} of 50 epochs`);

  const second = sextant(folder, ...bench('killed'), '--json');
  expect(second.code, second.stderr).toBe(0);
  const status = runStatusSchema.parse(JSON.parse(text('killed', 'status.json')));
  expect(status).toMatchObject({ state: 'finished', epoch: 50, pid: null });
  const whole = sextant(folder, ...bench('whole'), '--json');
  expect(whole.code, whole.stderr).toBe(0);
  expect(numbersOf('killed')).toEqual(numbersOf('whole'));
  expect(numbersOf('whole').losses).toHaveLength(50);

  const measured = sextant(folder, 'operator', 'evaluate', jobFolder('killed') ?? '', '--json');
  expect(JSON.parse(measured.stdout)).toMatchObject({ unfinished: null });
  expect(measured.stderr).not.toContain('warning');

  const again = sextant(folder, ...bench('killed'), '--json');
  expect(again.stderr).toContain('"skipped":true');
  expect(JSON.parse(again.stdout)).toMatchObject({ experiment: 'kdv', preset: 'quick' });
});

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)(
  '%s ends with code %i, no process is left, and the job is interrupted',
  async (signal, expected) => {
    const runs = `stopped by ${signal}`;
    const run = start(folder, ...bench(runs));
    await until(() => linesOf(runs).length >= 2, 'two epochs');
    const { pid } = runStatusSchema.parse(JSON.parse(text(runs, 'status.json')));
    run.signalGroup(signal);
    const { code, stderr } = await run.ended;
    expect(code, stderr).toBe(expected);
    expect(stderr).toContain('the same command continues');
    expect(runStatusSchema.parse(JSON.parse(text(runs, 'status.json'))).state).toBe('interrupted');
    expect(() => process.kill(pid ?? 0, 0)).toThrow();
  },
);

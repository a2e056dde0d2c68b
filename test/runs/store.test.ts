import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { npy } from '../../datasets/npy.ts';
import {
  canonicalJson,
  captureEnvironment,
  contentHash,
  diskError,
  ExperimentFolder,
  Run,
  runName,
  writeJson,
  type JobResult,
  type RunConfig,
} from '../../src/runs/index.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'sextant-store-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const config: RunConfig = {
  experiment: 'kdv',
  preset: 'quick',
  model: 'pade',
  condition: { resolution: 64, labels: 'released' },
  seed: 0,
  options: { training: { epochs: 3 } },
};
const result: JobResult = {
  config,
  metric: 'error',
  value: 0.1,
  best: null,
  parameters: 3,
  seconds: 1,
  inferenceMilliseconds: null,
  samples: [],
  extra: {},
};

test('what a job keeps is read by the same code, engine and threads alone, and goes with its result', async () => {
  const run = await Run.create(folder, config);
  const environment = captureEnvironment('onnx', 1);
  await run.writeEnvironment(environment);
  let made = 0;
  const work = (): Promise<{ a: Float64Array; none: Float64Array }> =>
    Promise.resolve({ a: Float64Array.of(++made, Math.PI), none: new Float64Array() });
  expect(await run.keep('map 0', work)).toEqual({ a: Float64Array.of(1, Math.PI), none: new Float64Array() });
  const later = await Run.open(run.folder);
  expect(await later.keep('map 0', work)).toEqual({
    a: Float64Array.of(1, Math.PI),
    none: new Float64Array(),
  });
  expect((await later.keep('map 1', work)).a[0]).toBe(2);
  for (const [i, other] of [{ threads: 2 }, { commit: 'another' }, { engine: 'reference' }].entries()) {
    await run.writeEnvironment({ ...environment, ...other });
    expect((await later.keep('map 0', work)).a[0]).toBe(3 + i);
  }
  await run.writeResult(result, null);
  expect(readdirSync(run.folder)).not.toContain('parts');
});

describe('names from content', () => {
  test('do not depend on the order of keys', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const reversed = Object.fromEntries(Object.entries(value).reverse());
        expect(canonicalJson(reversed)).toBe(canonicalJson(value));
        expect(contentHash(reversed)).toBe(contentHash(value));
      }),
    );
  });

  test('differ with every part of a job but its preset', () => {
    const others: Partial<RunConfig>[] = [
      { model: 'mwt' },
      { seed: 1 },
      { condition: { resolution: 128, labels: 'released' } },
      { options: { training: { epochs: 4 } } },
      { experiment: 'ks' },
    ];
    const names = [{}, ...others].map((other) => runName({ ...config, ...other }));
    expect(new Set(names).size).toBe(names.length);
    expect(runName({ ...config, preset: 'paper' })).toBe(runName(config));
    expect(runName({ ...config, condition: { data: '../../etc/passwd' } })).not.toContain('/');
  });
});

describe('a run', () => {
  test('is created once and found again, with its status, result and arrays', async () => {
    const run = await Run.create(folder, config);
    expect((await run.readStatus())?.state).toBe('queued');
    expect(await run.readResult()).toBeNull();
    await run.writeResult(result, { error: npy(Float64Array.of(1, 2)) });
    const again = await Run.create(folder, { ...config, preset: 'paper' });
    expect(again.folder).toBe(run.folder);
    expect(await again.readResult()).toEqual(result);
    expect([...(await again.readArrays()).error.data]).toEqual([1, 2]);
  });

  test('whose process died is interrupted, not running', async () => {
    const run = await Run.create(folder, config);
    const status = { state: 'running', epoch: 2, epochs: 3, secondsLeft: 1 } as const;
    await run.writeStatus({ ...status, pid: process.pid });
    expect((await run.readStatus())?.state).toBe('running');
    await run.writeStatus({ ...status, pid: 2 ** 22 + 1 });
    expect((await run.readStatus())?.state).toBe('interrupted');
  });

  test('that is taken loses what writes cut off by a crash left behind', async () => {
    const run = await Run.create(folder, config);
    mkdirSync(run.checkpoints);
    writeFileSync(run.path('.status.json.0b1c.tmp'), '{"sta');
    writeFileSync(path.join(run.checkpoints, 'last.safetensors.tmp'), 'half');
    run.lock()();
    expect(readdirSync(run.folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    expect(readdirSync(run.checkpoints)).toEqual([]);
  });

  test('with a damaged or foreign file says which and what to do', async () => {
    const run = await Run.create(folder, config);
    writeFileSync(run.path('result.json'), '{"config"');
    await expect(run.readResult()).rejects.toThrow(
      /result\.json is damaged: it is not valid JSON\. Delete it/,
    );
    writeFileSync(run.path('result.json'), '{"value": 1}');
    await expect(run.readResult()).rejects.toThrow('does not have the expected shape');
    await expect(Run.open(folder)).rejects.toThrow('is not a run folder');
  });

  test('refuses to go on with a configuration that was changed by hand', async () => {
    const run = await Run.create(folder, config);
    await writeJson(run.path('config.json'), { ...config, seed: 5 });
    await expect(Run.create(folder, config)).rejects.toThrow('changed by hand');
  });
});

describe('an experiment folder', () => {
  test('is the same for the same identity and another for another', () => {
    const at = (identity: unknown): string => ExperimentFolder.create(folder, 'kdv', 'quick', identity).path;
    expect(at({ epochs: 3 })).toBe(at({ epochs: 3 }));
    expect(at({ epochs: 3 })).not.toBe(at({ epochs: 4 }));
  });

  test('lists the runs it holds', async () => {
    const experiment = ExperimentFolder.create(folder, 'kdv', 'quick', {});
    const created = [await experiment.run(config), await experiment.run({ ...config, seed: 1 })];
    expect((await experiment.runs()).map(({ name }) => name).sort()).toEqual(
      created.map(({ name }) => name).sort(),
    );
  });

  test('that cannot be created gets one sentence', () => {
    const file = path.join(folder, 'file');
    writeFileSync(file, '');
    expect(() => ExperimentFolder.create(file, 'kdv', 'quick', {})).toThrow(
      /cannot create the folder .*not a folder/,
    );
  });
});

test.each([
  ['ENOSPC', 'the disk is full'],
  ['EROFS', 'read-only'],
  ['EACCES', 'permission denied'],
])('%s becomes a sentence that names the file and the way out', (code, words) => {
  const error = diskError('write', '/data/metrics.jsonl', Object.assign(new Error('raw'), { code }));
  expect(error.message).toMatch(/^cannot write \/data\/metrics\.jsonl: /);
  expect(error.message).toContain(words);
  expect(error.message).not.toContain('raw');
});

test('a failed write leaves the old file whole and no temporary one', async () => {
  const file = path.join(folder, 'status.json');
  await writeJson(file, { state: 'old' });
  const circular: Record<string, unknown> = {};
  circular.self = circular;
  expect(() => writeJson(file, circular)).toThrow();
  await expect(writeJson(path.join(file, 'below'), {})).rejects.toThrow('not a folder');
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ state: 'old' });
  expect(readdirSync(folder)).toEqual(['status.json']);
});

test('the environment names the machine and the libraries that numbers depend on', () => {
  const environment = captureEnvironment('onnx');
  expect(environment.node).toBe(process.version);
  expect(environment.cores).toBeGreaterThan(0);
  expect(environment.libraries['onnxruntime-node']).toMatch(/^\d+\.\d+/);
  expect(environment.commit === null || /^[0-9a-f]{40}$/.test(environment.commit)).toBe(true);
});

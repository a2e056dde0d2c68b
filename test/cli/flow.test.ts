/** `sextant flow` end to end on small samples. */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as ort from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { npy, numbersOf } from '../../datasets/npy.ts';
import { encodeNpz, readNpz } from '../../datasets/npz.ts';
import { getPlaneSet } from '../../datasets/toy2d.ts';
import { key, uniform } from '../../src/tensor/random.ts';
import { call, workplace } from './sextant.ts';

const { folder, remove } = workplace();
const at = (...parts: string[]): string => path.join(folder, ...parts);
afterAll(remove);

const brief = ['--epochs', '2', '--hidden', '8', '--batch-size', '100', '--jobs', '1', '--threads', '1'];
const small = [...brief, '--blocks', '2'];
const write = (name: string, x: ArrayLike<number>, d: number): void =>
  writeFileSync(at(name), encodeNpz({ x: npy(Float64Array.from(x), [x.length / d, d]) }));

let job = '';
beforeAll(async () => {
  write('moons.npz', getPlaneSet('moons').sample(1, 600), 2);
  const { code, stderr } = await call(
    folder,
    'flow',
    'train',
    '--data',
    'moons.npz',
    '--model',
    'real-nvp',
    ...small,
  );
  expect(code, stderr).toBe(0);
  expect(stderr).not.toContain('warning');
  const [experiment] = readdirSync(at('runs'));
  const name =
    readdirSync(at('runs', experiment, 'jobs')).find((entry) => entry.startsWith('real-nvp')) ?? '';
  job = at('runs', experiment, 'jobs', name);
}, 60_000);

describe('flow', () => {
  test('train leaves checkpoints, metrics, a result and a report', () => {
    expect(readdirSync(job)).toEqual(
      expect.arrayContaining(['checkpoints', 'metrics.jsonl', 'result.json', 'flow.safetensors']),
    );
    expect(readFileSync(path.join(job, '..', '..', 'report.html'), 'utf8')).toContain('gaussian');
    const { value, best } = JSON.parse(readFileSync(path.join(job, 'result.json'), 'utf8')) as {
      value: number;
      best: { epoch: number };
    };
    expect(value).toBeGreaterThan(0.9);
    expect(value).toBeLessThan(3);
    expect([1, 2]).toContain(best.epoch);
  });

  test('sample and logprob: samples of the seed, densities that their file holds', async () => {
    for (const [file, seed] of [
      ['a.npz', '1'],
      ['b.npz', '1'],
      ['c.npz', '2'],
    ]) {
      const { code, stderr } = await call(
        folder,
        'flow',
        'sample',
        job,
        '--count',
        '50',
        '--seed',
        seed,
        '--output',
        file,
      );
      expect(code, stderr).toBe(0);
    }
    const [a, b, c] = await Promise.all(
      ['a.npz', 'b.npz', 'c.npz'].map(async (name) => numbersOf((await readNpz(at(name))).x)),
    );
    expect([...b]).toEqual([...a]);
    expect([...c]).not.toEqual([...a]);
    const { code, stdout } = await call(
      folder,
      'flow',
      'logprob',
      job,
      '--data',
      'a.npz',
      '--output',
      'p.npz',
      '--json',
    );
    expect(code).toBe(0);
    const facts = JSON.parse(stdout) as Record<string, number>;
    const values = numbersOf((await readNpz(at('p.npz'))).logprob);
    expect(values).toHaveLength(50);
    expect(facts['mean log density, nats']).toBeCloseTo(values.reduce((t, v) => t + v, 0) / 50, 5);
  });

  test('export: the files of both directions undo each other in ONNX Runtime, and their log-determinants cancel', async () => {
    for (const direction of ['forward', 'inverse', 'logprob', 'sample']) {
      const { code, stderr } = await call(
        folder,
        ...['flow', 'export', job, '--direction', direction, '--batch', '4', '--output', `${direction}.onnx`],
      );
      expect(code, stderr).toBe(0);
    }
    const plain = await call(folder, 'export', job, '--output', 'plain.onnx', '--batch', '4');
    expect(plain.stdout, plain.stderr).toMatch(
      /best checkpoint, x \[batch, …\] → logprob \[batch\], batch 4/,
    );
    expect(readFileSync(at('plain.onnx'))).toEqual(readFileSync(at('logprob.onnx')));
    const x = Float32Array.from([0, 0.5, 1, 0, -1, 0.2, 2, 0.3]);
    const run = async (
      name: string,
      feeds: Record<string, Float32Array>,
    ): Promise<ort.InferenceSession.OnnxValueMapType> => {
      const session = await ort.InferenceSession.create(at(`${name}.onnx`));
      return session.run(
        Object.fromEntries(
          Object.entries(feeds).map(([key, data]) => [key, new ort.Tensor('float32', data, [4, 2])]),
        ),
      );
    };
    const numbers = (value: ort.OnnxValue): Float32Array => value.data as Float32Array;
    const there = await run('forward', { x });
    const back = await run('inverse', { z: numbers(there.z) });
    numbers(back.x).forEach((v, i) => expect(Math.abs(v - x[i])).toBeLessThan(5e-5));
    numbers(back.logdet).forEach((v, i) => expect(Math.abs(v + numbers(there.logdet)[i])).toBeLessThan(5e-5));
    const { logprob } = await run('logprob', { x });
    numbers(logprob).forEach((v, i) => {
      const [a, b] = [numbers(there.z)[2 * i], numbers(there.z)[2 * i + 1]];
      const expected = -0.5 * (a * a + b * b) - Math.log(2 * Math.PI) + numbers(there.logdet)[i];
      expect(Math.abs(v - expected)).toBeLessThan(1e-4);
    });
    expect(numbers((await run('sample', { rows: x })).x)).toHaveLength(8);
  });

  test('a model over charts trains, samples and has densities; it has no direction', async () => {
    const trained = await call(
      folder,
      'flow',
      'train',
      '--data',
      'moons.npz',
      '--model',
      'vq-realnvp',
      '--charts',
      '3',
      ...small,
      '--json',
    );
    expect(trained.code, trained.stderr).toBe(0);
    const charts = readdirSync(at('runs'))
      .flatMap((experiment) => readdirSync(at('runs', experiment, 'jobs')))
      .find((name) => name.startsWith('vq-realnvp'));
    const sampled = await call(folder, 'flow', 'sample', charts ?? '', '--count', '20', '--output', 'v.npz');
    expect(sampled.code, sampled.stderr).toBe(0);
    expect((await call(folder, 'flow', 'logprob', charts ?? '', '--data', 'v.npz')).code).toBe(0);
    const exported = await call(folder, 'flow', 'export', charts ?? '', '--direction', 'inverse');
    expect(exported.code).toBe(1);
    expect(exported.stderr).toMatch(/not one map.*export logprob or sample/);
  });

  test.each([
    ['residual-flow', 'roulette', ['--blocks', '2']],
    ['cnf', 'hutchinson', ['--method', 'dopri5', '--steps', '3']],
  ])('%s trains with log-determinants by %s, and its run says so', async (model, estimate, own) => {
    const { code, stdout, stderr } = await call(
      folder,
      ...['flow', 'train', '--set', 'blobs', '--samples', '200', '--model', model, '--log-det', estimate],
      ...[...own, ...brief, '--json'],
    );
    expect(code, stderr).toBe(0);
    const { rows } = JSON.parse(stdout) as { rows: { model: string; mean: number }[] };
    const nats = rows.find((row) => row.model === model)?.mean;
    expect(nats).toBeGreaterThan(0);
    expect(nats).toBeLessThan(10);
    const runs = readdirSync(at('runs')).flatMap((experiment) =>
      readdirSync(at('runs', experiment, 'jobs')).map((name) => at('runs', experiment, 'jobs', name)),
    );
    const run = runs.find((name) => path.basename(name).startsWith(model)) ?? '';
    const { options } = JSON.parse(readFileSync(path.join(run, 'config.json'), 'utf8')) as {
      options: { settings: Record<string, unknown> };
    };
    expect(options.settings['logDet']).toBe(estimate);
    expect(options.settings['steps']).toBe(model === 'cnf' ? 3 : undefined);
  });

  test('data on a curve are told before the training', async () => {
    const angles = uniform(key(1), 300);
    const curve = Float64Array.from({ length: 600 }, (_, i) =>
      (i % 2 ? Math.sin : Math.cos)(2 * Math.PI * angles[i >> 1]),
    );
    write('curve.npz', curve, 2);
    const { code, stderr } = await call(
      folder,
      'flow',
      'train',
      '--data',
      'curve.npz',
      '--model',
      'real-nvp',
      ...small,
    );
    expect(code, stderr).toBe(0);
    const lines = stderr.split('\n');
    expect(lines[0]).toMatch(
      /^warning: the samples seem to lie on a set of dimension (0\.[89]|1\.\d) in a space of dimension 2; .*explode/,
    );
    const diagnosed = await call(folder, 'flow', 'diagnose', 'curve.npz');
    expect(diagnosed.stdout).toMatch(/a global flow can fit: no: /);
  });

  test.each([
    [['flow', 'train', '--data', 'none.npz'], 1, /cannot read .*none\.npz: there is no such file/],
    [['flow', 'train', '--model', 'real'], 2, /--model: got real, expected one of nice, real-nvp/],
    [
      ['flow', 'train', '--model', 'nsf', '--log-det', 'roulette'],
      2,
      /--log-det: got 'roulette' for nsf, whose training has no such estimate; expected exact, or the model residual-flow$/,
    ],
    [
      ['flow', 'train', '--model', 'flow-matching', '--log-det', 'hutchinson'],
      2,
      /--log-det: got 'hutchinson' for flow-matching, whose .*; expected exact, or the model cnf$/,
    ],
    [
      ['flow', 'train', '--model', 'cnf', '--hidden', '8', '--blocks', '4'],
      2,
      /--blocks: has no effect on 'cnf'; leave it out, or choose a model that has it: nice, (?!.*cnf).*vq-maf$/,
    ],
    [
      ['flow', 'train', '--charts', '16'],
      2,
      /--charts: has no effect on 'nsf'; leave it out, or choose a model that has it: vq-realnvp, vq-maf$/,
    ],
    [['flow', 'train', '--set', 'moon'], 2, /--set: got 'moon', expected one of moons/],
    [['flow', 'sample', 'nothing'], 2, /RUN: got nothing, expected/],
    [['flow', 'diagnose', 'moons.txt'], 2, /file name ending in \.npz/],
  ])('%j ends with one line', async (args, expected, message) => {
    const { code, stderr } = await call(folder, ...args);
    expect(code).toBe(expected);
    expect(stderr.trim().split('\n').at(-1)).toMatch(message);
  });

  test('a model that cannot be built for single numbers is refused with those that can', async () => {
    write('numbers.npz', uniform(key(4), 200), 1);
    const { code, stderr } = await call(folder, 'flow', 'train', '--data', 'numbers.npz', ...small);
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /^error: --model: 'nsf' cannot be built for samples \[1\] .*expected one of .*maf/,
    );
  });

  test('a set beside a file is refused: only one of them can be meant', async () => {
    const { code, stderr } = await call(folder, 'flow', 'train', '--set', 'moons', '--data', 'moons.npz');
    expect(code).toBe(2);
    expect(stderr).toContain("--set: got 'moons' beside --data 'moons.npz'; expected one of the two");
  });

  test('a context for a flow that was trained without one is refused, not passed over', async () => {
    const { code, stderr } = await call(folder, 'flow', 'sample', job, '--context', 'none.npz');
    expect(code).toBe(2);
    expect(stderr).toContain('--context: got none.npz, but this flow was trained without a context');
  });

  test('rows of another shape are refused with both shapes', async () => {
    write('three.npz', [1, 2, 3, 4, 5, 6], 3);
    const { code, stderr } = await call(folder, 'flow', 'logprob', job, '--data', 'three.npz');
    expect(code).toBe(2);
    expect(stderr).toContain('x is [2, 3], expected [samples, 2]');
  });
});

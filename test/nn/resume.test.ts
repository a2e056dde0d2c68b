/** Trainings that were cut off go on from their checkpoints, to the bit; checkpoints that do not fit are named. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { spawn } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mlp, saveParameters, train, type EpochLine } from '../../src/nn/index.ts';
import { bits, regression, stateful } from './support.ts';

let root: string;
beforeAll(() => (root = fs.mkdtempSync(path.join(os.tmpdir(), 'sextant-nn-'))));
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));
const folder = (name: string): string => path.join(root, name);

test('after an abort in the middle of an epoch, to the bit', async () => {
  const whole = await train(stateful());
  const stop = new AbortController();
  let validations = 0;
  const first = await train({
    ...stateful(),
    checkpoints: folder('abort'),
    signal: stop.signal,
    onEpoch: () => {
      if (++validations === 3) setImmediate(() => stop.abort());
    },
  });
  expect(first.stopped).toBe('aborted');
  expect(first.history.length).toBeLessThan(8);
  const resumed: EpochLine[][] = [];
  const second = await train({
    ...stateful(),
    checkpoints: folder('abort'),
    onResume: (history) => void resumed.push([...history]),
  });
  expect(resumed).toEqual([first.history]);
  expect(bits(second.parameters)).toEqual(bits(whole.parameters));
  expect(bits(second.best?.parameters)).toEqual(bits(whole.best?.parameters));
  const numbers = ({ seconds: _, ...line }: EpochLine) => line;
  expect(second.history.map(numbers)).toEqual(whole.history.map(numbers));
});

test('after kill -9 at several moments, to the bit', { timeout: 300_000 }, async () => {
  const whole = await train({ ...stateful(), epochs: 60 });
  const program = path.join(import.meta.dirname, 'victim.ts');
  const target = folder('killed');
  let kills = 0;
  for (const epochs of [1, 7, 14]) {
    const child = spawn(process.execPath, ['--import', 'tsx', program, target], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const signal = await new Promise<string | null>((resolve) => {
      let lines = 0;
      child.stdout.on('data', (chunk: Buffer) => {
        lines += chunk.toString().split('\n').length - 1;
        if (lines >= epochs) child.kill('SIGKILL');
      });
      child.on('exit', (_, by) => resolve(by));
    });
    if (signal === 'SIGKILL') kills++;
  }
  expect(kills).toBe(3);
  let from = 0;
  const result = await train({
    ...stateful(),
    epochs: 60,
    checkpoints: target,
    onResume: (history) => void (from = history.length),
  });
  expect(from).toBeGreaterThan(0);
  expect(from).toBeLessThan(60);
  expect(bits(result.parameters)).toEqual(bits(whole.parameters));
  expect(bits(result.best?.parameters)).toEqual(bits(whole.best?.parameters));
});

test('loses no completed epoch to a kill between two flushes; a file cut by a power cut is passed over', async () => {
  const [target, killed] = [folder('flushed'), folder('snapshot')];
  await train({
    ...stateful(),
    checkpoints: target,
    checkpointInterval: 1000,
    // What a process killed now would leave.
    onEpoch: ({ epoch }) => (epoch === 5 ? fs.cpSync(target, killed, { recursive: true }) : undefined),
  });
  const cut = folder('cut');
  fs.cpSync(killed, cut, { recursive: true });
  fs.truncateSync(path.join(cut, 'recent.safetensors'), 1000);
  const resumedAt = async (checkpoints: string): Promise<number> => {
    let epochs = 0;
    await train({ ...stateful(), checkpoints, onResume: (history) => void (epochs = history.length) });
    return epochs;
  };
  expect(await resumedAt(killed)).toBe(5);
  expect(await resumedAt(cut)).toBe(1);
  expect(fs.readdirSync(killed)).not.toContain('recent.safetensors');
});

test('refuses another setting, another model and other data by name', async () => {
  const target = folder('changed');
  await train({ ...stateful(), epochs: 1, checkpoints: target });
  const changed = (changes: object) => train({ ...stateful(), checkpoints: target, ...changes });
  await expect(changed({ batchSize: 9 })).rejects.toThrow(/batchSize 8, this one has 9/);
  await expect(changed({ seed: 9 })).rejects.toThrow(/seed 1, this one has 9/);
  await expect(changed({ clipNorm: undefined })).rejects.toThrow(/clipNorm 0\.5, this one has none/);
  const { x, y } = regression().data.train;
  await expect(changed({ data: { train: { x, y: x }, validation: { x, y } } })).rejects.toThrow(
    /training data SHA-256/,
  );
  await expect(
    changed({ init: (key: Parameters<typeof mlp.init>[0]) => mlp.init(key, { sizes: [1, 9, 1] }) }),
  ).rejects.toThrow(/'0\.weight' is float32\[1, 8\], the model has float32\[1, 9\]/);
});

test('a damaged or foreign checkpoint is an Error that names the file', async () => {
  const target = folder('damaged');
  const options = { ...stateful(), epochs: 1, checkpoints: target };
  const { parameters } = await train(options);
  const file = path.join(target, 'last.safetensors');
  const bytes = fs.readFileSync(file);
  fs.writeFileSync(file, bytes.subarray(0, bytes.length - 5));
  await expect(train(options)).rejects.toThrow(
    /last\.safetensors is not a readable safetensors file: .*cut off/,
  );
  fs.writeFileSync(file, 'not a checkpoint at all');
  await expect(train(options)).rejects.toThrow(/last\.safetensors is not a readable safetensors file/);
  await saveParameters(file, parameters);
  await expect(train(options)).rejects.toThrow(/holds parameters but no training to resume/);
  await saveParameters(file, parameters, { training: '{"epoch":-1}' });
  await expect(train(options)).rejects.toThrow(/in its header is damaged/);
  // Leftovers of a write that was cut off do no harm.
  fs.writeFileSync(file, bytes);
  fs.writeFileSync(`${file}.tmp`, 'half');
  expect(bits((await train(options)).parameters)).toEqual(bits(parameters));
});

test('a folder that cannot be made is named', async () => {
  fs.writeFileSync(folder('file'), '');
  const options = regression({ checkpoints: path.join(folder('file'), 'inside') });
  await expect(train(options)).rejects.toThrow(/cannot (read|make|write).*file.inside/);
});

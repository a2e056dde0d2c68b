import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import * as ort from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import { array, gelu, type Tensor } from '../../src/tensor/index.ts';
import { key, normal } from '../../src/tensor/random.ts';
import { exportModel, layerNorm, lstm, mlp, predict } from '../../src/nn/index.ts';

const python = process.env['SEXTANT_PYTHON'] || 'python3';
const pythonRuns = spawnSync(python, ['-c', 'import onnxruntime, numpy']).status === 0;

const model = {
  params: {
    norm: layerNorm.init(key(0), { size: 3 }),
    memory: lstm.init(key(1), { inputs: 3, hidden: 5 }),
    head: mlp.init(key(2), { sizes: [5, 7, 2] }),
  },
  apply: (p: { norm: never; memory: never; head: never }, x: Tensor): Tensor =>
    mlp.apply(p.head, lstm.apply(p.memory, layerNorm.apply(p.norm, x)).outputs, gelu),
};
const inputs = array(Float32Array.from(normal(key(9), 2 * 4 * 3)), [2, 4, 3]);

describe('an exported model', async () => {
  const bytes = exportModel(model.apply as never, model.params, {
    inputShape: [4, 3],
    batchSize: 2,
    inputName: 'x',
  });
  const expected = await predict(model.apply as never, model.params, inputs, { threads: 1 });
  const tolerance = 1e-5;

  test('runs in onnxruntime-node with its parameters inside', async () => {
    const session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: 1 });
    expect(session.inputNames).toEqual(['x']);
    const { output } = await session.run({
      x: new ort.Tensor('float32', inputs.data as Float32Array, [2, 4, 3]),
    });
    expect(output.dims).toEqual([2, 4, 2]);
    expected.data.forEach((value, i) =>
      expect(Math.abs((output.data[i] as number) - value)).toBeLessThan(tolerance),
    );
    await session.release();
  });

  test.skipIf(!pythonRuns)(`opens in Python's onnxruntime (${python} can import it)`, () => {
    const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'sextant-onnx-')), 'model.onnx');
    fs.writeFileSync(file, bytes);
    const script = `
import json, sys, numpy, onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1], providers=['CPUExecutionProvider'])
x = numpy.array(json.loads(sys.argv[2]), dtype=numpy.float32).reshape(2, 4, 3)
print(json.dumps(session.run(None, {'x': x})[0].reshape(-1).tolist()))`;
    const run = spawnSync(python, ['-c', script, file, JSON.stringify([...inputs.data])], {
      encoding: 'utf8',
    });
    expect(run.stderr).toBe('');
    const values = JSON.parse(run.stdout) as number[];
    expect(values).toHaveLength(expected.data.length);
    expected.data.forEach((value, i) => expect(Math.abs(values[i] - value)).toBeLessThan(tolerance));
    fs.rmSync(path.dirname(file), { recursive: true });
  });
});

test('a batch size that is no number of samples is named', () => {
  expect(() => exportModel(model.apply as never, model.params, { inputShape: [4, 3], batchSize: 0 })).toThrow(
    /exportModel: batchSize is 0/,
  );
});

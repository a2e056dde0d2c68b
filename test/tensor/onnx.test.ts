/** Exported models: what Python's onnxruntime computes from the file is what the reference computes from the graph. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  add,
  compile,
  exportOnnx,
  gather,
  gelu,
  matmul,
  mean,
  softmax,
  spec,
  square,
  sub,
  type NDArray,
  type Tensor,
} from '../../src/tensor/index.ts';
import { Message } from '../../src/tensor/engines/onnx/protobuf.ts';
import { OnnxWriter } from '../../src/tensor/engines/onnx/writer.ts';
import { key, normal } from '../../src/tensor/random.ts';
import { integers, floats } from './values.ts';
import { relativeError } from './examples.ts';

const candidates = [process.env['SEXTANT_PYTHON'] || 'python3', 'python3'];
const python = candidates.find((name) => {
  try {
    execFileSync(name, ['-c', 'import onnxruntime'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
});

/** Runs a model on named inputs and prints every output as JSON. */
const script = `
import json, sys
import numpy as np, onnxruntime as ort
session = ort.InferenceSession(sys.argv[1], providers=['CPUExecutionProvider'])
feeds = {k: np.array(v['data'], dtype=v['dtype']).reshape(v['shape']) for k, v in json.load(open(sys.argv[2])).items()}
names = [o.name for o in session.get_outputs()]
inputs = [i.name for i in session.get_inputs()]
values = session.run(names, feeds)
print(json.dumps({'inputs': inputs, 'outputs': {n: {'shape': list(v.shape), 'data': v.astype(float).ravel().tolist()} for n, v in zip(names, values)}}))
`;

interface PythonResult {
  inputs: string[];
  outputs: Record<string, { shape: number[]; data: number[] }>;
}

function runInPython(model: Uint8Array, feeds: Record<string, NDArray>, dtype: string): PythonResult {
  const folder = mkdtempSync(path.join(tmpdir(), 'sextant-onnx-'));
  try {
    const [file, values] = ['model.onnx', 'feeds.json'].map((name) => path.join(folder, name));
    writeFileSync(file, model);
    const plain = Object.entries(feeds).map(([name, { data, shape, dtype: kind }]) => [
      name,
      { shape, data: [...data], dtype: kind === 'int32' ? 'int32' : dtype },
    ]);
    writeFileSync(values, JSON.stringify(Object.fromEntries(plain)));
    const printed = execFileSync(python as string, ['-c', script, file, values], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return JSON.parse(printed) as PythonResult;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const random = (seed: number, shape: readonly number[]): NDArray =>
  floats(
    [
      ...normal(
        key(seed),
        shape.reduce((a, b) => a * b, 1),
      ),
    ],
    shape,
  );

const network = (
  { w, b }: { w: Tensor; b: Tensor },
  x: Tensor,
  i: Tensor,
): { probabilities: Tensor; spread: Tensor } => {
  const y = gelu(add(matmul(gather(x, i, 0), w), b));
  return { probabilities: softmax(y), spread: mean(square(sub(y, mean(y, 1, { keepDims: true }))), 1) };
};
const specs = [{ w: spec([3, 4]), b: spec([4]) }, spec([5, 3]), spec([2], 'int32')] as const;
const feeds = {
  '0.w': random(1, [3, 4]),
  '0.b': random(2, [4]),
  '1': random(3, [5, 3]),
  '2': integers([4, 1]),
};

describe('exported models', () => {
  test.skipIf(python === undefined).each([
    ['float32', 1e-6],
    ['float64', 1e-13],
  ] as const)("Python's onnxruntime computes the same (%s)", async (dtype, tolerance) => {
    const model = exportOnnx(network, specs, { dtype, outputNames: ['probabilities', 'spread'] });
    const { inputs, outputs } = runInPython(model, feeds, dtype);
    expect(inputs).toEqual(['0.w', '0.b', '1', '2']);

    const program = await compile(network, specs, { engine: 'reference', dtype: 'float64' });
    const expected = await program.run([{ w: feeds['0.w'], b: feeds['0.b'] }, feeds['1'], feeds['2']]);
    for (const name of ['probabilities', 'spread'] as const) {
      const { shape, data } = outputs[name];
      expect(shape).toEqual(expected[name].shape);
      expect(relativeError(floats(data, shape), expected[name])).toBeLessThan(tolerance);
    }
  });

  test('one output is called output, several are numbered, and names may be given', () => {
    const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
    const one = text(exportOnnx((x: Tensor) => square(x), [spec([2])], { names: ['field'] }));
    expect(one).toContain('field');
    expect(one).toContain('output');
    expect(text(exportOnnx((x: Tensor) => [square(x), add(x, 1)], [spec([2])]))).toMatch(
      /output0[^]*output1/,
    );
  });

  test('only standard operators are used', () => {
    const bytes = Buffer.from(exportOnnx(network, specs, {})).toString('latin1');
    expect(bytes).not.toContain('com.microsoft');
  });
});

describe('writer', () => {
  test("numbers are varints, negative ones in two's complement over 64 bits", () => {
    const bytes = (value: number | bigint): number[] => [...new Message().integer(1, value).finish()];
    expect(bytes(300)).toEqual([8, 0xac, 2]);
    expect(bytes(-1)).toEqual([8, ...new Array<number>(9).fill(0xff), 1]);
    expect(bytes(2n ** 40n)).toEqual([8, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20]);
  });

  test('equal small constants are stored once', () => {
    const writer = new OnnxWriter(() => undefined);
    expect(writer.int64([1, 2])).toBe(writer.int64([1, 2]));
    expect(writer.int64([1, 2])).not.toBe(writer.int64([1, 2], [2, 1]));
    expect(writer.scalar(1, 'float32')).not.toBe(writer.scalar(1, 'float64'));
    expect(writer.scalar(1, 'int32')).toBe(
      writer.initializer({ data: Int32Array.of(1), shape: [], dtype: 'int32' }),
    );
    expect(writer.scalar(1, 'bool')).not.toBe(writer.scalar(0, 'bool'));
  });
});

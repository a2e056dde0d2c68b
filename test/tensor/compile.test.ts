import { describe, expect, test } from 'vitest';
import {
  add,
  array,
  compile,
  constant,
  grad,
  less,
  matmul,
  mean,
  mul,
  reshape,
  select,
  softmax,
  spec,
  specsOf,
  square,
  sub,
  sum,
  tanh,
  transpose,
  valueAndGrad,
  type CompileOptions,
  type EngineName,
  type NDArray,
  type Tensor,
} from '../../src/tensor/index.ts';
import { normals as random } from './values.ts';

interface Parameters {
  w: NDArray;
  b: NDArray;
}
const parameters: Parameters = { w: random(1, [3, 2]), b: random(2, [2]) };
const loss = ({ w, b }: { w: Tensor; b: Tensor }, x: Tensor): Tensor =>
  mean(square(tanh(add(matmul(x, w), b))));

describe('programs', () => {
  test.each<CompileOptions>([
    { engine: 'onnx', dtype: 'float64' },
    { engine: 'onnx', dtype: 'float32' },
    { engine: 'tfjs' },
    { engine: 'reference', dtype: 'float64' },
  ])('$engine $dtype: trees in, trees out', async (options) => {
    const x = random(3, [4, 3]);
    const program = await compile(valueAndGrad(loss), [specsOf(parameters), spec([4, 3])], options);
    const [value, gradient] = await program.run([parameters, x]);
    await program.dispose();
    expect(value.shape).toEqual([]);
    expect(gradient.w.shape).toEqual([3, 2]);
    expect(gradient.b.shape).toEqual([2]);
    const dtype = options.dtype ?? 'float32';
    expect([value.dtype, gradient.w.dtype]).toEqual([dtype, dtype]);

    // The loss falls along its negative gradient at the rate |gradient|².
    const evaluateLoss = await compile(loss, [specsOf(parameters), spec([4, 3])], {
      engine: 'reference',
      dtype: 'float64',
    });
    const step = 1e-5;
    const move = (p: NDArray, g: NDArray): NDArray =>
      array(
        Float64Array.from(p.data, (v, i) => v - step * g.data[i]),
        p.shape,
      );
    const moved = await evaluateLoss.run([
      { w: move(parameters.w, gradient.w), b: move(parameters.b, gradient.b) },
      x,
    ]);
    const start = await evaluateLoss.run([parameters, x]);
    const norm = [...gradient.w.data, ...gradient.b.data].reduce((total, g) => total + g * g, 0);
    expect((start.data[0] - moved.data[0]) / (step * norm)).toBeCloseTo(1, 3);
  });

  test('floats are cast to the precision of the program, integers are not', async () => {
    const program = await compile(
      (x: Tensor, i: Tensor) => [mul(x, 2), add(i, 1)],
      [spec([2]), spec([1], 'int32')],
    );
    const [x, i] = await program.run([array([0.1, 0.2]), array(Int32Array.of(41))]);
    await program.dispose();
    expect(x.data).toEqual(Float32Array.of(0.2, 0.4));
    expect(i.data).toEqual(Int32Array.of(42));
  });

  test('an output may be an input, a constant, or stand twice', async () => {
    for (const engine of ['onnx', 'tfjs', 'reference'] as EngineName[]) {
      const program = await compile((x: Tensor) => [x, constant([1, 2]), mul(x, 2), mul(x, 2)], [spec([1])], {
        engine,
      });
      for (let repeat = 0; repeat < 2; repeat++) {
        const results = await program.run([array([3])]);
        expect(results.map(({ data }) => [...data])).toEqual([[3], [1, 2], [6], [6]]);
      }
      await program.dispose();
    }
  });

  test('results stay what they were when the program runs again', async () => {
    for (const engine of ['onnx', 'tfjs', 'reference'] as EngineName[]) {
      const program = await compile((x: Tensor) => mul(x, 2), [spec([2])], { engine });
      const first = await program.run([array([1, 2])]);
      await program.run([array([5, 6])]);
      expect([...first.data]).toEqual([2, 4]);
      await program.dispose();
    }
  });

  test('runs that overlap do not disturb each other', async () => {
    const program = await compile((x: Tensor) => sum(mul(x, 2)), [spec([2])]);
    const results = await Promise.all([1, 2, 3, 4].map((n) => program.run([array([n, n])])));
    await program.dispose();
    expect(results.map(({ data }) => data[0])).toEqual([4, 8, 12, 16]);
  });
});

describe('bad input', () => {
  const program = () => compile(loss, [specsOf(parameters), spec([4, 3])]);

  test('a wrong shape is named by its path', async () => {
    const p = await program();
    await expect(p.run([{ ...parameters, w: random(1, [2, 3]) }, random(3, [4, 3])])).rejects.toThrow(
      'program: argument 0.w has shape [2, 3], compiled for [3, 2]',
    );
    await p.dispose();
  });

  test('a wrong dtype is named by its path', async () => {
    const p = await program();
    await expect(p.run([parameters, array(new Int32Array(12), [4, 3])])).rejects.toThrow(
      'program: argument 1 is int32, compiled for float32',
    );
    await p.dispose();
  });

  test('a wrong tree names the leaves that came and those expected', async () => {
    const p = await program();
    const incomplete = { w: parameters.w } as Parameters;
    await expect(p.run([incomplete, random(3, [4, 3])])).rejects.toThrow(
      'program: the arguments have leaves 0.w, 1; expected 0.w, 0.b, 1',
    );
    await p.dispose();
  });

  test('a disposed program refuses to run, and disposing twice is harmless', async () => {
    for (const engine of ['onnx', 'tfjs', 'reference'] as EngineName[]) {
      const p = await compile((x: Tensor) => mul(x, 2), [spec([1])], { engine });
      await p.dispose();
      await p.dispose();
      await expect(p.run([array([1])])).rejects.toThrow('it was disposed and cannot run again');
    }
  });

  test('TensorFlow.js has no float64', async () => {
    await expect(
      compile((x: Tensor) => x, [spec([1])], { engine: 'tfjs', dtype: 'float64' }),
    ).rejects.toThrow("the engine 'tfjs' computes in float32, not in float64");
  });

  test('an unknown engine lists the known ones', async () => {
    await expect(compile((x: Tensor) => x, [spec([1])], { engine: 'abacus' as EngineName })).rejects.toThrow(
      "engine: 'abacus' is unknown; expected one of onnx, tfjs, reference",
    );
  });

  test('specs with impossible sizes', () => {
    expect(() => spec([2, -1])).toThrow('spec: shape [2, -1] has the size -1; sizes are whole numbers ≥ 0');
  });

  test.each<[string, (x: Tensor) => Tensor, string]>([
    [
      'add',
      (x) => add(x, constant([1, 2])),
      'add: shapes [4, 3] and [2] do not broadcast (sizes 3 and 2 on axis −1)',
    ],
    ['matmul', (x) => matmul(x, x), 'matmul: [4, 3] times [4, 3]; the inner sizes 3 and 4 differ'],
    ['matmul of a vector', (x) => matmul(x, constant([1, 2, 3])), 'both need at least two axes'],
    ['reshape', (x) => reshape(x, [5, 2]), 'reshape: [4, 3] has 12 values, [5, 2] needs 10'],
    ['reshape with an unknown size', (x) => reshape(x, [-1, 5]), 'does not divide into'],
    ['transpose', (x) => transpose(x, [0, 0]), 'is no permutation of the axes of [4, 3]'],
    ['sum', (x) => sum(x, 2), 'sum: axis 2 is outside a tensor of rank 2'],
    ['select', (x) => select(x, x, x), 'select: the condition is float32, expected bool'],
    [
      'mixed dtypes',
      (x) => add(x, constant(1, [], 'int32')),
      'operands are float32 and int32; cast one of them first',
    ],
    [
      'tanh of a condition',
      (x) => tanh(less(x, 0)),
      'tanh: the operand is bool, expected float32 or float64',
    ],
  ])('%s says what came and what was expected', async (_, f, message) => {
    await expect(compile(f, [spec([4, 3])])).rejects.toThrow(message);
  });
});

describe('endurance', () => {
  const small = (w: Tensor, x: Tensor): [Tensor, Tensor] => {
    const gradient = grad((p: Tensor) => mean(square(tanh(matmul(x, p)))))(w);
    return [sub(w, mul(gradient, 0.1)), softmax(matmul(x, w))];
  };

  test('memory stays flat over 10,000 runs', { timeout: 60_000 }, async () => {
    const program = await compile(small, [spec([32, 32]), spec([64, 32])], { threads: 1 });
    const w = array(new Float32Array(32 * 32).fill(0.1), [32, 32]);
    const x = array(new Float32Array(64 * 32).fill(0.5), [64, 32]);
    for (let i = 0; i < 2_000; i++) await program.run([w, x]);
    const before = process.memoryUsage().rss;
    for (let i = 0; i < 10_000; i++) await program.run([w, x]);
    const growth = process.memoryUsage().rss - before;
    await program.dispose();
    // Every run returns 12 kB: a leak of the results alone would be 120 MB.
    expect(growth / 2 ** 20).toBeLessThan(60);
  });

  test('programs give back what they hold', { timeout: 60_000 }, async () => {
    const size = 512;
    const open = async (): Promise<void> => {
      const weights = constant(new Float32Array(size * size).fill(0.5), [size, size]);
      const program = await compile((x: Tensor) => matmul(x, weights), [spec([1, size])], { threads: 1 });
      await program.run([array(new Float32Array(size), [1, size])]);
      await program.dispose();
    };
    for (let i = 0; i < 10; i++) await open();
    const before = process.memoryUsage().rss;
    for (let i = 0; i < 100; i++) await open();
    // Each program holds at least 1 MiB of weights.
    expect((process.memoryUsage().rss - before) / 2 ** 20).toBeLessThan(80);
  });

  test('the number of threads does not change a bit', async () => {
    const f = (w: Tensor, x: Tensor): Tensor[] => {
      const y = matmul(tanh(matmul(x, w)), transpose(w));
      return [
        y,
        sum(square(y)),
        mean(y, 0),
        softmax(y),
        ...[grad((p: Tensor) => mean(square(tanh(matmul(x, p)))))(w)],
      ];
    };
    const args = [random(4, [96, 160]), random(5, [2000, 96])] as const;
    const [one, two] = await Promise.all(
      [1, 2].map(async (threads) => {
        const program = await compile(f, [spec([96, 160]), spec([2000, 96])], { threads });
        const results = await program.run([...args]);
        await program.dispose();
        return results;
      }),
    );
    one.forEach((result, i) => expect(Buffer.compare(bytes(result), bytes(two[i])), `output ${i}`).toBe(0));
  });
});

const bytes = ({ data }: NDArray): Buffer => Buffer.from(data.buffer, data.byteOffset, data.byteLength);

test('a float64 product times a number keeps its digits', async () => {
  const x = random(31, [9, 9]);
  const f = (a: Tensor): Tensor => mul(matmul(a, a), 1 / 3);
  const [exact, compiled] = await Promise.all(
    (['reference', 'onnx'] as const).map(async (engine) => {
      const program = await compile(f, [spec([9, 9])], { engine, dtype: 'float64' });
      const { data } = await program.run([x]);
      await program.dispose();
      return data;
    }),
  );
  exact.forEach((value, i) => {
    expect(Math.abs(compiled[i] - value)).toBeLessThan(1e-13);
  });
});

/** Accuracy at the edges of number ranges, integer arithmetic, activations, and `checkNumerics`. */
import { describe, expect, test } from 'vitest';
import {
  abs,
  add,
  and,
  array,
  atan,
  clip,
  compile,
  elu,
  equal,
  erf,
  exp,
  floor,
  gelu,
  grad,
  hardTanh,
  leakyRelu,
  less,
  log,
  logSoftmax,
  logSumExp,
  max,
  maximum,
  mean,
  mish,
  mul,
  not,
  notEqual,
  or,
  sigmoid,
  silu,
  softmax,
  softplus,
  spec,
  sqrt,
  square,
  sub,
  sum,
  tanh,
  variance,
  type EngineName,
  type FloatDType,
  type Tensor,
} from '../../src/tensor/index.ts';
import { expectClose, floats, numbersAt } from './values.ts';

const settings: { engine: EngineName; dtype: FloatDType; tolerance: number }[] = [
  { engine: 'reference', dtype: 'float64', tolerance: 1e-14 },
  { engine: 'onnx', dtype: 'float64', tolerance: 1e-14 },
  { engine: 'onnx', dtype: 'float32', tolerance: 1e-6 },
  { engine: 'tfjs', dtype: 'float32', tolerance: 1e-6 },
];

/** Values from DLMF 7.2 and 4.23, printed to 17 digits by mpmath. */
const known: [string, (x: Tensor) => Tensor, [number, number][]][] = [
  [
    'erf',
    erf,
    [
      [0, 0],
      [0.5, 0.5204998778130465],
      [1, 0.8427007929497149],
      [-2, -0.9953222650189527],
      [2.5, 0.999593047982555],
      [3, 0.9999779095030014],
      [5, 0.9999999999984626],
      [30, 1],
      [-30, -1],
    ],
  ],
  [
    'atan',
    atan,
    [
      [0, 0],
      [1, Math.PI / 4],
      [-1, -Math.PI / 4],
      [1e6, 1.5707953267948966],
      [0.1, 0.09966865249116204],
    ],
  ],
  [
    'softplus',
    softplus,
    [
      [0, Math.LN2],
      [50, 50],
      [-50, Math.exp(-50)],
      [800, 800],
    ],
  ],
  [
    'sigmoid',
    sigmoid,
    [
      [0, 0.5],
      [800, 1],
      [-800, 0],
      [1, 0.7310585786300049],
    ],
  ],
  [
    'elu',
    (x) => elu(x, 2),
    [
      [3, 3],
      [-1, 2 * Math.expm1(-1)],
      [-100, -2],
      [0, 0],
    ],
  ],
  [
    'gelu',
    (x) => gelu(x),
    [
      [0, 0],
      [1, 0.8413447460685429],
      [-1, -0.15865525393145707],
      [10, 10],
    ],
  ],
  [
    'gelu in its tanh form',
    (x) => gelu(x, { approximation: 'tanh' }),
    [
      [0, 0],
      [1, 0.8411919906082768],
      [-20, 0],
    ],
  ],
  [
    'silu',
    silu,
    [
      [1, 0.7310585786300049],
      [-100, -100 * Math.exp(-100)],
    ],
  ],
  [
    'mish',
    mish,
    [
      [1, 0.8650983882673103],
      [0, 0],
    ],
  ],
  [
    'leakyRelu',
    (x) => leakyRelu(x, 0.25),
    [
      [2, 2],
      [-2, -0.5],
    ],
  ],
  [
    'hardTanh',
    hardTanh,
    [
      [2, 1],
      [-2, -1],
      [0.5, 0.5],
    ],
  ],
];

describe.each(known)('%s at known points', (_, f, table) => {
  test.each(settings)('$engine $dtype', async ({ engine, dtype, tolerance }) => {
    const program = await compile(f, [spec([table.length])], { engine, dtype });
    const { data } = await program.run([floats(table.map(([x]) => x))]);
    await program.dispose();
    expectClose(
      data,
      table.map(([, y]) => y),
      tolerance,
    );
  });
});

test('the tanh form of gelu is within 5e-4 of the exact one', () => {
  const x = floats(Array.from({ length: 201 }, (_, i) => (i - 100) / 20));
  const difference = numbersAt((t) => sub(gelu(t, { approximation: 'tanh' }), gelu(t)), x);
  const worst = Math.max(...difference.map(Math.abs));
  expect(worst).toBeGreaterThan(1e-4);
  expect(worst).toBeLessThan(5e-4);
});

describe.each(settings)('without overflow: $engine $dtype', ({ engine, dtype, tolerance }) => {
  test('softmax, logSoftmax and logSumExp of large values', async () => {
    const program = await compile((x: Tensor) => [softmax(x), logSoftmax(x), logSumExp(x)], [spec([3])], {
      engine,
      dtype,
    });
    const [p, logs, total] = await program.run([floats([1000, 1001, 900])]);
    await program.dispose();
    const q = 1 / (1 + Math.exp(-1));
    expectClose(p.data, [1 - q, q, 0], tolerance);
    expectClose(logs.data, [Math.log(1 - q), Math.log(q), -101 + Math.log(q)], tolerance);
    expectClose(total.data, [1001 - Math.log(q)], tolerance);
  });

  test('whole numbers, conditions and ties', async () => {
    const program = await compile(
      (x: Tensor, i: Tensor, j: Tensor) => ({
        arithmetic: add(mul(i, j), sub(i, j)),
        equal: equal(i, j),
        differ: notEqual(i, j),
        both: and(less(i, j), not(equal(x, 1))),
        either: or(less(j, i), equal(x, 1)),
        floor: floor(x),
        clipped: clip(x, -1, 1.5),
        // At a tie the gradient is shared.
        tie: grad((t: Tensor) => sum(maximum(t, 1)))(x),
        top: grad((t: Tensor) => max(t))(x),
        variance: variance(x, 0, { correction: 1 }),
      }),
      [spec([3]), spec([3], 'int32'), spec([3], 'int32')],
      { engine, dtype },
    );
    const r = await program.run([
      floats([2, 1, -2.5]),
      array(Int32Array.of(2, 3, -1)),
      array(Int32Array.of(2, 4, -5)),
    ]);
    await program.dispose();
    expect([...r.arithmetic.data]).toEqual([4, 11, 9]);
    expect([...r.equal.data]).toEqual([1, 0, 0]);
    expect([...r.differ.data]).toEqual([0, 1, 1]);
    expect([...r.both.data]).toEqual([0, 0, 0]);
    expect([...r.either.data]).toEqual([0, 1, 1]);
    expect([...r.floor.data]).toEqual([2, 1, -3]);
    expect([...r.clipped.data]).toEqual([1.5, 1, -1]);
    expect([...r.tie.data]).toEqual([1, 0.5, 0]);
    expect([...r.top.data]).toEqual([1, 0, 0]);
    expectClose(r.variance.data, [67 / 12], tolerance * 10);
  });
});

describe('safe derivatives', () => {
  test('the branch that is not taken gives no NaN', () => {
    const f = (x: Tensor): Tensor => sum(maximum(x, 0));
    expect(numbersAt(grad(f), floats([-1, 2]))).toEqual([0, 1]);
    const g = (x: Tensor): Tensor => sum(abs(x));
    expect(numbersAt(grad(g), floats([-1, 0, 2]))).toEqual([-1, 0, 1]);
  });

  test('logSumExp, softplus and sigmoid have finite gradients far out', () => {
    expectClose(
      numbersAt(
        grad((x: Tensor) => logSumExp(x)),
        floats([1000, 0]),
      ),
      [1, 0],
    );
    expectClose(
      numbersAt(
        grad((x: Tensor) => sum(softplus(x))),
        floats([-800, 800]),
      ),
      [0, 1],
    );
  });
});

describe('checkNumerics', () => {
  const run = async (
    f: (x: Tensor) => Tensor,
    values: number[],
    engine: EngineName = 'onnx',
  ): Promise<unknown> => {
    const program = await compile(f, [spec([values.length])], { checkNumerics: true, engine });
    try {
      return await program.run([floats(values)]);
    } finally {
      await program.dispose();
    }
  };

  test.each(['onnx', 'tfjs', 'reference'] as const)(
    '%s: names the op and the line of the logarithm of a negative number',
    async (engine) => {
      await expect(run((x) => mean(mul(log(x), 2)), [1, -1], engine)).rejects.toThrow(
        /checkNumerics: 'log' of \[2\] first gave NaN \(position 1\), called at .*numerics\.test\.ts:\d+:\d+/,
      );
    },
  );

  test('names an overflow', async () => {
    await expect(run((x) => sum(sub(exp(x), exp(x))), [100])).rejects.toThrow(
      /'exp' of \[1\] first gave Infinity/,
    );
  });

  test('names the op of a derivative', async () => {
    await expect(
      run(
        grad((x: Tensor) => sum(sqrt(square(x)))),
        [0],
      ),
    ).rejects.toThrow(/'div' of .* first gave Infinity/);
  });

  test('tells when an argument was not finite in the first place', async () => {
    await expect(run((x) => tanh(x), [1, NaN])).rejects.toThrow(
      'checkNumerics: argument 0 already holds NaN at position 1',
    );
  });

  test('says nothing about finite results', async () => {
    await expect(run((x) => tanh(x), [1, 2])).resolves.toBeDefined();
  });
});

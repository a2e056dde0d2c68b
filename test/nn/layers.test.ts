import { describe, expect, test } from 'vitest';
import {
  constant,
  mul,
  relu,
  sum,
  valueAndGrad,
  zeros,
  array,
  type NDArray,
  type Tensor,
} from '../../src/tensor/index.ts';
import { key } from '../../src/tensor/random.ts';
import {
  batchNorm,
  convolution,
  embedding,
  groupNorm,
  gru,
  instanceNorm,
  layerNorm,
  linear,
  lstm,
  mlp,
  multiHeadAttention,
  transposedConvolution,
  type RecurrentParameters,
} from '../../src/nn/index.ts';
import golden from './golden.json' with { type: 'json' };
import { evaluate, wave, waves } from './support.ts';

function expectClose(actual: NDArray, expected: readonly number[], tolerance = 1e-12): void {
  expect(actual.data.length).toBe(expected.length);
  const worst = Math.max(...expected.map((value, i) => Math.abs(value - actual.data[i])));
  expect(worst).toBeLessThan(tolerance);
}

describe('layers give what PyTorch gives, float64', () => {
  test('linear', async () => {
    const params = waves(linear.init(key(0), { inputs: 3, outputs: 4 }));
    expectClose(await evaluate((p, x) => linear.apply(p, x), params, wave([2, 5, 3], 10)), golden.linear);
  });

  test('layerNorm', async () => {
    const params = waves(layerNorm.init(key(0), { size: 6 }));
    expectClose(
      await evaluate((p, x) => layerNorm.apply(p, x), params, wave([2, 3, 6], 10)),
      golden.layerNorm,
    );
  });

  test('groupNorm', async () => {
    const params = waves(groupNorm.init(key(0), { size: 4 }));
    const got = await evaluate((p, x) => groupNorm.apply(p, x, { groups: 2 }), params, wave([2, 4, 5], 10));
    expectClose(got, golden.groupNorm);
  });

  test('instanceNorm', async () => {
    const params = waves(instanceNorm.init(key(0), { size: 4 }));
    const got = await evaluate((p, x) => instanceNorm.apply(p, x), params, wave([2, 4, 5], 10));
    expectClose(got, golden.instanceNorm);
  });

  test('batchNorm, by its own statistics and by the same ones given', async () => {
    const params = waves(batchNorm.init(key(0), { size: 4 }));
    const x = wave([3, 4, 5], 10);
    expectClose(await evaluate((p, t) => batchNorm.apply(p, t), params, x), golden.batchNorm);
    const given = await evaluate(
      (p, t) => batchNorm.apply(p, t, { statistics: batchNorm.statistics(t) }),
      params,
      x,
    );
    expectClose(given, golden.batchNorm);
  });

  const attentionParams = waves(multiHeadAttention.init(key(0), { width: 4 }));

  test('multiHeadAttention to a context', async () => {
    const got = await evaluate(
      (p, x, context) => multiHeadAttention.apply(p, x, { heads: 2, context }),
      attentionParams,
      wave([2, 3, 4], 10),
      wave([2, 5, 4], 11),
    );
    expectClose(got, golden.attention);
  });

  test('multiHeadAttention with a causal mask of −∞', async () => {
    const low = -Infinity;
    const bias = array([0, low, low, 0, 0, low, 0, 0, 0], [3, 3]);
    const got = await evaluate(
      (p, x) => multiHeadAttention.apply(p, x, { heads: 2, bias: constant(bias) }),
      attentionParams,
      wave([2, 3, 4], 10),
    );
    expectClose(got, golden.causalAttention);
  });

  const recurrent = {
    lstm: (p: RecurrentParameters<Tensor>, x: Tensor) => {
      const { outputs, state } = lstm.apply(p, x);
      return { outputs, last: state.cell };
    },
    gru: (p: RecurrentParameters<Tensor>, x: Tensor) => {
      const { outputs, state } = gru.apply(p, x);
      return { outputs, last: state };
    },
  };

  test.each(['lstm', 'gru'] as const)('%s starts at zero', async (name) => {
    const params = waves({ lstm, gru }[name].init(key(0), { inputs: 3, hidden: 4 }));
    const x = wave([2, 5, 3], 10);
    const { outputs } = await evaluate(
      (p: RecurrentParameters<Tensor>, days) => {
        const zero = zeros([2, 4], 'float64');
        return name === 'lstm' ? lstm.apply(p, days, { hidden: zero, cell: zero }) : gru.apply(p, days, zero);
      },
      params,
      x,
    );
    expectClose((await evaluate(recurrent[name], params, x)).outputs, [...outputs.data]);
  });

  test.each(['lstm', 'gru'] as const)('%s: outputs, last state and every gradient', async (name) => {
    const layer = { lstm, gru }[name];
    const params = waves(layer.init(key(0), { inputs: 3, hidden: 4 }));
    const x = wave([2, 5, 3], 10);
    const { outputs, last } = await evaluate(recurrent[name], params, x);
    expectClose(outputs, golden[name].outputs);
    expectClose(last, golden[name].last);
    const loss = ([p, input]: [RecurrentParameters<Tensor>, Tensor]): Tensor => {
      const result = recurrent[name](p, input).outputs;
      return sum(mul(result, constant(wave(result.shape, 20))));
    };
    const [, [gradients, inputGradient]] = await evaluate(
      (both: [RecurrentParameters<Tensor>, Tensor]) => valueAndGrad(loss)(both),
      [params, x] as [RecurrentParameters, NDArray],
    );
    const ordered = [
      gradients.inputWeight,
      gradients.hiddenWeight,
      gradients.inputBias,
      gradients.hiddenBias,
    ];
    [...ordered, inputGradient].forEach((gradient, i) =>
      expectClose(gradient, golden[name].gradients[i], 1e-11),
    );
  });

  test('convolution: strided, padded, grouped', async () => {
    const params = waves(convolution.init(key(0), { inputs: 4, outputs: 6, kernel: [3], groups: 2 }));
    const got = await evaluate(
      (p, x) => convolution.apply(p, x, { strides: 2, padding: [[1, 1]], groups: 2 }),
      params,
      wave([2, 4, 7], 10),
    );
    expectClose(got, golden.convolution);
  });

  test('transposedConvolution: 2-D, strided', async () => {
    const params = waves(transposedConvolution.init(key(0), { inputs: 2, outputs: 3, kernel: [3, 2] }));
    const got = await evaluate(
      (p, x) => transposedConvolution.apply(p, x, { strides: 2 }),
      params,
      wave([1, 2, 3, 4], 10),
    );
    expectClose(got, golden.transposedConvolution);
  });
});

test('mlp: linear maps with the activation between them only', async () => {
  const params = waves(mlp.init(key(0), { sizes: [2, 3, 1] }));
  const x = wave([4, 2], 10);
  const got = await evaluate((p, t) => mlp.apply(p, t, relu), params, x);
  const expected = await evaluate(
    ([first, second], t) => linear.apply(second, relu(linear.apply(first, t))),
    params,
    x,
  );
  expectClose(got, [...expected.data], 1e-15);
});

test('embedding: rows of the table, and their gradients added up where a symbol repeats', async () => {
  const params = waves(embedding.init(key(0), { count: 4, width: 2 }));
  const symbols = array(Int32Array.of(3, 0, 3), [3]);
  const loss = (p: { readonly table: Tensor }, ids: Tensor): Tensor => sum(embedding.apply(p, ids));
  const rows = await evaluate((p, ids) => embedding.apply(p, ids), params, symbols);
  const { table } = params;
  expect([...rows.data]).toEqual([6, 7, 0, 1, 6, 7].map((i) => table.data[i]));
  const [, gradient] = await evaluate((p, ids) => valueAndGrad(loss)(p, ids), params, symbols);
  expect([...gradient.table.data]).toEqual([1, 1, 0, 0, 0, 0, 2, 2]);
});

describe('wrong shapes are named', () => {
  const cases: [string, () => Promise<unknown>, RegExp][] = [
    [
      'linear',
      () =>
        evaluate(
          (p, x) => linear.apply(p, x),
          linear.init(key(0), { inputs: 3, outputs: 1 }),
          wave([2, 4], 0),
        ),
      /linear: the input is \[2, 4\], expected \[\.\.\., 3\]/,
    ],
    [
      'attention',
      () =>
        evaluate(
          (p, x) => multiHeadAttention.apply(p, x, { heads: 3 }),
          multiHeadAttention.init(key(0), { width: 4 }),
          wave([1, 2, 4], 0),
        ),
      /3 heads do not divide the width 4/,
    ],
    [
      'lstm',
      () =>
        evaluate(
          (p, x) => lstm.apply(p, x).outputs,
          lstm.init(key(0), { inputs: 1, hidden: 2 }),
          wave([3, 1], 0),
        ),
      /lstm: the input is \[3, 1\], expected \[batch, time, inputs\]/,
    ],
    [
      'groupNorm',
      () =>
        evaluate(
          (p, x) => groupNorm.apply(p, x, { groups: 3 }),
          groupNorm.init(key(0), { size: 4 }),
          wave([1, 4, 2], 0),
        ),
      /3 groups of 4 channels/,
    ],
  ];
  test.each(cases)('%s', async (_, run, message) => {
    await expect(run()).rejects.toThrow(message);
  });
});

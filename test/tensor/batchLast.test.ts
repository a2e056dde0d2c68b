/** The layout with the batch last: the same numbers for every op and for graphs of many, chosen where rows are small. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  add,
  allOps,
  compileScan,
  concat,
  constant,
  cumulativeSum,
  expandDims,
  gather,
  max,
  matmul,
  mean,
  mul,
  pad,
  reshape,
  reverse,
  select,
  slice,
  softmax,
  spec,
  square,
  sub,
  sum,
  take,
  tanh,
  transpose,
  valueAndGrad,
  type NDArray,
  type Shape,
  type Tensor,
} from '../../src/tensor/index.ts';
import { lessEqual } from '../../src/tensor/ops/logic.ts';
import { batchLast, moveBatchLast } from '../../src/tensor/graph/batchLast.ts';
import { evaluate } from '../../src/tensor/graph/evaluate.ts';
import { topologicalOrder } from '../../src/tensor/graph/traverse.ts';
import { placeholder, withTraceContext } from '../../src/tensor/tensor.ts';
import { relativeError } from './examples.ts';
import { allTransforms, argumentsOf, casesOf, structuralOps } from './sweep.ts';
import { integers, normals } from './values.ts';

/** Values of the graph as it is and with its first axes of `batch` last, and how many nodes that moves. */
function bothLayouts(
  f: (...args: Tensor[]) => Tensor[],
  args: readonly NDArray[],
  batch: number,
): { expected: NDArray[]; actual: NDArray[]; moved: number } {
  return withTraceContext({ dtype: 'float64' }, () => {
    const inputs = args.map(({ shape, dtype }) => placeholder(shape, dtype));
    const feeds = new Map(inputs.map((input, i) => [input, args[i]]));
    const outputs = f(...inputs);
    const { outputs: changed, moved } = moveBatchLast(outputs, batch);
    return { expected: evaluate(outputs, feeds), actual: evaluate(changed, feeds), moved };
  });
}

function expectSame({ expected, actual }: { expected: NDArray[]; actual: NDArray[] }): void {
  expect(actual.map(({ shape, dtype }) => ({ shape, dtype }))).toEqual(
    expected.map(({ shape, dtype }) => ({ shape, dtype })),
  );
  const worst = Math.max(...actual.map((value, i) => relativeError(value, expected[i])));
  expect(worst).toBeLessThan(1e-12);
}

// Common lengths of axes in the examples; 3 is also the batch of their vmaps.
describe.each([2, 3])('first axes of %d last', (batch) => {
  const ops = allOps().filter(({ name }) => !structuralOps.includes(name));
  test.each(ops.map((op) => [op.name, op] as const))('%s and its transforms stay the same', (_, op) => {
    for (const c of casesOf(op)) {
      const all = (...args: Tensor[]): Tensor[] => Object.values(allTransforms(c, args));
      expectSame(bothLayouts(all, argumentsOf(c), batch));
    }
  });
});

const BATCH = 6;
const SHAPE: Shape = [BATCH, 2, 3];
const mixing = normals(9, [6, 6]);

/** One more [batch, 2, 3] tensor out of two: what the pass has rules for, among what it has none for. */
const builders: ((a: Tensor, b: Tensor) => Tensor)[] = [
  (a, b) => add(tanh(a), b),
  (a, b) => select(lessEqual(a, b), mul(0.5, a), b),
  (a) => mul(a, constant([1, -2, 0.5])),
  (a) => add(a, constant([1, 2, 3, 4, 5, 6], [2, 3])),
  (a) => sub(a, constant([1, 2], [1, 2, 1])),
  (a, b) => add(a, sum(b, 1, { keepDims: true })),
  (a, b) => mul(a, expandDims(tanh(sum(b, [1, 2])), [1, 2])),
  (a, b) => sub(a, max(b, [0, 2], { keepDims: true })),
  (a, b) => add(a, mean(b, 0)),
  // Every row beside every row: two axes are as long as the batch.
  (a, b) => mean(tanh(sub(expandDims(a, 1), expandDims(b, 0))), 0),
  (a, b) => max(mul(expandDims(a, 1), expandDims(b, 0)), 1),
  (a) => softmax(a, 1),
  (a) => cumulativeSum(tanh(a), 2),
  (a) => cumulativeSum(tanh(a), 0),
  (a) => reverse(a, 0),
  (a, b) => slice(concat([a, b], 2), [0, 0, 2], SHAPE),
  (a, b) => slice(concat([a, b], 0), [5, 0, 0], SHAPE),
  (a) => slice(pad(a, [0, 1, 0], [0, 0, 1]), [0, 0, 1], SHAPE),
  (a) => gather(a, constant(integers([2, 0, 0])), 2),
  (a, b) => add(a, expandDims(take(b, 1, 1), 1)),
  (a) => tanh(reshape(matmul(reshape(a, [BATCH, 6]), constant(mixing)), SHAPE)),
  (a, b) => tanh(matmul(matmul(a, transpose(b)), b)),
  (a) => reshape(transpose(a, [0, 2, 1]), SHAPE),
  (a) => reshape(transpose(reshape(a, [BATCH, 6])), SHAPE),
];

const steps = fc.array(
  fc.record({ build: fc.constantFrom(...builders), left: fc.nat(3), right: fc.nat(3) }),
  { minLength: 1, maxLength: 10 },
);

test('graphs of many ops and their gradients are the same with the batch last', () => {
  fc.assert(
    fc.property(steps, fc.nat(1000), (list, seed) => {
      const loss = (x: Tensor, y: Tensor): Tensor => {
        const pool = [x, y];
        for (const { build, left, right } of list) {
          const pick = (n: number): Tensor => pool[pool.length - 1 - (n % pool.length)];
          pool.push(build(pick(left), pick(right)));
        }
        return sum(square(pool[pool.length - 1]));
      };
      const both = bothLayouts(
        (x, y) => valueAndGrad(loss)(x, y),
        [normals(seed, SHAPE), normals(seed + 1, SHAPE)],
        BATCH,
      );
      expect(both.moved).toBeGreaterThan(0);
      expectSame(both);
    }),
    { numRuns: 150 },
  );
});

const opsOf = (outputs: readonly Tensor[]): string[] => topologicalOrder(outputs).map(({ op }) => op.name);

/** Three times a network of two layers whose outputs scale and shift two columns. */
function smallRows(batch: number): Tensor[] {
  let x = placeholder([batch, 3]);
  for (let i = 0; i < 3; i++) {
    const hidden = tanh(add(matmul(x, placeholder([3, 8])), placeholder([8])));
    const raw = reshape(matmul(hidden, placeholder([8, 4])), [batch, 2, 2]);
    const changed = add(mul(slice(x, [0, 1], [batch, 2]), take(raw, 2, 0)), take(raw, 2, 1));
    x = concat([changed, slice(x, [0, 0], [batch, 1])], 1);
  }
  return [sum(square(x))];
}

describe('the layout is chosen', () => {
  test('where many small rows go through one graph: only what comes in is transposed', () => {
    const outputs = smallRows(500);
    const chosen = batchLast(outputs);
    expect(chosen).not.toBe(outputs);
    const order = topologicalOrder(chosen);
    const moves = order.filter(({ op }) => op.name === 'transpose').map(({ inputs: [x] }) => x);
    // The samples, and the weights, whose transposes are flags of their products.
    expect(moves.map(({ op }) => op.name)).toEqual(Array(7).fill('input'));
    const products = order.filter(({ op }) => op.name === 'matmul').map(({ shape: [n] }) => n);
    expect(products).toEqual([8, 4, 8, 4, 8, 4]);
  });

  test('not where the batch is small', () => {
    const outputs = smallRows(20);
    expect(batchLast(outputs)).toBe(outputs);
  });

  test('not where rows are large', () => {
    const x = placeholder([100, 400]);
    const outputs = [tanh(add(x, placeholder([400])))];
    expect(batchLast(outputs)).toBe(outputs);
  });

  test('not where what has no rule would need many transposes', () => {
    const x = placeholder([100, 3, 3]);
    let power = x;
    for (let i = 0; i < 4; i++) power = tanh(matmul(power, x));
    expect(opsOf(batchLast([power]))).toEqual(opsOf([power]));
  });
});

test('a scan keeps its batch last inside', async () => {
  const step = (w: Tensor, x: Tensor): { carry: Tensor; values: Tensor } => {
    const loss = (v: Tensor): Tensor => mean(square(sub(sum(tanh(matmul(x, v)), 1), take(x, 1, 0))));
    const [value, gradient] = valueAndGrad(loss)(w);
    return { carry: sub(w, mul(0.1, gradient)), values: value };
  };
  const specs = { carry: spec([3, 4]), values: spec([100, 3]) };
  const inputs = [1, 2, 3].map((seed) => normals(seed, [100, 3]));
  const runs = await Promise.all(
    (['onnx', 'reference'] as const).map(async (engine) => {
      const scan = await compileScan(step, specs, { engine, dtype: 'float64' });
      const { carry, values } = await scan.run(normals(4, [3, 4]), inputs);
      await scan.dispose();
      return [carry, ...values];
    }),
  );
  const [actual, expected] = runs;
  expectSame({ actual, expected });
});

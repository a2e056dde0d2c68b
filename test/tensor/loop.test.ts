/** Loops that end where values say so: on every engine, under the transforms, inside one another and inside scans. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  add,
  compile,
  compileAt,
  compileScan,
  constant,
  div,
  exp,
  exportOnnx,
  grad,
  lessEqual,
  loop,
  matmul,
  max,
  mul,
  spec,
  square,
  stopGradient,
  sub,
  sum,
  tanh,
  vmap,
  type EngineName,
  type NDArray,
  type Tensor,
} from '../../src/tensor/index.ts';
import { heldExecutables } from '../../src/tensor/engines/shared.ts';
import { moveBatchLast } from '../../src/tensor/graph/batchLast.ts';
import { evaluate } from '../../src/tensor/graph/evaluate.ts';
import { simplify } from '../../src/tensor/graph/simplify.ts';
import { topologicalOrder } from '../../src/tensor/graph/traverse.ts';
import { loopOf } from '../../src/tensor/ops/loop.ts';
import { placeholder, withTraceContext } from '../../src/tensor/tensor.ts';
import { expectClose, floats, normals, numberAt, numbersAt, scalar } from './values.ts';

const largest = (x: Tensor): Tensor => max(mul(x, x));

/** √a by Newton's method from a, beside the number of turns that took: `[root, turns]`. */
const root = (a: Tensor, most = 50): Tensor =>
  loop(
    [a, constant(0)],
    ([x, turns]) => {
      const next = mul(0.5, add(x, div(a, x)));
      return { state: [next, add(turns, 1)], done: lessEqual(largest(sub(next, x)), 1e-24) };
    },
    most,
  );

/** How often halving leaves more than 1: a loop whose value is its own number of turns. */
const halvings = (a: Tensor, most = 50): Tensor =>
  loop(
    [constant(0), a],
    ([turns, x]) => ({ state: [add(turns, 1), mul(x, 0.5)], done: lessEqual(mul(x, 0.5), 1) }),
    most,
  );

describe('values', () => {
  test('a loop ends in the turn that is done, or after the most turns it may take', () => {
    expect(numberAt((a) => root(a), scalar(2))).toBeCloseTo(Math.SQRT2, 14);
    expect(numberAt((a) => root(a, 1), scalar(2))).toBe(1.5);
    expect([1, 2, 3, 8, 9].map((a) => numberAt((x) => halvings(x), scalar(a)))).toEqual([1, 1, 2, 3, 4]);
    expect(numberAt((a) => halvings(a, 3), scalar(1e6))).toBe(3);
  });

  /** x ← tanh(W x + b) until no row moves: tensors from outside, a product that does not change from turn to turn, and a constant. */
  const settle = (x: Tensor, w: Tensor, scale: Tensor): Tensor => {
    const small = mul(w, div(exp(scale), 10));
    return loop(
      [x, x],
      ([y]) => {
        const next = tanh(add(matmul(y, small), x));
        return { state: [next, y], done: lessEqual(largest(sub(next, y)), 1e-12) };
      },
      40,
    );
  };
  const args = [normals(1, [70, 3]), normals(2, [3, 3]), scalar(0.3)];

  test.each<{ engine: EngineName; dtype: 'float64' | 'float32'; within: number }>([
    { engine: 'onnx', dtype: 'float64', within: 1e-14 },
    { engine: 'onnx', dtype: 'float32', within: 3e-6 },
    { engine: 'tfjs', dtype: 'float32', within: 3e-6 },
  ])('$engine in $dtype agrees with the reference', async ({ engine, dtype, within }) => {
    const expected = numbersAt(settle, ...args);
    const program = await compile(settle, [spec([70, 3]), spec([3, 3]), spec([])], { engine, dtype });
    const { data } = await program.run(args as [NDArray, NDArray, NDArray]);
    await program.dispose();
    expectClose(data, expected, within);
    // Not the first turn's value.
    expect(
      Math.abs(
        expected[0] - numbersAt((x, w, s) => tanh(add(matmul(x, mul(w, div(exp(s), 10))), x)), ...args)[0],
      ),
    ).toBeGreaterThan(1e-4);
  });

  test('property: on ONNX Runtime a loop takes the turns that the reference takes', async () => {
    const program = await compile(halvings, [spec([])], { dtype: 'float64' });
    await fc.assert(
      fc.asyncProperty(fc.double({ min: 0.01, max: 1e9, noNaN: true }), async (a) => {
        const { data } = await program.run([scalar(a)]);
        expect(data[0]).toBe(Math.max(1, Math.ceil(Math.log2(a))));
      }),
      { numRuns: 50 },
    );
    await program.dispose();
  });

  test('a loop inside a loop reads what the outer one carries', async () => {
    // Roots of roots until nothing changes: 1.
    const nested = (a: Tensor): Tensor =>
      loop(
        [a],
        ([x]) => {
          const next = root(x);
          return { state: [next], done: lessEqual(largest(sub(next, 1)), 1e-20) };
        },
        60,
      );
    expect(numberAt(nested, scalar(7))).toBeCloseTo(1, 9);
    expect(
      numberAt((a) => loop([a], ([x]) => ({ state: [root(x)], done: lessEqual(x, 0) }), 3), scalar(7)),
    ).toBeCloseTo(7 ** (1 / 8), 12);
    const program = await compile(nested, [spec([])], { dtype: 'float64' });
    expect((await program.run([scalar(7)])).data[0]).toBe(numberAt(nested, scalar(7)));
    await program.dispose();
  });

  test('a scan turns a loop in each of its turns', async () => {
    const scan = await compileScan(
      (total: Tensor, a: Tensor) => ({ carry: add(total, root(a)), values: halvings(a) }),
      { carry: spec([]), values: spec([]) },
      { dtype: 'float64' },
    );
    const { carry, values } = await scan.run(scalar(0), [scalar(4), scalar(9), scalar(100)]);
    await scan.dispose();
    expect(carry.data[0]).toBeCloseTo(2 + 3 + 10, 12);
    expect(values.map(({ data }) => data[0])).toEqual([2, 4, 7]);
  });
});

describe('transforms', () => {
  test('vmap: every example ends in its own turn', () => {
    expect(
      numbersAt(
        vmap((a: Tensor) => halvings(a)),
        floats([8, 1, 100, 3]),
      ),
    ).toEqual([3, 1, 7, 2]);
    expect(
      numbersAt(
        vmap((a: Tensor) => halvings(a, 2)),
        floats([8, 1, 100, 3]),
      ),
    ).toEqual([2, 1, 2, 2]);
  });

  test('vmap: what is from outside may be mapped or not', () => {
    // x ← x f until x > 100, with one limit for all.
    const grow = (x: Tensor, factor: Tensor, limit: Tensor): Tensor =>
      loop([x], ([y]) => ({ state: [mul(y, factor)], done: lessEqual(limit, mul(y, factor)) }), 20);
    expect(
      numbersAt(vmap(grow, [true, true, false]), floats([1, 2, 90]), floats([10, 3, 2]), scalar(100)),
    ).toEqual([100, 162, 180]);
    // The start is the same for all examples, what is outside is not.
    expect(numbersAt(vmap(grow, [false, true, false]), scalar(1), floats([10, 3]), scalar(100))).toEqual([
      100, 243,
    ]);
  });

  test.each<EngineName>(['onnx', 'tfjs'])(
    'vmap of vmap on %s: every example in its own turn',
    async (engine) => {
      const f = vmap(vmap((a: Tensor) => halvings(a, 8)));
      const program = await compile(f, [spec([2, 3])], { engine });
      const { data } = await program.run([floats([8, 1, 100, 3, 2, 64], [2, 3])]);
      await program.dispose();
      expect(Array.from(data)).toEqual([3, 1, 7, 2, 1, 6]);
    },
  );

  test('a derivative is refused, and passes around a loop in stopGradient', () => {
    expect(() =>
      numberAt(
        grad((a: Tensor) => root(a)),
        scalar(2),
      ),
    ).toThrow(/loop: .*stopGradient.*customVjp/);
    // d/da (a − x²)/(2x) + x at x = √a held fixed is the derivative of the root.
    const implicit = (a: Tensor): Tensor => {
      const x = stopGradient(root(a));
      return add(x, div(sub(a, square(x)), mul(2, x)));
    };
    expect(numberAt(grad(implicit), scalar(9))).toBeCloseTo(1 / 6, 12);
  });
});

describe('graph', () => {
  test('what a turn computes from the outside alone is computed before the loop', () => {
    const a = placeholder([4]);
    const found = loop([a], ([x]) => ({ state: [mul(x, tanh(exp(a)))], done: lessEqual(sum(x), 0) }), 5);
    const body = loopOf(found)?.body;
    expect(topologicalOrder(body?.outputs ?? []).map(({ op }) => op.name)).not.toContain('exp');
    expect(found.inputs.map(({ op }) => op.name)).toEqual(['input', 'tanh']);
  });

  test('in two stages the loop is computed where what it reads is known', async () => {
    const f = (a: Tensor, x: Tensor): Tensor => mul(root(a), root(x));
    const program = await compileAt(f, scalar(16), [spec([])], { dtype: 'float64' });
    expect((await program.run([scalar(9)])).data[0]).toBeCloseTo(12, 12);
    await program.dispose();
  });

  test('an exported model has the loop as a standard operator', () => {
    const bytes = Buffer.from(exportOnnx((a: Tensor) => root(a), [spec([])])).toString('latin1');
    expect(bytes).toContain('Loop');
    expect(bytes).not.toContain('com.microsoft');
  });

  test('a loop of constants is left to the engine', () => {
    const [kept] = simplify([root(constant(2))]);
    expect(loopOf(kept)).not.toBeNull();
  });

  test('equal loops share an executable, others do not', async () => {
    const before = heldExecutables();
    const programs = await Promise.all(
      [root, root, (a: Tensor) => root(a, 49), halvings].map((f) => compile((a: Tensor) => f(a), [spec([])])),
    );
    expect(heldExecutables()).toBe(before + 3);
    await Promise.all(programs.map((program) => program.dispose()));
  });

  test('a batch of small rows lies last inside the loop too, without transposes', () => {
    const f = (x: Tensor, w: Tensor): Tensor =>
      loop(
        [x],
        ([y]) => {
          const next = tanh(add(matmul(y, w), x));
          return { state: [next], done: lessEqual(largest(sub(next, y)), 1e-6) };
        },
        30,
      );
    const given = [normals(3, [90, 3]), normals(4, [3, 3])];
    withTraceContext({ dtype: 'float64' }, () => {
      const inputs = given.map(({ shape }) => placeholder(shape));
      const value = f(inputs[0], mul(0.2, inputs[1]));
      const { outputs, moved } = moveBatchLast([value], 90);
      const feeds = new Map(inputs.map((input, i) => [input, given[i]]));
      const [expected, actual] = [evaluate([value], feeds), evaluate(outputs, feeds)];
      expectClose(actual[0].data, expected[0].data, 1e-14);
      const bodies = topologicalOrder(outputs).flatMap((node) => loopOf(node)?.body ?? []);
      expect(bodies).toHaveLength(1);
      expect(moved).toBeGreaterThan(3);
      const inside = topologicalOrder(bodies[0].outputs);
      const products = inside.filter(({ op }) => op.name === 'matmul');
      expect(products.map(({ shape }) => shape)).toEqual([[3, 90]]);
      // Those of the matrix, which a product takes as a flag.
      expect(inside.filter(({ op, inputs: [x] }) => op.name === 'transpose' && x.shape.includes(90))).toEqual(
        [],
      );
    });
  });
});

test.each([
  ['most is 0', (x: Tensor) => loop([x], () => ({ state: [x], done: lessEqual(sum(x), 0) }), 0)],
  ['made 2 tensors of 1', (x: Tensor) => loop([x], () => ({ state: [x, x], done: lessEqual(sum(x), 0) }), 3)],
  [
    'made float32[] of state 0, expected float32[2]',
    (x: Tensor) => loop([x], () => ({ state: [sum(x)], done: lessEqual(sum(x), 0) }), 3),
  ],
  [
    'done is bool[2], expected a scalar bool',
    (x: Tensor) => loop([x], () => ({ state: [x], done: lessEqual(x, 0) }), 3),
  ],
  ['done is float32[], expected', (x: Tensor) => loop([x], () => ({ state: [x], done: sum(x) }), 3)],
])('refused: %s', (message, f) => {
  expect(() => f(placeholder([2]))).toThrow(message);
});

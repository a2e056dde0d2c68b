import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  array,
  compile,
  constant,
  gather,
  grad,
  mul,
  oneHot,
  scatterAdd,
  scatterAlongAxis,
  spec,
  square,
  sum,
  takeAlongAxis,
  vmap,
  type EngineName,
  type Tensor,
} from '../../src/tensor/index.ts';
import { key, uniform } from '../../src/tensor/random.ts';
import { placeholder, withTraceContext } from '../../src/tensor/tensor.ts';
import { evaluateAt, expectClose, floats, integers, numbersAt } from './values.ts';

const engines: EngineName[] = ['onnx', 'tfjs', 'reference'];

describe('values', () => {
  const x = floats([1, 2, 3, 4, 5, 6], [3, 2]);

  test('gather keeps the shape of the indices in place of the axis', () => {
    const result = evaluateAt((a, i) => gather(a, i, 1), x, integers([1, 0, 1, 1], [2, 2]));
    expect(result.shape).toEqual([3, 2, 2]);
    expect([...result.data]).toEqual([2, 1, 2, 2, 4, 3, 4, 4, 6, 5, 6, 6]);
  });

  test('scatterAdd adds up what falls on the same index', () => {
    expect(numbersAt((i, u) => scatterAdd(i, u, 4), integers([2, 0, 2]), x)).toEqual([
      3, 4, 0, 0, 6, 8, 0, 0,
    ]);
  });

  test('takeAlongAxis, and its indices broadcast', () => {
    expect(numbersAt((a, i) => takeAlongAxis(a, i, 1), x, integers([1, 0, 1], [3, 1]))).toEqual([2, 3, 6]);
    expect(numbersAt((a, i) => takeAlongAxis(a, i, 0), x, integers([2, 0], [2, 1]))).toEqual([5, 6, 1, 2]);
  });

  test('scatterAlongAxis adds up duplicates', () => {
    const indices = integers([1, 1, 0, 2, 2, 2], [3, 2]);
    expect(numbersAt((i, u) => scatterAlongAxis(i, u, 3, 1), indices, x)).toEqual([
      0, 3, 0, 3, 0, 4, 0, 0, 11,
    ]);
  });

  test('oneHot, with nothing for an index outside', () => {
    expect(numbersAt((i) => oneHot(i, 3), integers([2, 0, 5]))).toEqual([0, 0, 1, 1, 0, 0, 0, 0, 0]);
  });

  test('the gradient of an embedding counts every use', () => {
    const loss = (table: Tensor, i: Tensor): Tensor => sum(square(gather(table, i, 0)));
    expect(numbersAt(grad(loss), x, integers([1, 1, 0]))).toEqual([2, 4, 12, 16, 0, 0]);
  });

  test('per-example gathers: both table and indices mapped', () => {
    const f = vmap((table: Tensor, i: Tensor) => gather(table, i, 0));
    expect(numbersAt(f, x, integers([1, 1, 0], [3, 1]))).toEqual([2, 4, 5]);
  });
});

describe('scatterAdd on engines', () => {
  /** With many threads and few targets, an engine that adds without locks loses updates. */
  test.each(engines)('%s: many duplicates', async (engine) => {
    const [count, size, width] = [4000, 3, 16];
    const indices = array(Int32Array.from(uniform(key(1), count), (u) => Math.floor(u * size)));
    const ones = array(new Float32Array(count * width).fill(1), [count, width]);
    const program = await compile(
      (i: Tensor, u: Tensor) => [scatterAdd(i, u, size), scatterAdd(constant(indices), u, size)],
      [spec([count], 'int32'), spec([count, width])],
      { engine, threads: 2 },
    );
    const results = await program.run([indices, ones]);
    await program.dispose();
    const expected = Array.from(
      { length: size },
      (_, target) => indices.data.filter((i) => i === target).length,
    );
    for (const { data } of results) {
      expected.forEach((n, target) => {
        expect([...data.slice(target * width, (target + 1) * width)]).toEqual(new Array(width).fill(n));
      });
    }
  });

  test('constant indices (gathered and summed) give what indices at run time give', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat({ max: 4 }), { minLength: 1, maxLength: 8 }),
        fc.constantFrom(0, 1),
        async (list, axis) => {
          const n = list.length;
          const shape = axis === 0 ? [n, 2] : [2, n];
          const updates = array(uniform(key(2), 2 * n), shape);
          const indices = integers(list);
          const program = await compile(
            (u: Tensor) => scatterAdd(constant(indices), u, 5, axis),
            [spec(shape)],
            { dtype: 'float64', threads: 1 },
          );
          const { data } = await program.run([updates]);
          await program.dispose();
          expectClose(
            data,
            numbersAt((i, u) => scatterAdd(i, u, 5, axis), indices, updates),
            1e-14,
          );
        },
      ),
      { numRuns: 25 },
    );
  });

  test('a gather by constant indices has a gradient on every engine', async () => {
    for (const engine of engines) {
      const program = await compile(
        grad((x: Tensor) => sum(mul(gather(x, constant(integers([0, 2, 2])), 0), constant([1, 10, 100])))),
        [spec([4])],
        { engine },
      );
      const { data } = await program.run([floats([1, 2, 3, 4])]);
      await program.dispose();
      expect([...data]).toEqual([1, 0, 110, 0]);
    }
  });
});

describe('wrong indices', () => {
  test.each<[string, (x: Tensor, i: Tensor) => Tensor]>([
    ['gather', (x, i) => gather(x, i, 0)],
    ['scatterAdd', (x, i) => scatterAdd(i, x, 3)],
    ['takeAlongAxis', (x, i) => takeAlongAxis(x, i, 0)],
    ['scatterAlongAxis', (x, i) => scatterAlongAxis(i, x, 3, 0)],
  ])('%s: out of range', (name, f) => {
    const x = floats([1, 2, 3]);
    const message = (i: number): string =>
      `${name}: index ${i} is outside an axis of size 3 (expected 0 … 2)`;
    expect(() => numbersAt(f, x, integers([0, 3, 0]))).toThrow(message(3));
    expect(() => numbersAt(f, x, integers([0, -1, 0]))).toThrow(message(-1));
    // A constant is found out while the graph is built.
    expect(() => withTraceContext({}, () => f(placeholder([3]), constant(integers([0, 7, 0]))))).toThrow(
      message(7),
    );
  });

  test('other dtypes and shapes are refused', () => {
    const x = floats([1, 2, 3]);
    expect(() => numbersAt((a) => gather(a, a, 0), x)).toThrow(
      'gather: the indices are float64, expected int32',
    );
    expect(() => numbersAt((a, i) => scatterAdd(i, a, 3), x, integers([0, 1]))).toThrow(
      'scatterAdd: updates [3] do not hold the axes [2] of the indices at axis 0',
    );
    expect(() => numbersAt((a, i) => takeAlongAxis(a, i, 0), x, integers([0], [1, 1]))).toThrow(
      'the ranks must agree',
    );
    expect(() => numbersAt((a, i) => gather(a, i, 1), x, integers([0]))).toThrow(
      'gather: axis 1 is outside a tensor of rank 1',
    );
    expect(() => numbersAt((i) => oneHot(i, 3), x)).toThrow('oneHot: the indices are float64');
  });
});

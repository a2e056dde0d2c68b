/** Derivatives of one’s own (`customVjp`), and derivatives that compute values again (`checkpoint`). */
import { describe, expect, test } from 'vitest';
import {
  add,
  checkpoint,
  customVjp,
  grad,
  hessianVectorProduct,
  jvp,
  matmul,
  mul,
  square,
  sum,
  tanh,
  transpose,
  valueAndGrad,
  vmap,
  type Tensor,
} from '../../src/tensor/index.ts';
import { simplify } from '../../src/tensor/graph/simplify.ts';
import { topologicalOrder } from '../../src/tensor/graph/traverse.ts';
import { placeholder } from '../../src/tensor/tensor.ts';
import { expectClose, floats, normals, numbersAt, scalar } from './values.ts';

const countOps = (outputs: readonly Tensor[], name: string): number =>
  topologicalOrder(simplify(outputs)).filter((node) => node.op.name === name).length;

describe('customVjp', () => {
  const double = customVjp(
    (x: Tensor) => square(x),
    ([x], cotangent) => [mul(cotangent, mul(x, 20))],
  );

  test('the rule replaces the derivative, the value stays', () => {
    expect(numbersAt(double, floats([1, 2]))).toEqual([1, 4]);
    expect(
      numbersAt(
        grad((x: Tensor) => sum(double(x))),
        floats([1, 2]),
      ),
    ).toEqual([20, 40]);
    expect(numbersAt((x) => jvp(double, [x], [x])[1], floats([1, 2]))).toEqual([20, 80]);
  });

  test('under vmap and nested vmap', () => {
    const f = grad((x: Tensor) => sum(double(x)));
    expect(numbersAt(vmap(f), floats([1, 2, 3, 4], [2, 2]))).toEqual([20, 40, 60, 80]);
    expect(numbersAt(vmap(vmap(f)), floats([1, 2, 3, 4], [2, 1, 2]))).toEqual([20, 40, 60, 80]);
    const outside = grad((x: Tensor) => sum(vmap(vmap(double))(x)));
    expect(numbersAt(outside, floats([1, 2, 3, 4], [2, 2, 1]))).toEqual([20, 40, 60, 80]);
  });

  test('an argument that is not mapped collects the cotangents of all examples', () => {
    const product = customVjp(
      (x: Tensor, w: Tensor) => mul(x, w),
      ([x, w], cotangent) => [mul(cotangent, mul(w, 10)), mul(cotangent, mul(x, 100))],
    );
    const f = (w: Tensor, xs: Tensor): Tensor => sum(vmap((x: Tensor) => product(x, w))(xs));
    expect(numbersAt(grad(f), scalar(2), floats([1, 2, 3]))).toEqual([600]);
    expect(numbersAt((w, xs) => grad((x: Tensor) => f(w, x))(xs), scalar(2), floats([1, 2, 3]))).toEqual([
      20, 20, 20,
    ]);
  });

  test('trees of arguments and of values', () => {
    const f = customVjp(
      ({ a, b }: { a: Tensor; b: Tensor }) => [add(a, b), mul(a, b)] as const,
      ([{ a }], [first, second]) => [{ a: mul(first, 3), b: mul(second, a) }],
    );
    const loss = (a: Tensor, b: Tensor): Tensor => {
      const [s, p] = f({ a, b });
      return add(sum(s), sum(mul(p, 2)));
    };
    expect(numbersAt(grad(loss), floats([5]), floats([7]))).toEqual([3]);
    expect(numbersAt((a, b) => grad((y: Tensor) => loss(a, y))(b), floats([5]), floats([7]))).toEqual([10]);
  });

  test('a captured tensor is a constant, and differentiating it is refused by name', () => {
    const f = (w: Tensor, x: Tensor): Tensor => {
      const inner = customVjp(
        (y: Tensor) => mul(y, w),
        (_, cotangent) => [mul(cotangent, 2)],
        'scaled',
      );
      return sum(inner(x));
    };
    expect(numbersAt((w, x) => grad((y: Tensor) => f(w, y))(x), scalar(3), floats([1]))).toEqual([2]);
    expect(() => numbersAt(grad(f), scalar(3), floats([1]))).toThrow(
      'scaled: the function captures a tensor that is being differentiated',
    );
  });

  test('a rule that is not linear in the cotangent works backward and is refused forward', () => {
    const clipped = customVjp(
      (x: Tensor) => mul(x, 1),
      (_, cotangent) => [tanh(cotangent)],
    );
    expectClose(
      numbersAt(
        grad((x: Tensor) => sum(clipped(x))),
        floats([1]),
      ),
      [Math.tanh(1)],
    );
    expect(() => numbersAt((x) => jvp(clipped, [x], [x])[1], floats([1]))).toThrow(
      'not linear in its cotangent',
    );
  });
});

describe('checkpoint', () => {
  const block = (w: Tensor, x: Tensor): Tensor => tanh(matmul(tanh(matmul(x, w)), transpose(w)));
  const [w, x] = [normals(10, [3, 3]), normals(11, [2, 3])];
  const plain = (p: Tensor, input: Tensor): Tensor => sum(square(block(p, input)));
  const remembered = (p: Tensor, input: Tensor): Tensor => sum(square(checkpoint(block)(p, input)));
  const captured = (p: Tensor, input: Tensor): Tensor =>
    sum(square(checkpoint((y: Tensor) => block(p, y))(input)));

  test.each([
    ['arguments', remembered],
    ['captured parameters', captured],
  ])('gives the same value and gradient: %s', (_, f) => {
    expectClose(numbersAt(f, w, x), numbersAt(plain, w, x), 1e-15);
    expectClose(numbersAt(grad(f), w, x), numbersAt(grad(plain), w, x));
    expectClose(
      numbersAt((p, input) => grad((y: Tensor) => f(p, y))(input), w, x),
      numbersAt((p, input) => grad((y: Tensor) => plain(p, y))(input), w, x),
    );
  });

  test('under vmap, inside and outside of grad', () => {
    const xs = normals(12, [4, 2, 3]);
    expectClose(
      numbersAt(vmap(grad(captured), [false, true]), w, xs),
      numbersAt(vmap(grad(plain), [false, true]), w, xs),
    );
    const overBatch = (f: typeof plain) =>
      grad((p: Tensor, batch: Tensor) => sum(vmap((y: Tensor) => f(p, y))(batch)));
    expectClose(numbersAt(overBatch(captured), w, xs), numbersAt(overBatch(plain), w, xs));
  });

  test('second derivatives', () => {
    expectClose(
      numbersAt((p, input) => hessianVectorProduct((q: Tensor) => captured(q, input), p, p), w, x),
      numbersAt((p, input) => hessianVectorProduct((q: Tensor) => plain(q, input), p, p), w, x),
    );
  });

  test('computes the inside again in the backward pass, and clean-up does not merge it away', () => {
    const inputs = [placeholder([3, 3]), placeholder([2, 3])] as const;
    expect(countOps(Object.values(valueAndGrad(plain)(...inputs)), 'tanh')).toBe(2);
    expect(countOps(Object.values(valueAndGrad(remembered)(...inputs)), 'tanh')).toBe(4);
    expect(countOps(Object.values(valueAndGrad(captured)(...inputs)), 'tanh')).toBe(4);
  });
});

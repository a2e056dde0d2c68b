import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  add,
  cast,
  checkpoint,
  constant,
  customVjp,
  exp,
  grad,
  hessianVectorProduct,
  jacobian,
  jvp,
  linearize,
  matmul,
  mul,
  pow,
  reshape,
  sin,
  square,
  stopGradient,
  sum,
  take,
  tanh,
  transpose,
  valueAndGrad,
  valueAndGradWithAux,
  vjp,
  vmap,
  type NDArray,
  type Tensor,
} from '../../src/tensor/index.ts';
import { simplify } from '../../src/tensor/graph/simplify.ts';
import { topologicalOrder } from '../../src/tensor/graph/traverse.ts';
import { key, normal } from '../../src/tensor/random.ts';
import { placeholder } from '../../src/tensor/tensor.ts';
import { buildExpression, points, steps } from './expressions.ts';
import { moved, relativeError } from './examples.ts';
import { evaluateAt, expectClose, floats, integers, numberAt, numbersAt, scalar } from './values.ts';

const random = (seed: number, shape: readonly number[]) =>
  floats(
    [
      ...normal(
        key(seed),
        shape.reduce((a, b) => a * b, 1),
      ),
    ],
    shape,
  );

const countOps = (outputs: readonly Tensor[], name: string): number =>
  topologicalOrder(simplify(outputs)).filter((node) => node.op.name === name).length;

describe('reverse mode', () => {
  test('gradients come in the tree of the argument, zeros where nothing depends on a leaf', () => {
    const f = ({ w, unused }: { w: Tensor[]; unused: Tensor }): Tensor =>
      add(sum(mul(w[0], w[1])), mul(0, sum(stopGradient(unused))));
    const gradients = (i: number) => (a: Tensor, b: Tensor, c: Tensor) => {
      const { w, unused } = grad(f)({ w: [a, b], unused: c });
      return [w[0], w[1], unused][i];
    };
    const args = [floats([1, 2]), floats([3, 4]), floats([5])];
    expect([0, 1, 2].map((i) => numbersAt(gradients(i), ...args))).toEqual([[3, 4], [1, 2], [0]]);
  });

  test('a tensor used twice collects both cotangents', () => {
    expect(
      numbersAt(
        grad((x: Tensor) => sum(mul(x, mul(x, x)))),
        floats([1, 2]),
      ),
    ).toEqual([3, 12]);
  });

  test('valueAndGradWithAux hands through the auxiliary value', () => {
    const f = (x: Tensor): readonly [Tensor, Tensor] => [sum(square(x)), mul(x, 10)];
    expect(numbersAt((x) => valueAndGradWithAux(f)(x)[0][1], floats([1, 2]))).toEqual([10, 20]);
    expect(numbersAt((x) => valueAndGradWithAux(f)(x)[1], floats([1, 2]))).toEqual([2, 4]);
  });

  test('a value that is no scalar is refused with its shape', () => {
    expect(() =>
      numbersAt(
        grad((x: Tensor) => x),
        floats([1, 2]),
      ),
    ).toThrow(
      'grad: the function returned shape [2], expected a scalar; reduce it (sum, mean), or use vjp or jacobian',
    );
  });

  test('integers cannot be differentiated', () => {
    expect(() =>
      numbersAt(
        grad((x: Tensor) => sum(cast(x, 'float64'))),
        integers([1, 2]),
      ),
    ).toThrow('grad: an argument to differentiate is int32[2], expected floats');
  });

  test('a cotangent of the wrong shape is refused', () => {
    expect(() => numbersAt((x) => vjp(square, x)[1](sum(x))[0], floats([1, 2]))).toThrow(
      'vjp: the cotangent is float64[], expected float64[2]',
    );
  });

  test('stopGradient cuts every derivative but keeps the value', () => {
    const f = (x: Tensor): Tensor => sum(mul(x, stopGradient(square(x))));
    expect(numbersAt(f, floats([3]))).toEqual([27]);
    expect(numbersAt(grad(f), floats([3]))).toEqual([9]);
    expect(numberAt((x) => jvp(f, [x], [x])[1], floats([3]))).toBe(27);
  });
});

describe('forward mode', () => {
  test('linearize gives one map for many tangents', () => {
    const f = (x: Tensor): Tensor => mul(sin(x), sum(x));
    const [x, a, b] = [random(1, [3]), random(2, [3]), random(3, [3])];
    const both = numbersAt(
      (p, u, v) => {
        const [, push] = linearize(f, p);
        return add(push(u), mul(push(v), 2));
      },
      x,
      a,
      b,
    );
    const combined = numbersAt((p, u, v) => jvp(f, [p], [add(u, mul(v, 2))])[1], x, a, b);
    expectClose(both, combined);
  });

  test('a linearised map computes no nonlinear function of the tangent', () => {
    const x = placeholder([3]);
    const tangent = placeholder([3]);
    const [value, push] = linearize((p: Tensor) => tanh(p), x);
    expect(countOps([value, push(tangent)], 'tanh')).toBe(1);
  });

  test('a tangent of the wrong shape is refused', () => {
    expect(() => numbersAt((x) => jvp(square, [x], [sum(x)])[1], floats([1, 2]))).toThrow(
      'jvp: a tangent is float64[], expected float64[2]',
    );
  });

  test('no perturbation confusion: d/dx (x · d/dy (x + y)) = 1', () => {
    const derivative = (f: (x: Tensor) => Tensor) => (x: Tensor) => jvp(f, [x], [constant(1)])[1];
    const f = (x: Tensor): Tensor => mul(x, derivative((y) => add(x, y))(constant(1)));
    expect(numberAt(derivative(f), scalar(5))).toBe(1);
    const g = (x: Tensor): Tensor => mul(x, grad((y: Tensor) => add(x, y))(constant(1)));
    expect(numberAt(grad(g), scalar(5))).toBe(1);
  });
});

describe('higher derivatives', () => {
  test('third derivative of x⁵ is 60 x², by any mix of modes', () => {
    const forward = (f: (x: Tensor) => Tensor) => (x: Tensor) => jvp(f, [x], [constant(1)])[1];
    const reverse = (f: (x: Tensor) => Tensor) => grad(f);
    const f = (x: Tensor): Tensor => mul(square(square(x)), x);
    for (const modes of [
      [forward, forward, forward],
      [reverse, reverse, reverse],
      [forward, reverse, forward],
      [reverse, forward, reverse],
    ]) {
      expectClose(
        numbersAt(
          modes.reduce((g, mode) => mode(g), f),
          scalar(1.5),
        ),
        [60 * 1.5 ** 2],
      );
    }
  });

  test('third derivative of sin is −cos', () => {
    expectClose(numbersAt(grad(grad(grad(sin as (x: Tensor) => Tensor))), scalar(0.7)), [-Math.cos(0.7)]);
  });

  test('a whole power has all derivatives at negative points', () => {
    expectClose(numbersAt(grad(grad((x: Tensor) => pow(x, 4))), scalar(-2)), [48]);
  });

  test('rows and columns give the same Jacobian, which central differences confirm', () => {
    const w = random(4, [3, 5]);
    const f = (x: Tensor): Tensor => tanh(matmul(reshape(x, [1, 3]), constant(w)));
    const x = random(5, [3]);
    const rows = evaluateAt(jacobian(f, { mode: 'rows' }), x);
    const columns = evaluateAt(jacobian(f, { mode: 'columns' }), x);
    expect(rows.shape).toEqual([1, 5, 3]);
    expect(relativeError(rows, columns)).toBeLessThan(1e-14);
    expectClose(evaluateAt(jacobian(f), x).data, rows.data, 1e-14);
    for (let j = 0; j < 3; j++) {
      const unit = floats([0, 0, 0].map((_, i) => Number(i === j)));
      const [up, down] = [1e-6, -1e-6].map((step) => numbersAt(f, moved(x, unit, step)));
      const differences = up.map((value, i) => (value - down[i]) / 2e-6);
      expectClose(
        differences.map((_, i) => rows.data[i * 3 + j]),
        differences,
        1e-8,
      );
    }
  });

  test('the Hessian-vector product is the dense Hessian times the vector', () => {
    const f = (x: Tensor): Tensor => sum(mul(exp(mul(x, 0.3)), sin(sum(x))));
    const [x, v] = [random(6, [4]), random(7, [4])];
    const dense = evaluateAt(jacobian(grad(f)), x);
    const product = numbersAt((p, d) => hessianVectorProduct(f, p, d), x, v);
    const expected = Array.from({ length: 4 }, (_, i) =>
      Array.from(v.data).reduce((total, value, j) => total + value * dense.data[i * 4 + j], 0),
    );
    expectClose(product, expected);
    for (let i = 0; i < 4; i++)
      for (let j = 0; j < i; j++) expectClose([dense.data[i * 4 + j]], [dense.data[j * 4 + i]]);
  });
});

describe('vmap', () => {
  const layer = (w: Tensor, x: Tensor): Tensor => sum(tanh(matmul(reshape(x, [1, 3]), w)));

  test('grad of a sum over vmap is the sum of the vmapped grad', () => {
    const [w, xs] = [random(8, [3, 2]), random(9, [5, 3])];
    const outside = evaluateAt(
      grad((p: Tensor, batch: Tensor) => sum(vmap((x: Tensor) => layer(p, x))(batch))),
      w,
      xs,
    );
    const inside = evaluateAt((p, batch) => sum(vmap(grad(layer), [false, true])(p, batch), 0), w, xs);
    expect(relativeError(outside, inside)).toBeLessThan(1e-13);
  });

  test('per-example gradients', () => {
    const [w, xs] = [random(8, [3, 2]), random(9, [5, 3])];
    const all = evaluateAt(vmap(grad(layer), [false, true]), w, xs);
    expect(all.shape).toEqual([5, 3, 2]);
    for (let i = 0; i < 5; i++) {
      const one = evaluateAt(grad(layer), w, floats([...xs.data.slice(3 * i, 3 * i + 3)]));
      expectClose(all.data.slice(6 * i, 6 * i + 6), one.data, 1e-14);
    }
  });

  test('nested: a table of all pairs', () => {
    const pairs = (a: Tensor, b: Tensor): Tensor => vmap((x: Tensor) => vmap((y: Tensor) => mul(x, y))(b))(a);
    expect(numbersAt(pairs, floats([1, 2]), floats([3, 4, 5]))).toEqual([3, 4, 5, 6, 8, 10]);
  });

  test('a value that depends on no mapped argument is repeated', () => {
    const f = vmap((_: Tensor, y: Tensor) => square(y), [true, false]);
    expect(numbersAt(f, floats([0, 0, 0]), scalar(3))).toEqual([9, 9, 9]);
  });

  test('arguments that do not fit are refused', () => {
    const f = vmap((x: Tensor, y: Tensor) => add(x, y));
    expect(() => numbersAt(f, floats([1, 2]), floats([1, 2, 3]))).toThrow(
      'vmap: arguments of 2 and of 3 examples ([3])',
    );
    expect(() => numbersAt(f, floats([1, 2]), scalar(1))).toThrow('vmap: argument 1 has a scalar leaf');
    expect(() =>
      numbersAt(
        vmap((x: Tensor) => x, [false]),
        floats([1]),
      ),
    ).toThrow('vmap: no argument is mapped');
  });
});

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
  const [w, x] = [random(10, [3, 3]), random(11, [2, 3])];
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
    const xs = random(12, [4, 2, 3]);
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

describe('random expressions', () => {
  test('the gradient agrees with central differences', () => {
    fc.assert(
      fc.property(steps, points, points, fc.nat({ max: 5 }), (list, xs, ys, element) => {
        const f = (x: Tensor, y: Tensor): Tensor => sum(buildExpression(x, y, list));
        const [x, y] = [floats(xs, [2, 3]), floats(ys, [2, 3])];
        const gradientAt = (point: NDArray): number => numbersAt(grad(f), point, y)[element];
        const gradient = gradientAt(x);
        const unit = floats(
          xs.map((_, i) => Number(i === element)),
          [2, 3],
        );
        const beside = [-1e-6, 0, 1e-6].map((step) => moved(x, unit, step));
        const [down, here, up] = beside.map((point) => numberAt(f, point, y));
        // At a kink (maximum, select) there is no derivative to compare with: the one-sided differences disagree, or, where kinks
        // cancel, the gradient is another than just beside.
        fc.pre(Math.abs(up - 2 * here + down) <= 1e-9 * (1 + Math.abs(here)));
        const change = Math.max(...beside.map((point) => Math.abs(gradientAt(point) - gradient)));
        fc.pre(change < 1e-3 * (1 + Math.abs(gradient)));
        const fine = (up - down) / 2e-6;
        // The quotient is a derivative from in between, so it may differ by as much as the gradient changes, and by rounding.
        expect(Math.abs(gradient - fine)).toBeLessThan(change + 1e-5 * (1 + Math.abs(fine)));
      }),
      { numRuns: 300 },
    );
  });

  test('jvp is the transpose of vjp', () => {
    fc.assert(
      fc.property(steps, points, points, points, points, (list, xs, ys, tangent, cotangent) => {
        const args = [xs, ys, tangent, cotangent].map((values) => floats(values, [2, 3]));
        const difference = numbersAt(
          (x, y, dx, u) => {
            const f = (p: Tensor): Tensor => buildExpression(p, y, list);
            const forward = sum(mul(u, jvp(f, [x], [dx])[1]));
            const backward = sum(mul(dx, vjp(f, x)[1](u)[0]));
            return reshape(add(forward, mul(backward, -1)), [1]);
          },
          ...args,
        )[0];
        const scale = numberAt(
          (x, y, dx) => sum(square(jvp((p: Tensor) => buildExpression(p, y, list), [x], [dx])[1])),
          ...args.slice(0, 3),
        );
        expect(Math.abs(difference)).toBeLessThanOrEqual(1e-12 * (10 + scale));
      }),
      { numRuns: 200 },
    );
  });

  test('vmap equals a loop', () => {
    fc.assert(
      fc.property(steps, points, points, points, (list, first, second, ys) => {
        const f = (x: Tensor, y: Tensor): Tensor => buildExpression(x, y, list);
        const y = floats(ys, [2, 3]);
        const whole = numbersAt(vmap(f, [true, false]), floats([...first, ...second], [2, 2, 3]), y);
        expectClose(
          whole,
          [first, second].flatMap((xs) => numbersAt(f, floats(xs, [2, 3]), y)),
          1e-13,
        );
      }),
      { numRuns: 200 },
    );
  });
});

test('take and stack of columns differentiate through slices', () => {
  const f = (x: Tensor): Tensor => sum(mul(take(x, 1, -1), take(x, 1, 0)));
  expect(numbersAt(grad(f), floats([1, 2, 3, 4, 5, 6], [2, 3]))).toEqual([3, 0, 1, 6, 0, 4]);
});

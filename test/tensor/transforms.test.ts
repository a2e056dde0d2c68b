/** Reverse and forward mode, higher derivatives and vmap, on functions whose derivatives are known. */
import { describe, expect, test } from 'vitest';
import {
  add,
  cast,
  constant,
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
  tanh,
  valueAndGradWithAux,
  vjp,
  vmap,
  type Tensor,
} from '../../src/tensor/index.ts';
import { simplify } from '../../src/tensor/graph/simplify.ts';
import { topologicalOrder } from '../../src/tensor/graph/traverse.ts';
import { placeholder } from '../../src/tensor/tensor.ts';
import { moved, relativeError } from './examples.ts';
import { evaluateAt, expectClose, floats, integers, normals, numberAt, numbersAt, scalar } from './values.ts';

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
    const [x, a, b] = [normals(1, [3]), normals(2, [3]), normals(3, [3])];
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
    const w = normals(4, [3, 5]);
    const f = (x: Tensor): Tensor => tanh(matmul(reshape(x, [1, 3]), constant(w)));
    const x = normals(5, [3]);
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
    const [x, v] = [normals(6, [4]), normals(7, [4])];
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
    const [w, xs] = [normals(8, [3, 2]), normals(9, [5, 3])];
    const outside = evaluateAt(
      grad((p: Tensor, batch: Tensor) => sum(vmap((x: Tensor) => layer(p, x))(batch))),
      w,
      xs,
    );
    const inside = evaluateAt((p, batch) => sum(vmap(grad(layer), [false, true])(p, batch), 0), w, xs);
    expect(relativeError(outside, inside)).toBeLessThan(1e-13);
  });

  test('per-example gradients', () => {
    const [w, xs] = [normals(8, [3, 2]), normals(9, [5, 3])];
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

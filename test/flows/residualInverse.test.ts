/** The inverse of residual layers: how near it comes, and derivatives through it. */
import { expect, test } from 'vitest';
import {
  add,
  array,
  grad,
  mapTree,
  matmul,
  mul,
  reshape,
  square,
  sub,
  sum,
  type NDArray,
  type Tensor,
} from '../../src/tensor/index.ts';
import { key, normal } from '../../src/tensor/random.ts';
import { residual } from '../../src/flows/index.ts';
import { broydenRoot } from '../../src/flows/broyden.ts';
import { evaluate, gradientError, largestDifference, perturb, single } from './support.ts';

test.each([2, 12])('B6: the inverse in %i dimensions is right to 1e-9, for far points too', async (size) => {
  const own = residual.create({ hidden: [24], coefficient: 0.9 });
  const parameters = perturb(own.init(key(7), { shape: [size], context: 0 }), 8, 0.6);
  const n = 200;
  const y = array(
    normal(key(9), n * size).map((z, i) => (i < size * 20 ? 100 * z : 2 * z)),
    [n, size],
  );
  const { back, error } = await evaluate(
    (q: never, v: Tensor) => {
      const { x } = own.inverse(q, v);
      const again = own.forward(q, x).y;
      return { back: x, error: sub(again, v) };
    },
    [parameters, y],
  );
  expect(largestDifference(error.data, new Float64Array(n * size))).toBeLessThan(1e-9);
  // x is no copy of y: the inverse has moved it.
  expect(largestDifference(back.data, y.data)).toBeGreaterThan(0.1);
});

test('B6: in float32 the inverse in 12 dimensions is right to 1e-6 (1 + |y|)', async () => {
  const [n, size] = [200, 12];
  const own = residual.create({ hidden: [24], coefficient: 0.9 });
  const parameters = mapTree(perturb(own.init(key(7), { shape: [size], context: 0 }), 8, 0.6), single);
  const y = single(
    array(
      normal(key(9), n * size).map((z, i) => (i < size * 20 ? 100 * z : 2 * z)),
      [n, size],
    ),
  );
  const { x } = await evaluate(
    (q: never, v: Tensor) => ({ x: own.inverse(q, v).x }),
    [parameters, y],
    'float32',
  );
  const { again } = await evaluate(
    (q: never, v: Tensor) => ({ again: own.forward(q, v).y }),
    [parameters, x],
  );
  for (let i = 0; i < n; i++) {
    const row = ({ data }: NDArray): ArrayLike<number> => data.slice(i * size, (i + 1) * size);
    const scale = 1 + Math.hypot(...Array.from(row(y)));
    expect(largestDifference(row(again), row(y)) / scale).toBeLessThan(1e-6);
  }
});

test.each([1, -1])('the inverse where g expands by nearly κ along one direction (sign %i)', async (sign) => {
  const size = 3;
  const own = residual.create({ hidden: [16, 16] });
  const unit = (seed: number, m: number): Float64Array => {
    const v = normal(key(seed), m);
    const norm = Math.hypot(...v);
    return v.map((entry) => entry / norm);
  };
  const along = unit(31, size);
  const [first, second] = [unit(32, 16).map(Math.abs), unit(33, 16).map(Math.abs)];
  // 4 u vᵀ, cut to the limit by the layer itself.
  const outer = (u: Float64Array, v: Float64Array, by: number): NDArray =>
    array(
      Float64Array.from(
        { length: u.length * v.length },
        (_, i) => 4 * by * u[Math.floor(i / v.length)] * v[i % v.length],
      ),
      [u.length, v.length],
    );
  const parameters = {
    layers: [
      {
        weight: outer(along, first, 1),
        bias: array(
          normal(key(34), 16).map((b) => 0.5 * b),
          [16],
        ),
      },
      {
        weight: outer(first, second, 1),
        bias: array(
          normal(key(35), 16).map((b) => 0.5 * b),
          [16],
        ),
      },
      { weight: outer(second, along, sign), bias: array(normal(key(36), size), [size]) },
    ],
    steepness: [array([3], []), array([3], [])],
  };
  const n = 300;
  const x = array(
    normal(key(37), n * size).map((z) => 3 * z),
    [n, size],
  );
  for (const [dtype, within] of [
    ['float64', 1e-12],
    ['float32', 1e-5],
  ] as const) {
    const { back, moved } = await evaluate(
      (q: never, v: Tensor) => {
        const { y } = own.forward(q, v);
        return { back: own.inverse(q, y).x, moved: sub(y, v) };
      },
      [parameters, x],
      dtype,
    );
    expect(
      largestDifference(back.data, Float64Array.from(x.data, dtype === 'float32' ? Math.fround : Number)),
    ).toBeLessThan(within);
    expect(Math.max(...moved.data)).toBeGreaterThan(1);
  }
});

test('Broyden: one row whose steps first undo one direction alone is solved to the tolerance too', async () => {
  // I + diag(0.9, −0.9): the second residual is 1500 times smaller than the first, the third hardly smaller than that.
  const slopes = array([1.9, 0, 0, 0.1], [2, 2]);
  const target = array([1 / 0.9, -7e-4 / 0.9], [1, 2]);
  for (const [dtype, tolerance] of [
    ['float64', 1e-13],
    ['float32', 1e-6],
  ] as const) {
    const { left } = await evaluate(
      (A: Tensor, y: Tensor) => {
        const F = (x: Tensor): Tensor => sub(matmul(x, A), y);
        return { left: F(broydenRoot(F, y, { tolerance, evaluations: 30 })) };
      },
      [slopes, target],
      dtype,
    );
    expect(Math.hypot(...left.data)).toBeLessThan(3 * tolerance);
  }
});

test('derivatives pass through an inverse by fixed-point steps, in y and in every parameter', async () => {
  const own = residual.create({ hidden: [10], coefficient: 0.8 });
  const given = perturb(own.init(key(51), { shape: [12], context: 0 }), 52, 0.4);
  const y = array(normal(key(53), 36), [3, 12]);
  const loss = ({ q, v }: { q: never; v: Tensor }): Tensor => {
    const { x } = own.inverse(q, v);
    return sum(mul(x, add(x, 1)));
  };
  expect(await gradientError(loss as never, { q: given, v: y }, [])).toBeLessThan(1e-6);
});

test("derivatives in y by Broyden's method are those of differences", async () => {
  const d = 3;
  const layer = residual.create({ hidden: [16, 16], coefficient: 0.9, terms: 24 });
  const p = perturb(layer.init(key(1), { shape: [d], context: 0 }), 2, 0.4);
  const y = array(normal(key(10), 4 * d), [4, d]);
  const loss = (q: never, v: Tensor): Tensor => sum(square(layer.inverse(q, v).x));
  const slope = await evaluate((q: never, v: Tensor) => ({ g: grad((w: Tensor) => loss(q, w))(v) }), [p, y]);
  const h = 1e-5;
  for (const i of [0, 4, 11]) {
    const value = async (by: number): Promise<number> => {
      const moved = array(
        y.data.map((v, j) => (j === i ? v + by : v)),
        y.shape,
      );
      return (await evaluate((q: never, v: Tensor) => ({ l: reshape(loss(q, v), [1]) }), [p, moved])).l
        .data[0];
    };
    const numeric = ((await value(h)) - (await value(-h))) / (2 * h);
    expect(slope.g.data[i]).toBeCloseTo(numeric, 6);
  }
});

import { describe, expect, test } from 'vitest';
import {
  add,
  array,
  broadcastTo,
  grad,
  mapTree,
  matmul,
  mean,
  mul,
  reshape,
  square,
  sub,
  sum,
  transpose,
  type NDArray,
  type Tensor,
} from '../../src/tensor/index.ts';
import { foldIn, key, normal, uniform } from '../../src/tensor/random.ts';
import {
  actNorm,
  fit,
  flow,
  limitNorm,
  neumannSurrogate,
  residual,
  rouletteWeights,
  seriesEstimate,
  spectralNorm,
  spectralNormBound,
  traceProbes,
  truncatedWeights,
  type Layer,
  type ResidualParameters,
} from '../../src/flows/index.ts';
import { broydenRoot } from '../../src/flows/broyden.ts';
import { meanWithError } from './planeGrid.ts';
import {
  evaluate,
  gradientError,
  largestDifference,
  perturb,
  signs,
  single,
  slopesOf,
  training,
} from './support.ts';

const scaled = (seed: number, n: number, k: number, by: number): NDArray =>
  array(
    normal(key(seed), n * k).map((z) => by * z),
    [n, k],
  );

/** A random d × d matrix with spectral norm `size`. */
function contraction(seed: number, d: number, size: number): NDArray {
  const matrix = scaled(seed, d, d, 1);
  const by = size / spectralNorm(matrix);
  return array(
    matrix.data.map((v) => by * v),
    [d, d],
  );
}

/** log |det(I + A)| and the gradient of it in A, (I + A)^{−T}, by elimination on plain numbers. */
function exactLogDet(A: NDArray): { logDet: number; gradient: Float64Array } {
  const d = A.shape[0];
  const m = Array.from({ length: d }, (_, i) => [
    ...Array.from({ length: d }, (__, j) => A.data[i * d + j] + Number(i === j)),
    ...Array.from({ length: d }, (__, j) => Number(i === j)),
  ]);
  let logDet = 0;
  for (let k = 0; k < d; k++) {
    let p = k;
    for (let i = k + 1; i < d; i++) if (Math.abs(m[i][k]) > Math.abs(m[p][k])) p = i;
    [m[k], m[p]] = [m[p], m[k]];
    logDet += Math.log(Math.abs(m[k][k]));
    const pivot = m[k][k];
    m[k] = m[k].map((v) => v / pivot);
    for (let i = 0; i < d; i++) {
      if (i === k) continue;
      const factor = m[i][k];
      m[i] = m[i].map((v, j) => v - factor * m[k][j]);
    }
  }
  const gradient = new Float64Array(d * d);
  for (let i = 0; i < d; i++) for (let j = 0; j < d; j++) gradient[j * d + i] = m[i][d + j];
  return { logDet, gradient };
}

describe('spectral norms', () => {
  test.each([
    [1, 1],
    [2, 64],
    [64, 64],
    [7, 30],
  ])('the bound of a %i × %i matrix is above σ_max, by at most the Schatten factor', async (n, k) => {
    for (const seed of [1, 2, 3]) {
      const W = scaled(seed, n, k, 3);
      const { bound, limited } = await evaluate(
        (w: Tensor) => ({ bound: spectralNormBound(w), limited: limitNorm(w, 0.9) }),
        [W] as never,
      );
      const sigma = spectralNorm(W);
      const least = Math.min(n, k);
      expect(bound.data[0]).toBeGreaterThanOrEqual(sigma * (1 - 1e-12));
      expect(bound.data[0]).toBeLessThan(sigma * least ** (1 / 256) * (1 + 1e-12));
      expect(spectralNorm(limited)).toBeLessThanOrEqual(0.9);
      expect(spectralNorm(limited)).toBeGreaterThan(Math.min(0.88, 0.99 * sigma));
    }
  });

  test.each([
    [5, 9],
    [9, 5],
    [40, 40],
  ])('the gradient of the bound of a %i × %i matrix, and of a matrix at its limit', async (n, k) => {
    const W = scaled(5, n, k, 1);
    const weights = scaled(6, n, k, 1);
    expect(await gradientError((w: never) => spectralNormBound(w), W, [])).toBeLessThan(1e-6);
    const limited = (w: never, by: Tensor): Tensor => sum(mul(limitNorm(w, 0.9), by));
    expect(await gradientError(limited, W, [weights])).toBeLessThan(1e-6);
  });

  test('a matrix below the limit is left as it is', async () => {
    const W = contraction(4, 6, 0.5);
    const { limited } = await evaluate((w: Tensor) => ({ limited: limitNorm(w, 0.9) }), [W] as never);
    expect(largestDifference(limited.data, W.data)).toBe(0);
  });

  test('A15: after training every matrix of a residual flow has σ_max ≤ the coefficient, by singular value decomposition', async () => {
    const coefficient = 0.8;
    const block = (): Layer[] =>
      [residual.create({ hidden: [32, 32], coefficient }), actNorm.create()] as Layer[];
    const model = flow({ shape: [2], layers: [...block(), ...block()] });
    const x = array(
      normal(key(1), 1000).map((z, i) => (i % 2 ? 4 * z : 0.2 * z + Math.sin(i))),
      [500, 2],
      'float32',
    );
    const { parameters } = await fit(model, {
      data: { train: { x } },
      ...training({ learningRate: 2e-2, epochs: 15, batchSize: 100 }),
    });
    const matrices = [0, 2].flatMap((i) =>
      (parameters.layers[i] as ResidualParameters).layers.map(({ weight }) => weight),
    );
    // Without the limit the matrices would be too large: the test has something to hold.
    expect(Math.max(...matrices.map(spectralNorm))).toBeGreaterThan(coefficient);
    for (const dtype of ['float32', 'float64'] as const) {
      const limited = await evaluate(
        (...W: Tensor[]) => Object.fromEntries(W.map((w, i) => [i, limitNorm(w, coefficient)])),
        matrices as never,
        dtype,
      );
      for (const own of Object.values(limited))
        expect(spectralNorm(own)).toBeLessThanOrEqual(coefficient + 1e-6);
    }
  });
});

describe('A14: estimators of log det(I + A), 20 000 draws', () => {
  const draws = 20_000;
  const d = 8;
  const series = { exact: 2, terms: 60, stop: 0.5 };
  const probesOf = (seed: number): NDArray => signs(key(seed), [draws, d]);

  test.each([
    // Where κ² is above the chance 1 − p to go on, the variance of the whole series is infinite.
    [1, 0.6, 'signs'],
    [2, 0.97, 'signs'],
    [5, 0.9, 'normal'],
    [8, 0.5, 'signs'],
    [8, 0.9, 'signs'],
    [8, 0.97, 'normal'],
  ])(
    'Russian roulette is unbiased in %i dimensions for spectral norm %f, %s probes',
    async (m, size, probes) => {
      const A = contraction(11, m, size);
      const count = draws * m;
      const v = probes === 'normal' ? normal(key(12), count) : probesOf(12).data.slice(0, count);
      const { estimate } = await evaluate(
        (a: Tensor, v: Tensor, u: Tensor) => ({
          estimate: seriesEstimate((w) => matmul(w, a), v, rouletteWeights(u, series)),
        }),
        [A, array(v, [draws, m]), array(uniform(key(13), draws), [draws])] as never,
      );
      const { mean, error } = meanWithError(estimate.data);
      expect(Math.abs(mean - exactLogDet(A).logDet)).toBeLessThan(4 * error);
      expect(error).toBeLessThan(0.02);
    },
  );

  test('a short power series is biased by its missing terms, and by no more', async () => {
    const A = contraction(11, d, 0.9);
    const terms = 2;
    const { estimate } = await evaluate(
      (a: Tensor, v: Tensor) => ({
        estimate: seriesEstimate((w) => matmul(w, a), v, truncatedWeights({ terms })),
      }),
      [A, probesOf(12)] as never,
    );
    let square = 0;
    let trace = 0;
    for (let i = 0; i < d; i++) {
      trace += A.data[i * d + i];
      for (let j = 0; j < d; j++) square += A.data[i * d + j] * A.data[j * d + i];
    }
    const { mean, error } = meanWithError(estimate.data);
    expect(Math.abs(mean - (trace - square / 2))).toBeLessThan(4 * error);
    expect(Math.abs(mean - exactLogDet(A).logDet)).toBeGreaterThan(4 * error);
  });

  test('the Neumann gradient along a random direction is that of the exact log-determinant', async () => {
    const A = contraction(14, d, 0.8);
    const surrogate = (a: Tensor, v: Tensor, u: Tensor, direction: Tensor): Tensor => {
      const gradient = grad((m: Tensor) =>
        sum(neumannSurrogate((w) => matmul(w, m), v, rouletteWeights(u, series))),
      );
      return sum(mul(gradient(a), direction));
    };
    // One number: the derivative along a direction, in blocks of draws, whose means give the standard error.
    const direction = scaled(15, d, d, 1);
    const blocks = 40;
    const rows = draws / blocks;
    const v = probesOf(16);
    const u = uniform(key(17), draws);
    const values: number[] = [];
    for (let b = 0; b < blocks; b++) {
      const { value } = await evaluate(
        (a: Tensor, w: Tensor, r: Tensor, t: Tensor) => ({ value: surrogate(a, w, r, t) }),
        [
          A,
          array(v.data.slice(b * rows * d, (b + 1) * rows * d) as Float64Array, [rows, d]),
          array(u.slice(b * rows, (b + 1) * rows), [rows]),
          direction,
        ] as never,
      );
      values.push(value.data[0] / rows);
    }
    const { mean, error } = meanWithError(values);
    const exact = exactLogDet(A).gradient.reduce((total, g, i) => total + g * direction.data[i], 0);
    expect(Math.abs(mean - exact)).toBeLessThan(4 * error);
    expect(error).toBeLessThan(0.1 * Math.abs(exact));
  });
});

describe('the layer', () => {
  const layer = residual.create({ hidden: [16, 16], coefficient: 0.9, terms: 24 });
  const d = 3;
  const p = perturb(layer.init(key(1), { shape: [d], context: 0 }), 2, 0.4);

  test('B7: with noise the value is the log-determinant on average, not the Neumann surrogate', async () => {
    const n = 20_000;
    const at = normal(key(3), d);
    const x = array(
      Float64Array.from({ length: n * d }, (_, i) => at[i % d]),
      [n, d],
    );
    const noise = signs(key(4), [n, d]);
    const roulette = array(uniform(key(5), n), [n]);
    const { estimate, exact } = await evaluate(
      (q: never, v: Tensor, w: Tensor, u: Tensor) => ({
        estimate: layer.forward(q, v, { noise: w, roulette: u }).logDet,
        exact: layer.forward(q, v).logDet,
      }),
      [p, x, noise, roulette],
    );
    const { mean, error } = meanWithError(estimate.data);
    expect(Math.abs(mean - exact.data[0])).toBeLessThan(4 * error);
    expect(Math.abs(exact.data[0])).toBeGreaterThan(20 * error);
  });

  test('A14: with noise the gradient is that of the exact log-determinant, along directions of all parameters and samples', async () => {
    const n = 1000;
    const loss = ({ q, x }: Record<'q' | 'x', Tensor>, noise?: Tensor, roulette?: Tensor): Tensor =>
      mean(layer.forward(q as never, noise ? broadcastTo(x, [n, d]) : x, { noise, roulette }).logDet);
    const tree = { q: p, x: array(normal(key(3), d), [1, d]) };
    const directions = 4;
    const [exact] = await slopesOf(loss, tree, [[]], directions);
    const draws = Array.from({ length: 24 }, (_, block): NDArray[] => {
      const own = foldIn(key(6), block);
      return [signs(foldIn(own, 0), [n, d]), array(uniform(foldIn(own, 1), n), [n])];
    });
    const estimates = await slopesOf(loss, tree, draws, directions);
    const compared = exact.map((slope, k) => ({ slope, ...meanWithError(estimates.map((row) => row[k])) }));
    for (const { slope, mean: found, error } of compared)
      expect(Math.abs(found - slope)).toBeLessThan(4 * error);
    // An error of a tenth would show.
    expect(Math.max(...compared.map(({ slope, error }) => Math.abs(slope) / error))).toBeGreaterThan(40);
  });

  test.each([2, 12])(
    'B6: the inverse in %i dimensions is right to 1e-9, for far points too',
    async (size) => {
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
    },
  );

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

  test.each([1, -1])(
    'the inverse where g expands by nearly κ along one direction (sign %i)',
    async (sign) => {
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
    },
  );

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

  test('probes of a training step are those of its key: ±1 like x, and where the series stops', () => {
    const x = array(normal(key(41), 40), [20, 2], 'float32');
    const drawn = traceProbes({ roulette: true })({ x }, key(42));
    expect(drawn['x']).toBe(x);
    expect(drawn['noise'].shape).toEqual([20, 2]);
    expect(new Set(drawn['noise'].data)).toEqual(new Set([-1, 1]));
    expect(drawn['roulette'].shape).toEqual([20]);
    expect([...traceProbes({ roulette: true })({ x }, key(42))['noise'].data]).toEqual([
      ...drawn['noise'].data,
    ]);
    expect([...traceProbes()({ x }, key(43))['noise'].data]).not.toEqual([...drawn['noise'].data]);
    expect('roulette' in traceProbes()({ x }, key(43))).toBe(false);
  });

  test('derivatives pass through the inverse', async () => {
    const y = array(normal(key(10), 4 * d), [4, d]);
    const loss = (q: never, v: Tensor): Tensor => sum(square(layer.inverse(q, v).x));
    const slope = await evaluate(
      (q: never, v: Tensor) => ({ g: grad((w: Tensor) => loss(q, w))(v) }),
      [p, y],
    );
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

  test('a matrix and its transpose have one norm', async () => {
    const W = scaled(20, 5, 9, 1);
    const { a, b } = await evaluate(
      (w: Tensor) => ({ a: spectralNormBound(w), b: spectralNormBound(transpose(w)) }),
      [W] as never,
    );
    expect(a.data[0]).toBeCloseTo(b.data[0], 10);
  });
});
